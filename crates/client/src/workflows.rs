//! Workflows: the table of legal moves, as data.

use phaseline_phases::WorkflowId;
use phaseline_wire::Workflow;

use crate::{Client, Request};

/// Workflows; [`Client::workflows`].
#[derive(Debug, Clone, Copy)]
pub struct Workflows<'a>(pub(crate) &'a Client);

impl Workflows<'_> {
    /// The standard workflow.
    pub fn standard(&self) -> Request<Workflow> {
        Request::get(self.0, "/api/v1/phases")
    }

    /// A workflow by its id.
    pub fn get(&self, id: &WorkflowId) -> Request<Workflow> {
        Request::get(self.0, format!("/api/v1/workflows/{id}"))
    }
}
