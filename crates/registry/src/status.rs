//! The states of an agent, and which of them may follow which.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

use AgentStatus::{Degraded, Failed, Idle, Maintenance, Quarantined, Running, Terminated};

/// What an agent is up to, as it or an operator says; health is another matter, see
/// [`Health`](crate::Health). In lower case on the wire.
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
    EnumString,
    AsRefStr,
    EnumIter,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AgentStatus {
    /// Ready, with nothing in hand.
    Idle,
    /// At work; it may have free slots all the same.
    Running,
    /// Taken out of service for a while.
    Maintenance,
    /// At work, but not as it should be.
    Degraded,
    /// Broken down.
    Failed,
    /// Kept away from work until somebody has looked at it.
    Quarantined,
    /// Gone for good.
    Terminated,
}

/// A change of status that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an agent cannot go from {from} to {to}; {}", outlook(*from, allowed))]
pub struct IllegalStatus {
    /// The status that the agent has.
    pub from: AgentStatus,
    /// The status that was asked for.
    pub to: AgentStatus,
    /// The statuses that could have been asked for.
    pub allowed: &'static [AgentStatus],
}

impl AgentStatus {
    /// The statuses that may follow this one: the whole table.
    pub const fn exits(self) -> &'static [AgentStatus] {
        match self {
            Idle => &[Running, Maintenance, Degraded, Failed, Quarantined, Terminated],
            Running => &[Idle, Maintenance, Degraded, Failed, Quarantined, Terminated],
            Maintenance => &[Idle, Failed, Quarantined, Terminated],
            Degraded => &[Idle, Running, Maintenance, Failed, Quarantined, Terminated],
            Failed => &[Idle, Maintenance, Quarantined, Terminated],
            Quarantined => &[Maintenance, Terminated],
            Terminated => &[],
        }
    }

    /// Whether searches see agents in this status unless told otherwise.
    pub const fn is_available(self) -> bool {
        match self {
            Idle | Running | Degraded => true,
            Maintenance | Failed | Quarantined | Terminated => false,
        }
    }

    /// Whether an agent in this status may keep the leases that it has. Agents in maintenance finish
    /// what they have in hand; the work of those that broke down or are gone goes to others.
    pub const fn keeps_leases(self) -> bool {
        match self {
            Idle | Running | Maintenance | Degraded => true,
            Failed | Quarantined | Terminated => false,
        }
    }

    /// The status of an agent that now has so many tasks in hand: an idle one with any is running,
    /// and a running one without is idle. The others say something else and stay as they are.
    ///
    /// ```
    /// use phaseline_registry::AgentStatus;
    ///
    /// assert_eq!(AgentStatus::Idle.with_load(1), AgentStatus::Running);
    /// assert_eq!(AgentStatus::Running.with_load(0), AgentStatus::Idle);
    /// assert_eq!(AgentStatus::Maintenance.with_load(0), AgentStatus::Maintenance);
    /// ```
    #[must_use]
    pub const fn with_load(self, slots_taken: u32) -> AgentStatus {
        match self {
            Idle | Running => {
                if slots_taken > 0 {
                    Running
                } else {
                    Idle
                }
            }
            Maintenance | Degraded | Failed | Quarantined | Terminated => self,
        }
    }

    /// The status after a change, if the table has it. To stay where it is is no change.
    ///
    /// ```
    /// use phaseline_registry::AgentStatus;
    ///
    /// assert!(AgentStatus::Idle.move_to(AgentStatus::Running).is_ok());
    /// let refusal = AgentStatus::Quarantined.move_to(AgentStatus::Idle).unwrap_err();
    /// assert_eq!(
    ///     refusal.to_string(),
    ///     "an agent cannot go from quarantined to idle; from quarantined it can go to maintenance, terminated",
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`IllegalStatus`], which names what would have been allowed.
    pub fn move_to(self, to: AgentStatus) -> Result<AgentStatus, IllegalStatus> {
        let allowed = self.exits();
        if allowed.contains(&to) { Ok(to) } else { Err(IllegalStatus { from: self, to, allowed }) }
    }

    /// The status of an agent that is made available (idle) or unavailable (maintenance).
    ///
    /// Asking for what is already so changes nothing.
    ///
    /// # Errors
    ///
    /// [`IllegalStatus`] if the table has no such change, as for an agent in quarantine.
    pub fn with_availability(self, available: bool) -> Result<AgentStatus, IllegalStatus> {
        let to = if available { Idle } else { Maintenance };
        if self == to { Ok(self) } else { self.move_to(to) }
    }
}

fn outlook(from: AgentStatus, allowed: &[AgentStatus]) -> String {
    if allowed.is_empty() {
        return format!("nothing follows {from}");
    }
    let names: Vec<&str> = allowed.iter().map(AsRef::as_ref).collect();
    format!("from {from} it can go to {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_table_is_this() {
        let table: String = AgentStatus::iter()
            .map(|from| {
                let names: Vec<&str> = from.exits().iter().map(AsRef::as_ref).collect();
                let found = if from.is_available() { "found" } else { "hidden" };
                let leases = if from.keeps_leases() { "keeps" } else { "loses" };
                format!("{found:6} {leases} {from:11} -> {}\n", names.join(" "))
            })
            .collect();
        insta::assert_snapshot!(table, @"
        found  keeps idle        -> running maintenance degraded failed quarantined terminated
        found  keeps running     -> idle maintenance degraded failed quarantined terminated
        hidden keeps maintenance -> idle failed quarantined terminated
        found  keeps degraded    -> idle running maintenance failed quarantined terminated
        hidden loses failed      -> idle maintenance quarantined terminated
        hidden loses quarantined -> maintenance terminated
        hidden loses terminated  ->
        ");
    }

    #[test]
    fn a_change_is_legal_exactly_if_the_table_has_it() {
        for from in AgentStatus::iter() {
            for to in AgentStatus::iter() {
                let legal = from.exits().contains(&to);
                assert_eq!(from.move_to(to).is_ok(), legal, "{from} to {to}");
                assert_eq!(from.move_to(to).unwrap_or(from) == to, legal || from == to);
            }
            assert!(from.move_to(from).is_err(), "{from} to itself");
        }
    }

    #[test]
    fn a_refusal_names_what_is_allowed() {
        let refusal = Terminated.move_to(Idle).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "an agent cannot go from terminated to idle; nothing follows terminated"
        );
    }

    /// Switches the availability and shows the status after it.
    #[track_caller]
    fn check(status: &str, available: bool, expected: &str) {
        let status = AgentStatus::from_str(status).unwrap();
        let seen = match status.with_availability(available) {
            Ok(status) => status.to_string(),
            Err(illegal) => format!("not from {} to {}", illegal.from, illegal.to),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn available_means_idle_and_unavailable_means_maintenance() {
        check("maintenance", true, "idle");
        check("failed", true, "idle");
        check("running", false, "maintenance");
        check("quarantined", false, "maintenance");
        check("quarantined", true, "not from quarantined to idle");
        check("terminated", false, "not from terminated to maintenance");
    }

    #[test]
    fn load_makes_an_idle_agent_run_and_a_running_one_idle_and_nothing_else() {
        let table: String = AgentStatus::iter()
            .map(|from| {
                let [without, with, with_more] = [0, 1, 1000].map(|slots| from.with_load(slots));
                assert_eq!(with, with_more);
                for to in [without, with] {
                    assert!(to == from || from.move_to(to).is_ok(), "{from} to {to}");
                }
                format!("{from:11} -> {without} without, {with} with\n")
            })
            .collect();
        insta::assert_snapshot!(table, @"
        idle        -> idle without, running with
        running     -> idle without, running with
        maintenance -> maintenance without, maintenance with
        degraded    -> degraded without, degraded with
        failed      -> failed without, failed with
        quarantined -> quarantined without, quarantined with
        terminated  -> terminated without, terminated with
        ");
    }

    #[test]
    fn asking_for_the_present_availability_changes_nothing() {
        check("idle", true, "idle");
        check("maintenance", false, "maintenance");
    }

    #[test]
    fn statuses_are_lower_case_in_json_as_in_text() {
        for status in AgentStatus::iter() {
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json, format!("\"{status}\""));
            assert_eq!(json, json.to_lowercase());
        }
    }
}
