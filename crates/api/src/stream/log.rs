//! The newest part of the log, kept up to date by one task while somebody reads a stream.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use phaseline_engine::Engine;
use phaseline_persistence::{
    self as persistence,
    events::{self, Stretch},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    frame,
    kinds::Kinds,
    ring::{Piece, Ring},
};

/// How much of the log is kept in memory.
const ROOM: usize = 16 << 20;
/// How many pieces are kept that streams farther behind have asked for: when many are there, they
/// are mostly at the same place.
const PIECES: usize = 64;
const EVENTS_AT_ONCE: u64 = 1000;
/// Commits are gathered for so long after one look at the log before the next,
const GATHER: Duration = Duration::from_millis(8);
/// and for longer when more come at once.
const GATHER_MANY: Duration = Duration::from_millis(20);
const MANY: usize = 64;
/// How often the log is looked at when nobody says that it grew: other processes write, too.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// On PostgreSQL a commit can be read only when older ones have ended, so after a wake the log is
/// looked at a few times, at growing intervals.
const LOOK_AGAIN: [Duration; 5] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
];

/// Why a stream ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The log cannot be read.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    /// An event has no form as JSON.
    #[error("an event cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// What the streams of a server share.
#[derive(Debug)]
pub(crate) struct Log {
    /// `None` while nobody follows the log.
    ring: Mutex<Option<Ring>>,
    /// The head of the ring.
    heads: watch::Sender<Option<i64>>,
    readers: watch::Sender<usize>,
    pieces: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    after: i64,
    wanted: Kinds,
    piece: Piece,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            heads: watch::Sender::new(None),
            readers: watch::Sender::new(0),
            pieces: Mutex::default(),
        }
    }
}

impl Log {
    /// How far the log is known; it wakes when it grows. `None` while nobody follows it.
    pub(super) fn heads(&self) -> watch::Receiver<Option<i64>> {
        self.heads.subscribe()
    }

    /// The types of the events behind a position.
    pub(super) fn kinds_behind(&self, after: i64) -> Kinds {
        locked(&self.ring).as_ref().map_or(Kinds::ALL, |ring| ring.kinds_behind(after))
    }

    /// What is wanted of the events behind a position, where they are in memory.
    pub(super) fn piece(&self, after: i64, wanted: Kinds, most: usize) -> Option<Piece> {
        let kept = locked(&self.pieces);
        if let Some(kept) = kept.iter().find(|kept| kept.after == after && kept.wanted == wanted) {
            return Some(kept.piece.clone());
        }
        drop(kept);
        let piece = locked(&self.ring).as_ref()?.piece(after, wanted, most)?;
        self.keep(after, wanted, &piece);
        Some(piece)
    }

    /// Keeps a piece for the next one who asks, unless there will be more of it.
    pub(super) fn keep(&self, after: i64, wanted: Kinds, piece: &Piece) {
        if piece.full {
            let mut kept = locked(&self.pieces);
            kept.truncate(PIECES - 1);
            kept.push_front(Kept { after, wanted, piece: piece.clone() });
        }
    }

    pub(super) fn enter(&self) {
        self.readers.send_modify(|readers| *readers += 1);
    }

    pub(super) fn leave(&self) {
        self.readers.send_modify(|readers| *readers = readers.saturating_sub(1));
    }

    /// Follows the log of a database while somebody reads, until `stop` is cancelled.
    pub(crate) async fn follow(&self, engine: &Engine, stop: CancellationToken) {
        let mut readers = self.readers.subscribe();
        let following = async {
            while readers.wait_for(|readers| *readers > 0).await.is_ok() {
                let ended = self.keep_up(engine).await;
                // Whoever waits looks for itself, and sees what is wrong.
                *locked(&self.ring) = None;
                locked(&self.pieces).clear();
                self.heads.send_replace(None);
                if let Err(error) = ended {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the log cannot be followed"
                    );
                    sleep(LOOK_EVERY).await;
                }
            }
        };
        stop.run_until_cancelled_owned(following).await;
    }

    /// Keeps the ring up to date until nobody reads.
    async fn keep_up(&self, engine: &Engine) -> Result<(), Broken> {
        let reader = engine.db().reader();
        let mut commits = engine.db().commits();
        let mut through = events::latest(reader).await?;
        *locked(&self.ring) = Some(Ring::new(through, ROOM));
        self.heads.send_replace(Some(through));
        let (mut in_vain, mut emptied) = (LOOK_AGAIN.len(), Instant::now());
        while *self.readers.borrow() > 0 {
            let pause = LOOK_AGAIN.get(in_vain).copied().unwrap_or(LOOK_EVERY);
            tokio::select! {
                Ok(()) = commits.changed() => in_vain = 0,
                () = sleep(pause) => in_vain = in_vain.saturating_add(1),
            }
            let looked_at = Instant::now();
            if looked_at.duration_since(emptied) > LOOK_EVERY {
                // What is kept may have been trimmed meanwhile.
                locked(&self.pieces).clear();
                emptied = looked_at;
            }
            let stretch = events::stretch(reader, through, &[], EVENTS_AT_ONCE).await?;
            let count = stretch.events.len();
            through = stretch.through;
            self.append(&stretch)?;
            let gather = if count > MANY { GATHER_MANY } else { GATHER };
            sleep_until(looked_at + gather).await;
            if stretch.more {
                in_vain = 0;
            }
        }
        Ok(())
    }

    fn append(&self, stretch: &Stretch) -> Result<(), Broken> {
        let frames = frame::frames(&stretch.events)?;
        let mut ring = locked(&self.ring);
        let Some(ring) = ring.as_mut() else { return Ok(()) };
        let grown = stretch.through > ring.head();
        ring.append(frames, stretch.through);
        if grown {
            self.heads.send_replace(Some(stretch.through));
        }
        Ok(())
    }
}

/// A piece of a stream from the database, for those who are too far behind.
pub(super) async fn read(
    engine: &Engine,
    after: i64,
    wanted: Kinds,
    limit: u64,
) -> Result<Piece, Broken> {
    let reader = engine.db().reader();
    // In this order: what is trimmed later than it is asked for was read before.
    let stretch = events::stretch(reader, after, &wanted.names(), limit).await?;
    let trimmed_through = events::trimmed_through(reader).await?;
    let mut text = Vec::new();
    if trimmed_through > after {
        frame::write_trimmed(&mut text, trimmed_through)?;
    }
    for event in &stretch.events {
        frame::write(&mut text, event)?;
    }
    let through = stretch.through.max(trimmed_through);
    Ok(Piece { text: text.into(), through, full: stretch.more })
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
