//! The table of the standard workflow, pair by pair.

use chrono::DateTime;
use phaseline_phases::{MoveError, Note, Phase, PhaseId, Position, Workflow};
use strum::IntoEnumIterator;

fn standing(phase: Phase, previous: Option<Phase>) -> Position {
    Position {
        phase: phase.id(),
        previous: previous.map(Phase::id),
        sequence: 1,
        since: DateTime::UNIX_EPOCH,
    }
}

/// What a move is called, or why it is refused.
fn asked(from: Phase, blocked_at: Option<Phase>, to: Phase) -> Result<String, String> {
    standing(from, blocked_at)
        .move_to(Workflow::standard(), &to.id(), Note::default(), DateTime::UNIX_EPOCH)
        .map(|step| step.kind().to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn the_table_reads_like_this() {
    let rows: Vec<String> = Phase::iter()
        .map(|from| {
            let moves: Vec<String> = Phase::iter()
                .filter_map(|to| Some(format!("{to} ({})", asked(from, None, to).ok()?)))
                .collect();
            format!("{from}: {}", moves.join(", "))
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    PHASE_BACKLOG: PHASE_REQUIREMENTS (advance), PHASE_BLOCKED (block)
    PHASE_REQUIREMENTS: PHASE_DESIGN (advance), PHASE_BLOCKED (block)
    PHASE_DESIGN: PHASE_IMPLEMENTATION (advance), PHASE_BLOCKED (block)
    PHASE_IMPLEMENTATION: PHASE_TESTING (advance), PHASE_BLOCKED (block)
    PHASE_TESTING: PHASE_IMPLEMENTATION (regress), PHASE_DEPLOYMENT (advance), PHASE_BLOCKED (block)
    PHASE_DEPLOYMENT: PHASE_DONE (complete), PHASE_BLOCKED (block)
    PHASE_DONE: 
    PHASE_BLOCKED: PHASE_BACKLOG (resume), PHASE_REQUIREMENTS (resume), PHASE_DESIGN (resume), PHASE_IMPLEMENTATION (resume), PHASE_TESTING (resume), PHASE_DEPLOYMENT (resume)
    ");
}

#[test]
fn each_of_the_64_pairs_is_legal_exactly_where_the_table_has_it() {
    for from in Phase::iter() {
        for to in Phase::iter() {
            let legal = from.exits().contains(&to);
            assert_eq!(asked(from, None, to).is_ok(), legal, "{from} -> {to}");
        }
    }
}

#[test]
fn a_blocked_ticket_never_comes_out_further_than_it_went_in() {
    for (place, blocked_at) in Phase::SEQUENCE.into_iter().enumerate() {
        for (target, to) in Phase::SEQUENCE.into_iter().enumerate() {
            let legal = target <= place && to != Phase::Done;
            let answer = asked(Phase::Blocked, Some(blocked_at), to);
            assert_eq!(answer.is_ok(), legal, "blocked in {blocked_at}, out to {to}");
        }
    }
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let refusal = |from, blocked_at, to| asked(from, blocked_at, to).unwrap_err();
    insta::assert_snapshot!(
        [
            refusal(Phase::Backlog, None, Phase::Done),
            refusal(Phase::Done, None, Phase::Backlog),
            refusal(Phase::Testing, None, Phase::Testing),
            refusal(Phase::Blocked, Some(Phase::Design), Phase::Testing),
            refusal(Phase::Blocked, Some(Phase::Backlog), Phase::Done),
        ]
        .join("\n"),
        @r"
    a ticket cannot move from PHASE_BACKLOG to PHASE_DONE: from there it can go to PHASE_REQUIREMENTS or PHASE_BLOCKED
    a ticket cannot move from PHASE_DONE to PHASE_BACKLOG: PHASE_DONE is an end
    a ticket cannot move from PHASE_TESTING to PHASE_TESTING: from there it can go to PHASE_DEPLOYMENT, PHASE_IMPLEMENTATION or PHASE_BLOCKED
    a ticket cannot move from PHASE_BLOCKED to PHASE_TESTING: it was blocked in PHASE_DESIGN and cannot come out further than it went in, only to PHASE_BACKLOG, PHASE_REQUIREMENTS or PHASE_DESIGN
    a ticket cannot move from PHASE_BLOCKED to PHASE_DONE: from there it can go to PHASE_BACKLOG
    "
    );
}

#[test]
fn a_phase_that_there_is_not_is_another_refusal() {
    let lunch = PhaseId::parse("PHASE_LUNCH").unwrap();
    let refusal = standing(Phase::Backlog, None)
        .move_to(Workflow::standard(), &lunch, Note::default(), DateTime::UNIX_EPOCH)
        .unwrap_err();
    assert!(matches!(refusal, MoveError::UnknownPhase(_)), "{refusal}");
}
