//! The table `task_attempts`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "task_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fencing_token: i64,
    pub agent_id: Uuid,
    pub outcome: String,
    pub failure_class: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_message: Option<String>,
    pub lease_s: i32,
    pub claimed_at: DateTimeUtc,
    pub lease_expires_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Json")]
    pub pack: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
