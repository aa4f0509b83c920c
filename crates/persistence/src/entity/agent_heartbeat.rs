//! The table `agent_heartbeats`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_heartbeats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    pub last_heartbeat_at: DateTimeUtc,
    pub heartbeat_sequence: Option<i64>,
    pub heartbeats_missed: i64,
    #[sea_orm(column_type = "Json")]
    pub metrics: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
