//! Random walks over the table: what must hold of every history.
#![expect(clippy::unwrap_used, reason = "a walk that cannot be taken is a failed test")]

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_phases::{
    HistoryEntry, Note, Phase, PhaseId, Position, TransitionKind, Workflow, replay,
};
use proptest::{collection::vec, prelude::*};
use strum::IntoEnumIterator;

fn any_phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(Phase::iter().collect::<Vec<_>>())
}

/// A ticket that began in a random phase and took a random legal exit at each step.
fn walk() -> impl Strategy<Value = Vec<HistoryEntry>> {
    let steps = vec((any::<prop::sample::Index>(), -5_i64..1000), 0..60);
    (prop::option::of(any_phase()), steps).prop_map(|(first, steps)| {
        let workflow = Workflow::standard();
        let mut now: DateTime<Utc> = DateTime::UNIX_EPOCH;
        let opened = Position::start(workflow, first.map(Phase::id), Note::default(), now).unwrap();
        let mut position = opened.position();
        let mut history = vec![opened.entry()];
        for (choice, seconds) in steps {
            let allowed = position.allowed(workflow).unwrap();
            if allowed.is_empty() {
                break;
            }
            now += TimeDelta::seconds(seconds);
            let to = &allowed[choice.index(allowed.len())];
            let step = position.move_to(workflow, to, Note::default(), now).unwrap();
            position = step.position();
            history.push(step.entry());
        }
        history
    })
}

proptest! {
    #[test]
    fn a_history_replays_to_where_the_ticket_stands(history in walk()) {
        let last = history.last().unwrap();
        let position = replay(Workflow::standard(), &history).unwrap();
        prop_assert_eq!(&position.phase, &last.to);
        prop_assert_eq!(&position.previous, &last.from);
        prop_assert_eq!(position.sequence as usize, history.len());
    }

    #[test]
    fn neighbours_agree_and_every_pair_is_in_the_table(history in walk()) {
        for pair in history.windows(2) {
            prop_assert_eq!(Some(&pair[0].to), pair[1].from.as_ref());
            let from: Phase = pair[0].to.as_str().parse().unwrap();
            let to: Phase = pair[1].to.as_str().parse().unwrap();
            prop_assert!(from.exits().contains(&to), "{} -> {}", from, to);
            prop_assert!(pair[1].seconds_in_previous.unwrap() >= 0.0);
        }
    }

    #[test]
    fn blocking_is_no_way_round(history in walk()) {
        let place = |phase: &PhaseId| Workflow::standard().sequence().iter().position(|p| p == phase);
        for pair in history.windows(2) {
            // A ticket that began blocked was blocked nowhere.
            if let (TransitionKind::Resume, Some(blocked_at)) = (pair[1].kind, &pair[0].from) {
                prop_assert!(place(&pair[1].to) <= place(blocked_at));
            }
        }
    }

    #[test]
    fn a_history_that_was_tampered_with_is_found_out(
        history in walk(),
        at in any::<prop::sample::Index>(),
        phase in any_phase(),
        kind in prop::sample::select(TransitionKind::iter().collect::<Vec<_>>()),
        tampering in 0..6,
    ) {
        let mut broken = history.clone();
        let at = at.index(broken.len());
        match tampering {
            0 => broken[at].to = phase.id(),
            1 => broken[at].from = Some(phase.id()),
            2 => broken[at].sequence += 1,
            3 => { broken.remove(at); }
            4 => broken[at].kind = kind,
            _ => broken.insert(at, history[at].clone()),
        }
        let whole = replay(Workflow::standard(), &broken);
        // A cut at the end, or another legal phase there, leaves a history that is whole.
        let before = at.checked_sub(1).map(|before| &history[before].to);
        let legal_there = before.is_none_or(|from| {
            from.as_str().parse::<Phase>().unwrap().exits().contains(&phase)
        });
        let still_a_history = broken == history
            || tampering == 3 && at + 1 == history.len() && at > 0
            || tampering == 0 && at + 1 == history.len() && legal_there;
        prop_assert!(whole.is_err() || still_a_history, "{:?}", broken);
    }
}

#[test]
fn a_broken_history_says_which_row() {
    let workflow = Workflow::standard();
    let opened = Position::start(workflow, None, Note::default(), DateTime::UNIX_EPOCH).unwrap();
    let step = |position: &Position, to: Phase| {
        position.move_to(workflow, &to.id(), Note::default(), DateTime::UNIX_EPOCH).unwrap()
    };
    let asked = step(&opened.position(), Phase::Requirements);
    let parked = step(&asked.position(), Phase::Blocked);
    let history = vec![opened.entry(), asked.entry(), parked.entry()];
    let told = |change: fn(&mut Vec<HistoryEntry>)| {
        let mut history = history.clone();
        change(&mut history);
        replay(workflow, &history).unwrap_err().to_string()
    };
    let told = [
        told(Vec::clear),
        told(|rows| rows[0].sequence = 2),
        told(|rows| rows[0].kind = TransitionKind::Advance),
        told(|rows| rows[0].from = Some(Phase::Design.id())),
        told(|rows| rows[2].kind = TransitionKind::Create),
        told(|rows| rows[1].from = None),
        told(|rows| drop(rows.remove(1))),
        told(|rows| rows[1].kind = TransitionKind::Resume),
        told(|rows| rows[1].to = Phase::Done.id()),
        told(|rows| rows[2].to = PhaseId::parse("PHASE_LUNCH").unwrap()),
        told(|rows| {
            let mut out = rows[2].clone();
            (out.sequence, out.from) = (4, Some(out.to));
            (out.to, out.kind) = (Phase::Testing.id(), TransitionKind::Resume);
            rows.push(out);
        }),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    the history is empty: a ticket has at least the row of its making
    row 2 stands where row 1 should
    row 1 does not make the ticket: its kind is advance, and it leaves no phase
    row 1 does not make the ticket: its kind is create, and it leaves PHASE_DESIGN
    row 3 makes the ticket again, which only row 1 does
    row 2 leaves no phase, but the ticket was in PHASE_BACKLOG
    row 3 stands where row 2 should
    row 2 is called resume, but the move is advance
    row 2: a ticket cannot move from PHASE_BACKLOG to PHASE_DONE: from there it can go to PHASE_REQUIREMENTS or PHASE_BLOCKED
    row 3: PHASE_LUNCH cannot be chosen here: choose one of PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT, PHASE_DONE or PHASE_BLOCKED
    row 4 resumes in PHASE_TESTING, but the ticket was blocked in PHASE_REQUIREMENTS
    ");
}
