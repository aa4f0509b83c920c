//! What keeps a task, as people read it.

use insta::assert_snapshot;

use super::*;

#[test]
fn a_task_waits_for_another_one_and_what_keeps_that_is_told() {
    let waits =
        |number, on: u128| Task { depends_on: vec![id(on)], ..task(number, Phase::Testing) };
    let hard = Task {
        required_capabilities: vec![Capability::parse("rsut").unwrap()],
        ..task(13, Phase::Testing)
    };
    let given_up = Task {
        finished_by: Some("ada".to_owned()),
        attempts_used: 0,
        ..failed(15, Phase::Testing)
    };
    let both = Task { depends_on: vec![id(15), id(16), id(17)], ..task(14, Phase::Testing) };
    let work = vec![
        waits(11, 12),
        waits(12, 13),
        hard,
        both,
        given_up,
        leased(16, Phase::Testing),
        Task { status: TaskState::Cancelled, ..task(17, Phase::Testing) },
    ];
    let scene = one(ticket(1, Phase::Testing), work);
    assert_eq!(scene.task(id(14)).unwrap().causes[0].waits_for, [id(15), id(16)]);
    assert_snapshot!(of_task(&scene, 11) + &of_task(&scene, 14), @r#"
    waits_for_task of #b: Task "T11" (#b) waits for task "T12" (#c), which is pending. Task "T12" (#c) waits for task "T13" (#d), which is pending. No registered agent has the capability rsut, which task "T13" (#d) requires; closest to rsut is rust.
      help: Register an agent of the type worker for PHASE_TESTING with the capability rsut. If another name was meant, make the task anew with that one.
      who: whoever registers agents
    waits_for_task of #e: Task "T14" (#e) waits for 2 tasks: task "T15" (#f), which has failed; task "T16" (#10), which is running. Task "T15" (#f) has failed; ada said so: it broke.
      help: POST /api/v1/tasks/#f/retry has the failed one tried anew; or make a task that does not need it in place of this one.
      who: an operator
    "#);
}

#[test]
fn however_long_the_chain_its_end_is_named_with_what_would_help() {
    let waits =
        |number, on: u128| Task { depends_on: vec![id(on)], ..task(number, Phase::Testing) };
    let hard = Task {
        required_capabilities: vec![Capability::parse("rsut").unwrap()],
        ..task(20, Phase::Testing)
    };
    let chain = (11..20).map(|number| waits(number, number + 1)).chain([hard]);
    let scene = one(ticket(1, Phase::Testing), chain.collect());
    let why = scene.task(id(11)).unwrap();
    let [cause] = why.causes.as_slice() else { panic!("{why:?}") };
    let end = "At the end of 6 more tasks that wait for each other: No registered agent has the \
               capability rsut, which task \"T20\"";
    assert!(cause.detail.contains(end), "{}", cause.detail);
    assert_eq!(
        (cause.code, cause.root),
        (CauseCode::WaitsForTask, Some(CauseCode::NoCapableAgent))
    );
    assert_eq!(
        (cause.capabilities.join(" "), cause.who.as_str()),
        ("rsut".to_owned(), "whoever registers agents")
    );
}

#[test]
fn what_keeps_the_work_of_an_earlier_phase_is_told() {
    let hard = Task {
        required_capabilities: vec![Capability::parse("rsut").unwrap()],
        ..task(11, Phase::Design)
    };
    let scene = one(ticket(1, Phase::Testing), vec![hard, task(12, Phase::Testing)]);
    let why = scene.task(id(12)).unwrap();
    let [cause] = why.causes.as_slice() else { panic!("{why:?}") };
    assert!(
        cause.detail.contains("No registered agent has the capability rsut"),
        "{}",
        cause.detail
    );
    assert_eq!(cause.root, Some(CauseCode::NoCapableAgent));
}

#[test]
fn a_circle_of_what_cannot_be_still_comes_to_an_end() {
    let waits =
        |number, on: u128| Task { depends_on: vec![id(on)], ..task(number, Phase::Testing) };
    let scene = one(ticket(1, Phase::Testing), vec![waits(11, 12), waits(12, 11)]);
    assert_eq!(codes(&scene.task(id(11)).unwrap()), "waits_for_task");
}

#[test]
fn phases_come_one_after_the_other() {
    let work = vec![task(11, Phase::Design), task(12, Phase::Testing)];
    let scene = one(ticket(1, Phase::Requirements), work);
    assert_snapshot!(of_task(&scene, 12), @r#"
    earlier_phase_open of #c: Task "T12" (#c) is work of PHASE_TESTING, and work of earlier phases of its ticket comes first: task "T11" (#b) of PHASE_DESIGN, which is pending.
      help: It can begin when each of them is completed, failed or cancelled.
      who: whoever works on them
    phase_not_reached of #c: Task "T12" (#c) is work of PHASE_TESTING, and its ticket stands in PHASE_REQUIREMENTS. Ticket "Ticket 1" (#1) stands in PHASE_REQUIREMENTS, where it has no task to do; it does not advance by itself. 2 tasks of later phases wait for it.
      help: It can begin when the ticket has come to PHASE_TESTING. POST /api/v1/tickets/#1/tasks makes a task. POST /api/v1/tickets/#1/transition moves it on to PHASE_DESIGN.
      who: whoever may make tasks or move the ticket
    "#);
    assert_snapshot!(of_ticket(&scene, 1), @r#"
    no_tasks: Ticket "Ticket 1" (#1) stands in PHASE_REQUIREMENTS, where it has no task to do; it does not advance by itself. 2 tasks of later phases wait for it.
      help: POST /api/v1/tickets/#1/tasks makes a task. POST /api/v1/tickets/#1/transition moves it on to PHASE_DESIGN.
      who: whoever may make tasks or move the ticket
    "#);
}

#[test]
fn a_task_that_was_tried_says_how_that_went() {
    let lost = Task { losses_in_a_row: 3, available_at: later(30), ..task(11, Phase::Testing) };
    let waiting = Task {
        failures_in_a_row: 1,
        available_at: later(30),
        error_message: Some("no network".to_owned()),
        ..task(12, Phase::Testing)
    };
    let due = Task { available_at: later(0), ..task(13, Phase::Testing) };
    let work = vec![lost, waiting, due, failed(14, Phase::Testing)];
    let mut scene = one(ticket(1, Phase::Testing), work);
    scene
        .failures
        .insert(id(14), vec!["attempt 1 (task): a".to_owned(), "attempt 2 (task): b".to_owned()]);
    assert_eq!(codes(&scene.task(id(13)).unwrap()), "ready");
    assert_snapshot!(of_task(&scene, 11) + &of_task(&scene, 12) + &of_task(&scene, 14), @r#"
    backing_off of #b: Task "T11" (#b) is not tried again before 1970-01-01 00:00:30 UTC, after 3 lost leases in a row.
      help: Wait: it can be claimed again by then.
      who: nobody needs to do anything
    backing_off of #c: Task "T12" (#c) is not tried again before 1970-01-01 00:00:30 UTC, after 1 failure in a row, the last one: "no network".
      help: Wait: it can be claimed again by then.
      who: nobody needs to do anything
    attempts_used_up of #e: Task "T14" (#e) has used up its 3 attempts: attempt 1 (task): a; attempt 2 (task): b.
      help: POST /api/v1/tasks/#e/retry has it tried anew.
      who: an operator
    "#);
}

#[test]
fn a_lease_says_who_has_it_and_how_they_are() {
    let mut scene = one(ticket(1, Phase::Testing), vec![leased(11, Phase::Testing)]);
    assert!(scene.task(id(11)).unwrap().moving && scene.ticket(id(1)).unwrap().moving);
    let mut told = of_task(&scene, 11);
    let (health, progress) = (Health::Healthy, Progress::Stalled);
    for holder in [
        Some(Holder { health, progress }),
        Some(Holder { health: Health::Unresponsive, progress }),
        None,
    ] {
        scene.holders.remove(&id(100));
        scene.holders.extend(holder.map(|holder| (id(100), holder)));
        told += of_task(&scene, 11).lines().next().unwrap();
        told += "\n";
    }
    scene.now = now() + TimeDelta::seconds(60);
    assert!(!scene.task(id(11)).unwrap().moving && !scene.ticket(id(1)).unwrap().moving);
    told += of_task(&scene, 11).lines().next().unwrap();
    assert_snapshot!(told, @r#"
    leased of #b: Agent #64 has task "T11" (#b) until 1970-01-01 00:01:00 UTC (fencing token 2).
      help: Wait for its result, or for the lease to end: then the task is there for others. POST /api/v1/tasks/#b/cancel takes it away for good.
      who: agent #64
    leased of #b: Agent #64 has task "T11" (#b) until 1970-01-01 00:01:00 UTC (fencing token 2). The agent is stalled: it has neither extended nor ended any of its tasks for too long.
    leased of #b: Agent #64 has task "T11" (#b) until 1970-01-01 00:01:00 UTC (fencing token 2). The agent is unresponsive: its work is about to be taken back.
    leased of #b: Agent #64 has task "T11" (#b) until 1970-01-01 00:01:00 UTC (fencing token 2). The agent is not registered any more.
    leased of #b: Agent #64 has task "T11" (#b) under a lease that ended at 1970-01-01 00:01:00 UTC and is about to be taken back (fencing token 2). The agent is not registered any more.
    "#);
}

#[test]
fn a_task_that_its_done_ticket_left_behind_is_nobodys() {
    let scene = one(ticket(1, Phase::Done), vec![task(11, Phase::Testing)]);
    assert_snapshot!(of_task(&scene, 11) + &of_ticket(&scene, 1), @r#"
    done of #b: Task "T11" (#b) is pending, but its ticket has come to PHASE_DONE, which is an end: nobody gets it any more.
      help: POST /api/v1/tasks/#b/cancel puts it away.
      who: an operator
    done: Ticket "Ticket 1" (#1) is in PHASE_DONE since 1970-01-01 00:00:00 UTC.
      help: Nothing is left to do. For more work make a new ticket.
      who: nobody needs to do anything
    "#);
}
