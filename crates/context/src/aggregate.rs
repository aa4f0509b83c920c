//! Aggregating a phase: its finished tasks become one draft, and drafts merge.

use std::borrow::Cow;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, HashSet};

use phaseline_phases::{Artifact, PhaseId};
use thiserror::Error;
use uuid::Uuid;

use crate::digest;
use crate::document::{PhaseContext, TaskDigest};
use crate::result::{Findings, FinishedTask, Superseded};

/// Everything about a phase but its summary: what is given to whoever writes that.
///
/// A draft *is* its set of tasks, one for each id, in order of completion; all else is derived from
/// them whenever the set changes. That is why [merging](PhaseDraft::merge) is associative and
/// idempotent without more ado.
///
/// Made by [`aggregate`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseDraft {
    phase_id: PhaseId,
    tasks: Vec<FinishedTask>,
    findings: Findings,
    artifacts: Vec<Artifact>,
    inputs_hash: String,
}

/// Two drafts of different phases were to be merged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a draft of {into} cannot take in one of {from}")]
pub struct PhasesDiffer {
    /// The phase of the draft that was to take in the other.
    pub into: PhaseId,
    /// The phase of the other.
    pub from: PhaseId,
}

/// Puts the finished tasks of a phase together, in any order given.
///
/// Tasks are taken in order of `(completed_at, id)`. Decisions, risks and notes are joined in
/// first-seen order; texts that are equal but for white space around them are one, blank ones none.
/// What supersedes an earlier decision is itself a decision. Artifacts and superseded decisions are
/// collected likewise, equal ones once. Of two results for one task id the later
/// stays; of two at the same microsecond always the same one, whatever the order given.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_context::{Findings, FinishedTask, TaskResult, aggregate};
/// use phaseline_phases::Phase;
/// use uuid::Uuid;
///
/// let task = |id: u128, decision: &str| FinishedTask {
///     id: Uuid::from_u128(id),
///     task_type: "design".into(),
///     title: None,
///     completed_at: DateTime::from_timestamp_nanos(0),
///     result: TaskResult {
///         context: Findings { decisions: vec![decision.into()], ..Findings::default() },
///         ..TaskResult::default()
///     },
/// };
/// let draft = aggregate(&Phase::Design.id(), &[task(2, "use SQLite "), task(1, "use SQLite")]);
/// assert_eq!(draft.findings().decisions, ["use SQLite"]);
/// ```
pub fn aggregate<'t>(phase: &PhaseId, tasks: impl Into<Cow<'t, [FinishedTask]>>) -> PhaseDraft {
    PhaseDraft::of(phase.clone(), tasks.into().into_owned())
}

impl PhaseDraft {
    /// Takes in another draft of the same phase; the result is that of aggregating both at once.
    ///
    /// # Errors
    /// [`PhasesDiffer`] if the other draft is of another phase.
    pub fn merge(self, other: Self) -> Result<Self, PhasesDiffer> {
        if self.phase_id != other.phase_id {
            return Err(PhasesDiffer { into: self.phase_id, from: other.phase_id });
        }
        let tasks = self.tasks.into_iter().chain(other.tasks);
        Ok(Self::of(self.phase_id, tasks.collect()))
    }

    /// Completes the draft with a summary and the name of the [summariser](crate::Summarize) that wrote it.
    pub fn with_summary(self, summary: impl Into<String>, by: impl Into<String>) -> PhaseContext {
        let Self { phase_id, tasks, findings, artifacts, inputs_hash } = self;
        let Findings { decisions, risks, notes, supersedes } = findings;
        PhaseContext {
            phase_id,
            summary: summary.into(),
            summarised_by: by.into(),
            decisions,
            risks,
            notes,
            supersedes,
            artifacts,
            tasks: tasks.into_iter().map(TaskDigest::from).collect(),
            inputs_hash,
        }
    }

    /// The phase.
    pub fn phase_id(&self) -> &PhaseId {
        &self.phase_id
    }

    /// The tasks in order of completion, each id once.
    pub fn tasks(&self) -> &[FinishedTask] {
        &self.tasks
    }

    /// Whether no task of the phase has finished.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The joined decisions, risks, notes and superseded decisions of all tasks.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The artifacts of all tasks.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// SHA-256, in lower-case hex, of the phase's name and of all that its tasks reported.
    ///
    /// Equal hashes mean that there is nothing new to record. It does not depend on the order in
    /// which tasks were given or JSON objects keep their members.
    pub fn inputs_hash(&self) -> &str {
        &self.inputs_hash
    }

    fn of(phase_id: PhaseId, tasks: Vec<FinishedTask>) -> Self {
        let tasks = in_order_of_completion(tasks);
        let results = || tasks.iter().map(|task| &task.result);
        let contexts = || results().map(|result| &result.context);
        let findings = Findings {
            decisions: distinct_texts(contexts().flat_map(Findings::decided)),
            risks: distinct_texts(contexts().flat_map(|context| &context.risks)),
            notes: distinct_texts(contexts().flat_map(|context| &context.notes)),
            supersedes: distinct_superseded(contexts().flat_map(|context| &context.supersedes)),
        };
        let artifacts = distinct_artifacts(results().flat_map(|result| &result.artifacts));
        let inputs_hash = digest::of_inputs(phase_id.as_str(), &tasks);
        Self { phase_id, tasks, findings, artifacts, inputs_hash }
    }
}

/// Sorts the tasks and keeps one for each id.
///
/// Which of two is kept is the greater in a total order, so it matters neither which came first nor
/// how a series of merges is bracketed.
fn in_order_of_completion(mut tasks: Vec<FinishedTask>) -> Vec<FinishedTask> {
    let mut ids: HashSet<Uuid> = HashSet::with_capacity(tasks.len());
    if tasks.iter().any(|task| !ids.insert(task.id)) {
        tasks = each_once(tasks);
    }
    tasks.sort_by_cached_key(|task| (micros(task), task.id));
    tasks
}

fn each_once(tasks: Vec<FinishedTask>) -> Vec<FinishedTask> {
    let mut by_id: BTreeMap<Uuid, FinishedTask> = BTreeMap::new();
    for task in tasks {
        match by_id.entry(task.id) {
            Entry::Vacant(place) => {
                place.insert(task);
            }
            Entry::Occupied(mut place) => {
                let rank = |task: &FinishedTask| (micros(task), digest::of_task(task));
                if rank(&task) > rank(place.get()) {
                    place.insert(task);
                }
            }
        }
    }
    by_id.into_values().collect()
}

/// Microseconds are what the tables keep, so a task sorts alike before and after it was stored.
fn micros(task: &FinishedTask) -> i64 {
    task.completed_at.timestamp_micros()
}

/// So few texts are compared with each other faster than they are hashed.
const FEW: usize = 8;

/// The texts that are not blank, each once.
pub(crate) fn distinct_texts<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let texts: Vec<&str> = texts.map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    if texts.len() <= FEW {
        let first = |(at, text): &(usize, &&str)| !texts[..*at].contains(text);
        return texts.iter().enumerate().filter(first).map(|(_, &text)| text.to_owned()).collect();
    }
    let mut seen = HashSet::with_capacity(texts.len());
    texts.into_iter().filter(|text| seen.insert(*text)).map(str::to_owned).collect()
}

pub(crate) fn distinct_superseded<'a>(
    entries: impl Iterator<Item = &'a Superseded>,
) -> Vec<Superseded> {
    let mut seen = HashSet::new();
    entries.filter_map(Superseded::trimmed).filter(|entry| seen.insert(entry.clone())).collect()
}

fn distinct_artifacts<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> Vec<Artifact> {
    let mut seen = BTreeSet::new();
    artifacts.filter(|artifact| seen.insert(digest::of_artifact(artifact))).cloned().collect()
}

#[cfg(test)]
mod tests;
