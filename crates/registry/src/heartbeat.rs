//! The bookkeeping of heartbeats: when the last one came, its number, and how many got lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is remembered of an agent's heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HeartbeatRecord {
    /// When the last one, or another sign of life, was received; none has been yet if it is empty.
    pub last_at: Option<DateTime<Utc>>,
    /// The highest number since the agent last began to count, if it numbers its heartbeats.
    pub sequence: Option<u64>,
    /// How many numbers were skipped, over the agent's whole life; at most [`MOST_MISSED`].
    pub missed: u64,
}

/// Where the count of missed heartbeats stops: the largest whole number that is exact in JSON.
pub const MOST_MISSED: u64 = (1 << 53) - 1;

/// What one heartbeat said besides "I am alive".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// How many numbers are missing between the last heartbeat and this one.
    pub missed_now: u64,
    /// Whether this one was overtaken by a later one, or sent twice.
    pub out_of_order: bool,
}

impl HeartbeatRecord {
    /// Takes a heartbeat that was received at `now`.
    ///
    /// A late number is a sign of life all the same but never lowers the count. Numbers 0 and 1
    /// begin it anew: the agent was restarted. The time of the last heartbeat never goes back.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_registry::HeartbeatRecord;
    ///
    /// let now = DateTime::UNIX_EPOCH;
    /// let (record, _) = HeartbeatRecord::default().take(Some(4), now);
    /// let (record, taken) = record.take(Some(7), now);
    /// assert_eq!((record.sequence, taken.missed_now), (Some(7), 2));
    /// ```
    #[must_use]
    pub fn take(&self, sequence: Option<u64>, now: DateTime<Utc>) -> (HeartbeatRecord, Taken) {
        let (sequence, taken) = match (self.sequence, sequence) {
            (Some(last), Some(number)) if number > last => {
                let missed_now = number - last - 1;
                (Some(number), Taken { missed_now, out_of_order: false })
            }
            (Some(last), Some(number)) if number > 1 => {
                (Some(last), Taken { missed_now: 0, out_of_order: true })
            }
            (_, Some(number)) => (Some(number), Taken::default()),
            (last, None) => (last, Taken::default()),
        };
        let record = HeartbeatRecord {
            last_at: self.last_at.max(Some(now)),
            sequence,
            missed: self.missed.saturating_add(taken.missed_now).min(MOST_MISSED),
        };
        (record, taken)
    }

    /// The fresher of two records of the same agent: the one with the later heartbeat, else `self`.
    ///
    /// Heartbeats are taken in memory and stored in batches, so a row may be behind what is known.
    #[must_use]
    pub fn fresher(self, other: HeartbeatRecord) -> HeartbeatRecord {
        if other.last_at > self.last_at { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// Takes heartbeats written as numbers (`-` for none) and shows what each one did, then the end.
    #[track_caller]
    fn check(numbers: &str, expected: &str) {
        let mut record = HeartbeatRecord::default();
        let mut seen = Vec::new();
        for number in numbers.split_whitespace() {
            let (next, taken) = record.take(number.parse().ok(), DateTime::UNIX_EPOCH);
            record = next;
            seen.push(match taken {
                Taken { out_of_order: true, missed_now: 0 } => "late".to_owned(),
                Taken { out_of_order: true, missed_now } => format!("late and +{missed_now}"),
                Taken { missed_now: 0, .. } => "ok".to_owned(),
                Taken { missed_now, .. } => format!("+{missed_now}"),
            });
        }
        let end = format!("{:?} missed {}", record.sequence, record.missed);
        assert_eq!(format!("{} | {end}", seen.join(" ")), expected);
    }

    #[test]
    fn numbers_in_order_miss_nothing() {
        check("1 2 3", "ok ok ok | Some(3) missed 0");
        check("0 1 2", "ok ok ok | Some(2) missed 0");
    }

    #[test]
    fn the_first_number_may_be_any() {
        check("57 58", "ok ok | Some(58) missed 0");
    }

    #[test]
    fn gaps_are_counted_and_add_up() {
        check("1 4 5 7", "ok +2 ok +1 | Some(7) missed 3");
    }

    #[test]
    fn a_late_or_repeated_number_is_out_of_order_and_lowers_nothing() {
        check("5 3 6", "ok late ok | Some(6) missed 0");
        check("5 5", "ok late | Some(5) missed 0");
    }

    #[test]
    fn zero_and_one_begin_the_count_anew_and_keep_what_was_missed() {
        check("3 9 1 2", "ok +5 ok ok | Some(2) missed 5");
        check("9 0 1", "ok ok ok | Some(1) missed 0");
        check("1 1", "ok ok | Some(1) missed 0");
    }

    #[test]
    fn heartbeats_without_a_number_leave_the_count_alone() {
        check("- -", "ok ok | None missed 0");
        check("4 - 6", "ok ok +1 | Some(6) missed 1");
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        check(
            "0 18446744073709551615 0 18446744073709551615",
            "ok +18446744073709551614 ok +18446744073709551614 | Some(18446744073709551615) missed 9007199254740991",
        );
    }

    #[test]
    fn the_last_time_never_goes_back() {
        let later = DateTime::UNIX_EPOCH + TimeDelta::seconds(9);
        let (record, _) = HeartbeatRecord::default().take(None, later);
        let (record, _) = record.take(None, DateTime::UNIX_EPOCH);
        assert_eq!(record.last_at, Some(later));
    }

    #[test]
    fn of_two_records_the_one_with_the_later_heartbeat_is_kept() {
        let empty = HeartbeatRecord::default();
        let (early, _) = empty.take(Some(9), DateTime::UNIX_EPOCH);
        let (late, _) = empty.take(Some(1), DateTime::UNIX_EPOCH + TimeDelta::seconds(1));
        assert_eq!(early.fresher(late), late);
        assert_eq!(late.fresher(early), late);
        assert_eq!(empty.fresher(early), early);
    }
}
