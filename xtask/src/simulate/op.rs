//! What can be asked of the engine, as data: so that it can be shown, and asked again.

use chrono::TimeDelta;
use phaseline_context::TaskResult;
use phaseline_engine::{
    Call, Engine, Error, agents,
    backlog::{self, Backlog},
    claims::{self, Ask, Claimed},
    contexts, gates, tasks, tickets, upkeep,
};
use phaseline_persistence::{tasks::Task, tickets::Ticket};
use phaseline_phases::PhaseId;
use phaseline_tasks::LeaseTime;
use uuid::Uuid;

/// A call, or something that befalls everybody.
#[derive(Debug, Clone)]
pub(super) enum Op {
    CreateTicket(tickets::Create),
    Import(Backlog),
    EditTicket(Uuid, tickets::Change),
    DeleteTicket(Uuid),
    Transition(Uuid, tickets::Move),
    Answer(Uuid, Option<PhaseId>),
    AddArtifact(Uuid, gates::NewArtifact),
    Approve(Uuid, String),
    UpdateContext(Uuid, PhaseId),
    CreateTask(Uuid, tasks::Create),
    Claim(Uuid, Ask),
    Extend(Uuid, i64, Option<LeaseTime>),
    Complete(Uuid, Option<i64>, TaskResult),
    Fail(Uuid, Option<i64>, tasks::Failure),
    Release(Uuid, i64),
    Cancel(Uuid),
    Retry(Uuid),
    Fleet(Fleet),
    Restart,
    Pass(TimeDelta),
}

/// What concerns agents, and what goes on by itself.
#[derive(Debug, Clone)]
pub(super) enum Fleet {
    Register(agents::Register),
    EditAgent(Uuid, agents::Change),
    Drain(Uuid),
    Resume(Uuid),
    Availability(Uuid, bool),
    Terminate(Uuid),
    /// Heartbeats of several agents at the same moment.
    Beats(Vec<(Uuid, Option<u64>)>),
    Flush,
    Sweep,
    Reclaim,
    /// What a server does each second.
    Tick,
    Clean,
}

/// What the engine answered.
#[derive(Debug)]
pub(super) enum Answer {
    Claimed(Box<Claimed>),
    Task(Box<Task>),
    Ticket(Box<Ticket>),
    Agent(Uuid),
    /// Anything that is only looked at, if at all.
    Other(String),
}

impl Op {
    /// In one line, for the trace.
    pub(super) fn shown(&self) -> String {
        if let Self::Import(Backlog { tickets, tasks }) = self {
            return format!("Import({} tickets, {} tasks)", tickets.len(), tasks.len());
        }
        if let Self::Fleet(Fleet::Beats(beats)) = self
            && beats.len() > 1
        {
            return format!("Beats({} agents)", beats.len());
        }
        format!("{self:?}")
    }
}

impl Answer {
    /// In a few words, for the trace.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Claimed(claimed) if claimed.items.is_empty() => {
                format!("nothing: {}", claimed.reason.as_deref().unwrap_or_default())
            }
            Self::Claimed(claimed) => {
                let items = claimed.items.iter();
                let got: Vec<String> =
                    items.map(|item| format!("{} #{}", item.task.id, item.fencing_token)).collect();
                got.join(", ")
            }
            Self::Task(task) => format!(
                "{} v{} used {}/{}",
                task.status, task.version, task.attempts_used, task.max_attempts
            ),
            Self::Ticket(ticket) => format!("{} v{}", ticket.id, ticket.version),
            Self::Agent(id) => id.to_string(),
            Self::Other(text) => text.clone(),
        }
    }
}

/// Asks the engine.
pub(super) async fn perform(engine: &Engine, call: &Call, op: &Op) -> Result<Answer, Error> {
    let other = |text: String| Ok(Answer::Other(text));
    let task = |task: Task| Ok(Answer::Task(Box::new(task)));
    match op.clone() {
        Op::CreateTicket(new) => {
            Ok(Answer::Ticket(Box::new(tickets::create(engine, call, new).await?)))
        }
        Op::EditTicket(id, change) => {
            Ok(Answer::Ticket(Box::new(tickets::edit(engine, call, id, change).await?)))
        }
        Op::Import(all) => other(format!("{:?}", backlog::import(engine, call, all).await?)),
        Op::DeleteTicket(id) => {
            tickets::delete(engine, call, id).await?;
            other("gone".to_owned())
        }
        Op::Transition(id, step) => {
            let moved = Box::pin(tickets::transition(engine, call, id, step)).await?;
            other(format!("{} v{}", moved.current_phase, moved.version))
        }
        Op::Answer(id, to) => {
            let text = "go on".to_owned();
            let moved = tickets::answer(engine, call, id, text, to).await?;
            other(format!("{} v{}", moved.current_phase, moved.version))
        }
        Op::AddArtifact(id, new) => {
            other(gates::add_artifact(engine, call, id, new).await?.id.to_string())
        }
        Op::Approve(id, by) => {
            let approval = gates::approve(engine, call, id, Some(by), None).await?;
            other(format!("at v{}", approval.ticket_version))
        }
        Op::UpdateContext(id, phase) => {
            let state = Box::pin(contexts::update(engine, call, id, phase)).await?;
            other(format!("v{}", state.version))
        }
        Op::CreateTask(ticket, new) => task(tasks::create(engine, call, ticket, new).await?),
        Op::Claim(agent, ask) => {
            Ok(Answer::Claimed(Box::new(claims::claim(engine, call, agent, ask).await?)))
        }
        Op::Extend(id, token, lease) => task(tasks::extend(engine, call, id, token, lease).await?),
        Op::Complete(id, token, result) => {
            task(tasks::complete(engine, call, id, token, result).await?)
        }
        Op::Fail(id, token, failure) => task(tasks::fail(engine, call, id, token, failure).await?),
        Op::Release(id, token) => task(tasks::release(engine, call, id, token, None).await?),
        Op::Cancel(id) => task(tasks::cancel(engine, call, id, None).await?),
        Op::Retry(id) => task(tasks::retry(engine, call, id).await?),
        Op::Fleet(op) => fleet(engine, call, op).await,
        // The world does these.
        Op::Restart | Op::Pass(_) => other(String::new()),
    }
}

/// What concerns agents, and what goes on by itself.
async fn fleet(engine: &Engine, call: &Call, op: Fleet) -> Result<Answer, Error> {
    match op {
        Fleet::Register(new) => {
            Ok(Answer::Agent(agents::register(engine, call, new).await?.agent.id))
        }
        Fleet::EditAgent(id, change) => {
            Ok(Answer::Agent(agents::edit(engine, call, id, change).await?.agent.id))
        }
        Fleet::Drain(id) => Ok(Answer::Agent(agents::drain(engine, call, id).await?.agent.id)),
        Fleet::Resume(id) => Ok(Answer::Agent(agents::resume(engine, call, id).await?.agent.id)),
        Fleet::Availability(id, yes) => {
            Ok(Answer::Agent(agents::set_availability(engine, call, id, yes).await?.agent.id))
        }
        Fleet::Terminate(id) => {
            agents::terminate(engine, call, id).await?;
            Ok(Answer::Agent(id))
        }
        Fleet::Beats(beats) => {
            for (id, sequence) in &beats {
                agents::heartbeat(engine, call, *id, *sequence, None).await?;
            }
            Ok(Answer::Other(format!("{} taken", beats.len())))
        }
        Fleet::Flush => Ok(Answer::Other(format!("{} written", upkeep::flush(engine).await?))),
        Fleet::Sweep => Ok(Answer::Other(format!("{} changed", upkeep::sweep(engine).await?))),
        Fleet::Reclaim => Ok(Answer::Other(format!("{} back", upkeep::reclaim(engine).await?))),
        Fleet::Tick => {
            let back = upkeep::reclaim(engine).await?;
            let changed = upkeep::sweep(engine).await?;
            let written = upkeep::flush(engine).await?;
            Ok(Answer::Other(format!("{back} back, {changed} changed, {written} written")))
        }
        Fleet::Clean => {
            upkeep::clean(engine).await?;
            Ok(Answer::Other(String::new()))
        }
    }
}

/// What kind of refusal an error is: the name of its problem.
pub(super) fn refusal(error: &Error) -> &'static str {
    match error {
        Error::NotFound { .. } => "not-found",
        Error::UnknownPhase(_) => "unknown-phase",
        Error::IllegalTransition(_) => "illegal-transition",
        Error::PreconditionFailed { .. } => "precondition-failed",
        Error::Stale { .. } => "stale",
        Error::KeyReused { .. } => "idempotency-key-reused",
        Error::DuplicateKey { .. } => "duplicate-key",
        Error::StillNeeded { .. } => "still-needed",
        Error::TicketCompleted { .. } => "ticket-completed",
        Error::NotWorkable { .. } => "not-workable",
        Error::UnknownDependency { .. } => "unknown-dependency",
        Error::IllegalTaskMove(_) => "illegal-task-state",
        Error::IllegalStatus(_) => "illegal-agent-status",
        Error::AgentGone { .. } => "agent-gone",
        Error::NoFit(_) => "no-fitting-agent",
        Error::LeaseLost(_) => "lease-lost",
        Error::LeaseRequired { .. } => "lease-required",
        Error::GateUnmet { .. } => "gate-unmet",
        Error::ReasonRequired => "reason-required",
        Error::NotBlocking { .. } => "not-blocking",
        Error::NotBlocked { .. } => "not-blocked",
        Error::DependencyCycle { .. } => "dependency-cycle",
        Error::CapacityInUse { .. } => "capacity-in-use",
        Error::ApproverRequired => "approver-required",
        Error::InvalidBacklog(_) => "invalid-backlog",
        Error::Storage(_) => "storage",
    }
}
