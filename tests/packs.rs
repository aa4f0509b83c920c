//! A pack is the same whether it was kept or is made anew, whatever happens to its ticket.

use phaseline_context::pack;
use phaseline_engine::{claims, tickets::workflow};
use phaseline_persistence::tickets;
use phaseline_phases::Phase;
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{Server, new_ticket, server, text};

/// Something that changes a ticket, or not.
type Change = (Kind, usize);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Finish,
    Move,
    Block,
    Aggregate,
    Rename,
}

#[tokio::test]
async fn a_kept_pack_is_the_one_that_would_be_made_whatever_has_happened() {
    use Kind::{Aggregate, Block, Finish, Move, Rename};
    let kinds = vec![Finish, Finish, Finish, Move, Move, Block, Aggregate, Rename];
    let changes = vec((proptest::sample::select(kinds), 0_usize..60), 12..20);
    let mut runner = TestRunner::deterministic();
    let server = server().await;
    for round in 0..4 {
        let ticket = new_ticket(&server, &format!("Ticket {round}")).await;
        for change in changes.new_tree(&mut runner).unwrap().current() {
            make(&server, &ticket, change).await;
            for target in [Phase::Implementation, Phase::Deployment] {
                for budget in [None, Some(60)] {
                    compare(&server, &ticket, target, budget).await;
                }
            }
        }
    }
}

/// What is answered twice, in both forms, is what the document gives.
async fn compare(server: &Server, ticket: &str, target: Phase, budget: Option<u32>) {
    let limit = budget.map(|tokens| format!("&max_tokens={tokens}")).unwrap_or_default();
    let path = format!("/tickets/{ticket}/context?for_phase={target}{limit}");
    let anew = made(server, ticket, target, budget).await;
    for time in ["first", "second"] {
        let mut answer = server.get(&path).await.is(200).json;
        answer.as_object_mut().unwrap().remove("ticket_id");
        assert_eq!(answer, anew, "the {time} {target} of {ticket}");
        let markdown = server.get(&format!("{path}&format=markdown")).await.is(200);
        assert_eq!(markdown.text, text(&anew, "summary"));
    }
}

/// The pack from what is stored, by nothing but the rule.
async fn made(server: &Server, ticket: &str, target: Phase, budget: Option<u32>) -> Value {
    let (db, id) = (server.db().reader(), ticket.parse::<Uuid>().unwrap());
    let stored = tickets::context(db, id).await.unwrap().unwrap();
    let ticket = tickets::find(db, id).await.unwrap().unwrap();
    let before = workflow(&ticket.workflow_id).unwrap().before(&target.id()).unwrap();
    let pinned = claims::pinned(&ticket);
    let pack = pack(&stored.document, before, &target.id(), &pinned, budget);
    serde_json::to_value(pack).unwrap()
}

async fn make(server: &Server, ticket: &str, (kind, pick): Change) {
    let sequence = Phase::SEQUENCE;
    let phase = sequence[pick % (sequence.len() - 1)];
    match kind {
        Kind::Finish => {
            let task = json!({ "phase_id": phase, "title": format!("Task {pick}") });
            let task = server.create(&format!("/tickets/{ticket}/tasks"), task).await;
            let mut context = json!({
                "decisions": [format!("decision {}", pick % 5), "每个服务 — naïve"],
                "risks": [format!("risk {pick}")],
                "notes": [format!("note {pick} \n "), "x"],
            });
            if pick.is_multiple_of(3) {
                context["supersedes"] = json!([{ "decision": format!("decision {}", pick % 4) }]);
            }
            let result = json!({ "summary": format!("Did {pick}.\n- So."), "context": context });
            let path = format!("/tasks/{}/complete", text(&task, "id"));
            server.post(&path, json!({ "result": result })).await.is(200);
        }
        Kind::Move => {
            let path = format!("/tickets/{ticket}/transition");
            server.post(&path, json!({ "to_phase": phase })).await;
        }
        Kind::Block => {
            let path = format!("/tickets/{ticket}/transition");
            server.post(&path, json!({ "to_phase": "PHASE_BLOCKED", "reason": "?" })).await;
            let answer = json!({ "answer": format!("Answer {pick}") });
            server.post(&format!("/tickets/{ticket}/answer"), answer).await;
        }
        Kind::Aggregate => {
            let path = format!("/tickets/{ticket}/update-context");
            server.post(&path, json!({ "phase_id": phase })).await.is(200);
        }
        Kind::Rename => {
            let title = json!({ "title": format!("Title {pick}") });
            server.patch(&format!("/tickets/{ticket}"), title).await.is(200);
        }
    }
}
