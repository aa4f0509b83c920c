//! Gates: what a phase asks for before it is left, and the evidence and approvals that meet it.

use std::sync::Arc;

use phaseline_persistence::{
    Connection, Tx, gates as stored,
    gates::{StoredApproval, StoredArtifact},
    history, tasks,
    tickets::{self, Ticket},
};
use phaseline_phases::{
    Approval, Artifact, Evidence, Gate, GateFacts, GateReport, Grade, PhaseId, TaskCounts,
    gate::evaluate,
};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use crate::{
    Call, Engine, Error, Result, Settings, announce, flow,
    tickets::{get, missing, stale, workflow},
};

/// What the gate of a phase of a ticket asks for, and how much of it is met.
#[derive(Debug, Clone, PartialEq)]
pub struct GateState {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase.
    pub phase_id: PhaseId,
    /// Whether the gates of the ticket are on; where they are off the report is for information.
    pub enabled: bool,
    /// Each point, met or not; none where the phase asks for nothing.
    pub report: GateReport,
}

/// An artifact to add.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// What was produced.
    pub artifact: Artifact,
    /// The phase that it is work of; the one that the ticket is in when `None`.
    pub phase_id: Option<PhaseId>,
    /// How far it can be believed.
    pub grade: Grade,
}

/// What the gate of a phase says; of the phase that the ticket is in, or was blocked in, when none
/// is named. It changes nothing.
///
/// # Errors
/// An unknown ticket or phase.
pub async fn report(engine: &Engine, ticket: Uuid, phase: Option<PhaseId>) -> Result<GateState> {
    let reader = engine.db.reader();
    let ticket = tickets::find(reader, ticket).await?.ok_or_else(|| missing(ticket))?;
    let workflow = workflow(&ticket.workflow_id)?;
    let phase_id = phase.unwrap_or_else(|| ticket.position.work_phase(workflow).clone());
    workflow.require(&phase_id)?;
    let report = assess(reader, &engine.settings, &ticket, &phase_id, &[]).await?;
    let enabled = engine.settings.gates_on(&ticket);
    Ok(GateState { ticket_id: ticket.id, phase_id, enabled, report })
}

/// Adds an artifact to a ticket. That is a change of the ticket: earlier approvals no longer stand.
///
/// # Errors
/// An unknown ticket or phase, a version that is not the expected one, a lost race.
pub async fn add_artifact(
    engine: &Engine,
    call: &Call,
    ticket: Uuid,
    new: NewArtifact,
) -> Result<StoredArtifact> {
    let input = (ticket, new, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (ticket, new, settings)| {
            Box::pin(async move {
                let ticket = get(tx, call, *ticket).await?;
                let workflow = workflow(&ticket.workflow_id)?;
                let standing = ticket.position.work_phase(workflow).clone();
                let phase_id = new.phase_id.clone().unwrap_or(standing);
                workflow.require(&phase_id)?;
                if !tickets::touch(tx, &ticket, call.now).await? {
                    return Err(stale(tx, ticket.id).await);
                }
                let artifact = StoredArtifact {
                    id: call.sources.id(),
                    ticket_id: ticket.id,
                    phase_id,
                    artifact: new.artifact.clone(),
                    grade: new.grade,
                    added_by: call.actor.clone(),
                    created_at: call.now,
                };
                stored::add_artifact(tx, &artifact).await?;
                let version = ticket.version + 1;
                tx.announce(announce::artifact_added(call, &artifact, version));
                flow::settle_after_evidence(tx, call, settings, ticket.id).await?;
                Ok(artifact)
            })
        })
        .await
}

/// Approves a ticket as it stands: a later change of it voids the approval.
///
/// # Errors
/// An unknown ticket, nobody's name, a version that is not the expected one.
pub async fn approve(
    engine: &Engine,
    call: &Call,
    ticket: Uuid,
    approved_by: Option<String>,
    comment: Option<String>,
) -> Result<StoredApproval> {
    let approved_by = approved_by.or_else(|| call.actor.clone()).ok_or(Error::ApproverRequired)?;
    let approved_by = approved_by.trim().to_owned();
    let input = (ticket, approved_by, comment, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (ticket, approved_by, comment, settings)| {
            Box::pin(async move {
                // Held, so that the version that is approved is the one that stands.
                let held = tickets::find_and_hold(tx, *ticket).await?;
                let ticket = held.ok_or_else(|| missing(*ticket))?;
                call.expect(crate::Noun::Ticket, ticket.id, ticket.version)?;
                let approval = StoredApproval {
                    id: call.sources.id(),
                    ticket_id: ticket.id,
                    phase_id: ticket.position.phase.clone(),
                    approved_by: approved_by.clone(),
                    comment: comment.clone(),
                    ticket_version: ticket.version,
                    created_at: call.now,
                };
                stored::approve(tx, &approval).await?;
                tx.announce(announce::approved(call, &approval));
                flow::settle_after_evidence(tx, call, settings, ticket.id).await?;
                Ok(approval)
            })
        })
        .await
}

/// The report where leaving this phase is up to its gate and the gate is not met.
pub(crate) async fn unmet(
    tx: &Tx,
    settings: &Settings,
    ticket: &Ticket,
    phase: &PhaseId,
    brought: &[Artifact],
) -> Result<Option<GateReport>> {
    if !settings.gates_on(ticket) {
        return Ok(None);
    }
    let report = assess(tx.connection(), settings, ticket, phase, brought).await?;
    Ok((!report.is_met()).then_some(report))
}

/// Looks at everything that may meet the gate of a phase, with what the caller brings along.
pub(crate) async fn assess(
    db: &Connection,
    settings: &Settings,
    ticket: &Ticket,
    phase: &PhaseId,
    brought: &[Artifact],
) -> Result<GateReport> {
    let open = Gate::default();
    let gate = settings.gate_plan.gate(phase).unwrap_or(&open);
    let added = stored::of_phase(db, ticket.id, phase).await?;
    let finished = tasks::finished(db, ticket.id, phase).await?;
    // Where approvals are asked for, what is brought along only now counts for nothing: nobody who
    // approved has seen it.
    let brought = if gate.approvals == 0 { brought } else { &[] };
    let reported = finished.iter().flat_map(|task| &task.result.artifacts).chain(brought);
    let evidence: Vec<Evidence<'_>> = added
        .iter()
        .map(|added| Evidence {
            artifact: &added.artifact,
            grade: added.grade,
            by: added.added_by.as_deref(),
        })
        .chain(reported.map(|artifact| Evidence { artifact, grade: Grade::default(), by: None }))
        .collect();
    // Work that was completed after an approval was not there to be seen.
    let seen = |approval: &StoredApproval| {
        finished.iter().all(|task| task.completed_at <= approval.created_at)
    };
    let approvals: Vec<Approval> = stored::approvals_at(db, ticket.id, ticket.version)
        .await?
        .into_iter()
        .filter(seen)
        .map(|stored| Approval { by: stored.approved_by, at_version: stored.ticket_version })
        .collect();
    let facts = GateFacts {
        evidence: &evidence,
        tasks: counts(db, ticket.id, phase).await?,
        approvals: &approvals,
        version: ticket.version,
        authors: &authors(db, ticket, phase, &added).await?,
    };
    Ok(evaluate(gate, &facts))
}

async fn counts(db: &Connection, ticket: Uuid, phase: &PhaseId) -> Result<TaskCounts> {
    let mut counts = TaskCounts::default();
    for (_, state, count) in
        tasks::counts(db, ticket).await?.into_iter().filter(|(of, _, _)| of == phase)
    {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match state {
            TaskState::Pending | TaskState::Claimed | TaskState::Running => counts.open += count,
            TaskState::Completed => counts.completed += count,
            TaskState::Failed => counts.failed += count,
            TaskState::Cancelled => {}
        }
    }
    Ok(counts)
}

/// Whoever made the ticket, worked on the phase or brought its evidence: each under every name that
/// they may approve with.
async fn authors(
    db: &Connection,
    ticket: &Ticket,
    phase: &PhaseId,
    added: &[StoredArtifact],
) -> Result<Vec<String>> {
    let opening = history::list(db, ticket.id, 0, 1).await?.items;
    let made_by = opening.into_iter().filter_map(|entry| entry.by);
    let brought_by = added.iter().filter_map(|added| added.added_by.clone());
    let worked = tasks::finished_by(db, ticket.id, phase).await?;
    let bare: Vec<String> =
        worked.iter().filter_map(|by| by.strip_prefix("agents/")).map(str::to_owned).collect();
    let mut authors: Vec<String> = made_by.chain(brought_by).chain(worked).chain(bare).collect();
    authors.sort_unstable();
    authors.dedup();
    Ok(authors)
}
