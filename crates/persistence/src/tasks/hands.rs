//! Tasks that change hands: what the agent has in hand and what becomes of the attempt go with them.

use chrono::{DateTime, Utc};
use phaseline_registry::Agent;

use super::{Task, replace};
use crate::{
    Result, Tx, agents,
    attempts::{self, End},
};

/// Stores that an agent no longer has a task: where the task has got, if it is still at `version`,
/// how the attempt ended, and what the agent, if it is still at the version before, has in hand.
/// `false` when a version is another one; then the transaction must not be committed.
///
/// # Errors
/// Storage failures.
pub async fn end_held(
    tx: &Tx,
    task: &Task,
    version: i64,
    end: End<'_>,
    agent: &Agent,
    moved: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    attempts::end(tx, task.id, task.fencing_token, end).await?;
    Ok(agents::load(tx, agent, moved, agent.version - 1, now).await?
        && replace(tx, task, version).await?)
}
