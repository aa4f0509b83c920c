//! What follows when an attempt came to nothing: how long the task waits, or that it is given up.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::FailureClass;

/// The most attempts that a task can have.
pub const MAX_ATTEMPTS: u32 = 100;

/// How many leases in a row a task may lose before it has to wait: what befell its agents may well
/// have had nothing to do with it.
const FREE_LOSSES: u32 = 2;

/// How often a task is tried, and how long it waits in between. Any values give an answer;
/// [`validated`](Self::validated) finds those that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// How many attempts a task has unless it says otherwise, 1 to 100.
    pub max_attempts: u32,
    /// How many seconds the first wait lasts; each later one lasts twice as long. With 0 there is no
    /// wait.
    pub base_s: u32,
    /// The longest wait in seconds, before jitter.
    pub max_s: u32,
    /// By how much of itself a wait can become shorter or longer, from 0 to 1: with 0.2, a wait of
    /// 10 seconds lasts 8 to 12.
    pub jitter: f64,
}

/// Why a policy makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidRetryPolicy {
    /// A task without attempts, or with too many.
    #[error("a task cannot have {max_attempts} attempts: it has 1 to {MAX_ATTEMPTS}")]
    Attempts {
        /// How many it would have.
        max_attempts: u32,
    },
    /// The first wait would be longer than the longest.
    #[error("the first wait cannot last {base_s} seconds and the longest one only {max_s}")]
    WrongOrder {
        /// The first wait, in seconds.
        base_s: u32,
        /// The longest wait, in seconds.
        max_s: u32,
    },
    /// A jitter that is not a part of the whole.
    #[error("a jitter of {jitter} is not possible: it lies between 0 and 1")]
    Jitter {
        /// What was given.
        jitter: f64,
    },
}

/// What follows after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The task is pending again, and nobody gets it before the wait is over.
    Retry {
        /// How many of its attempts the task has used up now.
        attempts_used: u32,
        /// How long it waits from now on; zero where waiting helps nobody.
        wait: TimeDelta,
    },
    /// The task has used up its attempts and has failed.
    GiveUp {
        /// How many of its attempts the task has used up now.
        attempts_used: u32,
    },
}

/// Decides what follows after a failure.
///
/// `attempts_used` is the count before this failure; `failures_in_a_row` has this one in it, so it
/// is 1 the first time. `random` lies in [0, 1) and comes from the caller.
///
/// Only [`FailureClass::Task`] uses up an attempt, so no other class ever gives a task up. A task
/// that waits for another agent (`capability`) or for an answer (`needs_input`) has no back-off on
/// top: time alone would not change anything.
///
/// ```
/// use chrono::TimeDelta;
/// use phaseline_tasks::{FailureClass, Next, RetryPolicy, after_failure};
///
/// let policy = RetryPolicy::default();
/// let next = |class, used| after_failure(class, used, policy.max_attempts, 1, &policy, 0.5);
///
/// let wait = TimeDelta::seconds(10);
/// assert_eq!(next(FailureClass::Task, 0), Next::Retry { attempts_used: 1, wait });
/// assert_eq!(next(FailureClass::Task, 2), Next::GiveUp { attempts_used: 3 });
/// assert_eq!(next(FailureClass::Transient, 2), Next::Retry { attempts_used: 2, wait });
/// ```
#[must_use]
pub fn after_failure(
    class: FailureClass,
    attempts_used: u32,
    max_attempts: u32,
    failures_in_a_row: u32,
    policy: &RetryPolicy,
    random: f64,
) -> Next {
    let attempts_used = attempts_used.saturating_add(u32::from(class.uses_up_attempt()));
    if class.uses_up_attempt() && attempts_used >= max_attempts {
        return Next::GiveUp { attempts_used };
    }
    let wait = match class {
        FailureClass::Task | FailureClass::Transient | FailureClass::Dependency => {
            policy.delay(failures_in_a_row.max(1), random)
        }
        FailureClass::Capability | FailureClass::NeedsInput => TimeDelta::zero(),
    };
    Next::Retry { attempts_used, wait }
}

/// How long a task waits whose lease was lost, because it ran out or the agent is gone;
/// `losses_in_a_row` has this one in it. The first two times it does not wait at all, then as after
/// a first failure, a second one and so on: a task that takes its agents down with it must not go
/// through all of them at once.
///
/// ```
/// use chrono::TimeDelta;
/// use phaseline_tasks::{RetryPolicy, after_lost_lease};
///
/// let policy = RetryPolicy::default();
/// let waits = [1, 2, 3, 4].map(|losses| after_lost_lease(losses, &policy, 0.5).num_seconds());
/// assert_eq!(waits, [0, 0, 10, 20]);
/// ```
#[must_use]
pub fn after_lost_lease(losses_in_a_row: u32, policy: &RetryPolicy, random: f64) -> TimeDelta {
    policy.delay(losses_in_a_row.saturating_sub(FREE_LOSSES), random)
}

impl RetryPolicy {
    /// The policy itself, if it makes sense.
    ///
    /// # Errors
    /// [`InvalidRetryPolicy`] names the first thing that does not.
    pub fn validated(self) -> Result<RetryPolicy, InvalidRetryPolicy> {
        let RetryPolicy { max_attempts, base_s, max_s, jitter } = self;
        if !(1..=MAX_ATTEMPTS).contains(&max_attempts) {
            return Err(InvalidRetryPolicy::Attempts { max_attempts });
        }
        if base_s > max_s {
            return Err(InvalidRetryPolicy::WrongOrder { base_s, max_s });
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(InvalidRetryPolicy::Jitter { jitter });
        }
        Ok(self)
    }

    /// How long to wait after so many failures in a row: the base, doubled with each failure after
    /// the first, at most `max_s`; then made shorter or longer by up to `jitter` of itself, so that
    /// tasks that failed together do not all come back together. No failure, no wait.
    ///
    /// `random` lies in [0, 1) and comes from the caller: 0 gives the shortest wait, 0.5 the wait
    /// without jitter. The answer has whole milliseconds.
    ///
    /// Capped exponential back-off is as in Brooker, *Exponential Backoff And Jitter* (AWS
    /// Architecture Blog, 2015). The jitter is milder than the "full jitter" recommended there, so
    /// that the wait still says something about the number of failures.
    ///
    /// ```
    /// use phaseline_tasks::RetryPolicy;
    ///
    /// let policy = RetryPolicy::default();
    /// let waits = [1, 2, 3, 99].map(|failures| policy.delay(failures, 0.5).num_seconds());
    /// assert_eq!(waits, [10, 20, 40, 600]);
    /// assert_eq!(policy.delay(1, 0.0).num_seconds(), 8);
    /// ```
    #[must_use]
    pub fn delay(&self, failures: u32, random: f64) -> TimeDelta {
        let Some(doublings) = failures.checked_sub(1) else { return TimeDelta::zero() };
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let wait_s = factor.saturating_mul(self.base_s.into()).min(self.max_s.into());
        let stretch = 1.0 + part(self.jitter) * (2.0 * part(random) - 1.0);
        // Rounded down, so that no wait is longer than the longest one with all its jitter.
        TimeDelta::milliseconds((wait_s as f64 * 1_000.0 * stretch) as i64)
    }
}

/// Three attempts, waits of 10 seconds to 10 minutes, a jitter of a fifth.
impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { max_attempts: 3, base_s: 10, max_s: 600, jitter: 0.2 }
    }
}

/// A part of the whole, whatever the caller gave.
fn part(given: f64) -> f64 {
    if given.is_nan() { 0.0 } else { given.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests;
