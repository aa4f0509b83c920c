//! The names of phases and workflows: text that is parsed once.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use crate::Phase;

/// The longest name, in characters.
pub const MAX_ID_CHARS: usize = 64;

/// The name of a phase: 1 to 64 of `A-Z`, `0-9` and `_`, a letter first.
///
/// ```
/// use phaseline_phases::{Phase, PhaseId};
///
/// assert_eq!(PhaseId::parse("PHASE_TESTING")?, Phase::Testing.id());
/// assert!(PhaseId::parse("testing").is_err());
/// # Ok::<(), phaseline_phases::InvalidPhaseId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PhaseId(Cow<'static, str>);

/// The name of a workflow: 1 to 64 of `a-z`, `0-9`, `_` and `-`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkflowId(Cow<'static, str>);

/// A text that cannot be the name of a phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no phase: a name has 1 to 64 of A-Z, 0-9 and _, a letter first")]
pub struct InvalidPhaseId {
    /// What was given.
    pub given: String,
}

/// A text that cannot be the name of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no workflow: a name has 1 to 64 of a-z, 0-9, _ and -, a letter first")]
pub struct InvalidWorkflowId {
    /// What was given.
    pub given: String,
}

impl PhaseId {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidPhaseId`] for anything else.
    pub fn parse(given: &str) -> Result<Self, InvalidPhaseId> {
        let legal = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
        // Most names are among these, and take no memory of their own.
        if let Some(phase) = Phase::iter().find(|phase| phase.as_ref() == given) {
            return Ok(phase.into());
        }
        if is_name(given, |first| first.is_ascii_uppercase(), legal) {
            Ok(Self(Cow::Owned(given.to_owned())))
        } else {
            Err(InvalidPhaseId { given: given.to_owned() })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WorkflowId {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidWorkflowId`] for anything else.
    pub fn parse(given: &str) -> Result<Self, InvalidWorkflowId> {
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        if is_name(given, |first| first.is_ascii_lowercase(), legal) {
            Ok(Self(Cow::Owned(given.to_owned())))
        } else {
            Err(InvalidWorkflowId { given: given.to_owned() })
        }
    }

    /// The workflow that every ticket has unless it says otherwise.
    #[must_use]
    pub const fn standard() -> Self {
        Self(Cow::Borrowed("standard"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(given: &str, first: impl Fn(u8) -> bool, legal: impl Fn(u8) -> bool) -> bool {
    given.len() <= MAX_ID_CHARS
        && given.bytes().next().is_some_and(first)
        && given.bytes().all(legal)
}

impl From<Phase> for PhaseId {
    fn from(phase: Phase) -> Self {
        Self(Cow::Borrowed(phase.into()))
    }
}

impl From<PhaseId> for String {
    fn from(id: PhaseId) -> Self {
        id.0.into_owned()
    }
}

impl From<WorkflowId> for String {
    fn from(id: WorkflowId) -> Self {
        id.0.into_owned()
    }
}

impl TryFrom<String> for PhaseId {
    type Error = InvalidPhaseId;

    fn try_from(given: String) -> Result<Self, Self::Error> {
        Self::parse(&given)
    }
}

impl TryFrom<String> for WorkflowId {
    type Error = InvalidWorkflowId;

    fn try_from(given: String) -> Result<Self, Self::Error> {
        Self::parse(&given)
    }
}

impl FromStr for PhaseId {
    type Err = InvalidPhaseId;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Self::parse(given)
    }
}

impl FromStr for WorkflowId {
    type Err = InvalidWorkflowId;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Self::parse(given)
    }
}

impl fmt::Display for PhaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for WorkflowId {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "P".repeat(MAX_ID_CHARS);
        for (given, legal) in [
            ("PHASE_BACKLOG", true),
            ("P2", true),
            (longest.as_str(), true),
            ("", false),
            ("2P", false),
            ("_P", false),
            ("phase", false),
            ("PHASE BACKLOG", false),
            ("PHASÉ", false),
            ("PHASE\0", false),
        ] {
            assert_eq!(PhaseId::parse(given).is_ok(), legal, "{given:?}");
        }
        assert!(PhaseId::parse(&format!("{longest}P")).is_err());
        assert!(WorkflowId::parse("my-flow_2").is_ok());
        assert!(WorkflowId::parse("-flow").is_err());
    }

    #[test]
    fn a_name_reads_itself_back_from_json() {
        let phase = Phase::Design.id();
        let json = serde_json::to_string(&phase).unwrap();
        assert_eq!(json, "\"PHASE_DESIGN\"");
        assert_eq!(serde_json::from_str::<PhaseId>(&json).unwrap(), phase);
        assert!(serde_json::from_str::<PhaseId>("\"design\"").is_err());
        assert_eq!(serde_json::to_string(&Phase::Design).unwrap(), json);
        assert_eq!(serde_json::from_str::<Phase>(&json).unwrap(), Phase::Design);
    }
}
