//! The loop that says that an agent is alive.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use phaseline_wire::NewHeartbeat;
use serde_json::{Map, Value};
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use uuid::Uuid;

use crate::{Client, RetryPolicy};

/// The shortest time between two heartbeats.
const SHORTEST: Duration = Duration::from_millis(50);

/// Sends an agent's heartbeats until it is stopped or dropped, or the agent is no more.
///
/// Heartbeats are numbered from 1, so the registry sees which are missing. One that fails is not
/// repeated: the next one is the better sign of life. The pauses are an eighth shorter at most,
/// by chance, so that agents that started together spread.
#[derive(Debug)]
#[must_use = "a loop that is dropped has stopped"]
pub struct HeartbeatLoop {
    beating: JoinHandle<()>,
    ended: watch::Receiver<Option<Ended>>,
}

/// Why a loop ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The agent was terminated or never registered; it must register anew.
    AgentGone {
        /// How the server said it.
        detail: String,
    },
    /// The function that gives the metrics panicked.
    Broken,
}

impl HeartbeatLoop {
    /// Sends a heartbeat at once, and then another within `every` (at least 50 ms) of the one
    /// before. Each carries what `metrics` gives then: at most 64 members, for people to see.
    ///
    /// The time to live of a heartbeat is a setting of the server, 30 s unless it says otherwise; a
    /// third of it is a good pace.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        client: &Client,
        agent_id: Uuid,
        every: Duration,
        metrics: impl Fn() -> Option<Map<String, Value>> + Send + 'static,
    ) -> Self {
        let (tell, ended) = watch::channel(None);
        let client = client.clone();
        let beating = tokio::spawn(async move {
            let detail = beat(&client, agent_id, every.max(SHORTEST), metrics).await;
            tell.send_replace(Some(Ended::AgentGone { detail }));
        });
        Self { beating, ended }
    }

    /// Waits until the loop ends by itself, and says why.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        // An error is a sender that is gone without a word: the task panicked.
        let Ok(why) = ended.wait_for(Option::is_some).await else {
            return Ended::Broken;
        };
        why.clone().unwrap_or(Ended::Broken)
    }

    /// Stops the loop. When this returns no more heartbeats are sent.
    pub async fn stop(mut self) {
        self.beating.abort();
        // The error is that it was aborted.
        let _ = (&mut self.beating).await;
    }
}

impl Drop for HeartbeatLoop {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

/// Sends heartbeats until the agent is gone, and gives what the server said then.
async fn beat(
    client: &Client,
    agent_id: Uuid,
    every: Duration,
    metrics: impl Fn() -> Option<Map<String, Value>>,
) -> String {
    let mut pauses = pauses(every);
    for sequence in 1.. {
        let beat = NewHeartbeat { sequence: Some(sequence), metrics: metrics() };
        let sent = client
            .agents()
            .heartbeat(agent_id, &beat)
            .without_key() // its number makes it harmless twice, and the server has less to store
            .retries(RetryPolicy::NEVER)
            .timeout(every.max(Duration::from_secs(1)))
            .await;
        match sent {
            Ok(_) => {}
            Err(error) if error.is_gone() => {
                tracing::warn!(%agent_id, %error, "the heartbeats end");
                return error.to_string();
            }
            Err(error) => tracing::warn!(%agent_id, sequence, %error, "a heartbeat failed"),
        }
        sleep(pauses.next().unwrap_or(every)).await;
    }
    String::new() // nobody counts to 2^64
}

/// Pauses between seven eighths of `every` and all of it.
fn pauses(every: Duration) -> impl Iterator<Item = Duration> {
    // Jitter adds up to as much again: an eighth becomes one or two.
    ExponentialBuilder::new()
        .with_jitter()
        .with_factor(1.0)
        .with_min_delay(every / 8)
        .with_max_delay(every / 8)
        .without_max_times()
        .build()
        .map(move |part| every * 3 / 4 + part)
}

#[cfg(test)]
mod tests;
