//! The event log as a stream of server-sent events (HTML Living Standard, section 9.2).
//!
//! One task follows the log and keeps its newest part in memory, ready to be sent; each stream is a
//! position in it, and takes a piece when it is its turn and the client has taken the one before.
//! Who is too far behind reads the database until it has caught up
//! (`docs/adr/0018-one-follower-for-all-streams.md`). What a stream has passed it never sees again,
//! and what it has not passed is never skipped; so a client that resumes behind its last event
//! misses nothing.

mod budget;
mod frame;
mod kinds;
mod log;
mod ring;
mod turns;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use futures::stream;
use phaseline_engine::Engine;
use phaseline_persistence::Backend;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{Api, measure::Open};
use kinds::Kinds;
pub(crate) use log::Log;
use log::{Broken, read};
use ring::Piece;
use turns::Place;
pub(crate) use turns::Turns;

/// How long a piece of a stream is, about, where there is so much. What is kept for a connection until
/// the system takes it grows with this, ten thousand times.
const PIECE: usize = 16 << 10;
/// How many events a piece has that comes from the database.
const EVENTS_AT_ONCE: u64 = 100;
/// What it costs this machine to read them from another process, about.
const READ: Duration = Duration::from_micros(300);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// A reader on its way through the log.
struct Reader {
    engine: Engine,
    place: Place,
    log: Arc<Log>,
    /// Everything up to here was sent, or is not of the types wanted.
    after: i64,
    wanted: Kinds,
    quiet_until: Instant,
    shutdown: CancellationToken,
    _open: Open,
}

/// A stream of the events behind a position.
pub(crate) fn answer(api: &Api, turns: &Data<Turns>, after: i64, types: &[String]) -> HttpResponse {
    let wanted = Kinds::named(types);
    let reader = Reader {
        engine: api.engine.clone(),
        place: Turns::enter(turns, wanted, after),
        log: turns.log(),
        after,
        wanted,
        quiet_until: Instant::now() + KEEP_ALIVE_EVERY,
        shutdown: api.shutdown.clone(),
        _open: api.measures.open_stream(),
    };
    let chunks = stream::unfold(reader, |mut reader| async move {
        reader.next().await.map(|chunk| (Ok::<_, actix_web::Error>(chunk), reader))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(chunks)
}

impl Reader {
    /// The next piece of the stream; `None` ends it, and the client comes back.
    async fn next(&mut self) -> Option<Bytes> {
        let shutdown = self.shutdown.clone();
        let chunk = shutdown.run_until_cancelled(self.wait_and_take()).await??;
        self.quiet_until = Instant::now() + KEEP_ALIVE_EVERY;
        Some(chunk)
    }

    async fn wait_and_take(&mut self) -> Option<Bytes> {
        loop {
            let Ok(after) = timeout_at(self.quiet_until, self.place.turn()).await else {
                return Some(Bytes::from_static(b": keep-alive\n\n"));
            };
            self.after = self.after.max(after);
            let taken = self.take().await;
            let text = taken
                .inspect_err(|error| {
                    tracing::warn!(error = error as &dyn std::error::Error, "a stream ends early");
                })
                .ok()?;
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    /// The next piece of the log; empty where nothing in it is wanted.
    async fn take(&mut self) -> Result<Bytes, Broken> {
        let (after, wanted) = (self.after, self.wanted);
        let Piece { text, through, full } = match self.log.piece(after, wanted, PIECE) {
            Some(piece) => piece,
            None => {
                let piece = read(&self.engine, after, wanted, EVENTS_AT_ONCE).await?;
                self.log.keep(after, wanted, &piece);
                if self.engine.db().reader().backend() == Backend::Postgres {
                    self.place.charge(READ);
                }
                piece
            }
        };
        self.after = after.max(through);
        self.place.passed(self.after, full);
        Ok(text)
    }
}
