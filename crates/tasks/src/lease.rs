//! Who may speak for a task: a lease that ends by itself, and a token that tells a late writer
//! from the present one.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long a lease lasts unless the claim says otherwise, in seconds.
pub const LEASE_DEFAULT_S: u32 = 300;
/// The shortest lease, in seconds.
pub const LEASE_MIN_S: u32 = 5;
/// The longest lease, in seconds.
pub const LEASE_MAX_S: u32 = 86_400;

/// How long a lease lasts: 5 to 86 400 seconds, 300 unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct LeaseTime(u32);

/// A time that no lease can last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease cannot last {given} seconds: it lasts {LEASE_MIN_S} to {LEASE_MAX_S}")]
pub struct InvalidLease {
    /// What was given, in seconds.
    pub given: u32,
}

/// The lease that a task is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The fencing token of the claim. It grows with every claim of the task.
    pub token: i64,
    /// The first moment at which the lease is over.
    pub expires_at: DateTime<Utc>,
}

/// The refusal of somebody who speaks for a task and does not hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fencing token {given} does not hold the task: {}", self.reason())]
pub struct Lost {
    /// The fencing token that was shown.
    pub given: i64,
    /// The fencing token of the lease that the task is under, if it is under one.
    pub current: Option<i64>,
    /// How the lease was lost.
    pub why: LostWhy,
}

/// How a lease was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostWhy {
    /// It ran out, and nobody has claimed the task since.
    Expired {
        /// The first moment at which it was over.
        at: DateTime<Utc>,
    },
    /// The task was claimed again.
    Superseded,
    /// Nobody holds the task: it is waiting, or it has ended.
    NotHeld,
    /// No claim of the task has got this far: the token was made up, or is that of another task.
    NeverGiven,
}

/// Checks that whoever shows a fencing token holds the task: it is the token of the lease that the
/// task is under, and `now` lies before the end of that lease.
///
/// The end of the lease alone would not do. An agent can check its lease, be paused for longer
/// than it lasts, and write afterwards in good faith; its clock cannot tell it. So whoever stores
/// the result compares the token, which is another one with every claim, and refuses the late
/// writer (Kleppmann, *How to do distributed locking*, 2016). For the same reason the answer holds
/// only for the transaction that has read `live` and writes what it allows.
///
/// # Errors
/// [`Lost`] says how, and which token holds the task now.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_tasks::{Held, LeaseTime, LostWhy, check_lease};
///
/// let claimed_at = DateTime::UNIX_EPOCH;
/// let lease = Held { token: 2, expires_at: LeaseTime::default().until(claimed_at) };
/// let later = claimed_at + TimeDelta::seconds(299);
///
/// assert_eq!(check_lease(Some(&lease), 2, later), Ok(()));
/// let lost = check_lease(Some(&lease), 1, later).unwrap_err();
/// assert_eq!((lost.why, lost.current), (LostWhy::Superseded, Some(2)));
/// assert!(check_lease(Some(&lease), 2, lease.expires_at).is_err());
/// ```
pub fn check_lease(live: Option<&Held>, token: i64, now: DateTime<Utc>) -> Result<(), Lost> {
    let lost = |why| Err(Lost { given: token, current: live.map(|held| held.token), why });
    match live {
        None => lost(LostWhy::NotHeld),
        Some(held) if token < held.token => lost(LostWhy::Superseded),
        Some(held) if token > held.token => lost(LostWhy::NeverGiven),
        Some(held) if now >= held.expires_at => lost(LostWhy::Expired { at: held.expires_at }),
        Some(_) => Ok(()),
    }
}

impl LeaseTime {
    /// A lease of so many seconds.
    ///
    /// # Errors
    /// [`InvalidLease`] for less than 5 or more than 86 400.
    pub const fn new(seconds: u32) -> Result<Self, InvalidLease> {
        if seconds < LEASE_MIN_S || seconds > LEASE_MAX_S {
            Err(InvalidLease { given: seconds })
        } else {
            Ok(Self(seconds))
        }
    }

    /// How many seconds it lasts.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// When a lease that is given or extended now will be over.
    #[must_use]
    pub fn until(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let end = now.checked_add_signed(TimeDelta::seconds(self.0.into()));
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Default for LeaseTime {
    fn default() -> Self {
        Self(LEASE_DEFAULT_S)
    }
}

impl From<LeaseTime> for u32 {
    fn from(lease: LeaseTime) -> Self {
        lease.0
    }
}

impl TryFrom<u32> for LeaseTime {
    type Error = InvalidLease;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        Self::new(seconds)
    }
}

impl Lost {
    /// How the lease was lost, as the second half of a sentence. What became of the attempt is for
    /// [`AttemptOutcome::why`](crate::AttemptOutcome::why) to say, where its row is at hand.
    #[must_use]
    pub fn reason(&self) -> String {
        let holder = self.current.map_or_else(String::new, |token| token.to_string());
        match self.why {
            LostWhy::Expired { at } => format!("its lease ran out at {at}"),
            LostWhy::Superseded => format!("the task was claimed again, with token {holder}"),
            LostWhy::NotHeld => "nobody holds the task now".to_owned(),
            LostWhy::NeverGiven => format!("no claim has got it, the last one got token {holder}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    /// The word on a token that is shown at a second, where the task is under the lease of a token
    /// until a second, as in `7 until 300`.
    #[track_caller]
    fn check(live: &str, token: i64, second: i64, expected: &str) {
        let live = live.split_once(" until ").map(|(token, end)| Held {
            token: token.parse().unwrap(),
            expires_at: at(end.parse().unwrap()),
        });
        let seen = check_lease(live.as_ref(), token, at(second));
        assert_eq!(seen.map_or_else(|lost| lost.to_string(), |()| "ok".to_owned()), expected);
    }

    #[test]
    fn only_the_latest_token_speaks_for_a_task_and_only_until_its_lease_ends() {
        check("7 until 300", 7, 0, "ok");
        check("7 until 300", 7, 299, "ok");
        let over =
            "fencing token 7 does not hold the task: its lease ran out at 1970-01-01 00:05:00 UTC";
        check("7 until 300", 7, 300, over);
        check("7 until 300", 7, 301, over);
        let again =
            "fencing token 6 does not hold the task: the task was claimed again, with token 7";
        check("7 until 300", 6, 0, again);
        check("7 until 300", 6, 400, again);
        let made_up =
            "fencing token 8 does not hold the task: no claim has got it, the last one got token 7";
        check("7 until 300", 8, 0, made_up);
        check("", 7, 0, "fencing token 7 does not hold the task: nobody holds the task now");
    }

    #[test]
    fn a_lease_lasts_from_five_seconds_to_a_day() {
        for (given, legal) in [(0, false), (4, false), (5, true), (86_400, true), (86_401, false)] {
            assert_eq!(LeaseTime::new(given).is_ok(), legal, "{given}");
            let read = serde_json::from_value::<LeaseTime>(given.into());
            assert_eq!(read.ok().map(LeaseTime::seconds), legal.then_some(given), "{given}");
        }
        assert_eq!(LeaseTime::new(LEASE_DEFAULT_S), Ok(LeaseTime::default()));
        assert_eq!(
            LeaseTime::new(4).unwrap_err().to_string(),
            "a lease cannot last 4 seconds: it lasts 5 to 86400"
        );
    }

    #[test]
    fn a_lease_is_counted_from_now_to_the_end_of_time_at_most() {
        assert_eq!(LeaseTime::default().until(at(100)), at(400));
        let last = DateTime::<Utc>::MAX_UTC;
        assert_eq!(LeaseTime::default().until(last), last);
    }

    proptest! {
        #[test]
        fn of_all_tokens_one_at_most_holds_a_task(
            live in proptest::option::of((0_i64..8, 0_i64..8)),
            second in 0_i64..10,
        ) {
            let live = live.map(|(token, end)| Held { token, expires_at: at(end) });
            let holds = |token: &i64| check_lease(live.as_ref(), *token, at(second)).is_ok();
            let holders: Vec<i64> = (-1..10).filter(holds).collect();
            let expected = live.filter(|held| at(second) < held.expires_at).map(|held| held.token);
            prop_assert_eq!(holders, Vec::from_iter(expected));
        }
    }
}
