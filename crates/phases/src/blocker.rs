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

/// Between two questions.
const AND: &str = " And: ";

impl Blocker {
    /// Takes in what came while the ticket was blocked already: what is asked besides and what led to
    /// that. All else stays as it was. `None` when there is nothing new in it.
    ///
    /// ```
    /// # use chrono::DateTime;
    /// # use phaseline_phases::{Blocker, BlockerKind};
    /// # let asked = |question: &str| Blocker {
    /// #     kind: BlockerKind::NeedsInput, question: Some(question.to_owned()), reasons: Vec::new(),
    /// #     since: DateTime::UNIX_EPOCH, by: None, task_id: None,
    /// # };
    /// let blocker = asked("Which currency?").and(asked("Which country?")).ok_or("something new")?;
    /// assert_eq!(blocker.question.as_deref(), Some("Which currency? And: Which country?"));
    /// assert_eq!(blocker.and(asked("Which country?")), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn and(&self, other: Self) -> Option<Self> {
        let asked = self.question.as_deref().unwrap_or_default();
        let question = other.question.filter(|new| asked.split(AND).all(|asked| asked != new));
        let mut reasons = self.reasons.clone();
        for reason in other.reasons {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        if question.is_none() && reasons.len() == self.reasons.len() {
            return None;
        }
        let question = match (&self.question, question) {
            (Some(asked), Some(besides)) => Some(format!("{asked}{AND}{besides}")),
            (asked, besides) => besides.or_else(|| asked.clone()),
        };
        Some(Self { question, reasons, ..self.clone() })
    }

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
