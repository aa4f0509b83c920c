//! Every test that needs a database or a server, in one binary: one file a subject.
//!
//! [`kit`] makes what they need. The same bodies run on SQLite, and on PostgreSQL when
//! `PHASELINE_TEST_DATABASE=postgres`; `cargo xtask test` does both.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, and what it prints is shown when it fails"
)]

mod kit;
mod rows;

mod bad_input;
mod claims;
mod client;
mod contexts;
mod crowd;
mod docs;
mod door;
mod event_log;
mod failures;
mod fleet;
mod flow;
mod gates;
mod guards;
mod hearsay;
mod heartbeats;
mod idempotency;
mod import;
mod kills;
mod leases;
mod lists;
mod migrations;
mod openapi;
mod overload;
mod packs;
mod phases;
mod process;
mod race;
mod rework;
mod schema;
mod stream;
mod together;
mod transcript;
mod trimming;
mod versions;
mod why;
