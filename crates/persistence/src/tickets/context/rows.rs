//! The rows that a context is read from.

use std::sync::Arc;

use phaseline_context::Outline;
use phaseline_phases::PhaseId;
use uuid::Uuid;

use super::{PHASES, StoredOutline};
use crate::{
    Backend, Result,
    query::Query,
    row::{FromRow, Row},
    tickets::{
        TABLE,
        lately::{self, Kept},
    },
};

/// What [`Kept`] is read from.
pub(super) const KEPT: &str = "phase.content_hash, phase.document";

/// The outline with the summary and these columns of each phase but one, in one statement, so that they
/// are of one moment.
pub(super) fn parts(backend: Backend, id: Uuid, columns: &str, except: Option<&PhaseId>) -> Query {
    let sql = format!(
        "SELECT ticket.version, ticket.context, ticket.context_summary, phase.phase_id, \
         phase.summary AS phase_summary, {columns} \
         FROM tickets AS ticket LEFT JOIN ticket_contexts AS phase ON phase.ticket_id = ticket.id \
         AND phase.phase_id <> $2 WHERE ticket.id = $1"
    );
    let except = except.map_or("", PhaseId::as_str);
    Query::written(backend, &sql, [id.into(), except.into()])
}

/// The outline, beside one of the phases where there are any.
pub(super) struct Part<P> {
    pub(super) version: i64,
    pub(super) document: Outline,
    pub(super) summary: String,
    pub(super) phase: Option<(PhaseId, String, P)>,
}

/// Which text a phase has.
pub(super) struct Hash(pub(super) String);

pub(super) struct Summary(pub(super) PhaseId, pub(super) String);

/// The end of a row of [`parts`], where it tells of a phase.
pub(super) trait Phase: Sized + Send {
    fn read(row: &mut Row<'_>) -> Result<Self>;
}

impl Phase for Hash {
    fn read(row: &mut Row<'_>) -> Result<Self> {
        row.get("content_hash").map(Self)
    }
}

impl Phase for Arc<Kept> {
    fn read(row: &mut Row<'_>) -> Result<Self> {
        let hash: String = row.get("content_hash")?;
        // What is kept may be decoded and counted.
        if let Some(kept) = lately::find(&hash) {
            return Ok(kept);
        }
        let kept = Self::new(Kept::of(row.json("document")?.into()));
        lately::keep(hash, Self::clone(&kept));
        Ok(kept)
    }
}

impl<P> Part<P> {
    /// The same with what `known` makes of the phase; `None` where it makes nothing of it.
    pub(super) fn read<Q>(self, known: impl Fn(P) -> Option<Q>) -> Option<Part<Q>> {
        let Self { version, document, summary, phase } = self;
        let phase = match phase {
            Some((id, summary, phase)) => Some((id, summary, known(phase)?)),
            None => None,
        };
        Some(Part { version, document, summary, phase })
    }
}

impl<P: Phase> FromRow for Part<P> {
    const TABLE: &'static str = PHASES;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let (version, document) = (row.get("version")?, row.document("context")?);
        let summary = row.get("context_summary")?;
        let phase = match row.parsed_or_null("phase_id")? {
            Some(id) => Some((id, row.get("phase_summary")?, P::read(row)?)),
            None => None,
        };
        Ok(Self { version, document, summary, phase })
    }
}

impl FromRow for StoredOutline {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self { document: row.document("context")?, summary: row.get("context_summary")? })
    }
}

impl FromRow for Summary {
    const TABLE: &'static str = PHASES;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self(row.parsed("phase_id")?, row.get("summary")?))
    }
}
