//! Who may go on: the streams of one worker wait here until there is something for them and it is
//! their turn.
//!
//! A few at a time are called. What that costs is measured, and so long is waited afterwards that
//! the budget holds. A stream that wants nothing of what is new is not even woken.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use actix_web::{rt, web::Data};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::{budget::Allowance, kinds::Kinds, log::Log};
use crate::measure::Measures;

/// How many streams are called at once.
const AT_ONCE: usize = 16;
const PIECE_OF_A_PAUSE: Duration = Duration::from_millis(200);

/// The streams of one worker.
#[derive(Debug)]
pub(crate) struct Turns {
    log: Arc<Log>,
    measures: Measures,
    seats: RefCell<Seats>,
    /// Rings when somebody stands in line, or the last one leaves.
    bell: Notify,
    called: Cell<Called>,
    /// Whether somebody calls.
    calling: Cell<bool>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Seat>,
    line: VecDeque<u64>,
    /// How far the log was known when it was last looked for whom there is something new.
    head: Option<i64>,
}

#[derive(Debug)]
struct Seat {
    /// There is nothing for it up to here.
    after: i64,
    wanted: Kinds,
    state: State,
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is nothing for it.
    Idle,
    /// It waits for its turn.
    InLine,
    /// It is its turn.
    Called,
}

/// What the calls since the last pause have cost.
#[derive(Debug, Clone, Copy, Default)]
struct Called {
    began: Option<Duration>,
    besides: Duration,
}

/// A stream's place among the others, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    turns: Data<Turns>,
    id: u64,
}

impl Turns {
    pub(crate) fn new(log: Arc<Log>, measures: Measures) -> Self {
        Self {
            log,
            measures,
            seats: RefCell::default(),
            bell: Notify::new(),
            called: Cell::default(),
            calling: Cell::new(false),
        }
    }

    /// What the streams read.
    pub(super) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// A place for a stream, which is in line at once where there may be something for it.
    pub(super) fn enter(turns: &Data<Self>, wanted: Kinds, after: i64) -> Place {
        let mut seats = turns.seats.borrow_mut();
        if !turns.calling.replace(true) {
            rt::spawn(call(Data::clone(turns)));
        }
        let id = seats.next;
        seats.next += 1;
        let idle = seats.head.is_some_and(|head| head <= after);
        let state = if idle { State::Idle } else { State::InLine };
        if !idle {
            seats.line.push_back(id);
        }
        seats.taken.insert(id, Seat { after, wanted, state, waker: None });
        turns.log.enter();
        turns.bell.notify_one();
        Place { turns: Data::clone(turns), id }
    }

    /// Lines up those for whom there is something new; says whether anybody is in line.
    fn line_up(&self, head: Option<i64>) -> bool {
        let seats = &mut *self.seats.borrow_mut();
        if head != seats.head {
            let fresh = match (seats.head, head) {
                (Some(known), Some(_)) => self.log.kinds_behind(known),
                (None, _) | (_, None) => Kinds::ALL,
            };
            seats.head = head;
            for (id, seat) in &mut seats.taken {
                if seat.state != State::Idle || head.is_some_and(|head| head <= seat.after) {
                    continue;
                }
                if seat.wanted.meets(fresh) {
                    seat.state = State::InLine;
                    seats.line.push_back(*id);
                } else if let Some(head) = head {
                    seat.after = head;
                }
            }
        }
        !seats.line.is_empty()
    }

    /// Calls the first few in line: wake them.
    fn call(&self) -> Vec<Waker> {
        let mut wakers = Vec::with_capacity(AT_ONCE);
        let seats = &mut *self.seats.borrow_mut();
        let mut called = 0;
        while called < AT_ONCE
            && let Some(id) = seats.line.pop_front()
        {
            // Whoever has left is passed over.
            if let Some(seat) = seats.taken.get_mut(&id) {
                seat.state = State::Called;
                wakers.extend(seat.waker.take());
                called += 1;
            }
        }
        wakers
    }
}

impl Place {
    /// Waits for a turn; answers up to where there is nothing for this stream.
    pub(super) async fn turn(&self) -> i64 {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &Context<'_>) -> Poll<i64> {
        let mut seats = self.turns.seats.borrow_mut();
        let Some(seat) = seats.taken.get_mut(&self.id) else { return Poll::Pending };
        if seat.state != State::Called {
            seat.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let called = self.turns.called.get();
        if called.began.is_none() {
            self.turns.called.set(Called { began: Some(time_used()), ..called });
        }
        Poll::Ready(seat.after)
    }

    /// Ends a turn: the stream is at this position, and there is `more` for it or it is not known.
    pub(super) fn passed(&self, after: i64, more: bool) {
        let seats = &mut *self.turns.seats.borrow_mut();
        let Some(seat) = seats.taken.get_mut(&self.id) else { return };
        seat.after = after;
        seat.state = State::Idle;
        if more || seats.head.is_some_and(|head| head > after) {
            seat.state = State::InLine;
            seats.line.push_back(self.id);
            self.turns.bell.notify_one();
        }
    }

    /// Says that a turn has cost so much besides what was seen of it.
    pub(super) fn charge(&self, cost: Duration) {
        let called = self.turns.called.get();
        self.turns.called.set(Called { besides: called.besides + cost, ..called });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.turns.seats.borrow_mut();
        seats.taken.remove(&self.id);
        if seats.taken.is_empty() {
            seats.line.clear();
            self.turns.bell.notify_one();
        }
        self.turns.log.leave();
    }
}

/// Calls who is in line, within the budget, until nobody has a place.
async fn call(turns: Data<Turns>) {
    let mut heads: watch::Receiver<Option<i64>> = turns.log.heads();
    let mut allowance = Allowance::new(Instant::now(), turns.measures.answered());
    loop {
        let head = *heads.borrow_and_update();
        if !turns.line_up(head) {
            if turns.seats.borrow().taken.is_empty() {
                turns.calling.set(false);
                return;
            }
            tokio::select! {
                _ = heads.changed() => {}
                () = turns.bell.notified() => {}
            }
            continue;
        }
        let pause = allowance.pause(Instant::now(), turns.measures.answered());
        if !pause.is_zero() {
            // In pieces: it is shorter once fewer requests come.
            sleep(pause.min(PIECE_OF_A_PAUSE)).await;
            continue;
        }
        // Who took a piece between two calls, as a slow reader does, has begun no window: what the
        // thread has done since then is not the streams'.
        let Called { began: _, besides } = turns.called.take();
        turns.called.set(Called { began: None, besides });
        turns.call().into_iter().for_each(Waker::wake);
        behind_the_others().await;
        let Called { began, besides } = turns.called.take();
        let seen = began.map_or(Duration::ZERO, |began| time_used().saturating_sub(began));
        allowance.spend(seen + besides);
    }
}

/// Goes on when those who were woken before have been served.
async fn behind_the_others() {
    let mut waited = false;
    poll_fn(|context: &mut Context<'_>| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The time that this thread has been at work.
fn time_used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
