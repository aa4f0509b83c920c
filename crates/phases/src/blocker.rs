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

/// The most characters of what several tasks ask of one ticket together: what is answered is at the head
/// of each pack, with the answer.
pub const MOST_ASKED: usize = 2_000;
/// The most reasons that several tasks give together.
pub const MOST_REASONS: usize = 50;
/// Between two questions.
const AND: &str = " And: ";

impl Blocker {
    /// Takes in what came while the ticket was blocked already: what is asked besides, and what led to
    /// that. A question for which there is no room within [`MOST_ASKED`] is among the reasons, of which
    /// there are at most [`MOST_REASONS`]. All else stays as it was. `None` when nothing is new.
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
        let mut both = self.clone();
        let left = other.question.and_then(|question| both.ask(question));
        for reason in other.reasons.into_iter().chain(left) {
            if both.reasons.len() < MOST_REASONS && !both.reasons.contains(&reason) {
                both.reasons.push(reason);
            }
        }
        (both != *self).then_some(both)
    }

    /// Asks this as well, unless it is asked already. Gives it back where there is no room for it.
    fn ask(&mut self, new: String) -> Option<String> {
        let both = match &self.question {
            None => new.clone(),
            Some(asked) if *asked == new || asked.split(AND).any(|one| one == new) => return None,
            Some(asked) => format!("{asked}{AND}{new}"),
        };
        if self.question.is_some() && both.chars().count() > MOST_ASKED {
            return Some(new);
        }
        self.question = Some(both);
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    fn blocker(question: Option<&str>, reasons: &[&str]) -> Blocker {
        Blocker {
            kind: BlockerKind::NeedsInput,
            question: question.map(str::to_owned),
            reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
            since: DateTime::UNIX_EPOCH,
            by: None,
            task_id: None,
        }
    }

    #[test]
    fn what_is_asked_besides_is_joined_once() {
        let first = blocker(Some("Host? And: port?"), &["no host"]);
        assert_eq!(first.and(first.clone()), None);
        assert_eq!(first.and(blocker(None, &[])), None);
        let more = first.and(blocker(None, &["no port"])).unwrap();
        assert_eq!(more, blocker(Some("Host? And: port?"), &["no host", "no port"]));
        let asked = blocker(None, &[]).and(blocker(Some("Why?"), &[])).unwrap();
        assert_eq!(asked, blocker(Some("Why?"), &[]));
    }

    #[test]
    fn however_many_ask_it_stays_short() {
        let mut all = blocker(Some("0?"), &["0"]);
        for number in 1..1_000 {
            let (question, reason) = (format!("{number}?"), number.to_string());
            all = all.and(blocker(Some(&question), &[&reason])).unwrap_or(all);
        }
        let asked = all.question.unwrap();
        assert!((MOST_ASKED - 20..=MOST_ASKED).contains(&asked.len()), "{asked}");
        assert_eq!(all.reasons.len(), MOST_REASONS);
        let long = "x".repeat(MOST_ASKED);
        let left = blocker(Some("0?"), &[]).and(blocker(Some(&long), &[])).unwrap();
        assert_eq!(left, blocker(Some("0?"), &[&long]));
    }
}
