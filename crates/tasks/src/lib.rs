//! The work of a phase: states, priorities, types, dependencies, leases, retries and templates.
//!
//! [`TaskState`] is the table of how a task gets on. Which task is next is the order of
//! [`Waiting`]; a claim gives a lease for a [`LeaseTime`], with a fencing token that [`check_lease`]
//! compares from then on. An attempt that comes to nothing has a [`FailureClass`], and
//! [`after_failure`] says whether the task is tried again, and when. [`TaskType`] says which phase
//! work belongs to that does not say so itself, a [`TemplatePlan`] which work each phase begins
//! with, and [`find_cycle`] finds work that waits for itself.
//!
//! ```
//! use chrono::{DateTime, TimeDelta};
//! use phaseline_tasks::{
//!     FailureClass, Held, LeaseTime, Next, Priority, RetryPolicy, TaskState, Waiting,
//!     after_failure, check_lease,
//! };
//!
//! let now = DateTime::UNIX_EPOCH;
//!
//! // The most urgent is claimed first, then the oldest.
//! let mut waiting = [
//!     Waiting { priority: Priority::Low, created_at: now, id: "tidy up" },
//!     Waiting { priority: Priority::High, created_at: now + TimeDelta::seconds(1), id: "repair" },
//! ];
//! waiting.sort();
//! assert_eq!(waiting[0].id, "repair");
//! let state = TaskState::Pending.move_to(TaskState::Claimed)?;
//!
//! // Who comes back after somebody else's claim is told so, and changes nothing.
//! let lease = Held { token: 2, expires_at: LeaseTime::new(60)?.until(now) };
//! assert_eq!(check_lease(Some(&lease), 2, now), Ok(()));
//! assert_eq!(
//!     check_lease(Some(&lease), 1, now).unwrap_err().to_string(),
//!     "fencing token 1 does not hold the task: the task was claimed again, with token 2"
//! );
//!
//! // A first failure out of three attempts: again, after 10 seconds give or take a fifth.
//! let policy = RetryPolicy::default().validated()?;
//! assert_eq!(
//!     after_failure(FailureClass::Task, 0, 3, 1, &policy, 0.75),
//!     Next::Retry { attempts_used: 1, wait: TimeDelta::seconds(11) }
//! );
//! assert_eq!(state.move_to(TaskState::Pending)?, TaskState::Pending);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything here is pure: time, ids and the randomness of a back-off are arguments. It does not
//! say who works on a task: that is for the registry and the engine.

mod attempt;
mod cycle;
mod lease;
mod priority;
mod retry;
mod state;
mod task_type;
mod template;
mod waiting;

pub use attempt::{AttemptOutcome, FailureClass};
pub use cycle::{find_cycle, find_cycle_through};
pub use lease::{
    Held, InvalidLease, LEASE_DEFAULT_S, LEASE_MAX_S, LEASE_MIN_S, LeaseTime, Lost, LostWhy,
    check_lease,
};
pub use priority::Priority;
pub use retry::{
    InvalidRetryPolicy, MAX_ATTEMPTS, Next, RetryPolicy, after_failure, after_lost_lease,
};
pub use state::{IllegalTaskMove, TaskState};
pub use task_type::{InvalidTaskType, MAX_TASK_TYPE_CHARS, TaskType};
pub use template::{InvalidTemplates, MAX_TEMPLATE_KEY_CHARS, TaskTemplate, TemplatePlan};
pub use waiting::Waiting;
