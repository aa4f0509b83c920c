//! A reader of the log that comes back from every lost connection.

use std::{collections::VecDeque, time::Duration};

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use reqwest::{
    Method,
    header::{ACCEPT, HeaderName},
};
use tokio::time::{sleep, timeout};

use super::{
    Followed, Since,
    decoder::{Decoder, Frame},
};
use crate::{
    Client, Error, Result,
    query::Parameters,
    request::{Failure, accepted},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The server says something every 15 s, if only that it is there.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

struct Follower {
    client: Client,
    parameters: Parameters,
    /// The position of the last event; empty before the first.
    position: String,
    connection: Option<Connection>,
    was_connected: bool,
    pauses: Box<dyn Iterator<Item = Duration> + Send>,
}

struct Connection {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    decoder: Decoder,
    frames: VecDeque<Frame>,
}

pub(super) fn follow(
    client: Client,
    since: Since,
    types: &[&str],
) -> impl Stream<Item = Result<Followed>> + Send + use<> {
    let follower = Follower {
        parameters: since.parameters().with("types", types),
        position: String::new(),
        connection: None,
        was_connected: false,
        pauses: Box::new(client.inner.retries.pauses()),
        client,
    };
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        let next = follower.next().await;
        let goes_on = next.is_ok().then_some(follower);
        Some((next, goes_on))
    })
}

impl Follower {
    async fn next(&mut self) -> Result<Followed> {
        loop {
            let failure = match self.read().await {
                Ok(frame) => {
                    self.rest();
                    self.position.clone_from(&frame.id);
                    return decode(&frame);
                }
                Err(failure) => failure,
            };
            self.connection = None;
            let Failure { error, retry_after } = failure;
            if !error.is_transient() {
                return Err(error);
            }
            let policy = &self.client.inner.retries;
            let Some(pause) = policy.pause(self.pauses.next(), retry_after) else {
                return Err(error);
            };
            tracing::warn!(%error, ?pause, position = self.position, "the event stream broke off");
            sleep(pause).await;
        }
    }

    /// Begins the pauses anew, now without an end.
    fn rest(&mut self) {
        self.was_connected = true;
        self.pauses = Box::new(self.client.inner.retries.endless_pauses());
    }

    async fn read(&mut self) -> Result<Frame, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let frame = connection.next().await?;
        self.connection = Some(connection);
        Ok(frame)
    }

    async fn connect(&mut self) -> Result<Connection, Failure> {
        let request = self.client.http(Method::GET, "/api/v1/events").query(&self.parameters.0);
        let mut request = request.header(ACCEPT, "text/event-stream");
        if !self.position.is_empty() {
            request = request.header(LAST_EVENT_ID, &self.position);
        }
        let answer = timeout(self.client.inner.timeout, request.send())
            .await
            .map_err(|_| silent(self.client.inner.timeout))?
            .map_err(Failure::transport)?;
        let bytes = accepted(answer).await?.bytes_stream();
        if !self.was_connected {
            self.rest();
        }
        Ok(Connection {
            bytes: bytes.map(|chunk| chunk.map(Vec::from)).boxed(),
            decoder: Decoder::default(),
            frames: VecDeque::new(),
        })
    }
}

impl Connection {
    async fn next(&mut self) -> Result<Frame, Failure> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(frame);
            }
            let chunk = timeout(LONGEST_SILENCE, self.bytes.next())
                .await
                .map_err(|_| silent(LONGEST_SILENCE))?
                .ok_or(Failure { error: Error::StreamEnded, retry_after: None })?
                .map_err(Failure::transport)?;
            self.frames.extend(self.decoder.push(&chunk));
        }
    }
}

fn silent(after: Duration) -> Failure {
    Failure { error: Error::Silent { after }, retry_after: None }
}

fn decode(frame: &Frame) -> Result<Followed> {
    let followed = if frame.event == "log.trimmed" {
        serde_json::from_str(&frame.data).map(Followed::Trimmed)
    } else {
        serde_json::from_str(&frame.data).map(Followed::Event)
    };
    followed.map_err(Error::Decode)
}
