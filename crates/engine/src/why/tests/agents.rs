//! Who could do a task, as people read it.

use insta::assert_snapshot;

use super::*;

/// What these agents mean for a task that requires rust and sql.
fn fleet(agents: Vec<Agent>, unable: &[u128]) -> Cause {
    let mut task = task(11, Phase::Testing);
    task.required_capabilities =
        Capabilities::parse(["rust", "sql"]).unwrap().iter().cloned().collect();
    let unable = unable.iter().map(|&agent| id(agent)).collect();
    cause(&task, &able(&index(agents), &Wanted::of(&task, unable), now()))
}

fn bound(agent: Agent, phase: Phase) -> Agent {
    Agent { phase_id: Some(phase.id().to_string()), ..agent }
}

#[test]
fn nobody_could_ever_do_it_and_the_reason_is_told() {
    let both = || agent(100, &["rust", "sql"]);
    let monitor =
        |number| Agent { agent_type: AgentType::Monitor, ..agent(number, &["rust", "sql"]) };
    let told: Vec<Cause> = vec![
        fleet(vec![], &[]),
        fleet(vec![agent(100, &["ruts", "sql"])], &[]),
        fleet(vec![agent(100, &["cooking"])], &[]),
        fleet(vec![agent(100, &["rust"]), agent(101, &["rust"]), agent(102, &["sql"])], &[]),
        fleet(
            vec![
                monitor(100),
                bound(agent(101, &["rust", "sql"]), Phase::Design),
                bound(monitor(102), Phase::Design),
            ],
            &[],
        ),
        fleet(vec![both()], &[100]),
        fleet(vec![both(), agent(101, &["rust", "sql"]), agent(102, &["rust"])], &[101, 100]),
        fleet(vec![Agent { status: AgentStatus::Terminated, ..both() }], &[]),
    ];
    assert!(told.iter().all(|cause| cause.code == CauseCode::NoCapableAgent), "{told:?}");
    assert_snapshot!(lines(&told), @r#"
    no_capable_agent of #b: No agent is registered, and task "T11" (#b) takes an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      who: whoever registers agents
    no_capable_agent of #b: No registered agent has the capability rust, which task "T11" (#b) requires; closest to rust is ruts.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql. If another name was meant, make the task anew with that one.
      who: whoever registers agents
    no_capable_agent of #b: No registered agent has the capabilities rust and sql, which task "T11" (#b) requires.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      who: whoever registers agents
    no_capable_agent of #b: No single agent has all that task "T11" (#b) requires: rust (2 agents) and sql (1 agent).
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql. Or add to the capabilities of one, or split the task.
      who: whoever registers agents
    no_capable_agent of #b: There are agents that have all that it requires, but task "T11" (#b) is for agents of the type worker in PHASE_TESTING, and they are bound to PHASE_DESIGN, of the type monitor or of the type monitor and bound to PHASE_DESIGN.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      who: whoever registers agents
    no_capable_agent of #b: The only agent that could do task "T11" (#b) has said that it cannot.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql. GET /api/v1/tasks/#b/attempts shows what the others said; the task may require a capability that it does not name.
      who: whoever registers agents
    no_capable_agent of #b: All 2 agents that could do task "T11" (#b) have said that they cannot.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql. GET /api/v1/tasks/#b/attempts shows what the others said; the task may require a capability that it does not name.
      who: whoever registers agents
    no_capable_agent of #b: No agent is registered, and task "T11" (#b) takes an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      help: Register an agent of the type worker for PHASE_TESTING with the capabilities rust and sql.
      who: whoever registers agents
    "#);
}

#[test]
fn what_nobody_has_comes_with_the_closest_names() {
    let cause = fleet(vec![agent(100, &["ruts", "sql"])], &[]);
    assert_eq!(cause.capabilities, ["rust"]);
    assert_eq!(cause.closest["rust"], ["ruts"]);
    assert_eq!(
        fleet(vec![agent(100, &["rust"]), agent(101, &["sql"])], &[]).capabilities,
        ["rust", "sql"]
    );
}

#[test]
fn those_that_could_do_it_take_no_work_now_and_the_reasons_are_counted() {
    let both = |number| agent(number, &["rust", "sql"]);
    let full = |number| Agent { slots_taken: 1, status: AgentStatus::Running, ..both(number) };
    let draining = Agent { draining: true, ..both(102) };
    let silent = Agent { announced_health: Health::Unresponsive, ..both(103) };
    let resting = Agent { status: AgentStatus::Maintenance, ..both(104) };
    let broken = Agent { status: AgentStatus::Failed, ..both(105) };
    let told = [
        fleet(vec![full(100)], &[]),
        fleet(vec![draining.clone()], &[]),
        fleet(vec![silent.clone()], &[]),
        fleet(vec![full(100), full(101), draining, silent, resting, broken, both(106)], &[106]),
        fleet(vec![full(100), both(101), both(102)], &[]),
    ];
    assert_eq!(told[3].agent_ids, [100, 101, 102, 104, 105, 103].map(id));
    assert_snapshot!(lines(&told), @r#"
    capable_agents_busy of #b: The only agent that could do task "T11" (#b) has all its slots taken.
      help: Wait until a slot is free, or register another agent.
      who: the agents, or whoever runs them
    capable_agents_busy of #b: The only agent that could do task "T11" (#b) is draining.
      help: POST /api/v1/agents/{id}/resume ends the draining, or register another agent.
      who: the agents, or whoever runs them
    capable_agents_busy of #b: The only agent that could do task "T11" (#b) is unresponsive.
      help: Have an agent send heartbeats again, or register another agent.
      who: the agents, or whoever runs them
    capable_agents_busy of #b: None of the 6 agents that could do task "T11" (#b) takes work now: 2 have all their slots taken, 1 is draining, 1 is in maintenance, 1 has failed and 1 is unresponsive.
      help: Wait until a slot is free, or POST /api/v1/agents/{id}/resume ends the draining, or bring an agent back into service, or have an agent send heartbeats again, or register another agent.
      who: the agents, or whoever runs them
    ready of #b: Nothing keeps task "T11" (#b): 2 agents are able and free, and none has claimed it yet.
      help: An agent gets it with POST /api/v1/agents/{id}/claim, the most urgent and oldest tasks first.
      who: agent #65 or #66
    "#);
}
