//! The kit: a fresh database, a server in this process, the real program, and waiting for what
//! takes a moment.
//!
//! ```ignore
//! let server = kit::server().await;
//! let ticket = server.create("/tickets", json!({ "title": "Rotate the keys" })).await;
//! server.get(&format!("/tickets/{}", text(&ticket, "id"))).await.is(200);
//! ```
//!
//! Each test has a database of its own, gone when the test ends. Every answer is held against the
//! OpenAPI document as it comes.

mod database;
mod document;
mod http;
mod postgres;
mod program;
mod server;
mod tables;
mod tickets;
mod wait;
mod work;

pub(crate) use database::{backend, database};
pub(crate) use http::{Http, Reply, Request, text};
pub(crate) use program::{program, run, try_run};
pub(crate) use server::{
    Clock, Server, server, server_at, server_beside, server_for_a_race, server_over,
    server_over_at, server_with,
};
pub(crate) use tables::{outside, query, tables};
pub(crate) use tickets::{enter, events_of, history, new_ticket, transition};
pub(crate) use wait::eventually;
pub(crate) use work::{act, agent, claim, claim_one, done, new_task, task, ticket, worker};
