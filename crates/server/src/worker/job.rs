//! One task: the command that does it, the lease that it is done under, and the report of its end.

use std::{ffi::OsString, sync::Arc, time::Duration};

use anyhow::Context;
use phaseline_client::{
    Client, Error, FailureClass, LeaseTime, Result, RetryPolicy,
    wire::{Claim, LeaseExtension, TaskCompletion, TaskFailure, TaskRelease},
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    handover,
    options::Options,
    outcome::{Verdict, failed, judge},
    process::{Finished, Process},
};

/// How long to wait before a lease is asked for again that the server did not answer for.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that one try to extend a lease may take.
const TRY: Duration = Duration::from_secs(30);
/// The characters of a reason that fit on a line.
const LINE_CHARS: usize = 160;

/// What all tasks of a worker have in common.
#[derive(Debug, Clone)]
pub(super) struct Bench {
    pub(super) client: Client,
    pub(super) agent_id: Uuid,
    pub(super) options: Arc<Options>,
    /// Stops all commands and gives their tasks back.
    pub(super) abort: CancellationToken,
}

/// What came of a task.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) task_id: Uuid,
    /// A line for people.
    pub(super) line: String,
    /// Why the worker cannot go on.
    pub(super) fatal: Option<anyhow::Error>,
}

/// How a command ended, or was ended.
enum Ended {
    ByItself(Finished),
    TooLate(Duration),
    Lost(String),
    Aborted,
}

/// How it was reported.
enum Report {
    Completed,
    Failed(TaskFailure),
    Released,
    Lost(String),
}

/// Does a claimed task, from the start of the command to the report of its end.
pub(super) async fn work(bench: Bench, claim: Claim) -> Told {
    let began = Instant::now();
    let (task_id, name) = (claim.task.id, handover::name(&claim.task, &claim.ticket));
    tracing::info!(%task_id, fencing_token = claim.fencing_token, "begins {name}");
    let (report, fatal) = match bench.start(&claim) {
        Ok(process) => {
            let ended = bench.oversee(&claim, process, began).await;
            (bench.report(&claim, ended).await, None)
        }
        Err(error) => {
            let reason = "the worker cannot start its command";
            (bench.release(&claim, reason).await, Some(error))
        }
    };
    let took = began.elapsed().as_secs_f64();
    let line = match report {
        Report::Completed => format!("completed  {name} ({took:.1} s)"),
        Report::Failed(TaskFailure { failure_class, error_message, .. }) => {
            format!("failed     {name} ({took:.1} s): {failure_class}: {}", short(&error_message))
        }
        Report::Released => format!("released   {name}"),
        Report::Lost(why) => format!("lost       {name}: {}", short(&why)),
    };
    Told { task_id, line, fatal }
}

impl Bench {
    fn start(&self, claim: &Claim) -> anyhow::Result<Process> {
        let Options { command, input, server, .. } = &*self.options;
        let handed = handover::text(claim, *input)?;
        let environment = handover::environment(claim, self.agent_id, server);
        Process::start(command, environment, handed).with_context(|| cannot_start(command))
    }

    /// Waits for the end of the command, or ends it: dropping what runs kills it.
    async fn oversee(&self, claim: &Claim, process: Process, claimed: Instant) -> Ended {
        let limit = self.options.timeout_s.map(|limit| Duration::from_secs(limit.into()));
        let late = async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            finished = process.finish() => match finished {
                Ok(finished) => Ended::ByItself(finished),
                Err(error) => Ended::Lost(format!("its command was lost sight of: {error}")),
            },
            () = self.abort.cancelled() => Ended::Aborted,
            why = self.keep(claim, claimed) => Ended::Lost(why),
            () = late => Ended::TooLate(limit.unwrap_or_default()),
        }
    }

    /// Extends the lease until it is lost, and says how. The first time says that work has begun.
    async fn keep(&self, claim: &Claim, claimed: Instant) -> String {
        let lease = self.options.lease();
        let mut ends = claimed + lease;
        loop {
            let asked = Instant::now();
            match self.extend(claim, self.options.lease_s).await {
                Ok(()) => {
                    ends = asked + lease;
                    tokio::time::sleep_until(asked + lease / 3).await;
                }
                Err(error) if !may_pass(&error) => return error.to_string(),
                Err(error) if Instant::now() >= ends => {
                    return format!("the lease ended before the server answered: {error}");
                }
                Err(error) => {
                    tracing::warn!(%error, task_id = %claim.task.id, "the lease was not extended");
                    sleep(PAUSE.min(ends - Instant::now())).await;
                }
            }
        }
    }

    async fn extend(&self, claim: &Claim, lease: LeaseTime) -> Result<()> {
        let extension = LeaseExtension { fencing_token: claim.fencing_token, lease_s: Some(lease) };
        let third = (self.options.lease() / 3).min(TRY);
        let request = self.client.tasks().extend(claim.task.id, &extension);
        request.retries(RetryPolicy::NEVER).timeout(third).await.map(|_| ())
    }

    async fn report(&self, claim: &Claim, ended: Ended) -> Report {
        let verdict = match ended {
            Ended::ByItself(finished) => judge(&finished),
            Ended::TooLate(limit) => {
                let sentence = format!("the command was stopped after {} s", limit.as_secs());
                failed(FailureClass::Task, sentence)
            }
            Ended::Lost(why) => return Report::Lost(why),
            Ended::Aborted => return self.release(claim, "the worker was stopped").await,
        };
        // What was reported once is not reported twice: each request keeps its key.
        let told = match verdict {
            Verdict::Completed(result) => {
                let fencing_token = Some(claim.fencing_token);
                self.complete(claim, TaskCompletion { fencing_token, result: *result }).await
            }
            Verdict::Failed(failure) => self.fail(claim, failure).await,
        };
        told.unwrap_or_else(|error| Report::Lost(error.to_string()))
    }

    async fn complete(&self, claim: &Claim, completion: TaskCompletion) -> Result<Report> {
        let request = self.client.tasks().complete(claim.task.id, &completion);
        let sent = self.insist(request).await;
        match sent {
            Ok(()) => Ok(Report::Completed),
            Err(error) if is_unacceptable(&error) => {
                let sentence = format!("the server does not take its result: {}", detail(&error));
                let failure = TaskFailure { error_message: sentence, ..TaskFailure::default() };
                self.fail(claim, failure).await
            }
            Err(error) => Err(error),
        }
    }

    async fn fail(&self, claim: &Claim, failure: TaskFailure) -> Result<Report> {
        let failure = TaskFailure { fencing_token: Some(claim.fencing_token), ..failure };
        self.insist(self.client.tasks().fail(claim.task.id, &failure)).await?;
        Ok(Report::Failed(failure))
    }

    async fn release(&self, claim: &Claim, reason: &str) -> Report {
        let fencing_token = claim.fencing_token;
        let release = TaskRelease { fencing_token, reason: Some(reason.to_owned()) };
        match self.client.tasks().release(claim.task.id, &release).await {
            Ok(_) => Report::Released,
            Err(error) => Report::Lost(error.to_string()),
        }
    }

    /// Sends a report until it is answered or the lease must have ended, and then it is refused.
    async fn insist<T: 'static>(&self, request: phaseline_client::Request<T>) -> Result<()> {
        let patient = RetryPolicy { tries: 10_000, ..RetryPolicy::default() };
        let sent = timeout(self.options.lease(), request.retries(patient)).await;
        match sent {
            Ok(sent) => sent.map(|_| ()),
            Err(_) => Err(Error::Silent { after: self.options.lease() }),
        }
    }
}

/// Whether the same request may go well a little later.
fn may_pass(error: &Error) -> bool {
    error.is_transient() || error.status().is_some_and(|status| status >= 500)
}

/// Whether it is the content of a report that is refused, and not whoever reports.
fn is_unacceptable(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 413 | 422))
}

fn detail(error: &Error) -> String {
    let mut detail = error.to_string();
    for fault in error.problem().into_iter().flat_map(|problem| &problem.errors) {
        detail.push_str(&format!(" {}: {}.", fault.pointer, fault.detail));
    }
    detail
}

fn cannot_start(command: &[OsString]) -> String {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    format!("the command {program} cannot be started")
}

/// The last line of a text, as much of it as fits.
fn short(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let mut line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    if let Some((cut, _)) = line.char_indices().nth(LINE_CHARS) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_end_of_a_message_and_no_control_characters() {
        assert_eq!(short("one\ntwo\u{1b}[0m \n\n"), "two[0m");
        assert_eq!(short(&"ä".repeat(200)).chars().count(), LINE_CHARS + 1);
        assert_eq!(short(""), "");
    }
}
