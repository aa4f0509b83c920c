//! What can be done with a task.

mod ends;
mod leases;
mod make;

use phaseline_persistence::{agents::StoredAgent, tasks::Task};
use serde::{Deserialize, Serialize};

use crate::{Call, Engine, Noun, Result};

pub(crate) use ends::retried;
pub use ends::{Failure, cancel, complete, fail, retry};
pub use leases::{extend, release};
pub(crate) use leases::{give_back_expired, take_work_from};
pub(crate) use make::fresh;
pub use make::{Create, create};

/// A task after an operation, and the agent whose slot that concerned.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Done {
    task: Task,
    agent: Option<StoredAgent>,
}

impl Done {
    /// Tells the fleet: whoever sends a valid token is alive.
    fn told(self, engine: &Engine, call: &Call) -> Task {
        if let Some(agent) = &self.agent {
            engine.fleet.upsert(agent);
            engine.fleet.seen(agent.agent.id, call.now);
        }
        self.task
    }
}

fn expect(call: &Call, task: &Task) -> Result<()> {
    call.expect(Noun::Task, task.id, task.version)
}
