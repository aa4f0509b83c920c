//! How far the event log of PostgreSQL can be read: numbers are taken before commits become
//! visible, and nothing must appear below one that was handed out already
//! (`docs/adr/0003-event-positions.md`).

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use super::pool::Pool;
use crate::{Result, events::PLACES, query::Query};

/// How many looks are remembered that have not come true yet; of more, some are passed over.
const REMEMBERED: usize = 64;

/// The last number taken; then, if it is news, an id that is younger than that of every transaction
/// that can have taken it or one before; and the oldest id that is still running.
const LOOK: &str = "SELECT taken, \
       CASE WHEN taken > $1 THEN pg_current_xact_id()::text::bigint END AS after, \
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest \
     FROM (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS taken \
           FROM event_positions OFFSET 0) AS taken";

/// How far the log can be read. It only grows.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    reached: AtomicI64,
    looks: Mutex<VecDeque<Look>>,
}

/// When every transaction older than `after` has ended, all numbers up to `taken` are settled:
/// whoever took one had its id before, and `after` was made later.
#[derive(Debug, Clone, Copy)]
struct Look {
    taken: i64,
    after: i64,
}

impl Horizon {
    /// Looks how far can be read now: the last position of the last settled number.
    pub(super) async fn reach(&self, pool: &Arc<Pool>) -> Result<i64> {
        // The first look may bring news, which the second one settles unless somebody is still at
        // work.
        for _ in 0..2 {
            let newest = self.newest();
            let look = Query::raw(LOOK.to_owned(), vec![newest.into()]);
            let rows = pool.all(look).await?;
            let Some(row) = rows.first() else {
                break;
            };
            let (taken, after, oldest): (i64, Option<i64>, i64) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            self.settle(oldest);
            if let Some(after) = after {
                self.remember(Look { taken, after });
            }
            if self.reached.load(Ordering::Acquire) >= taken {
                break;
            }
        }
        let numbers = self.reached.load(Ordering::Acquire);
        Ok(if numbers == 0 { 0 } else { (numbers + 1) * PLACES as i64 - 1 })
    }

    /// The last number that somebody has looked at.
    fn newest(&self) -> i64 {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = self.reached.load(Ordering::Acquire);
        looks.back().map_or(reached, |look| look.taken.max(reached))
    }

    fn settle(&self, oldest: i64) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(look) = looks.front().copied().filter(|look| look.after <= oldest) {
            looks.pop_front();
            self.reached.fetch_max(look.taken, Ordering::AcqRel);
        }
    }

    fn remember(&self, look: Look) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = looks.partition_point(|known| known.after < look.after);
        looks.insert(at, look);
        if looks.len() > REMEMBERED {
            // The last one stays, since it covers all before it.
            let middle = looks.len() / 2;
            looks.remove(middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn horizon(looks: &[(i64, i64)]) -> Horizon {
        let horizon = Horizon::default();
        for (taken, after) in looks.iter().copied() {
            horizon.remember(Look { taken, after });
        }
        horizon
    }

    #[test]
    fn a_number_is_settled_when_everybody_who_may_have_taken_one_before_has_ended() {
        let horizon = horizon(&[(7, 100), (9, 103)]);
        horizon.settle(99);
        assert_eq!(horizon.reached.load(Ordering::Acquire), 0);
        horizon.settle(100);
        assert_eq!(horizon.reached.load(Ordering::Acquire), 7);
        assert_eq!(horizon.newest(), 9);
        horizon.settle(200);
        assert_eq!(horizon.reached.load(Ordering::Acquire), 9);
    }

    #[test]
    fn looks_that_come_in_another_order_take_nothing_back() {
        let horizon = horizon(&[(9, 103), (7, 100)]);
        horizon.settle(103);
        assert_eq!(horizon.reached.load(Ordering::Acquire), 9);
    }

    #[test]
    fn however_long_somebody_is_at_work_few_looks_are_remembered_and_the_last_is_among_them() {
        let many: Vec<_> = (1..1000).map(|number| (number, 100 + number)).collect();
        let horizon = horizon(&many);
        assert_eq!(horizon.looks.lock().unwrap().len(), REMEMBERED);
        horizon.settle(5000);
        assert_eq!(horizon.reached.load(Ordering::Acquire), 999);
    }
}
