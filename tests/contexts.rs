//! What a phase found out: aggregated when it is left, on demand, and only when something is new.

use std::{sync::Arc, time::Duration};

use futures::future::{join, join_all};
use phaseline_context::{PhaseDraft, Summarize, SummarizeError, Summarizing, TaskResult};
use phaseline_engine::{Engine, Settings, Sources, contexts, tasks, tickets};
use phaseline_persistence::tickets::context;
use phaseline_phases::Phase;
use serde_json::json;

use crate::kit::{
    Http, database, enter, events_of, new_ticket, server, server_for_a_race, text, transition,
};

#[tokio::test]
async fn leaving_a_phase_aggregates_it_in_the_same_step() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    finish(&server, &ticket, "Asked around. Nobody minds.", &["Rotate at night"]).await;
    let moved = transition(&server, &ticket, "PHASE_DESIGN").await.is(200).json;

    let context = server.get(&format!("/tickets/{ticket}/context")).await.is(200).json;
    assert_eq!(context["last_updated_phase"], "PHASE_REQUIREMENTS");
    let phase = &context["full_context"]["phases"]["PHASE_REQUIREMENTS"];
    assert_eq!(phase["decisions"], json!(["Rotate at night"]));
    assert_eq!(context["summary"], "PHASE_REQUIREMENTS: Asked around. (1 task, 1 decision)");
    let kinds: Vec<_> = events_of(&server, &format!("tickets/{ticket}"))
        .await
        .iter()
        .filter(|event| event["data"]["version"] == moved["version"])
        .map(|event| text(event, "type").to_owned())
        .collect();
    assert_eq!(kinds, ["ticket.context.updated", "ticket.phase.transitioned"]);
}

#[tokio::test]
async fn a_context_has_the_version_of_its_ticket_and_a_pack_has_none() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let current = server.get(&format!("/tickets/{ticket}")).await.is(200);
    let path = format!("/tickets/{ticket}/context");
    let context = server.get(&path).await.is(200);
    assert_eq!(context.json["version"], current.json["version"]);
    assert_eq!(context.header("etag"), current.header("etag"));
    let markdown = server.get(&format!("{path}?format=markdown")).await.is(200);
    assert_eq!(markdown.header("etag"), current.header("etag"));
    let pack = server.get(&format!("{path}?for_phase=PHASE_DESIGN")).await.is(200);
    assert!(pack.headers.get("etag").is_none(), "{pack:?}");
    let update =
        server.request(reqwest::Method::POST, &format!("/tickets/{ticket}/update-context"));
    let update = update.header("if-match", context.header("etag"));
    let updated = update.json(json!({ "phase_id": "PHASE_REQUIREMENTS" })).send().await.is(200);
    assert_eq!(updated.json["version"], context.json["version"], "there was nothing to aggregate");
}

#[tokio::test]
async fn aggregating_what_has_not_changed_changes_nothing() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let update = async || {
        let body = json!({ "phase_id": "PHASE_REQUIREMENTS" });
        server.post(&format!("/tickets/{ticket}/update-context"), body).await.is(200)
    };
    let path = format!("/tickets/{ticket}");
    let untouched = server.get(&path).await.json;
    update().await;
    assert_eq!(server.get(&path).await.json, untouched, "there is nothing to aggregate");

    finish(&server, &ticket, "Asked around.", &["Rotate at night"]).await;
    let first = update().await;
    let known = events_of(&server, &format!("tickets/{ticket}")).await.len();
    let again = update().await;
    assert_eq!(again.json, first.json);
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(events_of(&server, &format!("tickets/{ticket}")).await.len(), known);

    finish(&server, &ticket, "Asked again.", &["Rotate at noon"]).await;
    let second = update().await.json;
    assert_eq!(second["full_context"]["history"].as_array().unwrap().len(), 2);
    let decisions = &second["full_context"]["phases"]["PHASE_REQUIREMENTS"]["decisions"];
    assert_eq!(*decisions, json!(["Rotate at night", "Rotate at noon"]));
}

#[tokio::test]
async fn what_comes_after_its_phase_was_left_is_not_lost() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
    enter(&server, &ticket, &["PHASE_DESIGN"]).await;
    let result = json!({ "context": { "decisions": ["Rotate at night"] } });
    let path = format!("/tasks/{}/complete", text(&task, "id"));
    server.post(&path, json!({ "result": result })).await.is(200);
    let pack = format!("/tickets/{ticket}/context?for_phase=PHASE_DESIGN");
    let pack = server.get(&pack).await.is(200).json;
    assert_eq!(pack["phases"][0]["decisions"], json!(["Rotate at night"]), "{pack}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_at_the_moment_its_phase_is_left_is_not_lost() {
    let server = server_for_a_race().await;
    let race = async |number: usize| {
        let ticket = new_ticket(&server, &format!("Ticket {number}")).await;
        enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
        let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
        let result = json!({ "result": { "context": { "decisions": ["Rotate at night"] } } });
        let path = format!("/tasks/{}/complete", text(&task, "id"));
        let (completed, moved) =
            join(server.post(&path, result), transition(&server, &ticket, "PHASE_DESIGN")).await;
        completed.is(200);
        moved.is(200);
        let pack = format!("/tickets/{ticket}/context?for_phase=PHASE_DESIGN");
        let pack = server.get(&pack).await.is(200).json;
        assert_eq!(pack["phases"][0]["decisions"], json!(["Rotate at night"]), "{pack}");
    };
    for round in 0..10 {
        join_all((0..6).map(|number| race(round * 6 + number))).await;
    }
}

/// Completions of a ticket that has results share its lock. Those that find it moved on take it
/// alone, and must not wait for each other in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_complete_tasks_while_their_phase_is_left_all_get_theirs_in() {
    const MANY: usize = 8;
    let server = server_for_a_race().await;
    for round in 0..5 {
        let ticket = new_ticket(&server, &format!("Ticket {round}")).await;
        enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
        finish(&server, &ticket, "Asked around.", &["decision 0"]).await;
        let mut tasks = Vec::new();
        for _ in 0..MANY {
            let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
            tasks.push(text(&task, "id").to_owned());
        }
        let completions = tasks.iter().zip(1..).map(|(task, number)| {
            let decisions = [format!("decision {number}")];
            let result = json!({ "result": { "context": { "decisions": decisions } } });
            let (server, path) = (&server, format!("/tasks/{task}/complete"));
            async move { server.post(&path, result).await }
        });
        let (completed, moved) =
            join(join_all(completions), transition(&server, &ticket, "PHASE_DESIGN")).await;
        completed.into_iter().for_each(|reply| {
            reply.is(200);
        });
        moved.is(200);
        let pack = format!("/tickets/{ticket}/context?for_phase=PHASE_DESIGN");
        let pack = server.get(&pack).await.is(200).json;
        let decisions = pack["phases"][0]["decisions"].as_array().unwrap();
        for number in 0..=MANY {
            let wanted = json!(format!("decision {number}"));
            assert!(decisions.contains(&wanted), "{wanted} is not in {pack}");
        }
    }
}

#[tokio::test]
async fn a_pack_never_exceeds_its_budget_and_says_what_it_left_out() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    finish(&server, &ticket, "Asked around.", &["Rotate at night", "Tell 工 the team 🔑"]).await;
    enter(&server, &ticket, &["PHASE_DESIGN"]).await;
    let path = format!("/tickets/{ticket}/context?for_phase=PHASE_DESIGN");
    let whole = server.get(&path).await.is(200).json;
    assert_eq!(whole["dropped"], json!([]));
    let all = whole["tokens"].as_u64().unwrap();
    for budget in 1..=all + 1 {
        let pack = server.get(&format!("{path}&max_tokens={budget}")).await.is(200).json;
        assert!(pack["tokens"].as_u64().unwrap() <= budget, "{pack}");
        let items = |member: &str| pack[member].as_array().unwrap().len();
        assert_eq!(items("kept") + items("dropped"), whole["kept"].as_array().unwrap().len());
        let markdown = server.get(&format!("{path}&max_tokens={budget}&format=markdown")).await;
        assert_eq!(markdown.is(200).text, text(&pack, "summary"));
    }
}

#[tokio::test]
async fn a_summariser_that_is_plugged_in_is_asked_and_named() {
    assert_eq!(summarised_by(Ok("All is well.")).await, ("All is well.".into(), "model".into()));
}

#[tokio::test]
async fn where_the_summariser_fails_the_extractive_one_steps_in() {
    let fallback = ("Asked around. (1 task)".to_owned(), "extractive".to_owned());
    assert_eq!(summarised_by(Err(Fault::Refuses)).await, fallback);
}

#[tokio::test]
async fn where_the_summariser_takes_too_long_the_extractive_one_steps_in() {
    let fallback = ("Asked around. (1 task)".to_owned(), "extractive".to_owned());
    assert_eq!(summarised_by(Err(Fault::NeverAnswers)).await, fallback);
}

/// A summariser that stands for a model.
struct Model(Result<&'static str, Fault>);

#[derive(Clone, Copy)]
enum Fault {
    Refuses,
    NeverAnswers,
}

impl Summarize for Model {
    fn name(&self) -> &str {
        "model"
    }

    fn summarize<'a>(&'a self, _: &'a PhaseDraft) -> Summarizing<'a> {
        Box::pin(async {
            match self.0 {
                Ok(summary) => Ok(summary.to_owned()),
                Err(Fault::Refuses) => Err(SummarizeError {
                    summarizer: "model".to_owned(),
                    reason: "it is out of credit".to_owned(),
                }),
                Err(Fault::NeverAnswers) => std::future::pending().await,
            }
        })
    }
}

/// The summary of a phase that was left, and who wrote it.
async fn summarised_by(model: Result<&'static str, Fault>) -> (String, String) {
    let place = database().await;
    let settings = Settings { summarize_timeout: Duration::from_millis(20), ..Settings::default() };
    let engine = Engine::start(place.open().await, settings, Sources::system())
        .await
        .unwrap()
        .with_summarizer(Arc::new(Model(model)));
    let phase = Phase::Requirements.id();
    let new = tickets::Create { phase_id: Some(phase.clone()), ..tickets::Create::titled("Keys") };
    let ticket = tickets::create(&engine, &engine.call(), new).await.unwrap();
    let call = engine.call();
    let task = tasks::create(&engine, &call, ticket.id, tasks::Create::default()).await.unwrap();
    let result = TaskResult { summary: "Asked around.".to_owned(), ..TaskResult::default() };
    tasks::complete(&engine, &call, task.id, None, result).await.unwrap();
    let step = tickets::Move::to(Phase::Design.id());
    tickets::transition(&engine, &engine.call(), ticket.id, step).await.unwrap();

    let before = context(engine.db().reader(), ticket.id).await.unwrap().unwrap();
    let again = contexts::update(&engine, &engine.call(), ticket.id, phase.clone()).await.unwrap();
    assert_eq!(
        again.document,
        before.document.outline(),
        "what is summarised is not summarised again"
    );
    let context = &before.document.phases[&phase];
    (context.summary.clone(), context.summarised_by.clone())
}

async fn finish(http: &Http, ticket: &str, summary: &str, decisions: &[&str]) {
    let task = http.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
    let result = json!({ "summary": summary, "context": { "decisions": decisions } });
    let path = format!("/tasks/{}/complete", text(&task, "id"));
    http.post(&path, json!({ "result": result })).await.is(200);
}
