//! The REST API: routes, extractors, problems, OpenAPI and streams.
//!
//! Handlers are short: what a request says is parsed and limited by the extractors, an operation
//! of [`phaseline_engine`] or a read of [`phaseline_persistence`] does the work, and a refusal
//! becomes an RFC 9457 problem in one place. Nobody else knows a status code.
//!
//! ```no_run
//! use phaseline_api::{Api, serve};
//! use phaseline_engine::{Engine, Settings, Sources};
//! use phaseline_persistence::{Db, DbOptions};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let db = Db::open(&DbOptions::new("sqlite://phaseline.db")).await?;
//! let engine = Engine::start(db, Settings::default(), Sources::system()).await?;
//! let listener = std::net::TcpListener::bind("127.0.0.1:8080")?;
//! let stop = CancellationToken::new(); // cancel it to shut down
//! serve(listener, Api::new(engine), stop).await?;
//! # Ok(())
//! # }
//! ```

mod agents;
mod answer;
mod backlog;
mod claims;
mod contexts;
mod cursor;
mod document;
mod events;
mod extract;
mod floors;
mod flow;
mod gates;
mod health;
mod measure;
mod pages;
mod problem;
mod routes;
mod search;
mod serve;
mod service;
mod stream;
mod tasks;
mod tickets;
mod transitions;
mod view;
mod work;
mod workflows;

pub use problem::{ProblemKind, Refusal};
pub use serve::{Api, MOST_WORKERS, openapi, serve};
