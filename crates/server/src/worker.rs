//! `phaseline worker`: an agent for any program. It claims tasks, runs a command for each, and
//! reports what came of it.

mod handover;
mod job;
mod options;
mod outcome;
mod process;
mod stop;

use std::{
    collections::HashSet,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use futures::{
    FutureExt, TryStreamExt,
    future::{BoxFuture, OptionFuture},
};
use phaseline_client::{
    Client, Ended, Error, HeartbeatLoop, RetryPolicy, TaskSearch,
    wire::{Agent, Claims, NewClaim, TaskRelease, limits},
};
use phaseline_engine::Sources;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use job::{Bench, Told};
pub(crate) use options::Options;
use stop::Stop;

/// The shortest time between two calls for work that came to nothing.
const BREATH: Duration = Duration::from_secs(1);
/// The longest time between two tries to reach the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// Works until it is stopped or has done what it was asked to: SIGTERM or Ctrl-C lets running
/// commands finish, and a second one ends them.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    let new = options.agent().context("the tags cannot be used")?;
    let client = Client::builder(&options.server).actor(options.actor()).build()?;
    let key = format!("phaseline-worker-{}", Sources::system().id());
    let register = || client.agents().register(&new).idempotency_key(&key);
    let registered = tokio::select! {
        registered = reach(&options.server, register) => registered?,
        () = stop.drain.cancelled() => return Ok(()),
    };
    let agent_id = registered.agent_id;
    tracing::info!(%agent_id, "registered at {}: {}", options.server, registered.capabilities);

    let mut worker = Worker::new(client, &registered, options, stop);
    let worked = worker.work().await;
    let ended = worker.wind_up(worked.is_err()).await;
    worked.and(ended)
}

/// Sends a request until the server is there to answer it.
async fn reach<T: 'static>(
    server: &str,
    request: impl Fn() -> phaseline_client::Request<T>,
) -> anyhow::Result<T> {
    let mut pause = BREATH;
    loop {
        match request().retries(RetryPolicy::NEVER).await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "{server} does not answer yet; trying again");
                sleep(pause).await;
                pause = (2 * pause).min(PATIENCE);
            }
            Err(error @ Error::Foreign { .. }) => {
                let advice = "name the right one with --server URL";
                return Err(anyhow!(error).context(format!("{server} is no phaseline: {advice}")));
            }
            Err(error) => return Err(anyhow!(error).context("the agent cannot be registered")),
        }
    }
}

/// An agent at work.
struct Worker {
    bench: Bench,
    drain: CancellationToken,
    alive: HeartbeatLoop,
    /// How many commands run; told with each heartbeat.
    running: Arc<AtomicUsize>,
    jobs: JoinSet<Told>,
    in_hand: HashSet<Uuid>,
    claimed: u64,
    /// Since when there has been nothing to do.
    idle_since: Instant,
    /// A call for work that waits for its answer.
    asking: Option<BoxFuture<'static, Result<Claims, Error>>>,
    /// Whether the agent is there no more.
    gone: bool,
}

impl Worker {
    fn new(client: Client, agent: &Agent, options: Options, stop: Stop) -> Self {
        let Stop { drain, abort } = stop;
        let running = Arc::new(AtomicUsize::new(0));
        let every = Duration::from_secs(options.heartbeat_s.into());
        let count = Arc::clone(&running);
        let metrics = move || {
            let running = count.load(Ordering::Relaxed);
            serde_json::json!({ "running": running }).as_object().cloned()
        };
        let alive = HeartbeatLoop::start(&client, agent.agent_id, every, metrics);
        let bench = Bench { client, agent_id: agent.agent_id, options: Arc::new(options), abort };
        Self {
            bench,
            drain,
            alive,
            running,
            jobs: JoinSet::new(),
            in_hand: HashSet::new(),
            claimed: 0,
            idle_since: Instant::now(),
            asking: None,
            gone: false,
        }
    }

    /// Claims and works until there is a reason to stop.
    async fn work(&mut self) -> anyhow::Result<()> {
        let mut next_call = Instant::now();
        while !self.has_enough() {
            if self.asking.is_none() {
                self.ask(next_call);
            }
            tokio::select! {
                biased;
                () = self.drain.cancelled() => return Ok(()),
                Some(told) = self.jobs.join_next() => self.hear(told?)?,
                ended = self.alive.ended() => return self.be_gone(ended),
                Some(answer) = OptionFuture::from(self.asking.as_mut()) => {
                    self.asking = None;
                    next_call = match answer {
                        Ok(claims) => self.begin(claims),
                        Err(error) => self.lack(error).await?,
                    };
                }
            }
        }
        Ok(())
    }

    /// Whether it has done what it was asked to.
    fn has_enough(&self) -> bool {
        let options = &self.bench.options;
        if !self.jobs.is_empty() {
            return false;
        }
        let idle = self.idle_since.elapsed();
        options.most().is_some_and(|most| self.claimed >= most)
            || self.asking.is_none()
                && options.until_idle.is_some_and(|limit| idle.as_secs() >= limit.into())
    }

    /// Calls for as much work as there are hands, not before this time.
    fn ask(&mut self, not_before: Instant) {
        let options = &self.bench.options;
        let mut max = u64::from(options.capacity.get()).saturating_sub(self.jobs.len() as u64);
        if let Some(most) = options.most() {
            max = max.min(most.saturating_sub(self.claimed));
        }
        let max = u32::try_from(max).unwrap_or(u32::MAX).min(limits::CLAIMS);
        if max == 0 {
            return;
        }
        let mut wait_s = options.wait_s;
        if let Some(limit) = options.until_idle {
            let idle_s = u32::try_from(self.idle_since.elapsed().as_secs()).unwrap_or(u32::MAX);
            wait_s = wait_s.min(limit.saturating_sub(idle_s).max(1));
        }
        let claim =
            NewClaim { max, lease_s: options.lease_s, wait_s, max_tokens: options.max_tokens };
        let request = self.bench.client.agents().claim(self.bench.agent_id, &claim);
        let asking = async move {
            sleep_until(not_before).await;
            request.await
        };
        self.asking = Some(asking.boxed());
    }

    /// Begins what was claimed, and says when to call next.
    fn begin(&mut self, claims: Claims) -> Instant {
        let Claims { items, reason } = claims;
        let now = Instant::now();
        if items.is_empty() {
            tracing::debug!(reason, "there is nothing to do");
            return if self.bench.options.wait_s == 0 { now + BREATH } else { now };
        }
        self.claimed += items.len() as u64;
        for claim in items {
            self.in_hand.insert(claim.task.id);
            self.jobs.spawn(job::work(self.bench.clone(), claim));
        }
        self.running.store(self.jobs.len(), Ordering::Relaxed);
        now
    }

    /// Takes a refused call for work, and says when to call next.
    async fn lack(&mut self, error: Error) -> anyhow::Result<Instant> {
        if error.is_gone() {
            self.gone = true;
            return Err(anyhow!(error).context("the agent is there no more"));
        }
        if !error.is_transient() && error.status().is_none_or(|status| status < 500) {
            return Err(anyhow!(error).context("no work can be claimed"));
        }
        tracing::warn!(%error, "a call for work failed; trying again");
        self.return_strays().await; // the answer may have been lost after work was given
        Ok(Instant::now() + BREATH)
    }

    /// Takes note of a task that has ended.
    fn hear(&mut self, told: Told) -> anyhow::Result<()> {
        let Told { task_id, line, fatal } = told;
        self.in_hand.remove(&task_id);
        self.running.store(self.jobs.len(), Ordering::Relaxed);
        self.idle_since = Instant::now();
        writeln!(std::io::stdout(), "{line}")?;
        fatal.map_or(Ok(()), Err)
    }

    fn be_gone(&mut self, ended: Ended) -> anyhow::Result<()> {
        match ended {
            Ended::AgentGone { detail } => {
                self.gone = true;
                bail!("the agent is there no more: {detail}")
            }
            Ended::Broken => bail!("the heartbeats ended by themselves"),
        }
    }

    /// Takes no more work, lets what runs finish unless it must not, and takes the agent away.
    async fn wind_up(mut self, at_once: bool) -> anyhow::Result<()> {
        if at_once {
            self.bench.abort.cancel();
        }
        let agent_id = self.bench.agent_id;
        self.asking = None;
        if !self.gone && !self.jobs.is_empty() {
            if let Err(error) = self.bench.client.agents().drain(agent_id).await {
                tracing::warn!(%error, "the agent cannot be drained");
            }
            self.return_strays().await; // a call that was given up may have been answered
        }
        let mut heard = Ok(());
        while let Some(told) = self.jobs.join_next().await {
            let told = self.hear(told?);
            heard = heard.and(told);
        }
        self.alive.stop().await;
        if !self.gone
            && let Err(error) = self.bench.client.agents().terminate(agent_id).await
        {
            tracing::warn!(%error, "the agent cannot be taken away");
        }
        heard
    }

    /// Gives back what the server has given this agent and nobody here works on.
    async fn return_strays(&self) {
        let Bench { client, agent_id, .. } = &self.bench;
        let search = TaskSearch { agent_id: Some(*agent_id), ..TaskSearch::default() };
        let found = client.tasks().search_all(search).try_collect::<Vec<_>>().await;
        for task in found.unwrap_or_default() {
            if !self.in_hand.contains(&task.id) {
                let fencing_token = task.fencing_token;
                let reason = Some("the worker did not get it".to_owned());
                let release = TaskRelease { fencing_token, reason };
                if let Err(error) = client.tasks().release(task.id, &release).await {
                    tracing::warn!(%error, task_id = %task.id, "a task cannot be given back");
                }
            }
        }
    }
}
