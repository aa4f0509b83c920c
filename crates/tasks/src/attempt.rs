//! One claim of a task after the other: how an attempt ended, and what kind of failure it was.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

/// How an attempt ended, or that it has not. An attempt begins with a claim and has one fencing
/// token. In `snake_case` on the wire.
///
/// ```
/// use phaseline_tasks::AttemptOutcome;
///
/// assert!(!AttemptOutcome::Running.is_over());
/// assert_eq!(AttemptOutcome::Expired.why(), "its lease ran out");
/// assert_eq!("agent_lost".parse(), Ok(AttemptOutcome::AgentLost));
/// ```
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
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttemptOutcome {
    /// Not over.
    Running,
    /// The task was completed.
    Completed,
    /// It failed; a [`FailureClass`] says how.
    Failed,
    /// The agent gave the task back.
    Released,
    /// The lease ended before the work did.
    Expired,
    /// The agent stopped answering or was removed.
    AgentLost,
    /// The task was cancelled meanwhile.
    Cancelled,
}

/// What kind of failure ended an attempt. In `snake_case` on the wire.
///
/// ```
/// use phaseline_tasks::FailureClass;
///
/// assert!(FailureClass::default().uses_up_attempt());
/// assert!(!FailureClass::NeedsInput.uses_up_attempt());
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailureClass {
    /// The work itself did not come out right.
    #[default]
    Task,
    /// Something gave way that will be there again: a network, a rate limit.
    Transient,
    /// This agent cannot do it; another one may.
    Capability,
    /// Somebody has to answer a question first.
    NeedsInput,
    /// What it builds on is not there.
    Dependency,
}

impl AttemptOutcome {
    /// Whether the attempt is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Running => false,
            Self::Completed
            | Self::Failed
            | Self::Released
            | Self::Expired
            | Self::AgentLost
            | Self::Cancelled => true,
        }
    }

    /// What to tell an agent that comes back with the token of this attempt, as the second half of
    /// a sentence.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Running => "it is still at work",
            Self::Completed => "it had completed",
            Self::Failed => "it had failed",
            Self::Released => "it was given back",
            Self::Expired => "its lease ran out",
            Self::AgentLost => "its agent stopped answering or was removed",
            Self::Cancelled => "its task was cancelled",
        }
    }
}

impl FailureClass {
    /// Whether a failure of this kind counts against the attempts that a task has: only what the
    /// work itself is to blame for does.
    #[must_use]
    pub const fn uses_up_attempt(self) -> bool {
        match self {
            Self::Task => true,
            Self::Transient | Self::Capability | Self::NeedsInput | Self::Dependency => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_outcome_says_why_a_late_agent_is_refused() {
        let rows = AttemptOutcome::iter().map(|outcome| {
            let over = if outcome.is_over() { "over" } else { "not over" };
            format!("{outcome}, {over}: {}", outcome.why())
        });
        insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r"
        running, not over: it is still at work
        completed, over: it had completed
        failed, over: it had failed
        released, over: it was given back
        expired, over: its lease ran out
        agent_lost, over: its agent stopped answering or was removed
        cancelled, over: its task was cancelled
        ");
    }

    #[test]
    fn only_the_work_itself_uses_up_an_attempt() {
        let rows = FailureClass::iter().map(|class| {
            format!("{class}: {}", if class.uses_up_attempt() { "counts" } else { "is free" })
        });
        insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r"
        task: counts
        transient: is free
        capability: is free
        needs_input: is free
        dependency: is free
        ");
        assert_eq!(FailureClass::default(), FailureClass::Task);
    }

    #[test]
    fn outcomes_and_classes_have_one_name() {
        for outcome in AttemptOutcome::iter() {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_ref());
        }
        for class in FailureClass::iter() {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_ref());
        }
    }
}
