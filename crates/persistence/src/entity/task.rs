//! The table `tasks`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub key: Option<String>,
    pub phase_id: String,
    pub phase_rank: i32,
    pub task_type: String,
    #[sea_orm(column_type = "Text")]
    pub title: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    pub priority: String,
    pub priority_rank: i32,
    pub estimate: Option<String>,
    pub agent_type: String,
    #[sea_orm(column_type = "Json")]
    pub required_capabilities: Json,
    pub status: String,
    #[sea_orm(column_type = "Json")]
    pub result: Option<Json>,
    #[sea_orm(column_type = "Text")]
    pub error_message: Option<String>,
    pub finished_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text")]
    pub finished_by: Option<String>,
    pub max_attempts: i32,
    pub attempts_used: i32,
    pub failures_in_a_row: i32,
    pub losses_in_a_row: i32,
    pub fencing_token: i64,
    pub agent_id: Option<Uuid>,
    pub lease_expires_at: Option<DateTimeUtc>,
    pub available_at: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
