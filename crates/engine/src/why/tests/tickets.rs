//! What keeps a ticket, as people read it.

use insta::assert_snapshot;

use super::*;

#[test]
fn a_ticket_waits_for_another_one_and_what_keeps_that_is_told() {
    let mut waiting = ticket(1, Phase::Backlog);
    waiting.blocked_by = vec![id(2), id(3)];
    let mut other = blocked();
    (other.id, other.title) = (id(2), "Ticket 2".to_owned());
    let rules = Rules::default();
    let scene = scene(vec![
        (waiting, rules, vec![task(11, Phase::Backlog)]),
        (other, rules, vec![]),
        (ticket(3, Phase::Done), rules, vec![]),
    ]);
    assert_eq!(of_task(&scene, 11).replace(" of #b", ""), of_ticket(&scene, 1));
    assert_snapshot!(of_ticket(&scene, 1), @r#"
    waits_for_ticket: Ticket "Ticket 1" (#1) waits for ticket "Ticket 2" (#2), which is in PHASE_BLOCKED. Ticket "Ticket 2" (#2) is blocked in PHASE_IMPLEMENTATION since 1970-01-01 00:00:00 UTC by agents/7: somebody has to say or decide something (needs_input). It is asked: "which currency?" What led to it: two are named
      help: POST /api/v1/tickets/#2/answer says what is to be done and lets it go on where it was blocked, or in an earlier phase.
      who: whoever can answer
    "#);
}

#[test]
fn a_ticket_that_has_not_begun_begins_with_its_first_work() {
    let work = || vec![task(11, Phase::Testing)];
    let check = |rules, expected: &str| {
        let scene = scene(vec![(ticket(1, Phase::Backlog), rules, work())]);
        let (task, ticket) = (scene.task(id(11)).unwrap(), scene.ticket(id(1)).unwrap());
        assert_eq!(format!("{} / {}", codes(&task), codes(&ticket)), expected);
    };
    let off = Rules::default();
    check(off, "ready / ready");
    check(Rules { gates: true, ..off }, "phase_not_reached / no_tasks");
    check(Rules { templates: true, ..off }, "phase_not_reached / no_tasks");
}

#[test]
fn a_blocked_ticket_says_what_is_asked() {
    let scene = one(blocked(), vec![task(11, Phase::Implementation)]);
    assert_eq!(codes(&scene.task(id(11)).unwrap()), "blocked");
    assert_snapshot!(of_ticket(&scene, 1), @r#"
    blocked: Ticket "Ticket 1" (#1) is blocked in PHASE_IMPLEMENTATION since 1970-01-01 00:00:00 UTC by agents/7: somebody has to say or decide something (needs_input). It is asked: "which currency?" What led to it: two are named
      help: POST /api/v1/tickets/#1/answer says what is to be done and lets it go on where it was blocked, or in an earlier phase.
      who: whoever can answer
    "#);
}

#[test]
fn a_phase_whose_work_is_done_says_why_it_is_not_left() {
    let empty =
        |rules| scene(vec![(ticket(1, Phase::Design), rules, vec![task(11, Phase::Testing)])]);
    let off = Rules::default();
    let on = Rules { advances: true, ..off };
    let bare = scene(vec![(ticket(1, Phase::Design), on, vec![])]);
    let done = |rules| with_completed(empty(rules), Phase::Design, 2, 0);
    let told = [
        of_ticket(&empty(off), 1),
        of_ticket(&bare, 1),
        of_ticket(&done(off), 1),
        of_ticket(&with_completed(empty(on), Phase::Design, 1, -5), 1),
        of_ticket(&with_unmet_gate(done(Rules { gates: true, ..on })), 1),
    ];
    assert_snapshot!(told.concat(), @r#"
    no_tasks: Ticket "Ticket 1" (#1) stands in PHASE_DESIGN, where it has no task to do; it does not advance by itself. 1 task of a later phase waits for it.
      help: POST /api/v1/tickets/#1/tasks makes a task. POST /api/v1/tickets/#1/transition moves it on to PHASE_IMPLEMENTATION.
      who: whoever may make tasks or move the ticket
    no_tasks: Ticket "Ticket 1" (#1) stands in PHASE_DESIGN, where it has no task to do; it does not pass by itself through phases that have no tasks.
      help: POST /api/v1/tickets/#1/tasks makes a task. POST /api/v1/tickets/#1/transition moves it on to PHASE_IMPLEMENTATION.
      who: whoever may make tasks or move the ticket
    not_advanced: Ticket "Ticket 1" (#1) stands in PHASE_DESIGN, where 2 tasks are completed and none is open; it does not advance by itself.
      help: POST /api/v1/tickets/#1/transition moves it on to PHASE_IMPLEMENTATION.
      who: whoever may move the ticket
    not_advanced: Ticket "Ticket 1" (#1) stands in PHASE_DESIGN, where 1 task is completed and none is open; that was before it came there at 1970-01-01 00:00:00 UTC, and there is no new one.
      help: POST /api/v1/tickets/#1/transition moves it on to PHASE_IMPLEMENTATION. Or make a task for what has to change.
      who: whoever may move the ticket
    gate_unmet: Ticket "Ticket 1" (#1) cannot leave PHASE_DESIGN, whose gate is not met: 1 must approve who is not an author, and there is none.
      help: POST /api/v1/tickets/#1/artifacts and /approvals bring what is missing; POST /api/v1/tickets/#1/transition with force and a reason passes the gate all the same.
      who: whoever is not an author
    "#);
    assert_snapshot!(of_task(&with_unmet_gate(done(off)), 11), @r#"
    phase_not_reached of #b: Task "T11" (#b) is work of PHASE_TESTING, and its ticket stands in PHASE_DESIGN. Ticket "Ticket 1" (#1) cannot leave PHASE_DESIGN, whose gate is not met: 1 must approve who is not an author, and there is none.
      help: It can begin when the ticket has come to PHASE_TESTING. POST /api/v1/tickets/#1/artifacts and /approvals bring what is missing; POST /api/v1/tickets/#1/transition with force and a reason passes the gate all the same.
      who: whoever is not an author
    "#);
}

#[test]
fn of_a_ticket_that_moves_what_is_stuck_is_told_all_the_same() {
    let hard = Task {
        required_capabilities: vec![Capability::parse("latin").unwrap()],
        ..task(12, Phase::Testing)
    };
    let with = |work| one(ticket(1, Phase::Testing), work).ticket(id(1)).unwrap();
    let moving = with(vec![leased(11, Phase::Testing)]);
    assert!(moving.moving && !moving.is_stuck());
    let stuck = with(vec![leased(11, Phase::Testing), hard]);
    assert!(stuck.moving && stuck.is_stuck());
    assert_eq!(codes(&stuck), "no_capable_agent leased");
    assert!(with(vec![task(11, Phase::Testing)]).is_stuck());
}

#[test]
fn a_task_that_has_failed_is_named_before_its_phase_has_come() {
    let work = vec![failed(11, Phase::Implementation)];
    let scene = one(ticket(1, Phase::Backlog), work);
    assert_eq!(codes(&scene.ticket(id(1)).unwrap()), "no_tasks attempts_used_up");
}
