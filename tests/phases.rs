//! The table of transitions over HTTP: all pairs, the blocked rule, and refusals that teach.

use serde_json::{Value, json};

use crate::kit::{Http, enter, history, new_ticket, server, tables, text, transition};

const PHASES: [&str; 8] = [
    "PHASE_BACKLOG",
    "PHASE_REQUIREMENTS",
    "PHASE_DESIGN",
    "PHASE_IMPLEMENTATION",
    "PHASE_TESTING",
    "PHASE_DEPLOYMENT",
    "PHASE_DONE",
    "PHASE_BLOCKED",
];

/// The table of the design, written out once more: a row a phase, with the kind of each move. What
/// is blocked here was blocked in deployment, from where every way back is open.
const TABLE: &str = "
    backlog         requirements=advance blocked=block
    requirements    design=advance blocked=block
    design          implementation=advance blocked=block
    implementation  testing=advance blocked=block
    testing         deployment=advance implementation=regress blocked=block
    deployment      done=complete blocked=block
    done
    blocked         backlog=resume requirements=resume design=resume implementation=resume testing=resume deployment=resume
";

#[tokio::test]
async fn all_64_pairs_are_answered_by_the_table() {
    let server = server().await;
    for from in PHASES {
        for to in PHASES {
            let ticket = standing_in(&server, from).await;
            let reply = transition(&server, &ticket, to).await;
            match kind_of(from, to) {
                Some(kind) => {
                    let moved = reply.is(200).json;
                    assert_eq!(moved["kind"], kind, "{from} to {to}");
                    assert_eq!(moved["previous_phase"], from);
                    assert_eq!(moved["current_phase"], to);
                }
                None => {
                    let problem = reply.problem(409, "illegal-transition");
                    assert_eq!(problem["current_phase"], from);
                    assert_eq!(problem["to_phase"], to);
                    assert_eq!(sorted(&problem["allowed"]), allowed(from), "from {from}");
                }
            }
            let after = if kind_of(from, to).is_some() { to } else { from };
            assert_eq!(phase(&server, &ticket).await, after, "after asking {from} to {to}");
        }
    }
}

#[tokio::test]
async fn valid_transitions_are_the_rows_of_the_table() {
    let server = server().await;
    for from in PHASES {
        let ticket = standing_in(&server, from).await;
        let path = format!("/tickets/{ticket}/valid-transitions");
        let answer = server.get(&path).await.is(200).json;
        assert_eq!(answer["current_phase"], from);
        assert_eq!(sorted(&answer["valid_transitions"]), allowed(from), "from {from}");
    }
}

/// Blocking is a place to wait, not a way round.
#[tokio::test]
async fn a_blocked_ticket_comes_out_where_it_went_in_or_earlier() {
    let server = server().await;
    for (place, blocked_in) in PHASES[..6].iter().enumerate() {
        for (target, to) in PHASES[..6].iter().enumerate() {
            let ticket = standing_in(&server, blocked_in).await;
            transition(&server, &ticket, "PHASE_BLOCKED").await.is(200);
            let reply = transition(&server, &ticket, to).await;
            if target <= place {
                assert_eq!(reply.is(200).json["kind"], "resume", "{blocked_in} to {to}");
            } else {
                let problem = reply.problem(409, "illegal-transition");
                assert_eq!(problem["allowed"], json!(PHASES[..=place]), "{blocked_in} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn a_ticket_starts_where_it_says_and_its_history_begins_there() {
    let server = server().await;
    let body = json!({ "title": "Late", "phase_id": "PHASE_TESTING" });
    let ticket = server.create("/tickets", body).await;
    assert_eq!(ticket["status"], "in_progress");
    let rows = history(&server, text(&ticket, "id")).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["kind"], "create");
    assert_eq!(rows[0]["from_phase"], Value::Null);
    assert_eq!(rows[0]["to_phase"], "PHASE_TESTING");
}

#[tokio::test]
async fn a_phase_that_the_workflow_lacks_is_refused_with_those_that_it_has() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let before = tables(server.db()).await;
    let problem = transition(&server, &ticket, "PHASE_LIMBO").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/to_phase");
    for phase in PHASES {
        assert!(text(&problem, "detail").contains(phase), "{problem}");
    }
    assert_eq!(tables(server.db()).await, before);
}

#[tokio::test]
async fn the_table_is_served_as_data() {
    let server = server().await;
    let workflow = server.get("/workflows/standard").await.is(200).json;
    for info in workflow["phases"].as_array().unwrap() {
        assert_eq!(sorted(&info["exits"]), allowed(text(info, "id")));
    }
    server.get("/phases").await.is(200);
    server.get("/workflows/other").await.problem(404, "not-found");
}

/// A new ticket that has come to this phase on its own feet.
async fn standing_in(http: &Http, phase: &str) -> String {
    let ticket = new_ticket(http, "Rotate the keys").await;
    let way = match phase {
        "PHASE_BLOCKED" => [&PHASES[1..6], &["PHASE_BLOCKED"]].concat(),
        _ => PHASES[1..=PHASES.iter().position(|known| *known == phase).unwrap()].to_vec(),
    };
    enter(http, &ticket, &way).await;
    ticket
}

async fn phase(http: &Http, ticket: &str) -> String {
    text(&http.get(&format!("/tickets/{ticket}")).await.is(200).json, "phase_id").to_owned()
}

fn kind_of(from: &str, to: &str) -> Option<&'static str> {
    row(from).find(|(phase, _)| phase == to).map(|(_, kind)| kind)
}

fn allowed(from: &str) -> Vec<String> {
    let mut phases: Vec<_> = row(from).map(|(phase, _)| phase).collect();
    phases.sort();
    phases
}

fn row(from: &str) -> impl Iterator<Item = (String, &'static str)> {
    let line = TABLE
        .lines()
        .find(|line| line.split_whitespace().next().is_some_and(|name| wire(name) == from))
        .expect("a row for each phase");
    line.split_whitespace().skip(1).map(|exit| {
        let (phase, kind) = exit.split_once('=').unwrap();
        (wire(phase), kind)
    })
}

fn wire(name: &str) -> String {
    format!("PHASE_{}", name.to_uppercase())
}

fn sorted(phases: &Value) -> Vec<String> {
    let mut phases: Vec<String> = serde_json::from_value(phases.clone()).unwrap();
    phases.sort();
    phases
}
