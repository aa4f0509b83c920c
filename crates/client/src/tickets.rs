//! Tickets, their moves and their histories.

use futures::Stream;
use phaseline_phases::{PhaseId, Status};
use phaseline_tasks::Priority;
use phaseline_wire::{
    Approval, Gate, HistoryEntry, List, NewAnswer, NewApproval, NewTicket, NewTicketArtifact,
    NewTransition, Ticket, TicketArtifact, TicketPatch, Transition, ValidTransitions, Why,
};
use uuid::Uuid;

use crate::{Client, Page, Request, Result, page, query::Parameters};

/// Tickets; [`Client::tickets`].
#[derive(Debug, Clone, Copy)]
pub struct Tickets<'a>(pub(crate) &'a Client);

/// Which tickets a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketQuery {
    /// Only those in this phase.
    pub phase_id: Option<PhaseId>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those of this priority.
    pub priority: Option<Priority>,
    /// Only the one with this key.
    pub key: Option<String>,
    /// Which part of the list.
    pub page: Page,
}

impl Tickets<'_> {
    /// Makes a ticket.
    pub fn create(&self, new: &NewTicket) -> Request<Ticket> {
        Request::post(self.0, "/api/v1/tickets", new)
    }

    /// A page of tickets, in order of creation.
    pub fn list(&self, query: &TicketQuery) -> Request<List<Ticket>> {
        let TicketQuery { phase_id, status, priority, key, page } = query;
        let parameters = page
            .parameters()
            .with("phase_id", phase_id)
            .with("status", status)
            .with("priority", priority)
            .with("key", key);
        Request::get(self.0, "/api/v1/tickets").query(parameters)
    }

    /// All tickets of the query, page after page.
    pub fn all(&self, query: TicketQuery) -> impl Stream<Item = Result<Ticket>> + use<> {
        let client = self.0.clone();
        page::all(query.page.clone(), move |page| {
            Tickets(&client).list(&TicketQuery { page: page.clone(), ..query.clone() })
        })
    }

    /// The ticket with this id.
    pub fn get(&self, id: Uuid) -> Request<Ticket> {
        Request::get(self.0, format!("/api/v1/tickets/{id}"))
    }

    /// Changes what the patch names. Honours [`if_match`](Request::if_match), and is sent again
    /// after a failure only with it.
    pub fn edit(&self, id: Uuid, patch: &TicketPatch) -> Request<Ticket> {
        Request::patch(self.0, format!("/api/v1/tickets/{id}"), patch)
    }

    /// Deletes a ticket with all that belongs to it. Honours [`if_match`](Request::if_match).
    pub fn delete(&self, id: Uuid) -> Request<()> {
        Request::delete(self.0, format!("/api/v1/tickets/{id}"))
    }

    /// Moves a ticket to another phase. Honours [`if_match`](Request::if_match). A move that the
    /// table does not have is refused as `illegal-transition`, and one out of a phase whose gate is
    /// not met as `gate-unmet`.
    pub fn transition(&self, id: Uuid, to: &NewTransition) -> Request<Transition> {
        Request::post(self.0, format!("/api/v1/tickets/{id}/transition"), to)
    }

    /// Where a ticket can go from where it is.
    pub fn valid_transitions(&self, id: Uuid) -> Request<ValidTransitions> {
        Request::get(self.0, format!("/api/v1/tickets/{id}/valid-transitions"))
    }

    /// Answers what a blocked ticket asks, and lets it go on. Honours
    /// [`if_match`](Request::if_match).
    pub fn answer(&self, id: Uuid, answer: &NewAnswer) -> Request<Transition> {
        Request::post(self.0, format!("/api/v1/tickets/{id}/answer"), answer)
    }

    /// What the gate of a phase asks for and how much of it is met; of the phase that the ticket is
    /// in, or was blocked in, when none is named.
    pub fn gate(&self, id: Uuid, phase_id: Option<&PhaseId>) -> Request<Gate> {
        let parameters = Parameters::default().with("phase_id", phase_id);
        Request::get(self.0, format!("/api/v1/tickets/{id}/gate")).query(parameters)
    }

    /// Adds evidence to a ticket. Honours [`if_match`](Request::if_match). Approvals that were
    /// given before no longer stand.
    pub fn add_artifact(&self, id: Uuid, new: &NewTicketArtifact) -> Request<TicketArtifact> {
        Request::post(self.0, format!("/api/v1/tickets/{id}/artifacts"), new)
    }

    /// A page of what was added to a ticket, in order of creation.
    pub fn artifacts(&self, id: Uuid, page: &Page) -> Request<List<TicketArtifact>> {
        Request::get(self.0, format!("/api/v1/tickets/{id}/artifacts")).query(page.parameters())
    }

    /// Approves a ticket as it stands. [`if_match`](Request::if_match) makes sure that it is as it
    /// was read.
    pub fn approve(&self, id: Uuid, new: &NewApproval) -> Request<Approval> {
        Request::post(self.0, format!("/api/v1/tickets/{id}/approvals"), new)
    }

    /// A page of the approvals of a ticket, in order of creation.
    pub fn approvals(&self, id: Uuid, page: &Page) -> Request<List<Approval>> {
        Request::get(self.0, format!("/api/v1/tickets/{id}/approvals")).query(page.parameters())
    }

    /// Why a ticket does not move, or what it is up to.
    pub fn why(&self, id: Uuid) -> Request<Why> {
        Request::get(self.0, format!("/api/v1/tickets/{id}/why"))
    }

    /// A page of a ticket's history, oldest first.
    pub fn history(&self, id: Uuid, page: &Page) -> Request<List<HistoryEntry>> {
        Request::get(self.0, format!("/api/v1/tickets/{id}/phase-history")).query(page.parameters())
    }

    /// All of a ticket's history, page after page.
    pub fn whole_history(&self, id: Uuid) -> impl Stream<Item = Result<HistoryEntry>> + use<> {
        let client = self.0.clone();
        page::all(Page::default(), move |page| Tickets(&client).history(id, page))
    }
}
