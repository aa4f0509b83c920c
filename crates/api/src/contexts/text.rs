//! The context of a ticket as an answer, put together from the texts that are stored; and a pack of it.

use std::{fmt::Write, sync::Arc};

use actix_web::web::Bytes;
use phaseline_context::{ItemKind, Pack, PackItem};
use phaseline_engine::contexts::ContextState;
use phaseline_phases::PhaseId;
use phaseline_wire::{Aggregation, PackedPhase, SupersededDecision};
use serde::Serialize;
use uuid::Uuid;

use crate::problem::Refusal;

/// What an item of a pack takes, more or less.
const ITEM_BYTES: usize = 128;

/// [`Context`](phaseline_wire::Context) as JSON in parts. The contexts of the phases are stored as the
/// interface writes them, and may be large, so nobody reads, writes or copies them on the way.
pub(super) fn of(context: ContextState) -> Result<Vec<Bytes>, Refusal> {
    let ContextState { ticket_id, document, phases, summary, version } = context;
    let phaseline_context::Outline { history, last_updated_phase, under_review } = document;
    let history: Vec<Aggregation> = history.into_iter().map(Into::into).collect();
    let mut parts = Vec::with_capacity(2 * phases.len() + 1);
    let mut text =
        format!("{{\"ticket_id\":{},\"full_context\":{{\"phases\":{{", json(&ticket_id)?);
    for (place, (id, phase)) in phases.into_iter().enumerate() {
        text.push_str(if place == 0 { "" } else { "," });
        text.push_str(&json(&id)?);
        text.push(':');
        parts.push(std::mem::take(&mut text).into());
        parts.push(Bytes::from_owner(Shared(phase)));
    }
    let (history, under_review) = (json(&history)?, json(&under_review)?);
    let (summary, last, version) = (json(&summary)?, json(&last_updated_phase)?, json(&version)?);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "}},\"history\":{history},\"last_updated_phase\":{last},\"under_review\":{under_review}}},\
         \"summary\":{summary},\"last_updated_phase\":{last},\"version\":{version}}}"
    );
    parts.push(text.into());
    Ok(parts)
}

/// A text that others have as well.
struct Shared(Arc<str>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// [`Pack`](phaseline_wire::Pack) as JSON. Of thousands of items most are like the one before but for
/// two numbers, so what they share is written once and copied.
pub(super) fn of_pack(ticket_id: Uuid, pack: Pack) -> Result<String, Refusal> {
    let Pack {
        target_phase,
        phases,
        summary,
        tokens,
        budget_tokens,
        kept,
        dropped,
        superseded,
        content_hash,
    } = pack;
    let phases: Vec<PackedPhase> = phases.into_iter().map(Into::into).collect();
    let superseded: Vec<SupersededDecision> = superseded.into_iter().map(Into::into).collect();
    let length = ITEM_BYTES * (kept.len() + dropped.len()) + 3 * summary.len() + 1_000;
    let mut text = String::with_capacity(length);
    text.push_str("{\"ticket_id\":");
    text.push_str(&json(&ticket_id)?);
    text.push_str(",\"target_phase\":");
    text.push_str(&json(&target_phase)?);
    text.push_str(",\"phases\":");
    text.push_str(&json(&phases)?);
    text.push_str(",\"summary\":");
    text.push_str(&json(&summary)?);
    text.push_str(",\"tokens\":");
    text.push_str(&json(&tokens)?);
    text.push_str(",\"budget_tokens\":");
    text.push_str(&json(&budget_tokens)?);
    text.push_str(",\"kept\":");
    items(&mut text, &kept)?;
    text.push_str(",\"dropped\":");
    items(&mut text, &dropped)?;
    text.push_str(",\"superseded\":");
    text.push_str(&json(&superseded)?);
    text.push_str(",\"content_hash\":");
    text.push_str(&json(&content_hash)?);
    text.push('}');
    Ok(text)
}

fn items(text: &mut String, items: &[PackItem]) -> Result<(), Refusal> {
    let mut like: Option<(&PhaseId, ItemKind)> = None;
    let mut head = String::new();
    text.push('[');
    for (place, PackItem { phase_id, kind, pointer, tokens }) in items.iter().enumerate() {
        if like != Some((phase_id, *kind)) {
            let (phase, kind_name) = (json(phase_id)?, json(kind)?);
            head = format!("{{\"phase_id\":{phase},\"kind\":{kind_name},\"pointer\":\"");
            like = Some((phase_id, *kind));
        }
        text.push_str(if place == 0 { "" } else { "," });
        text.push_str(&head);
        // There is nothing to escape in the names of phases and lists, nor in numbers.
        text.push_str(pointer);
        text.push_str("\",\"tokens\":");
        // Writing to a string does not fail.
        let _ = write!(text, "{tokens}");
        text.push('}');
    }
    text.push(']');
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|error| Refusal::internal(&error))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use phaseline_context::{
        Findings, FinishedTask, Pinned, Superseded, TaskResult, TicketContext, aggregate, pack,
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
            let state = ContextState {
                ticket_id: Uuid::from_u128(9),
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
            let written = of(state).unwrap().concat();
            assert_eq!(written, serde_json::to_vec(&typed).unwrap());
        }
    }

    #[test]
    fn a_pack_is_what_the_type_would_write() {
        let (document, ticket) = (document(), Uuid::from_u128(9));
        let pinned = [Pinned {
            question: Some("Which \"one\"?".to_owned()),
            answer: "Both.".to_owned(),
            by: None,
            phase_id: Phase::Design.id(),
        }];
        let before = [Phase::Requirements.id(), Phase::Design.id()];
        let target = Phase::Implementation.id();
        for budget in [None, Some(20), Some(1)] {
            for document in [&document, &TicketContext::default()] {
                let pack = pack(document, &before, &target, &pinned, budget);
                let typed = phaseline_wire::Pack::of(ticket, pack.clone());
                let written = of_pack(ticket, pack).unwrap();
                assert_eq!(written, serde_json::to_string(&typed).unwrap());
            }
        }
    }
}
