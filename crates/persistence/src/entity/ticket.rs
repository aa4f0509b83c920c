//! The table `tickets`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tickets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub key: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub title: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    pub workflow_id: String,
    pub phase_id: String,
    pub previous_phase_id: Option<String>,
    pub history_sequence: i32,
    pub phase_since: DateTimeUtc,
    pub priority: String,
    pub estimate: Option<String>,
    #[sea_orm(column_type = "Json")]
    pub context: Json,
    #[sea_orm(column_type = "Text")]
    pub context_summary: String,
    pub gates: Option<bool>,
    pub templates: Option<bool>,
    pub auto_advance: Option<bool>,
    pub skip_empty_phases: Option<bool>,
    #[sea_orm(column_type = "Json")]
    pub blocker: Option<Json>,
    #[sea_orm(column_type = "Json")]
    pub answers: Json,
    #[sea_orm(column_type = "Json")]
    pub templated_phases: Json,
    pub rework_since: i32,
    pub has_results: bool,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
