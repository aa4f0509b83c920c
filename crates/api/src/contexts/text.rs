//! The context of a ticket as an answer, put together from the texts that are stored.

use phaseline_persistence::tickets::ContextText;
use phaseline_wire::Aggregation;
use serde::Serialize;
use uuid::Uuid;

use crate::problem::Refusal;

/// [`Context`](phaseline_wire::Context) as JSON. The contexts of the phases are stored as the
/// interface writes them, and may be large, so nobody reads and writes them on the way.
pub(super) fn of(ticket_id: Uuid, context: ContextText) -> Result<String, Refusal> {
    let ContextText { document, phases, summary, version } = context;
    let phaseline_context::Outline { history, last_updated_phase, under_review } = document;
    let history: Vec<Aggregation> = history.into_iter().map(Into::into).collect();
    let length: usize = phases.values().map(|phase| phase.len() + 80).sum();
    let mut text = String::with_capacity(length + summary.len() + 200 * history.len() + 400);
    text.push_str("{\"ticket_id\":");
    text.push_str(&json(&ticket_id)?);
    text.push_str(",\"full_context\":{\"phases\":{");
    for (place, (id, phase)) in phases.iter().enumerate() {
        text.push_str(if place == 0 { "" } else { "," });
        text.push_str(&json(id)?);
        text.push(':');
        text.push_str(phase);
    }
    text.push_str("},\"history\":");
    text.push_str(&json(&history)?);
    text.push_str(",\"last_updated_phase\":");
    text.push_str(&json(&last_updated_phase)?);
    text.push_str(",\"under_review\":");
    text.push_str(&json(&under_review)?);
    text.push_str("},\"summary\":");
    text.push_str(&json(&summary)?);
    text.push_str(",\"last_updated_phase\":");
    text.push_str(&json(&last_updated_phase)?);
    text.push_str(",\"version\":");
    text.push_str(&json(&version)?);
    text.push('}');
    Ok(text)
}

fn json(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|error| Refusal::internal(&error))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use phaseline_context::{
        Findings, FinishedTask, Superseded, TaskResult, TicketContext, aggregate,
    };
    use phaseline_phases::{Artifact, Phase};
    use phaseline_wire::Context;
    use serde_json::json;

    use super::*;

    /// A document with everything that there is in one.
    fn document() -> TicketContext {
        let text = |text: &str| vec![text.to_owned()];
        let supersedes = vec![Superseded { decision: "a".to_owned(), by: Some("b".to_owned()) }];
        let result = TaskResult {
            summary: "Asked \"everybody\".\n\u{1f980}".to_owned(),
            outputs: json!({ "z": 1, "a": [null, 1.5] }),
            context: Findings {
                decisions: text("a"),
                risks: text("r"),
                notes: text("n"),
                supersedes,
            },
            artifacts: vec![Artifact {
                kind: "file".to_owned(),
                path: Some("a.md".to_owned()),
                content: Some(json!({ "lines": 3 })),
            }],
        };
        let task = |id: u128, title: Option<&str>| FinishedTask {
            id: Uuid::from_u128(id),
            task_type: "design".to_owned(),
            title: title.map(str::to_owned),
            completed_at: DateTime::from_timestamp_micros(1_500_000).unwrap(),
            result: result.clone(),
        };
        let mut document = TicketContext::default();
        for phase in [Phase::Design, Phase::Requirements] {
            let draft = aggregate(&phase.id(), vec![task(1, None), task(2, Some("Keys"))]);
            let context = draft.with_summary("Asked.", "extractive");
            document = document.record(context, DateTime::from_timestamp(7, 0).unwrap()).unwrap();
        }
        document.review(&[Phase::Design.id()]).unwrap()
    }

    #[test]
    fn the_text_is_what_the_type_would_write() {
        for document in [document(), TicketContext::default()] {
            let stored = document
                .phases
                .iter()
                .map(|(id, phase)| (id.clone(), serde_json::to_string(phase).unwrap().into()));
            let text = ContextText {
                document: document.outline(),
                phases: stored.collect(),
                summary: "A \"line\".".to_owned(),
                version: 7,
            };
            let typed = Context {
                ticket_id: Uuid::from_u128(9),
                last_updated_phase: document.last_updated_phase.clone(),
                full_context: document.into(),
                summary: "A \"line\".".to_owned(),
                version: 7,
            };
            let written = of(Uuid::from_u128(9), text).unwrap();
            assert_eq!(written, serde_json::to_string(&typed).unwrap());
        }
    }
}
