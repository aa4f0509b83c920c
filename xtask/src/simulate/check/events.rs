//! Every change has its event, and every event its change.

use std::collections::{BTreeMap, BTreeSet};

use phaseline_engine::announce::TYPES;
use phaseline_persistence::{agents::StoredAgent, events::Event, tickets::Ticket};
use phaseline_tasks::TaskState;
use serde_json::Value;
use uuid::Uuid;

use super::{Verdict, View, hold, touched};
use crate::simulate::journal::Attempt;

const RESULTS: &str = "a ticket knows whether a task of it was completed";
/// Events that free a slot of the agent that they name.
const FREEING: [&str; 6] = [
    "task.lease.expired",
    "task.agent.lost",
    "task.released",
    "task.attempt.failed",
    "task.completed",
    "task.cancelled",
];

/// The events of a step by whom they are about.
struct Told<'a>(BTreeMap<&'a str, Vec<&'a Event>>);

impl<'a> Told<'a> {
    fn of(&self, subject: &str) -> &[&'a Event] {
        self.0.get(subject).map_or(&[], Vec::as_slice)
    }

    fn kinds(&self, subject: &str, kind: &str) -> usize {
        self.of(subject).iter().filter(|event| event.kind == kind).count()
    }
}

pub(super) fn check(view: View<'_>) -> Verdict {
    let mut told = Told(BTreeMap::new());
    for event in &view.change.events {
        hold(TYPES.contains(&event.kind.as_str()), "every type of event is known", || {
            event.kind.clone()
        })?;
        told.0.entry(event.subject.as_str()).or_default().push(event);
    }
    tickets(view, &told)?;
    tasks(view, &told)?;
    attempts(view, &told)?;
    agents(view)?;
    subjects_changed(view)
}

fn tickets(view: View<'_>, told: &Told<'_>) -> Verdict {
    let change = view.change;
    for (id, before, after) in touched(&change.before.tickets, &change.after.tickets) {
        let subject = format!("tickets/{id}");
        let Some(after) = after else {
            hold(
                told.kinds(&subject, "ticket.deleted") == 1,
                "whatever is deleted is announced as deleted",
                || subject.clone(),
            )?;
            continue;
        };
        let from = before.map_or(0, |ticket| ticket.version);
        versions(&subject, from, after.version, told.of(&subject))?;
        let same = |before: &Ticket| {
            // The event of the completed task tells of it.
            *after == Ticket { has_results: after.has_results, ..before.clone() }
        };
        unchanged(&subject, from == after.version, before.is_some_and(same))?;
        let mut tasks = view.rows.tasks.values().filter(|task| task.ticket_id == id);
        let any = tasks.any(|task| task.status == TaskState::Completed);
        hold(after.has_results == any, RESULTS, || subject.clone())?;
        let moved = view.rows.history.get(&id).map_or(0, Vec::len);
        let moves = told.kinds(&subject, "ticket.created")
            + told.kinds(&subject, "ticket.phase.transitioned");
        let had = if change.after.history.contains_key(&id) {
            change.before.history.get(&id).map_or(0, Vec::len)
        } else {
            moved
        };
        hold(moved == had + moves, "every row of a history has its event", || {
            format!("{subject}: {had} rows became {moved} with {moves} events")
        })?;
    }
    evidence(view, told)
}

/// Artifacts and approvals, each with its event.
fn evidence(view: View<'_>, told: &Told<'_>) -> Verdict {
    let change = view.change;
    let rule = "every artifact and approval has its event";
    for (id, before, after) in touched(&change.before.artifacts, &change.after.artifacts) {
        let Some(after) = after else { continue };
        let subject = format!("tickets/{id}");
        let events = told.kinds(&subject, "ticket.artifact.added");
        let had = before.map_or(0, Vec::len);
        hold(after.len() == had + events, rule, || subject.clone())?;
    }
    for (id, before, after) in touched(&change.before.approvals, &change.after.approvals) {
        let Some(after) = after else { continue };
        let subject = format!("tickets/{id}");
        let events = told.kinds(&subject, "ticket.approved");
        let had = before.map_or(0, Vec::len);
        hold(after.len() == had + events, rule, || subject.clone())?;
    }
    Ok(())
}

fn tasks(view: View<'_>, told: &Told<'_>) -> Verdict {
    let change = view.change;
    for (id, before, after) in touched(&change.before.tasks, &change.after.tasks) {
        let subject = format!("tasks/{id}");
        let Some(after) = after else {
            let held = before.is_some_and(|task| task.agent_id.is_some());
            hold(
                told.kinds(&subject, "task.cancelled") == usize::from(held),
                "a task that somebody has is cancelled before it goes",
                || subject.clone(),
            )?;
            continue;
        };
        let ticket = view.rows.tickets.get(&after.ticket_id);
        let knows = ticket.is_none_or(|ticket| ticket.has_results);
        hold(after.status != TaskState::Completed || knows, RESULTS, || subject.clone())?;
        let from = before.map_or(0, |task| task.version);
        versions(&subject, from, after.version, told.of(&subject))?;
        unchanged(&subject, from == after.version, before.is_some_and(|before| before == after))?;
    }
    Ok(())
}

fn attempts(view: View<'_>, told: &Told<'_>) -> Verdict {
    let change = view.change;
    for (id, before, after) in touched(&change.before.attempts, &change.after.attempts) {
        let Some(after) = after else { continue };
        let before = before.map_or(&[][..], Vec::as_slice);
        let subject = format!("tasks/{id}");
        let begun = after.len().saturating_sub(before.len());
        let open = |rows: &[Attempt]| rows.iter().filter(|row| row.ended.is_none()).count();
        let ended = (open(before) + begun).saturating_sub(open(after));
        let freeing = told.of(&subject).iter().filter(|event| frees(event).is_some()).count();
        hold(
            told.kinds(&subject, "task.claimed") == begun && freeing == ended,
            "every attempt that begins or ends has its event",
            || format!("{subject}: {begun} begun, {ended} ended, {:?}", told.of(&subject)),
        )?;
    }
    Ok(())
}

/// The slots of an agent change by what the events say, and its row only where one names it.
fn agents(view: View<'_>) -> Verdict {
    let change = view.change;
    for (id, before, after) in touched(&change.before.agents, &change.after.agents) {
        let Some(after) = after else {
            return hold(false, "an agent is never deleted", || id.to_string());
        };
        let subject = format!("agents/{id}");
        let own = change.events.iter().filter(|event| event.subject == subject);
        let by_work = change.events.iter().filter(|event| about(event) == Some(id));
        let mut gained = 0_i64;
        for event in by_work.clone() {
            gained += i64::from(event.kind == "task.claimed");
            gained -= i64::from(frees(event) == Some(id));
        }
        let slots = |stored: &StoredAgent| i64::from(stored.agent.slots_taken);
        let (was, is) = (before.map_or(0, slots), slots(after));
        hold(is == was + gained, "the slots of an agent change by what events tell", || {
            format!("{subject}: {was} became {is}, the events say {gained:+}")
        })?;
        let from = before.map_or(0, |stored| stored.agent.version);
        let named: BTreeSet<i64> = own.clone().filter_map(version).collect();
        let to = after.agent.version;
        let within = named.iter().all(|version| (from + 1..=to).contains(version));
        let silent = usize::try_from(to - from).unwrap_or_default().saturating_sub(named.len());
        hold(
            within && to >= from && (silent == 0 || by_work.count() >= silent),
            "every version of an agent has an event that names it",
            || format!("{subject}: version {from} became {to}, its events name {named:?}"),
        )?;
        let empty = |stored: &StoredAgent| stored.agent.draining && stored.agent.slots_taken == 0;
        let emptied = empty(after) && !before.is_some_and(empty);
        let drained = own.clone().filter(|event| event.kind == "agent.drained").count();
        hold(
            drained == usize::from(emptied),
            "a draining agent that is empty says so once",
            || format!("{subject}: {drained} events"),
        )?;
        let health = before.map(|stored| stored.agent.announced_health);
        let announced = own.filter(|event| event.kind == "agent.health.changed").count();
        let differs = health.is_some_and(|was| was != after.agent.announced_health);
        hold(announced == usize::from(differs), "every change of health has its event", || {
            format!("{subject}: {health:?} became {:?}", after.agent.announced_health)
        })?;
    }
    Ok(())
}

/// The versions that the events name are those that the row went through.
fn versions(subject: &str, from: i64, to: i64, events: &[&Event]) -> Verdict {
    let named: BTreeSet<i64> = events.iter().filter_map(|event| version(event)).collect();
    hold(
        named.iter().copied().eq(from + 1..=to),
        "every version has its event and every event its version",
        || {
            let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
            format!("{subject}: version {from} became {to}, {kinds:?} name {named:?}")
        },
    )
}

fn unchanged(subject: &str, same_version: bool, same: bool) -> Verdict {
    hold(!same_version || same, "nothing changes without a new version", || subject.to_owned())
}

/// Nothing is announced of what did not change; approvals and gates are told of without.
fn subjects_changed(view: View<'_>) -> Verdict {
    let after = &view.change.after;
    let before = &view.change.before;
    for event in &view.change.events {
        let Some((noun, id)) = event.subject.split_once('/') else { continue };
        let Ok(id) = id.parse::<Uuid>() else { continue };
        let changed = match noun {
            "tickets" => after.tickets.contains_key(&id) || before.tickets.contains_key(&id),
            "tasks" => after.tasks.contains_key(&id) || before.tasks.contains_key(&id),
            _ => after.agents.contains_key(&id),
        };
        let remark = matches!(event.kind.as_str(), "ticket.approved" | "ticket.gate.unmet");
        hold(changed || remark, "every event has its change", || {
            format!("{} of {}", event.kind, event.subject)
        })?;
    }
    Ok(())
}

fn version(event: &Event) -> Option<i64> {
    event.data["version"].as_i64()
}

fn about(event: &Event) -> Option<Uuid> {
    let of_a_task = event.subject.starts_with("tasks/");
    event.data["agent_id"].as_str().filter(|_| of_a_task)?.parse().ok()
}

fn frees(event: &Event) -> Option<Uuid> {
    let freeing = FREEING.contains(&event.kind.as_str());
    if freeing && event.data["agent_id"] != Value::Null { about(event) } else { None }
}
