//! What finished tasks leave behind, merged by phase and packed into a token budget.
//!
//! A task that completes reports a [`TaskResult`]. [`aggregate`] puts the results of a phase together;
//! a summariser ([`Extractive`], or a model behind [`Summarize`]) writes the phase's summary;
//! [`TicketContext::record`] keeps it in the ticket's document. [`pack`] then makes, for the worker of
//! a later phase, a Markdown text of the phases before, within a budget of real tokens, and says what
//! it kept and what it left out.
//!
//! A later task may [supersede](Superseded) a decision, and a ticket that goes back puts the decisions of
//! the phases that it leaves [under review](TicketContext::review): the pack has what
//! [stands](TicketContext::standing) and names what does not. What people answered to a ticket that
//! waited for them is [pinned](Pinned): it comes before everything else.
//!
//! ```
//! use chrono::DateTime;
//! use phaseline_context::{Findings, FinishedTask, TaskResult, TicketContext, aggregate, extract, pack};
//! use phaseline_phases::Phase;
//! use uuid::Uuid;
//!
//! let task = |id: u128, title: &str, summary: &str, decision: &str| FinishedTask {
//!     id: Uuid::from_u128(id),
//!     task_type: "design".into(),
//!     title: Some(title.into()),
//!     completed_at: DateTime::from_timestamp_nanos(0),
//!     result: TaskResult {
//!         summary: summary.into(),
//!         context: Findings { decisions: vec![decision.into()], ..Findings::default() },
//!         ..TaskResult::default()
//!     },
//! };
//! let tasks = [
//!     task(1, "Storage", "Compared three databases under load.", "SQLite is the default"),
//!     task(2, "API", "Listed the routes. Nine are new.", "Cursors, not page numbers"),
//! ];
//!
//! let draft = aggregate(&Phase::Design.id(), &tasks);
//! let summary = extract(&draft);
//! let now = DateTime::from_timestamp_nanos(0);
//! let ticket = TicketContext::default()
//!     .record(draft.with_summary(summary, "extractive"), now)
//!     .ok_or("nothing changed")?;
//!
//! let before = [Phase::Requirements.id(), Phase::Design.id()];
//! let pack = pack(&ticket, &before, &Phase::Implementation.id(), &[], Some(60));
//! assert!(pack.tokens <= 60);
//! assert!(pack.summary.starts_with("## PHASE_DESIGN\n### Summary\n- Compared three databases"));
//! for item in &pack.kept {
//!     println!("kept    {:>3} tokens  {}", item.tokens, item.pointer);
//! }
//! for item in &pack.dropped {
//!     println!("dropped {:>3} tokens  {}", item.tokens, item.pointer);
//! }
//! # assert_eq!(pack.kept.len(), 4);
//! # assert_eq!(pack.dropped[0].pointer, "/phases/PHASE_DESIGN/tasks/1");
//! # Ok::<(), &str>(())
//! ```
//!
//! # When not to use it
//!
//! - To search what was found out: the pack takes what matters by kind and age, and knows nothing of
//!   the question that its reader has.
//! - For models with another tokenizer, where the budget must be exact: counts are those of o200k_base.
//!   For others leave a margin.
//! - To store large artifacts: the document keeps what a task reports as it is, so report a path.
//!
//! Nothing here reads a clock, a database or the network. The first count of a process loads the
//! tokenizer, which takes a moment (near a tenth of a second in a release build).

mod aggregate;
mod counts;
mod digest;
mod document;
mod outline;
mod pack;
mod result;
mod standing;
mod summary;
mod tokens;

#[cfg(test)]
mod kit;

pub use aggregate::{PhaseDraft, PhasesDiffer, aggregate};
pub use counts::PhaseTokens;
pub use document::{AggregationEntry, PhaseContext, TaskDigest, TicketContext, summary_of};
pub use outline::Outline;
pub use pack::{
    ItemKind, Pack, PackItem, PackedPhase, PackedTask, Pinned, SupersededDecision, pack,
    pack_counted, render,
};
pub use result::{Findings, FinishedTask, Superseded, TaskResult};
pub use standing::Standing;
pub use summary::{Extractive, MAX_SUMMARY_CHARS, Summarize, SummarizeError, Summarizing, extract};
pub use tokens::{count_tokens, counts_at_once};
