//! The table `phase_history`: one row a transition, gap-free from 1 for each ticket.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "phase_history")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ticket_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i32,
    pub from_phase: Option<String>,
    pub to_phase: String,
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub transitioned_by: Option<String>,
    #[sea_orm(column_type = "Json")]
    pub artifacts: Json,
    pub forced: bool,
    #[sea_orm(column_type = "Double")]
    pub seconds_in_previous: Option<f64>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
