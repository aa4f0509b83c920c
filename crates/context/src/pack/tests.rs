//! The pack as people read it.

mod laws;
mod marks;

use chrono::DateTime;
use insta::assert_snapshot;
use phaseline_phases::Phase;
use serde_json::Value;

use super::*;
use crate::kit::{nasty, task, texts};
use crate::{Findings, PhaseContext, Superseded, aggregate};

/// A requirements phase and a design phase, each with a bit of everything.
fn ticket() -> TicketContext {
    let mut asked = task(1, 10, "Asked the three teams. All answered.");
    asked.title = Some("Interviews".into());
    asked.task_type = "research".into();
    asked.result.context.decisions = texts(&["Offline use is a must"]);
    asked.result.context.notes = texts(&["The field team has no phones"]);
    let mut compared = task(2, 20, "Compared four databases.");
    compared.title = Some("Storage".into());
    compared.result.context.decisions = texts(&["SQLite is the default,\nPostgreSQL a choice"]);
    compared.result.context.risks = texts(&["SQLite has one writer"]);
    let mut ticket = TicketContext::default();
    for (phase, task) in [(Phase::Requirements, asked), (Phase::Design, compared)] {
        let draft = aggregate(&phase.id(), &[task]);
        let summary = crate::extract(&draft);
        let context = draft.with_summary(summary, "extractive");
        ticket = ticket.record(context, DateTime::UNIX_EPOCH).unwrap();
    }
    ticket
}

fn packed(ticket: &TicketContext, budget_tokens: Option<u32>) -> Pack {
    let before = Phase::SEQUENCE.map(Phase::id);
    pack(ticket, &before[..3], &Phase::Implementation.id(), &[], budget_tokens)
}

fn pinned(question: Option<&str>, answer: &str) -> Pinned {
    Pinned {
        question: question.map(str::to_owned),
        answer: answer.to_owned(),
        by: Some("ann".to_owned()),
        phase_id: Phase::Design.id(),
    }
}

/// The pack as a page: the Markdown, then the manifest.
fn page(pack: &Pack) -> String {
    let rows = |verb: &str, items: &[PackItem]| {
        let row = |item: &PackItem| format!("{verb} {:>2}  {}\n", item.tokens, item.pointer);
        items.iter().map(row).collect::<String>()
    };
    let budget = pack.budget_tokens.map_or("no limit".into(), |budget| budget.to_string());
    format!(
        "{}= {} tokens of {budget}\n{}{}",
        pack.summary,
        pack.tokens,
        rows("kept   ", &pack.kept),
        rows("dropped", &pack.dropped)
    )
}

#[test]
fn without_a_limit_nothing_is_dropped() {
    assert_snapshot!(page(&packed(&ticket(), None)), @"
    ## PHASE_REQUIREMENTS
    ### Summary
    - Asked the three teams. (1 task, 1 decision, 1 note)
    ### Decisions
    - Offline use is a must
    ### Tasks
    - Interviews (research): Asked the three teams. All answered.
    ### Notes
    - The field team has no phones
    ## PHASE_DESIGN
    ### Summary
    - Compared four databases. (1 task, 1 decision, 1 risk)
    ### Decisions
    - SQLite is the default,
      PostgreSQL a choice
    ### Risks
    - SQLite has one writer
    ### Tasks
    - Storage (design): Compared four databases.
    = 126 tokens of no limit
    kept    12  /phases/PHASE_DESIGN/decisions/0
    kept     7  /phases/PHASE_REQUIREMENTS/decisions/0
    kept     6  /phases/PHASE_DESIGN/risks/0
    kept    17  /phases/PHASE_DESIGN/summary
    kept    18  /phases/PHASE_REQUIREMENTS/summary
    kept     9  /phases/PHASE_DESIGN/tasks/0
    kept    13  /phases/PHASE_REQUIREMENTS/tasks/0
    kept     8  /phases/PHASE_REQUIREMENTS/notes/0
    ");
}

#[test]
fn a_middling_budget_goes_to_decisions_and_risks_first() {
    assert_snapshot!(page(&packed(&ticket(), Some(75))), @"
    ## PHASE_REQUIREMENTS
    ### Decisions
    - Offline use is a must
    ## PHASE_DESIGN
    ### Summary
    - Compared four databases. (1 task, 1 decision, 1 risk)
    ### Decisions
    - SQLite is the default,
      PostgreSQL a choice
    ### Risks
    - SQLite has one writer
    = 66 tokens of 75
    kept    12  /phases/PHASE_DESIGN/decisions/0
    kept     7  /phases/PHASE_REQUIREMENTS/decisions/0
    kept     6  /phases/PHASE_DESIGN/risks/0
    kept    17  /phases/PHASE_DESIGN/summary
    dropped 18  /phases/PHASE_REQUIREMENTS/summary
    dropped  9  /phases/PHASE_DESIGN/tasks/0
    dropped 13  /phases/PHASE_REQUIREMENTS/tasks/0
    dropped  8  /phases/PHASE_REQUIREMENTS/notes/0
    ");
}

#[test]
fn a_small_budget_passes_over_what_does_not_fit() {
    assert_snapshot!(page(&packed(&ticket(), Some(33))), @"
    ## PHASE_DESIGN
    ### Decisions
    - SQLite is the default,
      PostgreSQL a choice
    ### Risks
    - SQLite has one writer
    = 30 tokens of 33
    kept    12  /phases/PHASE_DESIGN/decisions/0
    kept     6  /phases/PHASE_DESIGN/risks/0
    dropped  7  /phases/PHASE_REQUIREMENTS/decisions/0
    dropped 17  /phases/PHASE_DESIGN/summary
    dropped 18  /phases/PHASE_REQUIREMENTS/summary
    dropped  9  /phases/PHASE_DESIGN/tasks/0
    dropped 13  /phases/PHASE_REQUIREMENTS/tasks/0
    dropped  8  /phases/PHASE_REQUIREMENTS/notes/0
    ");
}

#[test]
fn a_budget_of_nothing_gives_an_empty_text() {
    let pack = packed(&ticket(), Some(0));
    assert_eq!((pack.summary.as_str(), pack.tokens, pack.phases.len()), ("", 0, 0));
    assert_eq!(pack.content_hash, digest::of_text(""));
    assert!(pack.kept.is_empty() && pack.dropped.len() == 8);
}

#[test]
fn the_whole_context_renders_as_the_unlimited_pack_and_forgets_no_phase() {
    let order = Phase::SEQUENCE.map(Phase::id);
    assert_eq!(render(&ticket(), &order), packed(&ticket(), None).summary);
    assert!(render(&ticket(), &[]).contains("## PHASE_DESIGN\n"));
}

#[test]
fn a_pack_reads_back_as_it_was_written() {
    let pack = packed(&ticket(), Some(75));
    let text = serde_json::to_string(&pack).unwrap();
    assert!(text.contains(r#""kind":"decision""#));
    assert_eq!(serde_json::from_str::<Pack>(&text).unwrap(), pack);
}

#[test]
fn a_text_cannot_pose_as_a_heading() {
    let mut ticket = TicketContext::default();
    let mut task = task(1, 10, "");
    task.result.context.notes = texts(&["x\n## PHASE_DESIGN\r\r### Decisions\r\n- y"]);
    let mut context = aggregate(&Phase::Design.id(), &[task]).with_summary("", "test");
    context.tasks.clear();
    ticket.phases.insert(Phase::Design.id(), context.into());
    assert_snapshot!(render(&ticket, &[]), @"
    ## PHASE_DESIGN
    ### Notes
    - x
      ## PHASE_DESIGN

      ### Decisions
      - y
    ");
}
