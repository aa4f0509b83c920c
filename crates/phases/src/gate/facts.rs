//! What a gate is held against.

use serde::{Deserialize, Serialize};

use crate::{Artifact, Grade};

/// An artifact that was handed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence<'a> {
    /// What was handed in.
    pub artifact: &'a Artifact,
    /// How far it is to be believed.
    pub grade: Grade,
    /// Who handed it in.
    pub by: Option<&'a str>,
}

/// How the tasks of a phase stand. Cancelled ones are in none of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Those that are done.
    pub completed: u32,
    /// Those that are yet to be done or under way.
    pub open: u32,
    /// Those that nobody will try again by themselves.
    pub failed: u32,
}

/// Somebody's word that a ticket may go on as it stood at a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Approval {
    /// Who approves.
    pub by: String,
    /// The version of the ticket that was approved; it says nothing of any other.
    pub at_version: i64,
}

/// All that a gate looks at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GateFacts<'a> {
    /// The artifacts of the phase.
    pub evidence: &'a [Evidence<'a>],
    /// The tasks of the phase.
    pub tasks: TaskCounts,
    /// The approvals of the ticket, void ones among them.
    pub approvals: &'a [Approval],
    /// The version that the ticket has now.
    pub version: i64,
    /// Those whose approval does not count, because the work is their own.
    pub authors: &'a [String],
}
