//! Aggregating a phase: what its finished tasks left behind goes onto the ticket.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use phaseline_context::{
    Extractive, PhaseContext, PhaseDraft, Summarize, TicketContext, aggregate, extract,
};
use phaseline_persistence::{
    Tx,
    tasks::{self, Task},
    tickets::{self, StoredContext, Ticket},
};
use phaseline_phases::{PhaseId, Transition, TransitionKind, Workflow};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Call, Engine, Error, Noun, Result, announce,
    tickets::{get, stale, workflow},
};

/// The context of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextState {
    /// The ticket.
    pub ticket_id: Uuid,
    /// What its phases found out.
    pub document: TicketContext,
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
            Box::pin(async move {
                let ticket = get(tx, call, *id).await?;
                let workflow = workflow(&ticket.workflow_id)?;
                workflow.require(phase)?;
                let changed = aggregated(tx, workflow, &ticket, phase, prepared, call.now).await?;
                let Some(context) = changed else {
                    let StoredContext { document, summary } = stored(tx, *id).await?;
                    return Ok(ContextState {
                        ticket_id: *id,
                        document,
                        summary,
                        version: ticket.version,
                    });
                };
                let version = store(tx, call, &ticket, phase, &context).await?;
                let StoredContext { document, summary } = context;
                Ok(ContextState { ticket_id: *id, document, summary, version })
            })
        })
        .await
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
    let draft = aggregate(&phase, &tasks::finished(reader, ticket, &phase).await?);
    let stored = tickets::context(reader, ticket).await?;
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
    match aggregated(tx, workflow, &ticket, phase, &prepared, call.now).await? {
        Some(context) => {
            let version = store(tx, call, &ticket, phase, &context).await?;
            Ok(Ticket { version, updated_at: call.now, ..ticket })
        }
        None => Ok(ticket),
    }
}

/// Stores a context that has changed, with its event; says the version of the ticket after it.
async fn store(
    tx: &Tx,
    call: &Call,
    ticket: &Ticket,
    phase: &PhaseId,
    context: &StoredContext,
) -> Result<i64> {
    if !tickets::record_context(tx, ticket, context, call.now).await? {
        return Err(stale(tx, ticket.id).await);
    }
    let version = ticket.version + 1;
    let event = announce::context_updated(call, ticket.id, phase, &context.document, version);
    tx.announce(event);
    Ok(version)
}

/// What leaving a phase changes in a context document.
pub(crate) struct Left {
    /// The document as it is now.
    pub(crate) stored: StoredContext,
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
    let before = stored(tx, ticket.id).await?;
    let from = &ticket.position.phase;
    let anew = anew(tx, workflow, ticket, from, prepared, now, &before).await?;
    let aggregated = anew.is_some();
    let StoredContext { document, summary } = anew.unwrap_or(before);
    let reviewed = match step.kind() {
        TransitionKind::Advance | TransitionKind::Complete => document.confirm(from),
        TransitionKind::Regress | TransitionKind::Resume => {
            let standing = ticket.position.work_phase(workflow);
            document.review(behind(workflow, step.to(), standing))
        }
        TransitionKind::Create | TransitionKind::Block => None,
    };
    let changed = aggregated || reviewed.is_some();
    let stored = StoredContext { document: reviewed.unwrap_or(document), summary };
    Ok(changed.then_some(Left { stored, aggregated }))
}

/// The phases after one up to another; none where that is no later.
fn behind<'w>(workflow: &'w Workflow, to: &PhaseId, from: &PhaseId) -> &'w [PhaseId] {
    match (workflow.rank(to), workflow.rank(from)) {
        (Some(to), Some(from)) if to < from => &workflow.sequence()[to + 1..=from],
        (_, _) => &[],
    }
}

/// The context of the ticket with this phase aggregated anew; `None` when that changes nothing.
pub(crate) async fn aggregated(
    tx: &Tx,
    workflow: &Workflow,
    ticket: &Ticket,
    phase: &PhaseId,
    prepared: &Prepared,
    now: DateTime<Utc>,
) -> Result<Option<StoredContext>> {
    let stored = stored(tx, ticket.id).await?;
    anew(tx, workflow, ticket, phase, prepared, now, &stored).await
}

async fn anew(
    tx: &Tx,
    workflow: &Workflow,
    ticket: &Ticket,
    phase: &PhaseId,
    prepared: &Prepared,
    now: DateTime<Utc>,
    stored: &StoredContext,
) -> Result<Option<StoredContext>> {
    let finished = tasks::finished(tx.connection(), ticket.id, phase).await?;
    if finished.is_empty() && !stored.document.phases.contains_key(phase) {
        return Ok(None);
    }
    let context = summarised(aggregate(phase, &finished), prepared);
    Ok(stored.document.record(context, now).map(|document| {
        let summary = document.summary(workflow.sequence());
        StoredContext { document, summary }
    }))
}

/// The context document of a ticket.
pub(crate) async fn document(
    db: &phaseline_persistence::Connection,
    ticket: Uuid,
) -> Result<TicketContext> {
    let stored = tickets::context(db, ticket).await?;
    Ok(stored.map(|stored| stored.document).unwrap_or_default())
}

/// The context document as it is stored.
pub(crate) async fn stored(tx: &Tx, ticket: Uuid) -> Result<StoredContext> {
    tickets::context(tx.connection(), ticket)
        .await?
        .ok_or_else(|| Error::NotFound { what: Noun::Ticket, id: ticket.to_string() })
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
