//! How long the parts of a context take: `cargo bench -p phaseline-context`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use std::collections::BTreeMap;

use chrono::DateTime;
use divan::{Bencher, black_box};
use phaseline_context::{
    Findings, FinishedTask, PhaseContext, PhaseTokens, TaskResult, TicketContext, aggregate,
    count_tokens, extract, pack, pack_counted,
};
use phaseline_phases::{Phase, PhaseId};
use uuid::Uuid;

const TASKS: u128 = 1_000;
const PHASES: [Phase; 4] =
    [Phase::Requirements, Phase::Design, Phase::Implementation, Phase::Testing];
const BUDGET: Option<u32> = Some(2_000);

fn main() {
    divan::main();
}

fn finished(phase: u128) -> Vec<FinishedTask> {
    (phase * TASKS..(phase + 1) * TASKS)
        .map(|number| FinishedTask {
            id: Uuid::from_u128(number),
            task_type: "implementation".to_owned(),
            title: Some(format!("Task {number}")),
            completed_at: DateTime::UNIX_EPOCH,
            result: TaskResult {
                summary: format!(
                    "Looked at the keys of one service and wrote down what signs with them, task {number}"
                ),
                context: Findings {
                    decisions: vec![format!("decisions {number}")],
                    risks: vec![format!("risks {number}")],
                    notes: vec![format!("notes {number}")],
                    supersedes: Vec::new(),
                },
                ..TaskResult::default()
            },
        })
        .collect()
}

fn phase(phase: Phase, number: u128) -> PhaseContext {
    let draft = aggregate(&phase.id(), finished(number));
    let summary = extract(&draft);
    draft.with_summary(summary, "extractive")
}

fn ticket() -> TicketContext {
    (1..).zip(PHASES).fold(TicketContext::default(), |ticket, (number, name)| {
        ticket.record(phase(name, number), DateTime::UNIX_EPOCH).unwrap()
    })
}

fn counts(ticket: &TicketContext) -> BTreeMap<PhaseId, PhaseTokens> {
    ticket.phases.iter().map(|(id, phase)| (id.clone(), PhaseTokens::of(phase))).collect()
}

#[divan::bench]
fn a_thousand_tasks_aggregated(bencher: Bencher<'_, '_>) {
    let phase = Phase::Design.id();
    bencher
        .with_inputs(|| finished(1))
        .bench_values(|tasks| aggregate(&phase, tasks).with_summary("", "bench"));
}

#[divan::bench]
fn a_phase_of_them_counted(bencher: Bencher<'_, '_>) {
    let phase = phase(Phase::Design, 1);
    bencher.bench(|| PhaseTokens::of(black_box(&phase)));
}

#[divan::bench]
fn a_phase_of_them_written(bencher: Bencher<'_, '_>) {
    let phase = phase(Phase::Design, 1);
    bencher.bench(|| serde_json::to_string(black_box(&phase)).unwrap());
}

#[divan::bench]
fn a_phase_of_them_read(bencher: Bencher<'_, '_>) {
    let text = serde_json::to_string(&phase(Phase::Design, 1)).unwrap();
    bencher.bench(|| serde_json::from_str::<PhaseContext>(black_box(&text)).unwrap());
}

#[divan::bench]
fn four_such_phases_packed(bencher: Bencher<'_, '_>) {
    let (ticket, before) = (ticket(), PHASES.map(Phase::id));
    let target = Phase::Deployment.id();
    bencher.bench(|| pack(black_box(&ticket), &before, &target, &[], BUDGET));
}

#[divan::bench]
fn four_such_phases_packed_with_known_counts(bencher: Bencher<'_, '_>) {
    let (ticket, before) = (ticket(), PHASES.map(Phase::id));
    let (target, counts) = (Phase::Deployment.id(), counts(&ticket));
    bencher.bench(|| pack_counted(black_box(&ticket), &counts, &before, &target, &[], BUDGET));
}

#[divan::bench(args = [
    "The quick brown fox jumps over the lazy dog, which did not expect it.",
    "fn main() {\n    let keys: Vec<u32> = (0..1_000).collect();\n}\n",
    "Der Schlüssel des Dienstes läuft am 31. März ab — «spätestens».",
    "每个服务的密钥都要在夜里轮换。",
])]
fn a_text_counted(text: &str) -> u32 {
    count_tokens(black_box(text))
}
