//! The table `agents`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub agent_type: String,
    pub phase_id: Option<String>,
    pub status: String,
    #[sea_orm(column_type = "Json")]
    pub capabilities: Json,
    pub capacity: i32,
    pub slots_taken: i32,
    pub draining: bool,
    pub last_progress: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Json")]
    pub tags: Json,
    pub announced_health: String,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
