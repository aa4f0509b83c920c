//! How long it takes to decide a move and to replay a history: `cargo bench -p phaseline-phases`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use chrono::{DateTime, TimeDelta};
use divan::{Bencher, black_box};
use phaseline_phases::{HistoryEntry, Note, Phase, PhaseId, Position, Workflow, replay, rework};

fn main() {
    divan::main();
}

/// A ticket that goes back and forth between implementation and testing.
fn history(rows: usize) -> Vec<HistoryEntry> {
    let workflow = Workflow::standard();
    let mut at = DateTime::UNIX_EPOCH;
    let phase = Some(Phase::Implementation.id());
    let mut entries = vec![Position::start(workflow, phase, Note::default(), at).unwrap().entry()];
    for to in [Phase::Testing, Phase::Implementation].into_iter().cycle().take(rows - 1) {
        at += TimeDelta::seconds(1);
        let position = entries[entries.len() - 1].position();
        let step = position.move_to(workflow, &to.id(), Note::default(), at).unwrap();
        entries.push(step.entry());
    }
    entries
}

#[divan::bench]
fn a_legal_move_decided(bencher: Bencher<'_, '_>) {
    let position = history(1)[0].position();
    let (to, now) = (Phase::Testing.id(), DateTime::UNIX_EPOCH);
    bencher.bench(|| black_box(&position).move_to(Workflow::standard(), &to, Note::default(), now));
}

#[divan::bench]
fn an_illegal_move_refused(bencher: Bencher<'_, '_>) {
    let position = history(1)[0].position();
    let (to, now): (PhaseId, _) = (Phase::Done.id(), DateTime::UNIX_EPOCH);
    bencher.bench(|| {
        black_box(&position).move_to(Workflow::standard(), &to, Note::default(), now).is_err()
    });
}

#[divan::bench(args = [10, 100, 1_000])]
fn a_history_replayed(bencher: Bencher<'_, '_>, rows: usize) {
    let history = history(rows);
    bencher.bench(|| replay(Workflow::standard(), black_box(&history)));
}

#[divan::bench(args = [10, 100, 1_000])]
fn regressions_counted(bencher: Bencher<'_, '_>, rows: usize) {
    let history = history(rows);
    bencher.bench(|| rework::regressions(black_box(&history), 0));
}
