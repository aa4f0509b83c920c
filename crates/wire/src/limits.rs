//! How long and how many: each limit is used by the rule and by the schema of its field.
//!
//! Lengths of text are in characters (Unicode scalar values).

use phaseline_registry::{Capacity, Kind, MAX_LABEL_CHARS, capability::OfCapability, tag::OfTag};
use phaseline_tasks::{LEASE_MAX_S, LEASE_MIN_S, MAX_ATTEMPTS, MAX_TASK_TYPE_CHARS};

/// The longest title.
pub const TITLE_CHARS: u64 = 200;
/// The longest description.
pub const DESCRIPTION_CHARS: u64 = 100_000;
/// The longest key of a ticket or task.
pub const KEY_CHARS: u64 = 128;
/// The longest reference to a key in a backlog: `ticket/task`.
pub const REFERENCE_CHARS: u64 = 2 * KEY_CHARS + 1;
/// The longest estimate.
pub const ESTIMATE_CHARS: u64 = 32;
/// The longest reason of a transition.
pub const REASON_CHARS: u64 = 2_000;
/// The longest question of a blocker.
pub const QUESTION_CHARS: u64 = 4_000;
/// The longest answer to a blocked ticket.
pub const ANSWER_CHARS: u64 = 10_000;
/// The longest comment of an approval.
pub const COMMENT_CHARS: u64 = 2_000;
/// The longest name of somebody who acts.
pub const ACTOR_CHARS: u64 = 200;
/// The longest message of a failed task.
pub const ERROR_MESSAGE_CHARS: u64 = 10_000;
/// The most artifacts of a transition or a result.
pub const ARTIFACTS: u64 = 100;
/// The longest type of an artifact.
pub const ARTIFACT_TYPE_CHARS: u64 = 64;
/// The longest path of an artifact.
pub const ARTIFACT_PATH_CHARS: u64 = 1_024;
/// The most tickets or tasks that one can wait for.
pub const DEPENDENCIES: u64 = 100;
/// The longest summary of a result.
pub const SUMMARY_CHARS: u64 = 20_000;
/// The longest decision, risk or note.
pub const FINDING_CHARS: u64 = 4_000;
/// The most decisions, risks or notes of one result, each.
pub const FINDINGS: u64 = 500;
/// The most capabilities of an agent; it has one at least.
pub const CAPABILITIES: u64 = OfCapability::AT_MOST as u64;
/// The most tags of an agent.
pub const TAGS: u64 = OfTag::AT_MOST as u64;
/// The longest capability or tag.
pub const LABEL_CHARS: u64 = MAX_LABEL_CHARS as u64;
/// The most tasks that an agent works on at a time.
pub const CAPACITY: u32 = Capacity::MAX.get();
/// The most attempts of a task that may fail by its own fault.
pub const ATTEMPTS: u32 = MAX_ATTEMPTS;
/// The shortest lease, in seconds.
pub const LEASE_LEAST_S: u32 = LEASE_MIN_S;
/// The longest lease, in seconds.
pub const LEASE_S: u32 = LEASE_MAX_S;
/// The most tasks of one claim.
pub const CLAIMS: u32 = 100;
/// The longest that a claim waits for work, in seconds.
pub const WAIT_S: u32 = 30;
/// The highest fencing token: the largest integer that every JSON reader keeps exact (RFC 8259,
/// section 6).
pub const FENCING_TOKEN: i64 = (1 << 53) - 1;
/// The longest type of a task.
pub const TASK_TYPE_CHARS: u64 = MAX_TASK_TYPE_CHARS as u64;
/// The most members of a heartbeat's metrics.
pub const METRICS: u64 = 64;
/// The highest number of a heartbeat: the largest integer that every JSON reader keeps exact
/// (RFC 8259, section 6).
pub const HEARTBEAT_SEQUENCE: u64 = (1 << 53) - 1;
/// The most tickets of one backlog.
pub const BACKLOG_TICKETS: u64 = 10_000;
/// The most tasks of one backlog.
pub const BACKLOG_TASKS: u64 = 50_000;
/// The most items of a page.
pub const PAGE: u64 = 100;
/// How many items a page has unless it is said.
pub const PAGE_DEFAULT: u64 = 50;
/// The largest token budget of a pack.
pub const BUDGET_TOKENS: u32 = 10_000_000;
