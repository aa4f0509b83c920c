//! Entities, the functions that read and write them, the write door and the event log.
//!
//! Readers take any connection; writers take a [`Tx`], and only [`Db::write`] makes one, so the
//! signature of a function says whether it can change anything. Rows become domain values when
//! they are read: one that does not decode is [`Error::Corrupt`], never a panic and never a
//! default.
//!
//! ```no_run
//! use phaseline_persistence::{Db, DbOptions, Page, tickets};
//!
//! # async fn run() -> Result<(), phaseline_persistence::Error> {
//! let db = Db::open(&DbOptions::new("sqlite://phaseline.db")).await?;
//! let first = tickets::list(db.reader(), &tickets::Filter::default(), Page::first(20)).await?;
//! println!("{} tickets", first.items.len());
//! # Ok(())
//! # }
//! ```

pub mod agents;
pub mod attempts;
pub mod entity;
pub mod events;
pub mod gates;
pub mod history;
pub mod idempotency;
pub mod statistics;
pub mod tasks;
pub mod tickets;
pub mod why;

mod connection;
mod decode;
mod door;
mod error;
mod options;
mod page;
#[cfg(test)]
mod plans;
mod query;
mod row;

pub use connection::{Backend, Connection};
pub use door::{Db, Fault, Tx};
pub use error::{Cause, Error, Result};
pub use options::DbOptions;
pub use page::{Page, Slice};
