//! Typed client of the REST API, with a heartbeat loop.
//!
//! [`Client`] has a handle for each noun ([`tickets`](Client::tickets), [`tasks`](Client::tasks),
//! [`agents`](Client::agents), [`events`](Client::events), …), and each handle has one method for
//! each route. A method gives a [`Request`], which is sent when it is awaited. Bodies and answers
//! are those of [`wire`].
//!
//! An agent that registers, says that it is alive, and works on what it is given until there is
//! nothing left:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use phaseline_client::{
//!     AgentType, Capabilities, Capacity, Client, HeartbeatLoop, Tags,
//!     wire::{NewAgent, NewClaim, TaskCompletion, TaskResult},
//! };
//!
//! # async fn work(description: &str, pack: &str) -> String { String::new() }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:8080").actor("amy").build()?;
//! let amy = client
//!     .agents()
//!     .register(&NewAgent {
//!         agent_type: AgentType::Worker,
//!         phase_id: None,
//!         capabilities: Capabilities::parse(["rust", "sql"])?,
//!         capacity: Capacity::default(),
//!         tags: Tags::default(),
//!     })
//!     .await?;
//! let alive = HeartbeatLoop::start(&client, amy.agent_id, Duration::from_secs(10), || None);
//!
//! let call = NewClaim { wait_s: 20, max_tokens: Some(4000), ..NewClaim::default() };
//! loop {
//!     let claims = client.agents().claim(amy.agent_id, &call).await?;
//!     let Some(claim) = claims.items.into_iter().next() else { break };
//!     let summary = work(&claim.task.description, &claim.pack.summary).await;
//!     let done = TaskCompletion {
//!         fencing_token: Some(claim.fencing_token),
//!         result: TaskResult { summary, ..TaskResult::default() },
//!     };
//!     match client.tasks().complete(claim.task.id, &done).await {
//!         Ok(task) => assert_eq!(task.finished_by, Some(format!("agents/{}", amy.agent_id))),
//!         Err(error) if error.kind() == Some("lease-lost") => { /* it is somebody else's now */ }
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! alive.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! **Retries.** A request that failed with 429 or 503, or whose connection was lost, is sent again
//! if sending it twice does no harm: every `GET`, every `DELETE`, a `PATCH` with
//! [`if_match`](Request::if_match), and every `POST`, since each carries an `Idempotency-Key` that
//! stays the same from try to try. [`RetryPolicy`] says how often and how fast. Two things to know:
//! - a `DELETE` whose answer was lost and which then finds nothing (404 or 410) has succeeded;
//! - a change with `if_match` whose answer was lost may have been made, and then its repetition is
//!   refused with `precondition-failed`: read the object again to know.
//!
//! **Claims.** A claim that waits makes the server hold the request for up to `wait_s`; each try may
//! take that much longer than the timeout of the client says.
//!
//! **TLS.** The client uses the process's default provider of `rustls`, and installs ring's where
//! there is none. A server at an `http://` address needs no certificates on this machine.

pub use phaseline_phases::{
    BlockerKind, GateCode, Grade, Phase, PhaseId, Status, TransitionKind, WorkflowId,
};
pub use phaseline_registry::{
    AgentStatus, AgentType, Capabilities, Capability, Capacity, Health, Progress, Tag, Tags,
};
pub use phaseline_tasks::{AttemptOutcome, FailureClass, LeaseTime, Priority, TaskState, TaskType};
pub use phaseline_wire as wire;

pub use agents::{AgentQuery, Agents};
pub use backlogs::Backlogs;
pub use client::{Client, ClientBuilder};
pub use contexts::{Contexts, Packing};
pub use error::{Error, Result};
pub use events::{EventQuery, Events, Followed, Since};
pub use fleet::{Fleet, Wanted};
pub use flow::Flow;
pub use heartbeat::{Ended, HeartbeatLoop};
pub use page::Page;
pub use probes::Probes;
pub use request::Request;
pub use retry::RetryPolicy;
pub use tasks::{TaskQuery, TaskSearch, Tasks};
pub use tickets::{TicketQuery, Tickets};
pub use workflows::Workflows;

mod agents;
mod backlogs;
mod client;
mod contexts;
mod error;
mod events;
mod fleet;
mod flow;
mod heartbeat;
#[cfg(test)]
mod kit;
mod page;
mod probes;
mod query;
mod request;
mod retry;
mod tasks;
mod tickets;
mod workflows;
