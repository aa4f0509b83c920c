//! Events of the way of a ticket: gates, evidence, approvals and answers.

use phaseline_persistence::{
    events::NewEvent,
    gates::{StoredApproval, StoredArtifact},
};
use phaseline_phases::{Answer, GateReport, PhaseId};
use serde_json::json;
use uuid::Uuid;

use super::{
    TICKET_ANSWERED, TICKET_APPROVED, TICKET_ARTIFACT_ADDED, TICKET_GATE_UNMET, event,
    ticket_subject,
};
use crate::Call;

pub(crate) fn gate_unmet(
    call: &Call,
    ticket: Uuid,
    phase: &PhaseId,
    report: &GateReport,
) -> NewEvent {
    let unmet: Vec<_> = report.unmet().collect();
    let data = json!({ "ticket_id": ticket, "phase_id": phase, "unmet": unmet });
    event(call, TICKET_GATE_UNMET, ticket_subject(ticket), data)
}

pub(crate) fn artifact_added(call: &Call, stored: &StoredArtifact, version: i64) -> NewEvent {
    let data = json!({
        "ticket_id": stored.ticket_id,
        "artifact_id": stored.id,
        "phase_id": stored.phase_id,
        "type": stored.artifact.kind,
        "grade": stored.grade,
        "added_by": stored.added_by,
        "version": version,
    });
    event(call, TICKET_ARTIFACT_ADDED, ticket_subject(stored.ticket_id), data)
}

pub(crate) fn approved(call: &Call, stored: &StoredApproval) -> NewEvent {
    let data = json!({
        "ticket_id": stored.ticket_id,
        "approval_id": stored.id,
        "phase_id": stored.phase_id,
        "approved_by": stored.approved_by,
        "ticket_version": stored.ticket_version,
    });
    event(call, TICKET_APPROVED, ticket_subject(stored.ticket_id), data)
}

pub(crate) fn answered(call: &Call, ticket: Uuid, answer: &Answer, version: i64) -> NewEvent {
    let data = json!({
        "ticket_id": ticket,
        "kind": answer.kind,
        "question": answer.question,
        "answer": answer.answer,
        "answered_by": answer.by,
        "phase_id": answer.phase,
        "version": version,
    });
    event(call, TICKET_ANSWERED, ticket_subject(ticket), data)
}
