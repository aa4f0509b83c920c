//! A full row of every table, with no column left null.

use phaseline_persistence::{
    Db,
    entity::{
        agent, agent_heartbeat, event, idempotency_key, phase_history, task, task_attempt,
        task_dependency, ticket, ticket_approval, ticket_artifact, ticket_context,
        ticket_dependency,
    },
};
use sea_orm::{EntityTrait, IntoActiveModel, ModelTrait, prelude::DateTimeUtc};
use serde_json::json;
use uuid::Uuid;

use crate::kit::outside;

pub(crate) fn ticket() -> ticket::Model {
    ticket::Model {
        id: id(1),
        key: Some("TKT-1".to_owned()),
        title: "Rotate the keys".to_owned(),
        description: "naïve ≠ 素朴".to_owned(),
        workflow_id: "standard".to_owned(),
        phase_id: "PHASE_DESIGN".to_owned(),
        previous_phase_id: Some("PHASE_REQUIREMENTS".to_owned()),
        history_sequence: 3,
        phase_since: time(),
        priority: "HIGH".to_owned(),
        estimate: Some("M".to_owned()),
        context: json!({ "z": 1, "a": [null, 1.5, "x"] }),
        context_summary: "what was found out".to_owned(),
        gates: Some(true),
        templates: Some(false),
        auto_advance: Some(true),
        skip_empty_phases: Some(false),
        blocker: Some(json!({ "kind": "needs_input" })),
        answers: json!([{ "answer": "euro" }]),
        templated_phases: json!(["PHASE_DESIGN"]),
        rework_since: 2,
        has_results: true,
        version: i64::MAX,
        created_at: time(),
        updated_at: time(),
    }
}

/// The ticket that [`ticket`] waits for.
pub(crate) fn blocker() -> ticket::Model {
    ticket::Model { id: id(2), key: Some("TKT-2".to_owned()), ..ticket() }
}

pub(crate) fn ticket_dependency() -> ticket_dependency::Model {
    ticket_dependency::Model { ticket_id: id(1), blocked_by_id: id(2) }
}

pub(crate) fn phase_history() -> phase_history::Model {
    phase_history::Model {
        ticket_id: id(1),
        sequence: 3,
        from_phase: Some("PHASE_REQUIREMENTS".to_owned()),
        to_phase: "PHASE_DESIGN".to_owned(),
        kind: "advance".to_owned(),
        reason: Some("agreed".to_owned()),
        transitioned_by: Some("ann".to_owned()),
        artifacts: json!([{ "type": "page", "path": "a.md", "content": null }]),
        forced: true,
        seconds_in_previous: Some(0.125),
        created_at: time(),
    }
}

pub(crate) fn ticket_context() -> ticket_context::Model {
    ticket_context::Model {
        ticket_id: id(1),
        phase_id: "PHASE_DESIGN".to_owned(),
        summary: "drawn".to_owned(),
        content_hash: "97ac".to_owned(),
        document: json!({ "summary": "drawn", "tasks": [] }).to_string(),
    }
}

pub(crate) fn task() -> task::Model {
    task::Model {
        id: id(3),
        ticket_id: id(1),
        key: Some("TSK-1".to_owned()),
        phase_id: "PHASE_DESIGN".to_owned(),
        phase_rank: 2,
        task_type: "design".to_owned(),
        title: Some("Draw it".to_owned()),
        description: "on one page".to_owned(),
        priority: "LOW".to_owned(),
        priority_rank: 3,
        estimate: Some("S".to_owned()),
        agent_type: "worker".to_owned(),
        required_capabilities: json!(["sql"]),
        status: "completed".to_owned(),
        result: Some(json!({ "summary": "drawn" })),
        error_message: Some("none".to_owned()),
        finished_at: Some(time()),
        finished_by: Some("ann".to_owned()),
        max_attempts: 3,
        attempts_used: 1,
        failures_in_a_row: 2,
        losses_in_a_row: 1,
        fencing_token: i64::MAX,
        agent_id: Some(id(5)),
        lease_expires_at: Some(time()),
        available_at: Some(time()),
        version: 2,
        created_at: time(),
        updated_at: time(),
    }
}

/// The task that [`task`] waits for.
pub(crate) fn needed_task() -> task::Model {
    task::Model { id: id(4), key: Some("TSK-0".to_owned()), ..task() }
}

pub(crate) fn task_dependency() -> task_dependency::Model {
    task_dependency::Model { task_id: id(3), depends_on_id: id(4) }
}

pub(crate) fn task_attempt() -> task_attempt::Model {
    task_attempt::Model {
        task_id: id(3),
        fencing_token: i64::MAX,
        agent_id: id(5),
        outcome: "failed".to_owned(),
        failure_class: Some("transient".to_owned()),
        error_message: Some("the network was gone".to_owned()),
        lease_s: 300,
        claimed_at: time(),
        lease_expires_at: time(),
        ended_at: Some(time()),
        pack: json!({ "summary": "## PHASE_DESIGN" }),
    }
}

pub(crate) fn ticket_artifact() -> ticket_artifact::Model {
    ticket_artifact::Model {
        id: id(7),
        ticket_id: id(1),
        phase_id: "PHASE_DESIGN".to_owned(),
        artifact_type: "page".to_owned(),
        path: Some("a.md".to_owned()),
        content: Some(json!({ "z": 1, "a": 2 })),
        grade: "ci".to_owned(),
        added_by: Some("ann".to_owned()),
        created_at: time(),
    }
}

pub(crate) fn ticket_approval() -> ticket_approval::Model {
    ticket_approval::Model {
        id: id(8),
        ticket_id: id(1),
        phase_id: "PHASE_DESIGN".to_owned(),
        approved_by: "bob".to_owned(),
        comment: Some("fine".to_owned()),
        ticket_version: i64::MAX,
        created_at: time(),
    }
}

pub(crate) fn agent() -> agent::Model {
    agent::Model {
        id: id(5),
        agent_type: "worker".to_owned(),
        phase_id: Some("PHASE_DESIGN".to_owned()),
        status: "idle".to_owned(),
        capabilities: json!(["sql", "rust"]),
        capacity: 1000,
        slots_taken: 1,
        draining: true,
        last_progress: Some(time()),
        tags: json!(["blue"]),
        announced_health: "healthy".to_owned(),
        version: 9,
        created_at: time(),
        updated_at: time(),
    }
}

pub(crate) fn agent_heartbeat() -> agent_heartbeat::Model {
    agent_heartbeat::Model {
        agent_id: id(5),
        last_heartbeat_at: time(),
        heartbeat_sequence: Some(i64::MAX),
        heartbeats_missed: 7,
        metrics: Some(json!({ "load": 0.5 })),
    }
}

pub(crate) fn event() -> event::Model {
    event::Model {
        sequence: 1,
        id: id(6),
        event_type: "ticket.created".to_owned(),
        subject: "tickets/1".to_owned(),
        time: time(),
        data: json!({ "version": 1 }),
    }
}

pub(crate) fn idempotency_key() -> idempotency_key::Model {
    idempotency_key::Model {
        key: "once".to_owned(),
        fingerprint: "f".repeat(64),
        outcome: json!({ "id": 1 }),
        created_at: time(),
    }
}

/// Stores a row past the write door.
pub(crate) async fn insert<M>(db: &Db, row: M)
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let row = row.into_active_model();
    outside(db, async |db| {
        M::Entity::insert(row).exec_without_returning(db).await.unwrap();
    })
    .await;
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// With microseconds, which is what both databases keep.
fn time() -> DateTimeUtc {
    "2026-02-28T23:59:59.123456Z".parse().unwrap()
}
