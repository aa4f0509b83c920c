//! The event log, as pages and as a stream.

mod decoder;
mod follow;

use futures::Stream;
use phaseline_wire::{Event, EventPage, LogTrimmed};

use crate::{Client, Request, Result, query::Parameters};

/// The event log; [`Client::events`].
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) &'a Client);

/// A place in the log to read on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Since {
    /// The oldest event that there is.
    #[default]
    Beginning,
    /// Behind the event with this `sequence`.
    After(i64),
    /// What happens from now on. A stream whose connection is lost before its first event begins
    /// at the new now.
    Now,
}

/// Which events a page holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// From where on.
    pub since: Since,
    /// Only events of these types; of all when none is named.
    pub types: Vec<String>,
    /// How many events at most, 1 to 100; 50 unless it is said.
    pub limit: Option<u32>,
}

/// What a stream of the log says.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// Something happened.
    Event(Box<Event>),
    /// Events that were asked for have been removed: what was made from earlier events is not
    /// up to date, and must be read anew.
    Trimmed(LogTrimmed),
}

impl Events<'_> {
    /// A page of events, oldest first. Its `next_cursor` is the position of the last one.
    pub fn list(&self, query: &EventQuery) -> Request<EventPage> {
        let EventQuery { since, types, limit } = query;
        let parameters = since.parameters().with("types", types).with("limit", limit);
        Request::get(self.0, "/api/v1/events").query(parameters)
    }

    /// All events from there on, as they happen, of these types (of all when none is named).
    ///
    /// The stream connects when it is first polled. Later it comes back from every lost connection
    /// by itself, behind the last event that it gave, without a gap; it does so for as long as it
    /// is polled. An error is its last item: nobody answered the first time, within the tries of
    /// the client, or the server refused.
    ///
    /// ```no_run
    /// use futures::{StreamExt, pin_mut};
    /// use phaseline_client::{Client, Followed, Since};
    ///
    /// # async fn example() -> phaseline_client::Result<()> {
    /// let client = Client::new("http://127.0.0.1:8080")?;
    /// let events = client.events().follow(Since::Now, &["ticket.phase.transitioned"]);
    /// pin_mut!(events);
    /// while let Some(next) = events.next().await {
    ///     match next? {
    ///         Followed::Event(event) => println!("{} {}", event.kind, event.subject),
    ///         Followed::Trimmed(gap) => println!("missed up to {}", gap.trimmed_through),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow(
        &self,
        since: Since,
        types: &[&str],
    ) -> impl Stream<Item = Result<Followed>> + Send + use<> {
        follow::follow(self.0.clone(), since, types)
    }
}

impl Since {
    fn parameters(self) -> Parameters {
        match self {
            Self::Beginning => Parameters::default(),
            Self::After(position) => Parameters::default().with("after", [position]),
            Self::Now => Parameters::default().with("after", ["latest"]),
        }
    }
}

#[cfg(test)]
mod tests;
