//! Aggregating a phase: what its finished tasks left behind goes onto the ticket.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use phaseline_context::{
    Extractive, FinishedTask, Outline, PhaseContext, PhaseDraft, Summarize, aggregate, extract,
    summary_of,
};
use phaseline_persistence::{
    Connection, Tx,
    tasks::{self, Task},
    tickets::{self, ContextChange, ContextText, PhaseText, StoredOutline, Ticket},
};
use phaseline_phases::{PhaseId, Transition, TransitionKind, Workflow};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Call, Engine, Result, announce,
    tickets::{get, missing, stale, workflow},
};

/// The context of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextState {
    /// The ticket.
    pub ticket_id: Uuid,
    /// When each phase changed, and what is under review.
    pub document: Outline,
    /// What each phase found out, as JSON: the document as it is stored, which nobody has to read
    /// in order to pass it on.
    pub phases: BTreeMap<PhaseId, Arc<str>>,
    /// The document in a few sentences.
    pub summary: String,
    /// The version of the ticket.
    pub version: i64,
}

/// Aggregates what a phase has found out so far. Where nothing has changed, nothing changes.
///
/// # Errors
/// An unknown ticket or phase, a version that is not the expected one, a lost race.
pub async fn update(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    phase: PhaseId,
) -> Result<ContextState> {
    let prepared = prepare(engine, id, Some(&phase)).await?;
    engine
        .write(call, (id, phase, prepared), |tx, call, (id, phase, prepared)| {
            Box::pin(updated(tx, call, *id, phase, prepared))
        })
        .await
}

async fn updated(
    tx: &Tx,
    call: &Call,
    id: Uuid,
    phase: &PhaseId,
    prepared: &Prepared,
) -> Result<ContextState> {
    let ticket = get(tx, call, id).await?;
    let workflow = workflow(&ticket.workflow_id)?;
    workflow.require(phase)?;
    // After the ticket: what finished before its version is among these.
    let unheld = tx.unheld().await;
    let db = unheld.as_ref().unwrap_or_else(|| tx.connection());
    let read = (tickets::context_text(db, id, Some(phase)), tasks::finished(db, id, phase));
    let (others, finished) = futures::try_join!(read.0, read.1)?;
    let ContextText { document, mut phases, summaries, .. } = others.ok_or_else(|| missing(id))?;
    let change = match news(phase, finished, &document) {
        Some(draft) => recorded(workflow, draft, summaries, prepared, call.now, &document)?,
        None => None,
    };
    let Some(change) = change else {
        let stored = tickets::context_text(db, id, None).await?.ok_or_else(|| missing(id))?;
        let ContextText { document, phases, summary, version, summaries: _ } = stored;
        return Ok(ContextState { ticket_id: id, document, phases, summary, version });
    };
    let version = store(tx, call, &ticket, phase, &change).await?;
    let ContextChange { document, summary, phase } = change;
    phases.extend(phase.map(|text| text.stored()));
    Ok(ContextState { ticket_id: id, document, phases, summary, version })
}

/// Summaries that a plugged-in summariser wrote before the transaction began, by the hash of what
/// they summarise: a model is never waited for while others wait to write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    summaries: HashMap<String, (String, String)>,
}

/// Asks the summariser for a phase as it is now; for the one that the ticket is in when none is
/// named. The extractive one needs no preparation. What fails or takes too long is left out, and
/// the extractive one steps in.
pub(crate) async fn prepare(
    engine: &Engine,
    ticket: Uuid,
    phase: Option<&PhaseId>,
) -> Result<Prepared> {
    let summarizer = Arc::clone(&engine.summarizer);
    if summarizer.name() == Extractive.name() {
        return Ok(Prepared::default());
    }
    let reader = engine.db.reader();
    let phase = match phase {
        Some(phase) => phase.clone(),
        None => match tickets::find(reader, ticket).await? {
            Some(ticket) => ticket.position.phase,
            None => return Ok(Prepared::default()),
        },
    };
    let draft = aggregate(&phase, tasks::finished(reader, ticket, &phase).await?);
    let stored = tickets::outline(reader, ticket).await?;
    if draft.is_empty() || stored.is_some_and(|stored| stored.document.holds(&draft)) {
        return Ok(Prepared::default());
    }
    let limit = engine.settings.summarize_timeout;
    match tokio::time::timeout(limit, summarizer.summarize(&draft)).await {
        Ok(Ok(summary)) => {
            let by = summarizer.name().to_owned();
            let hash = draft.inputs_hash().to_owned();
            return Ok(Prepared { summaries: HashMap::from([(hash, (summary, by))]) });
        }
        Ok(Err(error)) => tracing::warn!(%ticket, %phase, %error, "the summariser failed"),
        Err(_) => tracing::warn!(%ticket, %phase, ?limit, "the summariser took too long"),
    }
    Ok(Prepared::default())
}

/// Whether a ticket has left the phase of this task, for good or for now.
pub(crate) fn is_late(ticket: &Ticket, task: &Task) -> Result<bool> {
    let workflow = workflow(&ticket.workflow_id)?;
    let before = workflow.before(ticket.position.work_phase(workflow));
    Ok(before.is_ok_and(|before| before.contains(&task.phase_id)))
}

/// Aggregates the phase of a task that completes after its ticket, which is held, has left that
/// phase: what comes late is not lost. Answers the ticket as it is then.
pub(crate) async fn catch_up(tx: &Tx, call: &Call, task: &Task, ticket: Ticket) -> Result<Ticket> {
    if !is_late(&ticket, task)? {
        return Ok(ticket);
    }
    let (workflow, phase) = (workflow(&ticket.workflow_id)?, &task.phase_id);
    let prepared = Prepared::default();
    let db = tx.connection();
    let StoredOutline { document, .. } = outline(db, ticket.id).await?;
    match aggregated(db, workflow, ticket.id, phase, &prepared, call.now, &document).await? {
        Some(change) => {
            let version = store(tx, call, &ticket, phase, &change).await?;
            Ok(Ticket { version, updated_at: call.now, ..ticket })
        }
        None => Ok(ticket),
    }
}

/// Stores what changes in a context, with its event; says the version of the ticket after it.
async fn store(
    tx: &Tx,
    call: &Call,
    ticket: &Ticket,
    phase: &PhaseId,
    change: &ContextChange,
) -> Result<i64> {
    if !tickets::record_context(tx, ticket, change, call.now).await? {
        return Err(stale(tx, ticket.id).await);
    }
    let version = ticket.version + 1;
    tx.announce(announce::context_updated(call, ticket.id, phase, &change.document, version));
    Ok(version)
}

/// What leaving a phase changes in a context document.
pub(crate) struct Left {
    /// What is to be stored.
    pub(crate) stored: ContextChange,
    /// Whether the phase was aggregated anew.
    pub(crate) aggregated: bool,
}

/// Aggregates the phase that a move leaves. What was decided in the phases that a ticket goes back
/// from is under review until they are left forward again. `None` when nothing changes.
pub(crate) async fn left(
    tx: &Tx,
    workflow: &Workflow,
    ticket: &Ticket,
    step: &Transition,
    prepared: &Prepared,
    now: DateTime<Utc>,
) -> Result<Option<Left>> {
    if !ticket.has_results {
        return Ok(None);
    }
    let db = tx.connection();
    let before = outline(db, ticket.id).await?;
    let from = &ticket.position.phase;
    let anew = aggregated(db, workflow, ticket.id, from, prepared, now, &before.document).await?;
    let aggregated = anew.is_some();
    let unchanged = || {
        let StoredOutline { document, summary } = before;
        ContextChange { document, summary, phase: None }
    };
    let ContextChange { document, summary, phase } = anew.unwrap_or_else(unchanged);
    let reviewed = match step.kind() {
        TransitionKind::Advance | TransitionKind::Complete => document.confirm(from),
        TransitionKind::Regress | TransitionKind::Resume => {
            let standing = ticket.position.work_phase(workflow);
            document.review(behind(workflow, step.to(), standing))
        }
        TransitionKind::Create | TransitionKind::Block => None,
    };
    let changed = aggregated || reviewed.is_some();
    let stored = ContextChange { document: reviewed.unwrap_or(document), summary, phase };
    Ok(changed.then_some(Left { stored, aggregated }))
}

/// The phases after one up to another; none where that is no later.
fn behind<'w>(workflow: &'w Workflow, to: &PhaseId, from: &PhaseId) -> &'w [PhaseId] {
    match (workflow.rank(to), workflow.rank(from)) {
        (Some(to), Some(from)) if to < from => &workflow.sequence()[to + 1..=from],
        (_, _) => &[],
    }
}

/// What aggregating this phase anew changes in a context; `None` when nothing.
async fn aggregated(
    db: &Connection,
    workflow: &Workflow,
    ticket: Uuid,
    phase: &PhaseId,
    prepared: &Prepared,
    now: DateTime<Utc>,
    before: &Outline,
) -> Result<Option<ContextChange>> {
    let finished = tasks::finished(db, ticket, phase).await?;
    let Some(draft) = news(phase, finished, before) else { return Ok(None) };
    let summaries = tickets::summaries(db, ticket).await?;
    recorded(workflow, draft, summaries, prepared, now, before)
}

/// What these tasks found out, unless the document tells it already.
fn news(phase: &PhaseId, finished: Vec<FinishedTask>, before: &Outline) -> Option<PhaseDraft> {
    if finished.is_empty() && before.last(phase).is_none() {
        return None;
    }
    let draft = aggregate(phase, finished);
    (!before.holds(&draft)).then_some(draft)
}

/// What recording this phase changes beside these summaries of the others.
fn recorded(
    workflow: &Workflow,
    draft: PhaseDraft,
    mut summaries: BTreeMap<PhaseId, String>,
    prepared: &Prepared,
    now: DateTime<Utc>,
    before: &Outline,
) -> Result<Option<ContextChange>> {
    let context = summarised(draft, prepared);
    let Some(document) = before.record(&context, now) else { return Ok(None) };
    summaries.insert(context.phase_id.clone(), context.summary.clone());
    let summary = summary_of(&summaries, workflow.sequence());
    Ok(Some(ContextChange { document, summary, phase: Some(PhaseText::of(context)?) }))
}

/// The context document of a ticket without its phases.
pub(crate) async fn document(db: &Connection, ticket: Uuid) -> Result<Outline> {
    let stored = tickets::outline(db, ticket).await?;
    Ok(stored.map(|stored| stored.document).unwrap_or_default())
}

async fn outline(db: &Connection, ticket: Uuid) -> Result<StoredOutline> {
    let stored = tickets::outline(db, ticket).await?;
    stored.ok_or_else(|| missing(ticket))
}

fn summarised(draft: PhaseDraft, prepared: &Prepared) -> PhaseContext {
    match prepared.summaries.get(draft.inputs_hash()) {
        Some((summary, by)) => draft.with_summary(summary.clone(), by.clone()),
        None => {
            let summary = extract(&draft);
            draft.with_summary(summary, Extractive.name().to_owned())
        }
    }
}
