//! Which phases a ticket has, which moves are legal, and what a transition is.
//!
//! The standard workflow is the enum [`Phase`], its table one exhaustive match. What the rest of
//! the program works with is a [`Workflow`], a checked value that may as well come from elsewhere.
//! [`Position::move_to`] decides a move; nothing else makes a [`Transition`], so holding one means
//! that the table has it. [`replay`] checks a whole history.
//!
//! ```
//! use chrono::DateTime;
//! use phaseline_phases::{MoveError, Note, Phase, Position, Workflow, replay};
//!
//! let workflow = Workflow::standard();
//! let now = DateTime::UNIX_EPOCH;
//!
//! // A ticket begins, and moves by the table.
//! let opened = Position::start(workflow, None, Note::default(), now)?;
//! let next = Phase::Requirements.id();
//! let advanced = opened.position().move_to(workflow, &next, Note::default(), now)?;
//! assert_eq!(advanced.kind().to_string(), "advance");
//!
//! // A refusal says what would be allowed.
//! let done = Phase::Done.id();
//! let refused = advanced.position().move_to(workflow, &done, Note::default(), now);
//! assert_eq!(
//!     refused.unwrap_err().to_string(),
//!     "a ticket cannot move from PHASE_REQUIREMENTS to PHASE_DONE: \
//!      from there it can go to PHASE_DESIGN or PHASE_BLOCKED"
//! );
//!
//! // A history replays to where the ticket stands, or says where it is broken.
//! let history = [opened.entry(), advanced.entry()];
//! assert_eq!(replay(workflow, &history)?, advanced.position());
//! assert_eq!(
//!     replay(workflow, &history[1..]).unwrap_err().to_string(),
//!     "row 2 stands where row 1 should"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A phase may ask for something before a ticket leaves it: [`gate::evaluate`] holds a [`Gate`]
//! against what there is and says of each point whether it is met, why not, and who could change
//! that. [`rework::over_budget`] says when a ticket was sent back often enough, and a [`Blocker`]
//! what it waits for.
//!
//! Phases of your own follow the same rules: [`Workflow::new`] checks them.
//!
//! Everything here is synchronous and pure: times are arguments, and nothing is stored.
//!
//! # When not to use it
//!
//! - Not to tell who may move a ticket: here a move is legal or not by the table alone. Gates are
//!   not asked by [`Position::move_to`]; that is for whoever calls it, because a move may be forced.
//! - Not for states in which a ticket can be several at a time, or that nest: a ticket is in one
//!   phase.
//! - Not as it is where several writers move the same ticket: a [`Position`] that was read may be
//!   stale when its transition is written. Compare [`Transition::sequence`] when you store it, or
//!   use `phaseline-engine`, which does.

mod blocker;
pub mod gate;
mod history;
mod id;
mod phase;
mod position;
pub mod rework;
mod transition;
mod workflow;

pub use blocker::{Answer, Blocker, BlockerKind, MOST_ASKED, MOST_REASONS};
pub use gate::{
    Approval, ArtifactDemand, Criterion, Evidence, Gate, GateCode, GateFacts, GatePlan, GatePoint,
    GateReport, Grade, InvalidGate, TaskCounts,
};
pub use history::{BrokenHistory, HistoryEntry, replay};
pub use id::{InvalidPhaseId, InvalidWorkflowId, MAX_ID_CHARS, PhaseId, WorkflowId};
pub use phase::{InvalidPhase, Phase};
pub use position::{IllegalTransition, MoveError, Position};
pub use rework::{Regression, Spent};
pub use transition::{Artifact, Note, Transition, TransitionKind};
pub use workflow::{InvalidWorkflow, Status, UnknownPhase, Workflow, WorkflowSpec};
