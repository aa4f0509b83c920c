//! What gates ask for: the artifacts of a ticket, and the approvals of it as it stood.

use chrono::{DateTime, Utc};
use phaseline_phases::{Artifact, Grade, PhaseId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Connection, Page, Result, Slice, Tx,
    entity::{ticket_approval, ticket_artifact},
    query::{Text, insert_rows},
    row::{FromRow, Row},
};

/// Something that was produced for a ticket, as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredArtifact {
    /// Its id.
    pub id: Uuid,
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase that it is work of.
    pub phase_id: PhaseId,
    /// What it is.
    pub artifact: Artifact,
    /// How far it can be believed.
    pub grade: Grade,
    /// Who added it.
    pub added_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Somebody's approval of a ticket as it stood at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredApproval {
    /// Its id.
    pub id: Uuid,
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase that it was in.
    pub phase_id: PhaseId,
    /// Who approved.
    pub approved_by: String,
    /// What they said.
    pub comment: Option<String>,
    /// The version that they saw.
    pub ticket_version: i64,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Inserts an artifact.
///
/// # Errors
/// Storage failures.
pub async fn add_artifact(tx: &Tx, stored: &StoredArtifact) -> Result<()> {
    static TEXT: Text = Text::new();
    let StoredArtifact { id, ticket_id, phase_id, artifact, grade, added_by, created_at } = stored;
    let Artifact { kind, path, content } = artifact;
    let row = ticket_artifact::ActiveModel {
        id: Set(*id),
        ticket_id: Set(*ticket_id),
        phase_id: Set(phase_id.to_string()),
        artifact_type: Set(kind.clone()),
        path: Set(path.clone()),
        content: Set(content.clone()),
        grade: Set(grade.to_string()),
        added_by: Set(added_by.clone()),
        created_at: Set(*created_at),
    };
    insert_rows(tx, &TEXT, vec![row]).await
}

/// Inserts an approval.
///
/// # Errors
/// Storage failures.
pub async fn approve(tx: &Tx, stored: &StoredApproval) -> Result<()> {
    static TEXT: Text = Text::new();
    let StoredApproval {
        id,
        ticket_id,
        phase_id,
        approved_by,
        comment,
        ticket_version,
        created_at,
    } = stored;
    let row = ticket_approval::ActiveModel {
        id: Set(*id),
        ticket_id: Set(*ticket_id),
        phase_id: Set(phase_id.to_string()),
        approved_by: Set(approved_by.clone()),
        comment: Set(comment.clone()),
        ticket_version: Set(*ticket_version),
        created_at: Set(*created_at),
    };
    insert_rows(tx, &TEXT, vec![row]).await
}

/// The artifacts of one phase of a ticket, oldest first.
///
/// # Errors
/// Storage failures.
pub async fn of_phase(
    db: &Connection,
    ticket: Uuid,
    phase: &PhaseId,
) -> Result<Vec<StoredArtifact>> {
    let query = ticket_artifact::Entity::find()
        .filter(ticket_artifact::Column::TicketId.eq(ticket))
        .filter(ticket_artifact::Column::PhaseId.eq(phase.as_str()))
        .order_by_asc(ticket_artifact::Column::Id);
    db.select(&query).await
}

/// A page of the artifacts of a ticket, in order of creation.
///
/// # Errors
/// Storage failures.
pub async fn artifacts(db: &Connection, ticket: Uuid, page: Page) -> Result<Slice<StoredArtifact>> {
    let query = ticket_artifact::Entity::find()
        .filter(ticket_artifact::Column::TicketId.eq(ticket))
        .apply_if(page.after, |query, after| query.filter(ticket_artifact::Column::Id.gt(after)))
        .order_by_asc(ticket_artifact::Column::Id)
        .limit(page.limit + 1);
    Ok(Slice::cut(db.select(&query).await?, page.limit))
}

/// The approvals of a ticket as it stands at this version, in the phase that it is in.
///
/// # Errors
/// Storage failures.
pub async fn approvals_at(
    db: &Connection,
    ticket: Uuid,
    version: i64,
) -> Result<Vec<StoredApproval>> {
    let query = ticket_approval::Entity::find()
        .filter(ticket_approval::Column::TicketId.eq(ticket))
        .filter(ticket_approval::Column::TicketVersion.eq(version))
        .order_by_asc(ticket_approval::Column::Id);
    db.select(&query).await
}

/// A page of the approvals of a ticket, in order of creation.
///
/// # Errors
/// Storage failures.
pub async fn approvals(db: &Connection, ticket: Uuid, page: Page) -> Result<Slice<StoredApproval>> {
    let query = ticket_approval::Entity::find()
        .filter(ticket_approval::Column::TicketId.eq(ticket))
        .apply_if(page.after, |query, after| query.filter(ticket_approval::Column::Id.gt(after)))
        .order_by_asc(ticket_approval::Column::Id)
        .limit(page.limit + 1);
    Ok(Slice::cut(db.select(&query).await?, page.limit))
}

impl FromRow for StoredArtifact {
    const TABLE: &'static str = "ticket_artifacts";

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            ticket_id: row.get("ticket_id")?,
            phase_id: row.parsed("phase_id")?,
            artifact: Artifact {
                kind: row.get("artifact_type")?,
                path: row.get("path")?,
                content: row.document_or_null("content")?,
            },
            grade: row.parsed("grade")?,
            added_by: row.get("added_by")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl FromRow for StoredApproval {
    const TABLE: &'static str = "ticket_approvals";

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            ticket_id: row.get("ticket_id")?,
            phase_id: row.parsed("phase_id")?,
            approved_by: row.get("approved_by")?,
            comment: row.get("comment")?,
            ticket_version: row.get("ticket_version")?,
            created_at: row.get("created_at")?,
        })
    }
}
