//! What is counted, in the text format of Prometheus (exposition format 0.0.4).

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use phaseline_registry::Statistics;

use crate::routes::Routes;

/// The media type of the text format.
pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The name of what is no route.
const UNMATCHED: &str = "unmatched";
/// The classes of answers, from 1xx to 5xx.
const CLASSES: usize = 5;

/// Counts of this process; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures {
    requests: Arc<[Requests]>,
    streams: Arc<AtomicU64>,
}

/// The requests of a route, by the class of their answers.
#[derive(Debug)]
struct Requests {
    route: String,
    answers: [AtomicU64; CLASSES],
}

/// An open stream; it is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicU64>);

impl Measures {
    /// Counts nothing yet, for these routes and for what is none of them.
    pub(crate) fn of(routes: &Routes) -> Self {
        let names = routes
            .templates()
            .chain([UNMATCHED])
            .map(|route| Requests { route: route.to_owned(), answers: Default::default() });
        Self { requests: names.collect(), streams: Arc::default() }
    }

    /// Counts a request by the place of its route and the class of its answer.
    pub(crate) fn count(&self, route: Option<usize>, status: u16) {
        let route = route.and_then(|place| self.requests.get(place));
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(answers) = route.or(self.requests.last()).map(|requests| &requests.answers)
            && let Some(count) = answers.get(class)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many requests were answered.
    pub(crate) fn answered(&self) -> u64 {
        let counts = self.requests.iter().flat_map(|requests| &requests.answers);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Counts a stream for as long as what is returned lives.
    pub(crate) fn open_stream(&self) -> Open {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.streams))
    }

    /// Everything as text.
    pub(crate) fn text(&self, fleet: &Statistics) -> String {
        let mut text = String::from("# TYPE phaseline_requests_total counter\n");
        for Requests { route, answers } in self.requests.iter() {
            for (class, count) in (1..).zip(answers) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = format!("route=\"{route}\",status=\"{class}xx\"");
                    let _ = writeln!(text, "phaseline_requests_total{{{labels}}} {count}");
                }
            }
        }
        text.push_str("# TYPE phaseline_agents gauge\n");
        for (status, count) in &fleet.by_status {
            let _ = writeln!(text, "phaseline_agents{{status=\"{status}\"}} {count}");
        }
        let streams = self.streams.load(Ordering::Relaxed);
        let _ =
            writeln!(text, "# TYPE phaseline_streams_open gauge\nphaseline_streams_open {streams}");
        text
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use phaseline_registry::{HealthPolicy, statistics};

    use super::*;

    #[test]
    fn requests_and_open_streams_are_counted() {
        let routes = Routes::of(&crate::openapi());
        let measures = Measures::of(&routes);
        let ticket = routes.place("/api/v1/tickets/7");
        measures.count(ticket, 404);
        measures.count(ticket, 409);
        measures.count(routes.place("/nothing"), 404);
        let stream = measures.open_stream();
        let now = chrono::DateTime::UNIX_EPOCH;
        let fleet = statistics([], &HealthPolicy::default(), now, now);
        let text = measures.text(&fleet);
        let counted = |route| format!("{{route=\"{route}\",status=\"4xx\"}}");
        assert!(text.contains(&format!("{} 2\n", counted("/api/v1/tickets/{id}"))), "{text}");
        assert!(text.contains(&format!("{} 1\n", counted("unmatched"))), "{text}");
        assert!(text.contains("phaseline_streams_open 1\n"), "{text}");
        drop(stream);
        assert!(measures.text(&fleet).contains("phaseline_streams_open 0\n"));
    }
}
