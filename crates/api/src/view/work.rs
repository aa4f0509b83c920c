//! Work as clients see it: tasks, claims, gates and what does not move.

use phaseline_engine::{
    claims::{Claimed, ClaimedTask},
    gates::GateState,
};
use phaseline_persistence::{
    attempts::Attempt,
    gates::{StoredApproval, StoredArtifact},
    tasks::Task,
};
use phaseline_phases::Artifact;
use phaseline_wire as wire;
use uuid::Uuid;

use crate::problem::Refusal;

/// A task.
pub(crate) fn task(task: Task) -> wire::Task {
    let Task {
        id,
        ticket_id,
        key,
        phase_id,
        task_type,
        title,
        description,
        priority,
        estimate,
        agent_type,
        required_capabilities,
        status,
        result,
        error_message,
        depends_on,
        finished_at,
        finished_by,
        max_attempts,
        attempts_used,
        failures_in_a_row: _, // bookkeeping of the back-off, as is the next
        losses_in_a_row: _,
        fencing_token,
        agent_id,
        lease_expires_at,
        available_at,
        version,
        created_at,
        updated_at,
    } = task;
    wire::Task {
        id,
        ticket_id,
        key,
        phase_id,
        task_type,
        title,
        description,
        priority,
        estimate,
        agent_type,
        required_capabilities,
        status,
        result: result.map(Into::into),
        error_message,
        depends_on,
        agent_id,
        fencing_token,
        lease_expires_at: lease_expires_at.map(Into::into),
        available_at: available_at.map(Into::into),
        max_attempts,
        attempts_used,
        version,
        created_at: created_at.into(),
        updated_at: updated_at.into(),
        finished_at: finished_at.map(Into::into),
        finished_by,
    }
}

/// One claim of a task of this ticket.
pub(crate) fn attempt(ticket: Uuid, attempt: Attempt) -> wire::Attempt {
    let Attempt {
        task_id,
        fencing_token,
        agent_id,
        outcome,
        failure_class,
        error_message,
        lease_s,
        claimed_at,
        lease_expires_at,
        ended_at,
        pack,
    } = attempt;
    wire::Attempt {
        task_id,
        fencing_token,
        agent_id,
        outcome,
        failure_class,
        error_message,
        lease_s,
        claimed_at: claimed_at.into(),
        lease_expires_at: lease_expires_at.into(),
        ended_at: ended_at.map(Into::into),
        pack: wire::Pack::of(ticket, pack),
    }
}

/// What an agent got.
///
/// # Errors
/// A workflow does not know the phase of a ticket.
pub(crate) fn claims(claimed: Claimed) -> Result<wire::Claims, Refusal> {
    let Claimed { items, reason, agent: _ } = claimed;
    let items = items.into_iter().map(claim).collect::<Result<_, _>>()?;
    Ok(wire::Claims { items, reason })
}

fn claim(claimed: ClaimedTask) -> Result<wire::Claim, Refusal> {
    let ClaimedTask { task, ticket, fencing_token, lease_expires_at, pack } = claimed;
    Ok(wire::Claim {
        pack: wire::Pack::of(ticket.id, pack),
        task: self::task(task),
        ticket: super::ticket(ticket)?,
        fencing_token,
        lease_expires_at: lease_expires_at.into(),
    })
}

/// A gate, and how much of it is met.
pub(crate) fn gate(state: GateState) -> wire::Gate {
    let GateState { ticket_id, phase_id, enabled, report } = state;
    wire::Gate {
        ticket_id,
        phase_id,
        enabled,
        met: report.is_met(),
        points: report.points.into_iter().map(Into::into).collect(),
    }
}

/// Something that was added to a ticket as evidence.
pub(crate) fn artifact(stored: StoredArtifact) -> wire::TicketArtifact {
    let StoredArtifact { id, ticket_id, phase_id, artifact, grade, added_by, created_at } = stored;
    let Artifact { kind, path, content } = artifact;
    wire::TicketArtifact {
        id,
        ticket_id,
        phase_id,
        kind,
        path,
        content,
        grade,
        added_by,
        created_at: created_at.into(),
    }
}

/// An approval of a ticket that is at this version now.
pub(crate) fn approval(stored: StoredApproval, version: i64) -> wire::Approval {
    let StoredApproval {
        id,
        ticket_id,
        phase_id,
        approved_by,
        comment,
        ticket_version,
        created_at,
    } = stored;
    wire::Approval {
        id,
        ticket_id,
        phase_id,
        approved_by,
        comment,
        ticket_version,
        created_at: created_at.into(),
        stands: ticket_version == version,
    }
}
