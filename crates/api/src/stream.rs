//! The event log as a stream of server-sent events (HTML Living Standard, section 9.2).
//!
//! A stream is a reader of the log that waits at its end. It holds one page at a time and reads
//! the next when the client has taken it. What it has passed it never sees again, and what it has
//! not passed is never skipped; so a client that resumes behind its last event misses nothing.

use std::{fmt::Write as _, time::Duration};

use actix_web::{HttpResponse, http::header, web::Bytes};
use futures::stream;
use phaseline_engine::Engine;
use phaseline_persistence::{self as persistence, events};
use phaseline_wire::{Event, LogTrimmed};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{Api, measure::Open, view};

const EVENTS_AT_ONCE: u64 = 100;
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
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

/// A reader on its way through the log.
struct Reader {
    engine: Engine,
    /// Everything up to here was sent, or is not of the types wanted.
    after: i64,
    types: Vec<String>,
    commits: watch::Receiver<u64>,
    /// How often the log was looked at in vain since it was last said to have grown.
    in_vain: usize,
    quiet_until: Instant,
    shutdown: CancellationToken,
    _open: Open,
}

/// Why a stream ends early.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The log cannot be read.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    /// An event has no form as JSON.
    #[error("an event cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// A stream of the events behind a position.
pub(crate) fn answer(api: &Api, after: i64, types: Vec<String>) -> HttpResponse {
    let reader = Reader {
        engine: api.engine.clone(),
        after,
        types,
        commits: api.engine.db().commits(),
        in_vain: LOOK_AGAIN.len(),
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
        tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            chunk = self.read_or_wait() => chunk,
        }
    }

    async fn read_or_wait(&mut self) -> Option<Bytes> {
        loop {
            let read = self.read().await;
            let chunk = read
                .inspect_err(|error| {
                    tracing::warn!(error = error as &dyn std::error::Error, "a stream ends early");
                })
                .ok()?;
            if chunk.is_empty() {
                if self.wait().await {
                    continue;
                }
                self.quiet_until = Instant::now() + KEEP_ALIVE_EVERY;
                return Some(Bytes::from_static(b": keep-alive\n\n"));
            }
            self.quiet_until = Instant::now() + KEEP_ALIVE_EVERY;
            return Some(chunk.into());
        }
    }

    /// The next page as text; empty at the end of the log.
    async fn read(&mut self) -> Result<String, Broken> {
        let reader = self.engine.db().reader();
        // In this order: what is trimmed later than it is asked for was read before.
        let newest = events::latest(reader).await?;
        let slice = if newest > self.after {
            events::list(reader, self.after, &self.types, EVENTS_AT_ONCE).await?
        } else {
            persistence::Slice { items: Vec::new(), more: false }
        };
        let trimmed_through = events::trimmed_through(reader).await?;
        let mut chunk = String::new();
        if trimmed_through > self.after {
            self.after = trimmed_through;
            write(&mut chunk, trimmed_through, "log.trimmed", &LogTrimmed { trimmed_through })?;
        }
        for event in slice.items {
            let event: Event = view::event(event);
            self.after = self.after.max(event.sequence);
            write(&mut chunk, event.sequence, &event.kind, &event)?;
        }
        if !slice.more {
            self.after = self.after.max(newest);
        }
        Ok(chunk)
    }

    /// Waits until the log may have grown; `false` when it is time for a sign of life.
    async fn wait(&mut self) -> bool {
        let pause = LOOK_AGAIN.get(self.in_vain).copied().unwrap_or(LOOK_EVERY);
        let quiet_until = self.quiet_until;
        let woken = timeout_at(quiet_until, async {
            tokio::select! {
                Ok(()) = self.commits.changed() => 0,
                () = sleep(pause) => self.in_vain.saturating_add(1),
            }
        });
        match woken.await {
            Ok(in_vain) => {
                self.in_vain = in_vain;
                true
            }
            Err(_) => false,
        }
    }
}

fn write(chunk: &mut String, id: i64, kind: &str, data: &impl Serialize) -> serde_json::Result<()> {
    let data = serde_json::to_string(data)?;
    // Writing to a string cannot fail, and JSON has no line breaks.
    let _ = write!(chunk, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_three_lines_and_an_empty_one() {
        let mut chunk = String::new();
        write(&mut chunk, 7, "log.trimmed", &LogTrimmed { trimmed_through: 7 }).unwrap();
        assert_eq!(chunk, "id: 7\nevent: log.trimmed\ndata: {\"trimmed_through\":7}\n\n");
    }

    #[test]
    fn what_has_no_form_as_json_is_not_sent() {
        let mut chunk = String::new();
        let unwritable = std::collections::BTreeMap::from([([7], 7)]);
        write(&mut chunk, 7, "log.trimmed", &unwritable).unwrap_err();
        assert_eq!(chunk, "");
    }
}
