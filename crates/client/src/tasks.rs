//! Tasks: the work of a ticket's phases.

use futures::Stream;
use phaseline_phases::PhaseId;
use phaseline_tasks::TaskState;
use phaseline_wire::{
    Attempt, CreatedTask, Empty, LeaseExtension, List, NewTask, Task, TaskCancellation,
    TaskCompletion, TaskFailure, TaskRelease, Why,
};
use uuid::Uuid;

use crate::{Client, Page, Request, Result, page};

/// Tasks; [`Client::tasks`].
#[derive(Debug, Clone, Copy)]
pub struct Tasks<'a>(pub(crate) &'a Client);

/// Which tasks of a ticket a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Only those of this phase.
    pub phase_id: Option<PhaseId>,
    /// Only those in this state.
    pub status: Option<TaskState>,
    /// Which part of the list.
    pub page: Page,
}

/// Which tasks of all tickets a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskSearch {
    /// Only those of this ticket.
    pub ticket_id: Option<Uuid>,
    /// Only those that this agent has.
    pub agent_id: Option<Uuid>,
    /// Only those of this phase.
    pub phase_id: Option<PhaseId>,
    /// Only those in this state.
    pub status: Option<TaskState>,
    /// Which part of the list.
    pub page: Page,
}

impl Tasks<'_> {
    /// Makes a task for a ticket. Its warnings say why nobody could ever do it as things are.
    pub fn create(&self, ticket: Uuid, new: &NewTask) -> Request<CreatedTask> {
        Request::post(self.0, format!("/api/v1/tickets/{ticket}/tasks"), new)
    }

    /// A page of a ticket's tasks, in order of creation.
    pub fn list(&self, ticket: Uuid, query: &TaskQuery) -> Request<List<Task>> {
        let TaskQuery { phase_id, status, page } = query;
        let parameters = page.parameters().with("phase_id", phase_id).with("status", status);
        Request::get(self.0, format!("/api/v1/tickets/{ticket}/tasks")).query(parameters)
    }

    /// All tasks of a ticket that the query wants, page after page.
    pub fn all(&self, ticket: Uuid, query: TaskQuery) -> impl Stream<Item = Result<Task>> + use<> {
        let client = self.0.clone();
        page::all(query.page.clone(), move |page| {
            Tasks(&client).list(ticket, &TaskQuery { page: page.clone(), ..query.clone() })
        })
    }

    /// A page of the tasks of all tickets, in order of creation.
    pub fn search(&self, search: &TaskSearch) -> Request<List<Task>> {
        let TaskSearch { ticket_id, agent_id, phase_id, status, page } = search;
        let parameters = page
            .parameters()
            .with("ticket_id", ticket_id)
            .with("agent_id", agent_id)
            .with("phase_id", phase_id)
            .with("status", status);
        Request::get(self.0, "/api/v1/tasks").query(parameters)
    }

    /// All tasks that a search finds, page after page.
    pub fn search_all(&self, search: TaskSearch) -> impl Stream<Item = Result<Task>> + use<> {
        let client = self.0.clone();
        page::all(search.page.clone(), move |page| {
            Tasks(&client).search(&TaskSearch { page: page.clone(), ..search.clone() })
        })
    }

    /// The task with this id.
    pub fn get(&self, id: Uuid) -> Request<Task> {
        Request::get(self.0, format!("/api/v1/tasks/{id}"))
    }

    /// A page of the attempts at a task, oldest first, each with the pack that its agent was given.
    pub fn attempts(&self, id: Uuid, page: &Page) -> Request<List<Attempt>> {
        Request::get(self.0, format!("/api/v1/tasks/{id}/attempts")).query(page.parameters())
    }

    /// Why a task does not move, or what it is up to.
    pub fn why(&self, id: Uuid) -> Request<Why> {
        Request::get(self.0, format!("/api/v1/tasks/{id}/why"))
    }

    /// Lengthens the lease of a claimed task; refused as `lease-lost` once that has ended. Honours
    /// [`if_match`](Request::if_match).
    pub fn extend(&self, id: Uuid, extension: &LeaseExtension) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/extend"), extension)
    }

    /// Completes a task with what it leaves behind: with the token of its claim, or, where nobody
    /// has claimed it, without. Refused as `lease-lost` or `lease-required` where somebody else has
    /// it. Honours [`if_match`](Request::if_match).
    pub fn complete(&self, id: Uuid, completion: &TaskCompletion) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/complete"), completion)
    }

    /// Says that a task could not be done, and why; with a token like
    /// [`complete`](Self::complete). Honours [`if_match`](Request::if_match).
    pub fn fail(&self, id: Uuid, failure: &TaskFailure) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/fail"), failure)
    }

    /// Gives a claimed task back undone. Honours [`if_match`](Request::if_match).
    pub fn release(&self, id: Uuid, release: &TaskRelease) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/release"), release)
    }

    /// Cancels a task that is not needed any more, whoever has it. Honours
    /// [`if_match`](Request::if_match).
    pub fn cancel(&self, id: Uuid, cancellation: &TaskCancellation) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/cancel"), cancellation)
    }

    /// Gives a failed task a fresh set of attempts. Honours [`if_match`](Request::if_match).
    pub fn retry(&self, id: Uuid) -> Request<Task> {
        Request::post(self.0, format!("/api/v1/tasks/{id}/retry"), &Empty {})
    }
}
