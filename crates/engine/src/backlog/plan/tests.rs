//! Backlogs that are refused, with the sentence that says why, and names that resolve.

use chrono::DateTime;
use phaseline_persistence::tickets::{Flow, Ticket};
use phaseline_phases::{Note, Phase, Position, WorkflowId};
use phaseline_tasks::Priority;
use uuid::Uuid;

use super::super::BacklogTicket;
use super::*;

/// `A: B C` is ticket A blocked by B and C; `A/1: 2 B/3` is task 1 of A, which depends on 2 and B/3;
/// a line that begins with `stored` is in the database already, and waits for nothing.
#[track_caller]
fn check(text: &str, expected: &str) {
    let mut backlog = Backlog::default();
    let mut known = Known::default();
    for line in text.lines() {
        let (name, awaited) = line.trim().split_once(':').unwrap();
        let awaited: Vec<String> = awaited.split_whitespace().map(str::to_owned).collect();
        match (name.strip_prefix("stored "), name.split_once('/')) {
            (Some(name), _) => match name.split_once('/') {
                Some((ticket, key)) => {
                    known.tasks.insert((ticket.to_owned(), key.to_owned()), Uuid::nil());
                }
                None => {
                    known.tickets.insert(name.to_owned(), stored(name, &Phase::Design.id()));
                }
            },
            (None, Some((ticket, key))) => backlog.tasks.push(task(ticket, key, awaited)),
            (None, None) => backlog.tickets.push(ticket(name, awaited)),
        }
    }
    let found = match resolve(&backlog, &known) {
        Ok(plan) => plan
            .dependencies
            .iter()
            .flatten()
            .map(|(ticket, key)| format!("{ticket}/{key}"))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

fn stored(key: &str, phase: &PhaseId) -> Ticket {
    let now = DateTime::UNIX_EPOCH;
    let opening =
        Position::start(Workflow::standard(), Some(phase.clone()), Note::default(), now).unwrap();
    Ticket {
        id: Uuid::nil(),
        key: Some(key.to_owned()),
        title: key.to_owned(),
        description: String::new(),
        workflow_id: WorkflowId::standard(),
        position: opening.position(),
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
        created_at: now,
        updated_at: now,
    }
}

fn ticket(key: &str, blocked_by: Vec<String>) -> BacklogTicket {
    BacklogTicket {
        key: key.to_owned(),
        title: key.to_owned(),
        description: String::new(),
        priority: Priority::Medium,
        estimate: None,
        phase_id: None,
        blocked_by,
        flow: Flow::default(),
    }
}

fn task(ticket: &str, key: &str, depends_on: Vec<String>) -> BacklogTask {
    BacklogTask {
        key: key.to_owned(),
        ticket: ticket.to_owned(),
        title: None,
        description: String::new(),
        task_type: None,
        phase_id: None,
        priority: None,
        estimate: None,
        depends_on,
        agent_type: None,
        required_capabilities: Vec::new(),
        max_attempts: None,
    }
}

#[test]
fn the_own_ticket_comes_first_then_the_only_one_of_that_name() {
    check("A:\nB:\nA/1:\nB/1:\nA/2: 1", "A/1");
    check("A:\nB:\nA/1:\nB/2: 1", "A/1");
    check("A:\nB:\nC:\nA/1:\nB/1:\nC/2: B/1", "B/1");
    check("A:\nstored A:\nstored A/1:\nA/2: 1", "A/1");
}

#[test]
fn a_name_that_leads_nowhere_is_named() {
    check("A: B", "ticket A is blocked by B, which is neither in the backlog nor stored");
    check("A:\nB/1:", "task 1 belongs to ticket B, which is neither in the backlog nor stored");
    check(
        "A:\nA/1: 2",
        "task 1 of ticket A depends on 2, which is neither in the backlog nor stored",
    );
    check(
        "A:\nB:\nC:\nA/1:\nB/1:\nC/2: 1",
        "task 2 of ticket C depends on 1, which could be any of A/1, B/1: write the one that is meant",
    );
}

#[test]
fn a_key_that_comes_twice_is_named() {
    check("A:\nA:", "two tickets have the key A");
    check("A:\nA/1:\nA/1:", "two tasks of ticket A have the key 1");
}

#[test]
fn a_circle_is_named_all_the_way_round() {
    check(
        "A: B\nB: A",
        "the dependencies go round in a circle: ticket A waits for ticket B waits for ticket A",
    );
    check(
        "A:\nA/1: 2\nA/2: 1",
        "the dependencies go round in a circle: task A/1 waits for task A/2 waits for task A/1",
    );
    check("A:\nA/1: 1", "the dependencies go round in a circle: task A/1 waits for task A/1");
}

#[test]
fn a_ticket_that_waits_for_its_own_successor_is_a_circle() {
    check(
        "A:\nB: A\nA/1: B/1\nB/1:",
        "the dependencies go round in a circle: ticket A waits for task A/1 waits for task B/1 waits for ticket A",
    );
}

#[test]
fn a_circle_through_what_is_stored_is_found() {
    let mut known = Known::default();
    for key in ["A", "B"] {
        known.tickets.insert(key.to_owned(), stored(key, &Phase::Design.id()));
    }
    known.tasks.insert(("B".to_owned(), "1".to_owned()), Uuid::nil());
    let (a, b) = (Item::Ticket("A".to_owned()), Item::Ticket("B".to_owned()));
    let waiting = Item::Task("B".to_owned(), "1".to_owned());
    known.waits = Waits::from([(b, vec![waiting.clone()]), (waiting, vec![a])]);
    let backlog = Backlog { tickets: Vec::new(), tasks: vec![task("A", "2", vec!["B/1".into()])] };
    assert_eq!(
        resolve(&backlog, &known).unwrap_err().to_string(),
        "the dependencies go round in a circle: ticket A waits for task A/2 waits for task B/1 waits for ticket A"
    );
}

#[test]
fn a_circle_that_is_stored_already_does_not_stop_an_import() {
    let mut known = Known::default();
    let (a, b) = (Item::Ticket("A".to_owned()), Item::Ticket("B".to_owned()));
    known.waits = Waits::from([(a.clone(), vec![b.clone()]), (b, vec![a])]);
    for key in ["A", "B"] {
        known.tickets.insert(key.to_owned(), stored(key, &Phase::Design.id()));
    }
    let backlog = Backlog { tickets: Vec::new(), tasks: vec![task("A", "1", Vec::new())] };
    assert!(resolve(&backlog, &known).is_ok());
}

#[test]
fn a_refusal_says_where_it_stands() {
    let mut backlog = Backlog {
        tickets: vec![ticket("A", Vec::new())],
        tasks: vec![task("A", "1", Vec::new()), task("A", "2", vec!["1".into(), "3".into()])],
    };
    let place = |backlog: &Backlog| resolve(backlog, &Known::default()).unwrap_err().place;
    assert_eq!(place(&backlog), "/tasks/1/depends_on/1");
    backlog.tasks[1].depends_on.pop();
    backlog.tasks[0].phase_id = Some(Phase::Done.id());
    assert_eq!(place(&backlog), "/tasks/0/phase_id");
    backlog.tickets[0].phase_id = Some(PhaseId::parse("PHASE_LUNCH").unwrap());
    assert_eq!(place(&backlog), "/tickets/0/phase_id");
}

#[test]
fn a_stored_ticket_that_is_done_takes_no_new_tasks() {
    let mut known = Known::default();
    known.tickets.insert("A".to_owned(), stored("A", &Phase::Done.id()));
    let backlog = Backlog { tickets: Vec::new(), tasks: vec![task("A", "1", Vec::new())] };
    assert_eq!(
        resolve(&backlog, &known).unwrap_err().to_string(),
        "task A/1: its ticket is in PHASE_DONE, which is an end: it takes no new tasks"
    );
    known.tasks.insert(("A".to_owned(), "1".to_owned()), Uuid::nil());
    assert!(resolve(&backlog, &known).is_ok(), "the task is there already");
}

/// The phases of the tasks `A/1: type > awaited`, in their order, or why there are none.
#[track_caller]
fn check_phases(text: &str, expected: &str) {
    let mut backlog = Backlog::default();
    for line in text.lines() {
        let (name, rest) = line.trim().split_once(':').unwrap();
        let (of, awaited) = rest.split_once('>').unwrap_or((rest, ""));
        let Some((key, name)) = name.split_once('/') else {
            backlog.tickets.push(ticket(name, Vec::new()));
            continue;
        };
        let mut task = task(key, name, awaited.split_whitespace().map(str::to_owned).collect());
        match of.trim().strip_prefix("PHASE_") {
            Some(_) => task.phase_id = Some(PhaseId::parse(of.trim()).unwrap()),
            None => task.task_type = Some(of.trim().parse().unwrap()),
        }
        backlog.tasks.push(task);
    }
    let found = match resolve(&backlog, &Known::default()) {
        Ok(plan) => plan.phases.iter().map(|phase| phase.as_str()).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    };
    assert_eq!(found.replace("PHASE_", ""), expected);
}

#[test]
fn what_earlier_work_waits_for_is_brought_forward() {
    check_phases("A:\nA/i: code > t\nA/t: test", "IMPLEMENTATION IMPLEMENTATION");
    // Over another ticket.
    check_phases(
        "A:\nB:\nA/i: code > B/x\nB/x: code > A/t\nA/t: test",
        "IMPLEMENTATION IMPLEMENTATION IMPLEMENTATION",
    );
    // Through the phases of another ticket, which nothing names.
    check_phases(
        "A:\nB:\nA/i: code > B/t\nA/t: test\nB/i: code > A/t\nB/t: test",
        "IMPLEMENTATION TESTING IMPLEMENTATION IMPLEMENTATION",
    );
}

#[test]
fn phases_that_the_backlog_names_and_that_cannot_be_are_a_circle() {
    check_phases(
        "A:\nA/i: code > t\nA/t: PHASE_TESTING",
        "the dependencies go round in a circle: task A/i waits for task A/t waits for \
         the work of A up to IMPLEMENTATION waits for task A/i",
    );
}

#[test]
fn a_ticket_that_comes_done_takes_no_tasks() {
    let done = BacklogTicket { phase_id: Some(Phase::Done.id()), ..ticket("A", Vec::new()) };
    let backlog = Backlog { tickets: vec![done], tasks: vec![task("A", "1", Vec::new())] };
    assert_eq!(
        resolve(&backlog, &Known::default()).unwrap_err().to_string(),
        "task A/1: its ticket is in PHASE_DONE, which is an end: it takes no new tasks"
    );
}
