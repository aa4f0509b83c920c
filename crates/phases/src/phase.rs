//! The phases of the standard workflow and the table of their transitions.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::{PhaseId, workflow::list};

/// A phase of the standard workflow. On the wire and in tables it is `PHASE_BACKLOG` and so on.
///
/// ```
/// use phaseline_phases::Phase;
///
/// assert_eq!(Phase::Testing.to_string(), "PHASE_TESTING");
/// assert_eq!("PHASE_DONE".parse(), Ok(Phase::Done));
/// assert_eq!(Phase::Testing.exits(), [Phase::Deployment, Phase::Implementation, Phase::Blocked]);
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
    IntoStaticStr,
)]
#[serde(into = "&'static str", try_from = "String")]
#[strum(parse_err_ty = InvalidPhase, parse_err_fn = InvalidPhase::new)]
pub enum Phase {
    /// Not begun.
    #[strum(serialize = "PHASE_BACKLOG")]
    Backlog,
    /// Finding out what is wanted.
    #[strum(serialize = "PHASE_REQUIREMENTS")]
    Requirements,
    /// Deciding how.
    #[strum(serialize = "PHASE_DESIGN")]
    Design,
    /// Making it.
    #[strum(serialize = "PHASE_IMPLEMENTATION")]
    Implementation,
    /// Finding out whether it works.
    #[strum(serialize = "PHASE_TESTING")]
    Testing,
    /// Bringing it to its users.
    #[strum(serialize = "PHASE_DEPLOYMENT")]
    Deployment,
    /// Finished.
    #[strum(serialize = "PHASE_DONE")]
    Done,
    /// Waiting beside the others.
    #[strum(serialize = "PHASE_BLOCKED")]
    Blocked,
}

/// A text that is not the name of a phase of the standard workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no phase of the standard workflow: its phases are {}", list(&all(), "and"))]
pub struct InvalidPhase {
    /// What was given.
    pub given: String,
}

impl Phase {
    /// The way of a ticket that nothing holds up.
    pub const SEQUENCE: [Phase; 7] = [
        Phase::Backlog,
        Phase::Requirements,
        Phase::Design,
        Phase::Implementation,
        Phase::Testing,
        Phase::Deployment,
        Phase::Done,
    ];

    /// The table: where a ticket may go from here.
    #[must_use]
    pub const fn exits(self) -> &'static [Phase] {
        use Phase::{
            Backlog, Blocked, Deployment, Design, Done, Implementation, Requirements, Testing,
        };
        match self {
            Backlog => &[Requirements, Blocked],
            Requirements => &[Design, Blocked],
            Design => &[Implementation, Blocked],
            Implementation => &[Testing, Blocked],
            Testing => &[Deployment, Implementation, Blocked],
            Deployment => &[Done, Blocked],
            Done => &[],
            Blocked => &[Backlog, Requirements, Design, Implementation, Testing, Deployment],
        }
    }

    /// Its name as the engine works with it.
    #[must_use]
    pub fn id(self) -> PhaseId {
        PhaseId::from(self)
    }
}

impl InvalidPhase {
    fn new(given: &str) -> Self {
        Self { given: given.to_owned() }
    }
}

impl TryFrom<String> for Phase {
    type Error = InvalidPhase;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

fn all() -> Vec<PhaseId> {
    Phase::iter().map(PhaseId::from).collect()
}
