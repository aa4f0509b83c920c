//! What the phases of a ticket found out, whole and packed for the next one.

use phaseline_phases::PhaseId;
use phaseline_wire::{Context, Pack, UpdateContext};
use uuid::Uuid;

use crate::{Client, Request, query::Parameters};

/// The contexts of tickets; [`Client::contexts`].
#[derive(Debug, Clone, Copy)]
pub struct Contexts<'a>(pub(crate) &'a Client);

/// For whom a context is packed, and how much it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// The phase whose worker reads it.
    pub for_phase: PhaseId,
    /// The most tokens (o200k_base) that it may have; no limit when `None`.
    pub max_tokens: Option<u32>,
}

impl Contexts<'_> {
    /// All that the phases of a ticket found out.
    pub fn get(&self, ticket: Uuid) -> Request<Context> {
        Request::get(self.0, path(ticket))
    }

    /// What the worker of a phase should read, as data.
    pub fn pack(&self, ticket: Uuid, packing: &Packing) -> Request<Pack> {
        Request::get(self.0, path(ticket)).query(packing.parameters())
    }

    /// What the worker of a phase should read, or all there is where nobody is named, as Markdown.
    pub fn markdown(&self, ticket: Uuid, packing: Option<&Packing>) -> Request<String> {
        let parameters = packing.map(Packing::parameters).unwrap_or_default();
        Request::get_text(self.0, path(ticket)).query(parameters.with("format", ["markdown"]))
    }

    /// Aggregates a phase now instead of when the ticket leaves it. Honours
    /// [`if_match`](Request::if_match).
    pub fn update(&self, ticket: Uuid, phase_id: PhaseId) -> Request<Context> {
        let update = UpdateContext { phase_id };
        Request::post(self.0, format!("/api/v1/tickets/{ticket}/update-context"), &update)
    }
}

impl Packing {
    fn parameters(&self) -> Parameters {
        let Self { for_phase, max_tokens } = self;
        Parameters::default().with("for_phase", [for_phase]).with("max_tokens", max_tokens)
    }
}

fn path(ticket: Uuid) -> String {
    format!("/api/v1/tickets/{ticket}/context")
}
