//! How far a task is, and the table of how it gets further.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

/// How far a task is. In lower case on the wire.
///
/// ```
/// use phaseline_tasks::TaskState;
///
/// assert_eq!(TaskState::Claimed.move_to(TaskState::Running), Ok(TaskState::Running));
/// assert!(TaskState::Running.is_live() && TaskState::Completed.is_end());
/// assert!(TaskState::Completed.move_to(TaskState::Pending).is_err());
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TaskState {
    /// To be done, and nobody has it.
    Pending,
    /// An agent has a lease on it.
    Claimed,
    /// An agent has a lease on it and has shown since that it is at work.
    Running,
    /// Done, with a result.
    Completed,
    /// Given up, with the reason. An operator can have it tried again.
    Failed,
    /// Not wanted any more.
    Cancelled,
}

/// A move that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a task cannot go from {from} to {to}: {}", self.instead())]
pub struct IllegalTaskMove {
    /// How far the task is.
    pub from: TaskState,
    /// What was asked for.
    pub to: TaskState,
    /// What is possible.
    pub allowed: &'static [TaskState],
}

impl TaskState {
    /// The table: what can come next. Back to pending is what giving up a lease does, whether the
    /// agent, the clock or a failure that may be tried again ends it; from failed it is an
    /// operator's act, as is ending what nobody has claimed.
    #[must_use]
    pub const fn exits(self) -> &'static [TaskState] {
        use TaskState::{Cancelled, Claimed, Completed, Failed, Pending, Running};
        match self {
            Pending => &[Claimed, Completed, Failed, Cancelled],
            Claimed => &[Running, Pending, Completed, Failed, Cancelled],
            Running => &[Pending, Completed, Failed, Cancelled],
            Completed => &[],
            Failed => &[Pending],
            Cancelled => &[],
        }
    }

    /// Whether an agent has a lease on it, and with it one of the agent's slots.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            TaskState::Claimed | TaskState::Running => true,
            TaskState::Pending
            | TaskState::Completed
            | TaskState::Failed
            | TaskState::Cancelled => false,
        }
    }

    /// Whether a worker has it or can still get it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            TaskState::Pending | TaskState::Claimed | TaskState::Running => true,
            TaskState::Completed | TaskState::Failed | TaskState::Cancelled => false,
        }
    }

    /// Whether no worker will change it any more. Only an operator can, and only what failed.
    #[must_use]
    pub const fn is_end(self) -> bool {
        !self.is_open()
    }

    /// Decides a move.
    ///
    /// # Errors
    /// [`IllegalTaskMove`] says what is possible instead.
    pub fn move_to(self, to: TaskState) -> Result<TaskState, IllegalTaskMove> {
        let allowed = self.exits();
        if allowed.contains(&to) {
            Ok(to)
        } else {
            Err(IllegalTaskMove { from: self, to, allowed })
        }
    }
}

impl IllegalTaskMove {
    fn instead(&self) -> String {
        let allowed: Vec<&str> = self.allowed.iter().map(AsRef::as_ref).collect();
        match allowed.as_slice() {
            [] => format!("{} is an end", self.from),
            [only] => format!("from there it can go to {only}"),
            [before @ .., last] => {
                format!("from there it can go to {} or {last}", before.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_table_reads_like_this() {
        let rows: Vec<String> = TaskState::iter()
            .flat_map(|from| TaskState::iter().map(move |to| (from, to)))
            .map(|(from, to)| match from.move_to(to) {
                Ok(state) => format!("{from} -> {state}"),
                Err(refusal) => refusal.to_string(),
            })
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        a task cannot go from pending to pending: from there it can go to claimed, completed, failed or cancelled
        pending -> claimed
        a task cannot go from pending to running: from there it can go to claimed, completed, failed or cancelled
        pending -> completed
        pending -> failed
        pending -> cancelled
        claimed -> pending
        a task cannot go from claimed to claimed: from there it can go to running, pending, completed, failed or cancelled
        claimed -> running
        claimed -> completed
        claimed -> failed
        claimed -> cancelled
        running -> pending
        a task cannot go from running to claimed: from there it can go to pending, completed, failed or cancelled
        a task cannot go from running to running: from there it can go to pending, completed, failed or cancelled
        running -> completed
        running -> failed
        running -> cancelled
        a task cannot go from completed to pending: completed is an end
        a task cannot go from completed to claimed: completed is an end
        a task cannot go from completed to running: completed is an end
        a task cannot go from completed to completed: completed is an end
        a task cannot go from completed to failed: completed is an end
        a task cannot go from completed to cancelled: completed is an end
        failed -> pending
        a task cannot go from failed to claimed: from there it can go to pending
        a task cannot go from failed to running: from there it can go to pending
        a task cannot go from failed to completed: from there it can go to pending
        a task cannot go from failed to failed: from there it can go to pending
        a task cannot go from failed to cancelled: from there it can go to pending
        a task cannot go from cancelled to pending: cancelled is an end
        a task cannot go from cancelled to claimed: cancelled is an end
        a task cannot go from cancelled to running: cancelled is an end
        a task cannot go from cancelled to completed: cancelled is an end
        a task cannot go from cancelled to failed: cancelled is an end
        a task cannot go from cancelled to cancelled: cancelled is an end
        ");
    }

    #[test]
    fn each_state_is_open_or_an_end() {
        let rows = TaskState::iter().map(|state| {
            let open = if state.is_open() { "open" } else { "an end" };
            assert_ne!(state.is_open(), state.is_end(), "{state}");
            format!("{state}: {open}{}", if state.is_live() { ", live" } else { "" })
        });
        insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r"
        pending: open
        claimed: open, live
        running: open, live
        completed: an end
        failed: an end
        cancelled: an end
        ");
    }

    #[test]
    fn a_state_has_one_name() {
        let json = serde_json::to_string(&TaskState::iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(json, r#"["pending","claimed","running","completed","failed","cancelled"]"#);
        for state in serde_json::from_str::<Vec<TaskState>>(&json).unwrap() {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }
}
