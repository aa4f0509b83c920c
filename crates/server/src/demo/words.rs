//! How what happens is put into words.

use phaseline_client::{
    PhaseId,
    wire::{Claim, Findings, TaskResult},
};

use super::team::Member;

/// A phase as people say it.
pub(super) fn short(phase: &PhaseId) -> String {
    phase.as_str().trim_start_matches("PHASE_").to_lowercase()
}

/// A key that only one side knows.
pub(super) fn unknown(key: &str) -> String {
    format!("{key} is in the script or the backlog, and not in both")
}

/// `ana claims "…" (token 1), reads 120 tokens`
pub(super) fn begins(member: &Member, claim: &Claim) -> String {
    let (name, token) = (&member.name, claim.fencing_token);
    let title = claim.task.title.as_deref().unwrap_or_default();
    let again = if token > 1 { format!(" (token {token})") } else { String::new() };
    match claim.pack.tokens {
        0 => format!("{name} claims \"{title}\"{again}"),
        tokens => format!("{name} claims \"{title}\"{again}, reads {tokens} tokens"),
    }
}

/// `2 decisions, 1 risk`
pub(super) fn left_behind(result: &TaskResult) -> String {
    let Findings { decisions, risks, notes, supersedes: _ } = &result.context;
    let counts = [
        (decisions.len(), "decision"),
        (risks.len(), "risk"),
        (notes.len(), "note"),
        (result.artifacts.len(), "artifact"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}
