//! How much of a worker's time the streams may take, so that there is enough left for requests.
//!
//! So many streams times so many events can be more than a machine is able to send. Then the
//! streams come later, with more at once, which is cheaper; the requests do not.

use std::time::{Duration, Instant};

/// The part of a worker's time that streams take at most.
const MOST: f64 = 0.25;
/// The part that they may take, however many requests come.
const LEAST: f64 = 0.02;
/// With so many requests a second there is time for both; with more, the streams give way.
const QUIET: f64 = 100.0;
/// How much may be taken at once after a quiet time.
const SAVED: Duration = Duration::from_millis(5);
/// How long requests are counted before they say how many come.
const COUNTED_FOR: Duration = Duration::from_millis(200);

/// The time that may be taken: it grows as time goes on, and shrinks as it is taken.
#[derive(Debug)]
pub(super) struct Allowance {
    /// In seconds; what was taken too much is owed.
    left: f64,
    share: f64,
    grown_until: Instant,
    counted: u64,
    counted_at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant, requests: u64) -> Self {
        Self {
            left: SAVED.as_secs_f64(),
            share: share(0.0),
            grown_until: now,
            counted: requests,
            counted_at: now,
        }
    }

    /// How long to wait before more may be taken; `requests` is how many there ever were.
    pub(super) fn pause(&mut self, now: Instant, requests: u64) -> Duration {
        let counted_for = now.saturating_duration_since(self.counted_at);
        if counted_for >= COUNTED_FOR {
            let came = requests.saturating_sub(self.counted);
            self.share = share(came as f64 / counted_for.as_secs_f64());
            (self.counted, self.counted_at) = (requests, now);
        }
        let grown = now.saturating_duration_since(self.grown_until).as_secs_f64() * self.share;
        self.left = (self.left + grown).min(SAVED.as_secs_f64());
        self.grown_until = now;
        Duration::from_secs_f64((-self.left / self.share).max(0.0))
    }

    /// Takes so much.
    pub(super) fn spend(&mut self, cost: Duration) {
        self.left -= cost.as_secs_f64();
    }
}

/// The part of the time at so many requests a second.
fn share(requests_a_second: f64) -> f64 {
    (MOST * QUIET / requests_a_second.max(QUIET)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The time between two turns that cost a millisecond each, while so many requests come.
    fn pause_at(requests_a_second: u64) -> Duration {
        let began = Instant::now();
        let mut allowance = Allowance::new(began, 0);
        let mut now = began;
        let mut pause = Duration::ZERO;
        for _ in 0..1000 {
            allowance.spend(ms(1));
            let so_far = now.duration_since(began).as_secs_f64() * requests_a_second as f64;
            pause = allowance.pause(now, so_far as u64);
            now += pause;
        }
        pause
    }

    #[test]
    fn the_more_requests_come_the_longer_the_streams_wait_up_to_a_bound() {
        let pauses =
            [0, 100, 200, 1_000, 10_000].map(|rate| (pause_at(rate).as_secs_f64() * 1e3).round());
        assert_eq!(pauses, [4.0, 4.0, 8.0, 40.0, 50.0]);
    }

    #[test]
    fn after_a_quiet_time_something_may_be_taken_at_once_but_not_everything() {
        let began = Instant::now();
        let mut allowance = Allowance::new(began, 0);
        let later = began + Duration::from_secs(3600);
        assert_eq!(allowance.pause(later, 0), Duration::ZERO);
        allowance.spend(SAVED);
        assert_eq!(allowance.pause(later, 0), Duration::ZERO);
        allowance.spend(ms(1));
        assert_eq!(allowance.pause(later, 0), ms(4));
    }
}
