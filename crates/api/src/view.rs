//! Stored things as clients see them.

use chrono::{DateTime, Utc};
use phaseline_engine::{Engine, Error, Noun, agents::Beat, backlog, tickets::Moved};
use phaseline_persistence::{
    agents::StoredAgent,
    events,
    tickets::{self, Flow},
};
use phaseline_phases::Position;
use phaseline_registry as registry;
use phaseline_wire as wire;
use uuid::Uuid;

use crate::problem::Refusal;

mod flow;
mod work;

pub(crate) use flow::*;
pub(crate) use work::*;

/// Where events come from: a URI reference (CloudEvents 1.0, `source`).
pub(crate) const EVENT_SOURCE: &str = "/phaseline";

/// A ticket, with the status that follows from its phase.
///
/// # Errors
/// Its workflow does not know its phase.
pub(crate) fn ticket(ticket: tickets::Ticket) -> Result<wire::Ticket, Refusal> {
    let tickets::Ticket {
        id,
        key,
        title,
        description,
        workflow_id,
        position: Position { phase, previous, sequence: _, since: _ },
        priority,
        estimate,
        blocked_by,
        flow: Flow { gates, templates, auto_advance, skip_empty_phases },
        blocker,
        answers,
        templated_phases: _, // bookkeeping of the flow, as is the next
        rework_since: _,
        has_results: _,
        version,
        created_at,
        updated_at,
    } = ticket;
    let workflow = phaseline_engine::tickets::workflow(&workflow_id)?;
    Ok(wire::Ticket {
        status: workflow.status_of(&phase).map_err(Error::from)?,
        id,
        key,
        title,
        description,
        workflow_id,
        phase_id: phase,
        previous_phase_id: previous,
        priority,
        estimate,
        blocked_by,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
        blocker: blocker.map(Into::into),
        answers: answers.into_iter().map(Into::into).collect(),
        version,
        created_at: created_at.into(),
        updated_at: updated_at.into(),
    })
}

/// A move that was made.
pub(crate) fn moved(moved: Moved) -> wire::Transition {
    let Moved {
        ticket_id,
        previous_phase,
        current_phase,
        kind,
        reason,
        transitioned_by,
        transitioned_at,
        forced,
        version,
    } = moved;
    wire::Transition {
        ticket_id,
        previous_phase,
        current_phase,
        kind,
        reason,
        transitioned_by,
        transitioned_at: transitioned_at.into(),
        forced,
        version,
    }
}

/// An agent as it is at `now`: heartbeats are known in memory before the table has them.
pub(crate) fn agent(engine: &Engine, stored: StoredAgent, now: DateTime<Utc>) -> wire::Agent {
    let StoredAgent { agent, metrics: _, updated_at: _ } = stored;
    let progress = progress(engine, &agent, now);
    match engine.fleet().vitals(agent.id, now) {
        Some(vitals) => {
            let agent = registry::Agent { heartbeat: vitals.record, ..agent };
            wire::Agent::seen(&agent, vitals.health, progress)
        }
        None => wire::Agent::seen(&agent, agent.announced_health, progress),
    }
}

/// An agent that was found.
pub(crate) fn found(engine: &Engine, found: registry::Match, now: DateTime<Utc>) -> wire::Match {
    let progress = engine.fleet().progress_of(&found.agent, now);
    wire::Match::seen(found, progress)
}

/// How well an agent is at `now`.
pub(crate) fn health(
    engine: &Engine,
    agent: &registry::Agent,
    now: DateTime<Utc>,
) -> wire::AgentHealth {
    let vitals = engine.fleet().vitals(agent.id, now);
    let record = vitals.as_ref().map_or(agent.heartbeat, |vitals| vitals.record);
    let last = record.last_at.unwrap_or(agent.registered_at);
    wire::AgentHealth {
        agent_id: agent.id,
        health_status: vitals.as_ref().map_or(registry::Health::Unknown, |vitals| vitals.health),
        status: agent.status,
        last_heartbeat: record.last_at.map(Into::into),
        silent_for_s: (now - last).as_seconds_f64().max(0.0),
        heartbeat_sequence: record.sequence,
        heartbeats_missed: record.missed,
        progress: progress(engine, agent, now),
        last_progress: agent.last_progress.map(Into::into),
        metrics: vitals.and_then(|vitals| vitals.metrics),
    }
}

/// Whether an agent gets on with its work. The fleet knows since when it was watched; one that the
/// fleet does not know yet has just registered.
fn progress(engine: &Engine, agent: &registry::Agent, now: DateTime<Utc>) -> registry::Progress {
    let watched = engine.fleet().progress(agent.id, now);
    watched.unwrap_or_else(|| agent.progress(&engine.settings().health, now, now))
}

/// The answer to a heartbeat.
pub(crate) fn beat(beat: &Beat) -> wire::Heartbeat {
    let Beat { agent_id, received_at, health, status, sequence, missed_now, out_of_order } = *beat;
    wire::Heartbeat {
        agent_id,
        received_at: received_at.into(),
        health_status: health,
        status,
        sequence,
        missed_now,
        out_of_order,
    }
}

/// An event of the log.
pub(crate) fn event(event: events::Event) -> wire::Event {
    let events::Event { sequence, id, kind, subject, time, data } = event;
    wire::Event {
        specversion: "1.0".to_owned(),
        id,
        source: EVENT_SOURCE.to_owned(),
        kind,
        subject,
        time: time.into(),
        sequence,
        datacontenttype: "application/json".to_owned(),
        data,
    }
}

/// What an import did.
pub(crate) fn imported(imported: backlog::Imported) -> wire::Imported {
    let backlog::Imported { tickets_created, tickets_unchanged, tasks_created, tasks_unchanged } =
        imported;
    wire::Imported {
        tickets_created: tickets_created as u64,
        tickets_unchanged: tickets_unchanged as u64,
        tasks_created: tasks_created as u64,
        tasks_unchanged: tasks_unchanged as u64,
    }
}

/// The refusal for an id that names nothing.
pub(crate) fn missing(what: Noun, id: Uuid) -> Refusal {
    Error::NotFound { what, id: id.to_string() }.into()
}
