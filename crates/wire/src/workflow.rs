//! Workflows: the table of legal moves, as data.

use phaseline_phases::{self as phases, PhaseId, Status, UnknownPhase, WorkflowId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{PhaseName, TicketStatusName};

/// A workflow: its phases in order, and where each one leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workflow {
    /// Its id.
    #[schema(value_type = String)]
    pub id: WorkflowId,
    /// Where a ticket starts.
    #[schema(value_type = PhaseName)]
    pub initial_phase: PhaseId,
    /// Where a ticket waits while it is blocked.
    #[schema(value_type = Option<PhaseName>, required)]
    pub parking_phase: Option<PhaseId>,
    /// The phases in order, the parking one last.
    pub phases: Vec<PhaseInfo>,
}

/// A phase of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhaseInfo {
    /// Its id.
    #[schema(value_type = PhaseName)]
    pub id: PhaseId,
    /// The status of a ticket in it.
    #[schema(value_type = TicketStatusName)]
    pub status: Status,
    /// Whether a ticket ends here.
    pub terminal: bool,
    /// Whether tickets wait here while they are blocked.
    pub parking: bool,
    /// Where a ticket can go from here. From the parking phase it goes no further than where it
    /// was blocked.
    #[schema(value_type = Vec<PhaseName>)]
    pub exits: Vec<PhaseId>,
}

impl TryFrom<&phases::Workflow> for Workflow {
    type Error = UnknownPhase;

    /// # Errors
    /// Never for a workflow's own phases.
    fn try_from(workflow: &phases::Workflow) -> Result<Self, UnknownPhase> {
        let infos =
            workflow.phases().map(|phase| info(workflow, phase)).collect::<Result<_, _>>()?;
        Ok(Self {
            id: workflow.id().clone(),
            initial_phase: workflow.initial().clone(),
            parking_phase: workflow.parking().cloned(),
            phases: infos,
        })
    }
}

fn info(workflow: &phases::Workflow, phase: &PhaseId) -> Result<PhaseInfo, UnknownPhase> {
    Ok(PhaseInfo {
        id: phase.clone(),
        status: workflow.status_of(phase)?,
        terminal: workflow.is_terminal(phase),
        parking: workflow.parking() == Some(phase),
        exits: workflow.exits(phase)?.to_vec(),
    })
}
