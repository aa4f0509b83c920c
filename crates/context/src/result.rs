//! What one finished task leaves behind: a summary, outputs, findings and artifacts.

use chrono::{DateTime, Utc};
use phaseline_phases::Artifact;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The result that a task reports when it completes. Every field may be left out on the wire.
///
/// Unknown fields are ignored here; refusing them is the door's business, not the document's.
///
/// ```
/// use phaseline_context::TaskResult;
///
/// let result: TaskResult = serde_json::from_str(
///     r#"{ "summary": "Chose SQLite.", "context": { "decisions": ["SQLite is the default"] } }"#,
/// )?;
/// assert_eq!(result.context.decisions, ["SQLite is the default"]);
/// assert!(result.artifacts.is_empty() && result.outputs.is_null());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskResult {
    /// What was done, in prose; its first sentence may become a part of the phase's summary.
    pub summary: String,
    /// Whatever the task produced as data, in a shape of its own; null when there is none.
    pub outputs: Value,
    /// What the next phase should know.
    pub context: Findings,
    /// Files and documents that the task produced.
    pub artifacts: Vec<Artifact>,
}

/// What a task found out that others should know, in the order it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// What was decided, and stays decided in later phases until a task supersedes it.
    pub decisions: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// Anything else worth knowing.
    pub notes: Vec<String>,
    /// Which earlier decisions, of any phase of the ticket, no longer stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Superseded>,
}

/// An earlier decision that no longer stands, and what stands in its place.
///
/// ```
/// use phaseline_context::Findings;
///
/// let findings: Findings = serde_json::from_str(
///     r#"{ "supersedes": [{ "decision": "SQLite is the default", "by": "PostgreSQL is the default" }] }"#,
/// )?;
/// assert_eq!(findings.supersedes[0].decision, "SQLite is the default");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Superseded {
    /// The text of the decision, as it was reported; white space around it does not count.
    pub decision: String,
    /// What was decided in its place, which makes it a decision of the task that says so; none if the
    /// decision is only withdrawn.
    #[serde(default)]
    pub by: Option<String>,
}

/// A completed task of a phase, as aggregation reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedTask {
    /// The task's id; a phase holds each id once.
    pub id: Uuid,
    /// The type of work, such as `analysis`.
    pub task_type: String,
    /// What the task was called, if it had a name.
    pub title: Option<String>,
    /// When it completed; counted to the microsecond, as it is stored.
    pub completed_at: DateTime<Utc>,
    /// What it reported.
    pub result: TaskResult,
}

impl Findings {
    /// The decisions, then what superseded others, which is decided as well; each as it was reported.
    pub(crate) fn decided(&self) -> impl Iterator<Item = &String> {
        self.decisions.iter().chain(self.supersedes.iter().filter_map(|entry| entry.by.as_ref()))
    }
}

impl Superseded {
    /// Without the white space around its texts; `None` if it names no decision.
    pub(crate) fn trimmed(&self) -> Option<Self> {
        let Self { decision, by } = self;
        let text = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Some(Self { decision: text(decision)?, by: by.as_ref().and_then(text) })
    }
}
