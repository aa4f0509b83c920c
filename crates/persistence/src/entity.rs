//! The tables as SeaORM entities: what the migrations made, column by column.

pub mod agent;
pub mod agent_heartbeat;
pub mod event;
pub mod event_log;
pub mod idempotency_key;
pub mod phase_history;
pub mod task;
pub mod task_attempt;
pub mod task_dependency;
pub mod ticket;
pub mod ticket_approval;
pub mod ticket_artifact;
pub mod ticket_context;
pub mod ticket_dependency;
