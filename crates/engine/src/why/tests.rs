//! The causes as people read them.

mod agents;
mod tasks;
mod tickets;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_persistence::{
    tasks::Task,
    tickets::{Flow, Ticket},
    why::{Completed, Standing},
};
use phaseline_phases::{
    Blocker, BlockerKind, GateCode, GatePoint, GateReport, Phase, PhaseId, Position, WorkflowId,
};
use phaseline_registry::{
    Agent, AgentStatus, AgentType, Capabilities, Capability, Capacity, Health, HealthPolicy, Index,
    Progress,
};
use phaseline_tasks::{Priority, TaskState, TaskType};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::{
    Cause, CauseCode, Why,
    able::{Wanted, able},
    agents::cause,
    scene::{Holder, Rules, Scene},
};

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn later(seconds: i64) -> Option<DateTime<Utc>> {
    Some(now() + TimeDelta::seconds(seconds))
}

/// A ticket with this number in this phase.
fn ticket(number: u128, phase: Phase) -> Ticket {
    Ticket {
        id: id(number),
        key: None,
        title: format!("Ticket {number}"),
        description: String::new(),
        workflow_id: WorkflowId::standard(),
        position: Position { phase: phase.id(), previous: None, sequence: 1, since: now() },
        priority: Priority::Medium,
        estimate: None,
        blocked_by: Vec::new(),
        flow: Flow::default(),
        blocker: None,
        answers: Vec::new(),
        templated_phases: Vec::new(),
        rework_since: 0,
        has_results: false,
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

/// A pending task of ticket 1 that requires rust.
pub(crate) fn task(number: u128, phase: Phase) -> Task {
    Task {
        id: id(number),
        ticket_id: id(1),
        key: None,
        phase_id: phase.id(),
        task_type: TaskType::default(),
        title: Some(format!("T{number}")),
        description: String::new(),
        priority: Priority::Medium,
        estimate: None,
        agent_type: AgentType::Worker,
        required_capabilities: vec![Capability::parse("rust").unwrap()],
        status: TaskState::Pending,
        result: None,
        error_message: None,
        depends_on: Vec::new(),
        finished_at: None,
        finished_by: None,
        max_attempts: 3,
        attempts_used: 0,
        failures_in_a_row: 0,
        losses_in_a_row: 0,
        fencing_token: 0,
        agent_id: None,
        lease_expires_at: None,
        available_at: None,
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn leased(number: u128, phase: Phase) -> Task {
    Task {
        status: TaskState::Running,
        agent_id: Some(id(100)),
        lease_expires_at: later(60),
        fencing_token: 2,
        ..task(number, phase)
    }
}

fn failed(number: u128, phase: Phase) -> Task {
    Task {
        status: TaskState::Failed,
        attempts_used: 3,
        error_message: Some("it broke".to_owned()),
        ..task(number, phase)
    }
}

fn agent(number: u128, capabilities: &[&str]) -> Agent {
    let capabilities = Capabilities::parse(capabilities).unwrap();
    Agent::new(id(number), AgentType::Worker, capabilities, Capacity::MIN, now())
}

fn index(agents: Vec<Agent>) -> Index {
    let mut index = Index::new(HealthPolicy::default(), now());
    for agent in agents {
        index.upsert(agent);
    }
    index
}

/// A scene with one free agent that can do rust.
fn scene(tickets: Vec<(Ticket, Rules, Vec<Task>)>) -> Scene {
    let index = index(vec![agent(100, &["rust"])]);
    let mut scene = Scene::empty(now());
    for (ticket, rules, tasks) in tickets {
        for task in &tasks {
            let (id, title) = (task.id, task.title.clone());
            let (ticket_id, status) = (task.ticket_id, task.status);
            scene.standings.insert(id, Standing { id, ticket_id, key: None, title, status });
            scene.able.insert(id, able(&index, &Wanted::of(task, Vec::new()), now()));
        }
        scene.awaited.insert(ticket.id, ticket.clone());
        scene.add(ticket, rules, tasks, Vec::new()).unwrap();
    }
    let well = Holder { health: Health::Healthy, progress: Progress::Active };
    scene.holders.insert(id(100), well);
    scene
}

fn one(ticket: Ticket, tasks: Vec<Task>) -> Scene {
    scene(vec![(ticket, Rules::default(), tasks)])
}

/// With so many completed tasks in its phase, the last one at this second.
fn with_completed(mut scene: Scene, phase: Phase, count: u64, second: i64) -> Scene {
    let facts = scene.tickets.remove(&id(1)).unwrap();
    let done = Completed { ticket_id: id(1), phase_id: phase.id(), count, last_at: later(second) };
    let tasks = facts.tasks.iter().filter_map(|id| scene.tasks.get(id)).cloned().collect();
    scene.add(facts.ticket, facts.rules, tasks, vec![done]).unwrap();
    scene
}

fn with_unmet_gate(mut scene: Scene) -> Scene {
    let point = GatePoint {
        code: GateCode::Approvals,
        met: false,
        demand: "1 must approve who is not an author".to_owned(),
        found: "there is none".to_owned(),
        satisfied_by: "whoever is not an author".to_owned(),
        artifact_type: None,
    };
    let facts = scene.tickets.get_mut(&id(1)).unwrap();
    facts.gate = Some(GateReport { points: vec![point] });
    scene
}

fn blocked() -> Ticket {
    let mut ticket = ticket(1, Phase::Blocked);
    ticket.position.previous = Some(Phase::Implementation.id());
    ticket.blocker = Some(Blocker {
        kind: BlockerKind::NeedsInput,
        question: Some("which currency?".to_owned()),
        reasons: vec!["two are named".to_owned()],
        since: now(),
        by: Some("agents/7".to_owned()),
        task_id: None,
    });
    ticket
}

fn lines(causes: &[Cause]) -> String {
    let line = |cause: &Cause| {
        let Cause { code, detail, help, who, .. } = cause;
        let of = cause.task_id.map(|task| format!(" of {task}")).unwrap_or_default();
        format!("{code}{of}: {detail}\n  help: {help}\n  who: {who}\n")
    };
    let text: String = causes.iter().map(line).collect();
    // Short names for ids that only count.
    let short = "00000000-0000-0000-0000-0000000000";
    text.replace(&format!("{short}0"), "#").replace(short, "#")
}

fn of_task(scene: &Scene, number: u128) -> String {
    lines(&scene.task(id(number)).unwrap().causes)
}

fn of_ticket(scene: &Scene, number: u128) -> String {
    lines(&scene.ticket(id(number)).unwrap().causes)
}

fn codes(why: &Why) -> String {
    let codes: Vec<String> = why.causes.iter().map(|cause| cause.code.to_string()).collect();
    codes.join(" ")
}

/// Scenes of ticket 1, one for each way to stand still.
fn all() -> Vec<Scene> {
    let phase = Phase::Testing;
    let waits = Task { depends_on: vec![id(12)], ..task(11, phase) };
    let mut after = ticket(1, phase);
    after.blocked_by = vec![id(2)];
    let rules = Rules::default();
    let mut hard = task(11, phase);
    hard.required_capabilities = vec![Capability::parse("latin").unwrap()];
    let late = Task { available_at: later(9), ..task(11, phase) };
    let mut busy = one(ticket(1, phase), vec![task(11, phase)]);
    let drained = index(vec![Agent { draining: true, ..agent(100, &["rust"]) }]);
    busy.able.insert(id(11), able(&drained, &Wanted::of(&task(11, phase), Vec::new()), now()));
    vec![
        one(ticket(1, phase), vec![waits, failed(12, phase)]),
        scene(vec![(after, rules, vec![task(11, phase)]), (ticket(2, phase), rules, vec![])]),
        one(ticket(1, phase), vec![task(10, Phase::Design), task(11, phase)]),
        one(ticket(1, Phase::Design), vec![task(11, phase)]),
        with_unmet_gate(one(ticket(1, phase), vec![])),
        with_completed(one(ticket(1, phase), vec![]), phase, 1, 0),
        one(ticket(1, phase), vec![hard]),
        one(ticket(1, phase), vec![late]),
        busy,
        one(ticket(1, phase), vec![task(11, phase)]),
        one(ticket(1, phase), vec![leased(11, phase)]),
        one(ticket(1, phase), vec![Task { status: TaskState::Cancelled, ..task(11, phase) }]),
        one(ticket(1, Phase::Done), vec![]),
        one(blocked(), vec![]),
    ]
}

#[test]
fn there_is_always_a_cause_and_every_kind_of_cause_comes_about() {
    let mut seen = BTreeSet::new();
    for scene in all() {
        let of_tasks = scene.tasks.keys().filter_map(|id| scene.task(*id));
        for why in of_tasks.chain(scene.ticket(id(1))) {
            assert!(!why.causes.is_empty(), "{why:?}");
            seen.extend(why.causes.iter().map(|cause| cause.code));
            for Cause { detail, help, who, .. } in &why.causes {
                assert!(
                    detail.ends_with(['.', '?', '"']) || detail.contains("led to it"),
                    "{detail}"
                );
                assert!(!help.is_empty() && !who.is_empty(), "{detail}");
            }
        }
    }
    let missing: Vec<CauseCode> = CauseCode::iter().filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, []);
}

#[test]
fn codes_read_themselves_back() {
    for code in CauseCode::iter() {
        let json = serde_json::to_value(code).unwrap();
        assert_eq!(json, code.to_string());
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    let phase: PhaseId = Phase::Testing.id();
    assert_eq!(phase.as_str(), "PHASE_TESTING");
}
