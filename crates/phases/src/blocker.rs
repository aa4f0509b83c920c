//! What holds a ticket up, and the answer that lets it go on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::PhaseId;

/// What it is that holds a ticket up.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BlockerKind {
    /// Something that it needs is not done, or will not be.
    Dependency,
    /// Somebody must say or decide something.
    NeedsInput,
    /// What was made does not pass its checks, and trying again did not help.
    FailingChecks,
    /// Something around the work is missing or broken: a machine, a network, a permission.
    Environment,
    /// It was sent back over the same edge as often as is allowed.
    ReworkBudget,
}

/// What holds a ticket up, and what would help.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_phases::{Blocker, BlockerKind, Phase};
///
/// let blocker = Blocker {
///     kind: BlockerKind::NeedsInput,
///     question: Some("which currency?".to_owned()),
///     reasons: Vec::new(),
///     since: DateTime::UNIX_EPOCH,
///     by: Some("agent 7".to_owned()),
///     task_id: None,
/// };
/// let later = blocker.since + TimeDelta::hours(2);
/// let by = Some("ada".to_owned());
/// let answer = blocker.answered("euro".to_owned(), by, Phase::Design.id(), later);
/// assert_eq!(answer.question.as_deref(), Some("which currency?"));
/// assert_eq!(answer.answer, "euro");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// What it is.
    pub kind: BlockerKind,
    /// What somebody must answer before the ticket can go on.
    pub question: Option<String>,
    /// What led to it, the first reason first.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who said so.
    pub by: Option<String>,
    /// The task that ran into it.
    pub task_id: Option<String>,
}

/// A blocker that was answered. Who works on the ticket next should read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What held the ticket up.
    pub kind: BlockerKind,
    /// What was asked.
    pub question: Option<String>,
    /// What had led to it, the first reason first.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What was answered.
    pub answer: String,
    /// Who answered.
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// The phase that the ticket goes on in.
    pub phase: PhaseId,
}

impl Blocker {
    /// Ends it with an answer: what was said, by whom, the phase that the ticket goes on in, and
    /// when.
    #[must_use]
    pub fn answered(
        self,
        answer: String,
        by: Option<String>,
        phase: PhaseId,
        at: DateTime<Utc>,
    ) -> Answer {
        let Self { kind, question, reasons, since: _, by: _, task_id: _ } = self;
        Answer { kind, question, reasons, answer, by, at, phase }
    }
}
