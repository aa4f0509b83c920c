//! When a request is sent again, and how long to wait before it.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// How often a request is sent, and how long the pauses are. Each pause is twice the one before,
/// and a random part of itself longer, so that callers that failed together do not come back
/// together.
///
/// ```
/// use std::time::Duration;
///
/// use phaseline_client::{Client, RetryPolicy};
///
/// let patient = RetryPolicy { tries: 10, ..RetryPolicy::default() };
/// let client = Client::builder("http://127.0.0.1:8080").retries(patient).build()?;
/// # Ok::<(), phaseline_client::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub tries: usize,
    /// The pause after the first try.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// The longest `Retry-After` to obey; a server that wants more gets no further try.
    pub longest_retry_after: Duration,
}

impl RetryPolicy {
    /// Every request is sent once.
    pub const NEVER: Self = Self {
        tries: 1,
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
        longest_retry_after: Duration::ZERO,
    };

    /// The pauses between the tries of one request.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.exponential().with_max_times(self.tries.saturating_sub(1)).build()
    }

    /// Pauses without an end.
    pub(crate) fn endless_pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.exponential().without_max_times().build()
    }

    /// The pause that the server and the policy together ask for; `None` is to give up.
    pub(crate) fn pause(
        &self,
        next: Option<Duration>,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        match retry_after {
            Some(asked) if asked > self.longest_retry_after => None,
            Some(asked) => next.map(|pause| asked + pause),
            None => next,
        }
    }

    fn exponential(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
    }
}

impl Default for RetryPolicy {
    /// Five tries, with pauses from 0.1 s to 5 s, and `Retry-After` of a minute at most.
    fn default() -> Self {
        Self {
            tries: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            longest_retry_after: Duration::from_secs(60),
        }
    }
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3) in its form of seconds. The form of a date would
/// need a clock, and this API never sends it.
pub(crate) fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_have_four_pauses_that_double_and_spread() {
        let pauses: Vec<Duration> = RetryPolicy::default().pauses().collect();
        assert_eq!(pauses.len(), 4);
        for (pause, least_ms) in pauses.iter().zip([100, 200, 400, 800]) {
            let least = Duration::from_millis(least_ms);
            assert!((least..=2 * least).contains(pause), "{pause:?} is not near {least:?}");
        }
        assert_eq!(RetryPolicy::NEVER.pauses().count(), 0);
    }

    #[test]
    fn the_server_is_never_asked_sooner_than_it_wants() {
        let policy = RetryPolicy::default();
        let (short, long) = (Duration::from_millis(100), Duration::from_secs(2));
        assert_eq!(policy.pause(Some(short), None), Some(short));
        assert_eq!(policy.pause(Some(short), Some(long)), Some(long + short));
        assert_eq!(policy.pause(None, Some(long)), None);
        assert_eq!(policy.pause(Some(short), Some(Duration::from_secs(61))), None);
    }
}
