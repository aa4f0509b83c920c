//! What many ask for at the same moment: it may be done together, and is as if each were alone.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use phaseline_persistence::entity::ticket;
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, TransactionTrait};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{
    Server, act, backend, claim_one, done, enter, eventually, new_task, new_ticket, outside, query,
    server_beside, server_for_a_race, text, ticket, transition, worker,
};

const MANY: usize = 40;
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_tickets_made_at_once_only_those_are_refused_whose_key_is_taken() {
    let server = server_for_a_race().await;
    // The second round is served in the wary way that the first one has led to.
    for round in 0..2 {
        let make = |number: usize| {
            // Of each ten two want the same key.
            let key = format!("R{round}-{}", if number % 10 == 7 { number - 4 } else { number });
            server.post("/tickets", json!({ "title": "One of many", "key": key }))
        };
        let answers = join_all((0..MANY).map(make)).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        for number in 0..MANY {
            match number % 10 {
                3 => {
                    let mut both = [statuses[number], statuses[number + 4]];
                    both.sort_unstable();
                    assert_eq!(both, [201, 409]);
                }
                7 => {}
                _ => assert_eq!(statuses[number], 201),
            }
        }
        for made in answers.iter().filter(|answer| answer.status == 201) {
            let id = text(&made.json, "id");
            assert_eq!(ticket(&server, id).await, made.json);
            let history = server.get(&format!("/tickets/{id}/phase-history")).await.is(200).json;
            assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
        }
    }
    let events = announced(&server, "ticket.created", 2 * (MANY - MANY / 10)).await;
    assert_eq!(events.len(), 2 * (MANY - MANY / 10), "one for each that was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_moves_at_once_each_is_whole_and_of_two_the_same_one_is_made() {
    let server = server_for_a_race().await;
    let tickets = join_all((0..MANY).map(|_| new_ticket(&server, "One of many"))).await;
    let moves = tickets.iter().chain(&tickets).map(async |ticket| {
        let path = format!("/tickets/{ticket}/transition");
        let body = json!({ "to_phase": "PHASE_REQUIREMENTS", "reason": ticket });
        server.post(&path, body).await.status
    });
    let statuses = join_all(moves).await;
    for (nth, id) in tickets.iter().enumerate() {
        let (one, other) = (statuses[nth], statuses[nth + MANY]);
        assert!((one == 200) != (other == 200), "{one} and {other}: one of them is made");
        assert!([one, other].iter().all(|status| [200, 409].contains(status)), "{one}, {other}");
        let now = ticket(&server, id).await;
        assert_eq!((text(&now, "phase_id"), &now["version"]), ("PHASE_REQUIREMENTS", &json!(2)));
        let history = server.get(&format!("/tickets/{id}/phase-history")).await.is(200).json;
        let history = history["items"].as_array().unwrap();
        assert_eq!(history.len(), 2, "{history:?}");
        assert_eq!(text(&history[1], "reason"), id, "its own words, not those of a neighbour");
    }
    let events = announced(&server, "ticket.phase.transitioned", MANY).await;
    let mut subjects: Vec<&str> = events.iter().map(|event| text(event, "subject")).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!((events.len(), subjects.len()), (MANY, MANY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "somebody outside holds what the program wants")]
async fn tickets_that_somebody_holds_keep_nobody_else_waiting() {
    if backend() == DbBackend::Sqlite {
        return; // one writer at a time
    }
    let server = server_for_a_race().await;
    let held = join_all((0..2).map(|_| new_ticket(&server, "Held"))).await;
    let free = join_all((0..MANY).map(|_| new_ticket(&server, "Free"))).await;
    outside(server.db(), async |db| {
        let hand = db.begin().await.unwrap();
        let ids = held.iter().map(|id| id.parse::<Uuid>().unwrap());
        let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids)).lock_exclusive();
        assert_eq!(rows.all(&hand).await.unwrap().len(), held.len());
        let waiting = join_all(held.iter().map(|id| both(&server, id)));
        let others = join_all(free.iter().map(|id| both(&server, id)));
        let release = async {
            let others = tokio::time::timeout(PATIENCE, others).await;
            hand.rollback().await.unwrap();
            others.expect("they do not wait for those that are held")
        };
        let (waited, others) = tokio::join!(waiting, release);
        assert!(waited.iter().chain(&others).all(|both| *both == (200, 201)), "{waited:?}");
    })
    .await;
}

/// Moves a ticket, and makes a task of it.
async fn both(server: &Server, ticket: &str) -> (u16, u16) {
    let path = format!("/tickets/{ticket}/tasks");
    let made = server.post(&path, json!({ "phase_id": "PHASE_DESIGN", "description": "Do it." }));
    let (moved, made) = tokio::join!(transition(server, ticket, "PHASE_REQUIREMENTS"), made);
    (moved.status, made.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_each_gets_one_of_the_best_and_each_task_ends_once() {
    let server = server_for_a_race().await;
    let is_sqlite = backend() == DbBackend::Sqlite;
    // SQLite has one server a file.
    let beside = if is_sqlite { None } else { Some(server_beside(&server).await) };
    let at = |nth: usize| beside.as_ref().filter(|_| nth % 4 > 1).unwrap_or(&server);
    let tickets = join_all((0..4).map(|_| new_ticket(&server, "One of a few"))).await;
    let best = join_all((0..MANY).map(|nth| {
        let priority = json!({ "description": "Soon.", "priority": "HIGH" });
        new_task(&server, &tickets[nth % tickets.len()], priority)
    }));
    let best: BTreeSet<String> = best.await.into_iter().collect();
    join_all((0..MANY).map(|nth| {
        let later = json!({ "description": "Later.", "priority": "LOW" });
        new_task(&server, &tickets[nth % tickets.len()], later)
    }))
    .await;
    // Two and two are the same agent, which has room for both.
    let agents = join_all((0..MANY / 2).map(|_| worker(&server, &["rust"], 2))).await;
    let claims = (0..MANY).map(|nth| claim_one(at(nth), &agents[nth / 2]));
    let claimed = join_all(claims).await;
    let given: BTreeSet<String> =
        claimed.iter().map(|item| text(&item["task"], "id").to_owned()).collect();
    assert_eq!(given.len(), MANY, "no task is given twice");
    // Two servers pass over what the other one is about to give.
    assert!(!is_sqlite || given == best, "{given:?}");
    for agent in &agents {
        let now = server.get(&format!("/agents/{agent}")).await.is(200).json;
        assert_eq!((now["free_slots"].as_u64(), text(&now, "status")), (Some(0), "running"));
    }
    // Each is ended twice at the same moment, by the same claim.
    let ends =
        (0..2 * MANY).map(|nth| act(at(nth), &claimed[nth % MANY], "complete", done("Done.")));
    let ends: Vec<u16> = join_all(ends).await.into_iter().map(|end| end.status).collect();
    for nth in 0..MANY {
        let mut both = [ends[nth], ends[nth + MANY]];
        both.sort_unstable();
        assert_eq!(both, [200, 409], "{}", claimed[nth]);
        let id = text(&claimed[nth]["task"], "id");
        let attempts = server.get(&format!("/tasks/{id}/attempts")).await.is(200).json;
        let attempts = attempts["items"].as_array().unwrap();
        assert_eq!((attempts.len(), text(&attempts[0], "outcome")), (1, "completed"));
    }
    for agent in &agents {
        let now = server.get(&format!("/agents/{agent}")).await.is(200).json;
        assert_eq!((now["free_slots"].as_u64(), text(&now, "status")), (Some(2), "idle"));
    }
    assert_eq!(announced(&server, "task.claimed", MANY).await.len(), MANY);
    assert_eq!(announced(&server, "task.completed", MANY).await.len(), MANY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_completed_while_its_ticket_moves_on_is_in_its_context() {
    let server = server_for_a_race().await;
    let ticket = new_ticket(&server, "On the move").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS", "PHASE_DESIGN"]).await;
    let tasks = (0..MANY).map(|_| new_task(&server, &ticket, json!({ "description": "Decide." })));
    join_all(tasks).await;
    let agent = worker(&server, &["rust"], MANY as u32).await;
    let claimed = join_all((0..MANY).map(|_| claim_one(&server, &agent))).await;
    let ends = claimed.iter().enumerate().map(async |(nth, item)| {
        let context = json!({ "decisions": [format!("Decision {nth}.")] });
        let result = json!({ "result": { "summary": "Done.", "context": context } });
        act(&server, item, "complete", result).await.status
    });
    let (ends, moved) =
        tokio::join!(join_all(ends), transition(&server, &ticket, "PHASE_IMPLEMENTATION"));
    assert_eq!(moved.status, 200, "{}", moved.json);
    assert!(ends.iter().all(|status| *status == 200), "{ends:?}");
    let context = server.get(&format!("/tickets/{ticket}/context")).await.is(200).json.to_string();
    for nth in 0..MANY {
        assert!(context.contains(&format!("Decision {nth}.")), "{nth} is lost: {context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_reads_at_once_each_gets_its_own() {
    let server = server_for_a_race().await;
    let tickets =
        join_all((0..MANY).map(async |number| new_ticket(&server, &format!("No. {number}")).await))
            .await;
    enter(&server, &tickets[0], &["PHASE_REQUIREMENTS"]).await;
    let asked: Vec<String> = tickets
        .iter()
        .enumerate()
        .flat_map(|(number, id)| [(number, id.clone()), (number, id.clone())])
        .map(|(number, id)| format!("{number} {id}"))
        .chain((0..5).map(|_| format!("none {}", Uuid::nil())))
        .collect();
    let reads = asked.iter().map(async |line| {
        let (number, id) = line.split_once(' ').unwrap();
        (number, server.get(&format!("/tickets/{id}")).await)
    });
    for (number, answer) in join_all(reads).await {
        match number {
            "none" => assert_eq!(answer.status, 404),
            number => {
                assert_eq!(text(&answer.is(200).json, "title"), format!("No. {number}"));
            }
        }
    }
    assert_eq!(text(&ticket(&server, &tickets[0]).await, "phase_id"), "PHASE_REQUIREMENTS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ends_are_replaced_and_what_was_promised_is_there() {
    if backend() == DbBackend::Sqlite {
        return; // there is no server
    }
    let server = server_for_a_race().await;
    let mut made = join_all((0..MANY).map(|_| new_ticket(&server, "Before"))).await;
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        query(server.db(), others).await;
        let ask = || server.post("/tickets", json!({ "title": "After" }));
        for answer in join_all((0..MANY).map(|_| ask())).await {
            match answer.status {
                201 => made.push(text(&answer.json, "id").to_owned()),
                _ => drop(answer.problem(503, "unavailable")),
            }
        }
        let id = eventually("it writes again", || async {
            let answer = ask().await;
            (answer.status == 201).then(|| text(&answer.json, "id").to_owned())
        });
        made.push(id.await);
    }
    for id in &made {
        eventually("it is there", || async {
            let answer = server.get(&format!("/tickets/{id}")).await;
            assert!([200, 503].contains(&answer.status), "{id}: {}", answer.status);
            (answer.status == 200).then_some(())
        })
        .await;
    }
}

async fn announced(server: &Server, kind: &str, expected: usize) -> Vec<Value> {
    let path = format!("/events?after=0&types={kind}&limit=100");
    eventually("every event is in the log", || async {
        let page = server.get(&path).await.is(200).json;
        let events = page["items"].as_array().unwrap().clone();
        (events.len() >= expected).then_some(events)
    })
    .await
}
