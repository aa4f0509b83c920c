//! The table `ticket_artifacts`.
#![expect(missing_docs, reason = "the macro makes items that cannot carry a comment")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket_artifacts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub phase_id: String,
    pub artifact_type: String,
    #[sea_orm(column_type = "Text")]
    pub path: Option<String>,
    #[sea_orm(column_type = "Json")]
    pub content: Option<Json>,
    pub grade: String,
    #[sea_orm(column_type = "Text")]
    pub added_by: Option<String>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
