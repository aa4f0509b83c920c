//! Request and response bodies, events and problems as JSON.
//!
//! The names of the fields are the names on the wire. Bodies that come in (`NewX`, `XPatch`) refuse
//! unknown fields and carry their limits as [`validator`] rules; bodies that go out are read by
//! clients, too, and let unknown fields pass. What an OpenAPI document says of a field is made from
//! the same constants ([`limits`]) and the same enums as its rules.
//!
//! ```
//! use phaseline_wire::NewTicket;
//! use validator::Validate;
//!
//! let new: NewTicket = serde_json::from_str(r#"{ "title": "Rotate the keys" }"#)?;
//! assert!(new.validate().is_ok());
//! assert!(serde_json::from_str::<NewTicket>(r#"{ "titel": "Rotate the keys" }"#).is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod json;
pub mod limits;

mod agent;
mod artifact;
mod attempt;
mod backlog;
mod blocker;
mod claim;
mod context;
mod event;
mod fleet;
mod flow;
mod gate;
mod heartbeat;
mod list;
mod pack;
mod patch;
mod problem;
mod result;
mod rule;
mod schema;
mod task;
#[cfg(test)]
mod tests;
mod ticket;
mod time;
mod transition;
mod whole;
mod why;
mod workflow;

pub use agent::{Agent, AgentPatch, Availability, NewAgent};
pub use artifact::Artifact;
pub use attempt::Attempt;
pub use backlog::{Backlog, BacklogTask, BacklogTicket, Imported};
pub use blocker::{Answer, Blocker, NewAnswer, NewBlocker};
pub use claim::{
    Claim, Claims, Empty, LeaseExtension, NewClaim, TaskCancellation, TaskCompletion, TaskFailure,
    TaskRelease,
};
pub use context::{Aggregation, Context, FullContext, PhaseContext, TaskDigest, UpdateContext};
pub use event::{Event, EventPage, LogTrimmed};
pub use fleet::{
    AgentHealth, FleetHealth, FleetStatistics, Match, MatchScore, Matches, StaleAgents,
};
pub use flow::{Attempts, FirstPass, FlowStatistics, Queue, Regressions, TimeInPhase};
pub use gate::{Approval, Gate, GatePoint, NewApproval, NewTicketArtifact, TicketArtifact};
pub use heartbeat::{Heartbeat, NewHeartbeat};
pub use list::List;
pub use pack::{Pack, PackItem, PackedPhase, PackedTask, SupersededDecision};
pub use problem::{FieldError, Problem};
pub use result::{Findings, Superseded, TaskResult};
pub use schema::{
    AgentStatusName, AgentTypeName, PhaseName, PriorityName, SequencePhase, StandardPhase, TagList,
    TaskStateName, TicketStatusName, WantedCapabilities,
};
pub use task::{CreatedTask, NewTask, Task};
pub use ticket::{NewTicket, Ticket, TicketPatch};
pub use time::Timestamp;
pub use transition::{HistoryEntry, NewTransition, Transition, ValidTransitions};
pub use why::{Cause, Why};
pub use workflow::{PhaseInfo, Workflow};
