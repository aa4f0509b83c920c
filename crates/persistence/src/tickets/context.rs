//! The contexts of tickets: a small outline in the row of the ticket, and a row for each phase.

mod rows;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use phaseline_context::{
    Outline, Pack, PhaseContext, PhaseTokens, Pinned, TicketContext, counts_at_once, pack_counted,
};
use phaseline_phases::PhaseId;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Value, sea_query::Expr,
};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{
    TABLE, Ticket,
    lately::{self, Decoded, Kept},
    write::swap,
};
use crate::{
    Connection, Error, Result, Tx,
    connection::About,
    decode,
    entity::{ticket, ticket_context},
    query::{Query, Text},
    row::Row,
};
use rows::{Hash, KEPT, Part, Summary, parts};

const PHASES: &str = "ticket_contexts";
/// What the text of a phase takes for each of its tasks, more or less.
const TASK_BYTES: usize = 512;

/// The context document of a ticket and its summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredContext {
    /// What its phases found out.
    pub document: TicketContext,
    /// The tokens of the items of each phase, shared with whoever else has read it.
    tokens: BTreeMap<PhaseId, Arc<OnceLock<PhaseTokens>>>,
    /// The document in a few sentences.
    pub summary: String,
    /// The version of the ticket that it belongs to.
    pub version: i64,
}

/// The same without the contexts of the phases.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOutline {
    /// When each phase changed, and what is under review.
    pub document: Outline,
    /// The document in a few sentences.
    pub summary: String,
}

/// The same with the contexts of the phases as they are stored, for whoever only passes them on.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextText {
    /// When each phase changed, and what is under review.
    pub document: Outline,
    /// What each phase found out, as JSON.
    pub phases: BTreeMap<PhaseId, Arc<str>>,
    /// The document in a few sentences.
    pub summary: String,
    /// Each of these phases in a few sentences.
    pub summaries: BTreeMap<PhaseId, String>,
    /// The version of the ticket that it belongs to.
    pub version: i64,
}

/// What changes in a context document. The other phases stay as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextChange {
    /// The outline after it.
    pub document: Outline,
    /// The document in a few sentences.
    pub summary: String,
    /// The phase that was aggregated anew, if one was.
    pub phase: Option<PhaseText>,
}

/// What a phase found out, with the text that it is stored as.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseText {
    context: Arc<PhaseContext>,
    text: Arc<str>,
}

impl PhaseText {
    /// The phase, and its text as it is stored.
    #[must_use]
    pub fn stored(&self) -> (PhaseId, Arc<str>) {
        (self.context.phase_id.clone(), Arc::clone(&self.text))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for what cannot be written as JSON.
    pub fn of(context: PhaseContext) -> Result<Self> {
        let mut text = Vec::with_capacity(TASK_BYTES * context.tasks.len());
        serde_json::to_writer(&mut text, &context).map_err(corrupt)?;
        let text = String::from_utf8(text).map_err(corrupt)?;
        Ok(Self { context: Arc::new(context), text: text.into() })
    }
}

/// The columns of [`StoredContext::known`], for a row of `tickets` under this name.
pub(crate) fn context_of(name: &str) -> String {
    format!(
        "CASE WHEN {name}.has_results THEN {name}.context END AS context, {name}.context_summary, \
         (SELECT json_object_agg(phase.phase_id, phase.content_hash) FROM ticket_contexts AS phase \
           WHERE phase.ticket_id = {name}.id AND {name}.has_results) AS phases"
    )
}

impl StoredContext {
    fn of(
        version: i64,
        document: Outline,
        summary: String,
        phases: BTreeMap<PhaseId, Decoded>,
    ) -> Self {
        let tokens = phases.iter().map(|(id, phase)| (id.clone(), Arc::clone(&phase.tokens)));
        let tokens = tokens.collect();
        let contexts = phases.into_iter().map(|(id, phase)| (id, phase.context)).collect();
        Self { document: TicketContext::of(document, contexts), tokens, summary, version }
    }

    /// What a row of PostgreSQL tells by the hashes of its phases: `None` where one of them was not
    /// decoded lately. Many wait for such rows, so none is decoded here.
    pub(crate) fn known(row: &mut Row<'_>, version: i64) -> Result<Option<Self>> {
        let document: Option<Outline> = row.document_or_null("context")?;
        let (document, summary) = (document.unwrap_or_default(), row.get("context_summary")?);
        let hashes: Option<BTreeMap<PhaseId, String>> = row.document_or_null("phases")?;
        let phases = hashes.unwrap_or_default().into_iter();
        let phases: Option<BTreeMap<_, _>> =
            phases.map(|(id, hash)| Some((id, lately::find(&hash)?.known()?.clone()))).collect();
        Ok(phases.map(|phases| Self::of(version, document, summary, phases)))
    }

    /// As [`phaseline_context::pack`], without counting again what was counted lately.
    #[must_use]
    pub fn pack(
        &self,
        before: &[PhaseId],
        target: &PhaseId,
        pinned: &[Pinned],
        budget_tokens: Option<u32>,
    ) -> Pack {
        let phases = self.document.phases.iter();
        let counted = phases.filter_map(|(id, phase)| {
            let tokens = self.tokens.get(id)?;
            Some((id.clone(), tokens.get_or_init(|| PhaseTokens::of(phase))))
        });
        let known: BTreeMap<PhaseId, &PhaseTokens> = counted.collect();
        pack_counted(&self.document, &known, before, target, pinned, budget_tokens)
    }
}

/// What the phases of this ticket found out.
///
/// # Errors
/// Storage failures.
pub async fn context(db: &Connection, id: Uuid) -> Result<Option<StoredContext>> {
    let Some(parts) = read(db, id, None).await? else { return Ok(None) };
    let Parts { version, document, summary, summaries: _, phases } = parts;
    let decoded = phases.into_iter().map(|(id, kept)| Ok((id, decoded(&kept)?)));
    let phases = decoded.collect::<Result<_>>()?;
    Ok(Some(StoredContext::of(version, document, summary, phases)))
}

/// What the phases of this ticket found out, as it is stored; but for one phase, if one is named.
///
/// # Errors
/// Storage failures.
pub async fn context_text(
    db: &Connection,
    id: Uuid,
    except: Option<&PhaseId>,
) -> Result<Option<ContextText>> {
    let parts = read(db, id, except).await?;
    Ok(parts.map(|Parts { version, document, summary, summaries, phases }| {
        let phases = phases.into_iter().map(|(id, kept)| (id, Arc::clone(&kept.text))).collect();
        ContextText { document, phases, summary, summaries, version }
    }))
}

/// A context document of one moment, less the phase that was not asked for.
struct Parts {
    version: i64,
    document: Outline,
    summary: String,
    summaries: BTreeMap<PhaseId, String>,
    phases: BTreeMap<PhaseId, Arc<Kept>>,
}

async fn read(db: &Connection, id: Uuid, except: Option<&PhaseId>) -> Result<Option<Parts>> {
    let hashes = parts(db.backend(), id, "phase.content_hash", except);
    let known = |Hash(hash): Hash| lately::find(&hash);
    let rows = db.peek::<Part<Hash>>(hashes).await?;
    let known: Option<Vec<Part<Arc<Kept>>>> = rows.into_iter().map(|row| row.read(known)).collect();
    // What is not known is read with all the rest, so that they are of one moment.
    let rows = match known {
        Some(rows) => rows,
        None => db.peek(parts(db.backend(), id, KEPT, except)).await?,
    };
    let mut found: Option<Parts> = None;
    for Part { version, document, summary, phase } in rows {
        let parts = found.get_or_insert_with(|| {
            let (summaries, phases) = (BTreeMap::new(), BTreeMap::new());
            Parts { version, document, summary, summaries, phases }
        });
        if let Some((id, summary, kept)) = phase {
            parts.summaries.insert(id.clone(), summary);
            parts.phases.insert(id, kept);
        }
    }
    Ok(found)
}

fn decoded(kept: &Kept) -> Result<Decoded> {
    kept.decoded().cloned().map_err(corrupt)
}

fn corrupt(why: impl fmt::Display) -> Error {
    Error::Corrupt { table: PHASES, column: "document", why: why.to_string() }
}

/// What the document of this ticket says beside its phases.
///
/// # Errors
/// Storage failures.
pub async fn outline(db: &Connection, id: Uuid) -> Result<Option<StoredOutline>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        ticket::Entity::find_by_id(id)
            .select_only()
            .columns([ticket::Column::Context, ticket::Column::ContextSummary])
            .into_query()
    });
    db.first(query).await
}

/// The summaries of the phases of this ticket.
///
/// # Errors
/// Storage failures.
pub async fn summaries(db: &Connection, id: Uuid) -> Result<BTreeMap<PhaseId, String>> {
    let query = ticket_context::Entity::find()
        .select_only()
        .columns([ticket_context::Column::PhaseId, ticket_context::Column::Summary])
        .filter(ticket_context::Column::TicketId.eq(id));
    let rows: Vec<Summary> = db.select(&query).await?;
    Ok(rows.into_iter().map(|Summary(phase, summary)| (phase, summary)).collect())
}

/// Stores a change of a context document beside a move that this transaction has just applied: it
/// belongs to the same version.
///
/// # Errors
/// Storage failures.
pub async fn attach_context(tx: &Tx, ticket: &Ticket, change: &ContextChange) -> Result<()> {
    let update = ticket::Entity::update_many().filter(ticket::Column::Id.eq(ticket.id));
    tx.connection().change(&with_outline(update, change)?).await?;
    store_phase(tx, ticket.id, change).await
}

/// Stores a change of a context document if the ticket is still at this version; `false` when it is
/// not.
///
/// # Errors
/// Storage failures.
pub async fn record_context(
    tx: &Tx,
    ticket: &Ticket,
    change: &ContextChange,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (db, update) = (tx.connection(), with_outline(swap(ticket, now), change)?);
    let update = Query::of(db.backend(), &update);
    if !db.guarded(About::Ticket(ticket.id), update).await? {
        return Ok(false);
    }
    store_phase(tx, ticket.id, change).await?;
    Ok(true)
}

/// The ticket's part of its document; that of no phase of it is written.
fn with_outline(
    update: sea_orm::UpdateMany<ticket::Entity>,
    change: &ContextChange,
) -> Result<sea_orm::UpdateMany<ticket::Entity>> {
    let ContextChange { document, summary, phase: _ } = change;
    let document = decode::encoded(TABLE, "context", document)?;
    Ok(update
        .col_expr(ticket::Column::Context, Expr::value(document))
        .col_expr(ticket::Column::ContextSummary, Expr::value(summary.as_str())))
}

async fn store_phase(tx: &Tx, ticket: Uuid, change: &ContextChange) -> Result<()> {
    let Some(PhaseText { context: phase, text }) = &change.phase else { return Ok(()) };
    let db = tx.connection();
    static TEXT: Text = Text::new();
    let hash = lately::hash(text);
    let values: Vec<Value> = vec![
        ticket.into(),
        phase.phase_id.as_str().into(),
        phase.summary.as_str().into(),
        hash.as_str().into(),
        (&**text).into(),
    ];
    let query = TEXT.written(db.backend(), values, || {
        "INSERT INTO ticket_contexts \
           (ticket_id, phase_id, summary, content_hash, document) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (ticket_id, phase_id) DO UPDATE SET \
           summary = excluded.summary, content_hash = excluded.content_hash, \
           document = excluded.document"
            .to_owned()
    });
    db.follow(query).await?;
    let kept = Kept::with(Arc::clone(text), Arc::clone(phase));
    count_beside(&decoded(&kept)?);
    lately::keep(hash, Arc::new(kept));
    Ok(())
}

/// Counts the tokens of a phase that somebody is likely to ask for soon, beside the transaction that
/// stores it. To load the tokenizer would take a while: whoever needs it does that.
fn count_beside(decoded: &Decoded) {
    if let (true, Ok(runtime)) = (counts_at_once(), Handle::try_current()) {
        let Decoded { context, tokens } = decoded.clone();
        runtime.spawn_blocking(move || {
            tokens.get_or_init(|| PhaseTokens::of(&context));
        });
    }
}
