//! Pages of a list, one after the other.

use std::collections::VecDeque;

use futures::{Stream, stream};
use phaseline_wire::List;

use crate::{Request, Result, query::Parameters};

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The `next_cursor` of the page before; `None` for the first page.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 50 unless it is said.
    pub limit: Option<u32>,
}

impl Page {
    pub(crate) fn parameters(&self) -> Parameters {
        let Self { cursor, limit } = self;
        Parameters::default().with("cursor", cursor).with("limit", limit)
    }
}

/// The items of all pages, each page asked for when the one before is used up. After an error the
/// stream ends.
pub(crate) fn all<T: 'static>(
    first: Page,
    list: impl Fn(&Page) -> Request<List<T>>,
) -> impl Stream<Item = Result<T>> {
    let start = (VecDeque::new(), Some(first));
    stream::try_unfold((start, list), async |((mut items, mut next), list)| {
        loop {
            if let Some(item) = items.pop_front() {
                return Ok(Some((item, ((items, next), list))));
            }
            let Some(page) = next.take() else {
                return Ok(None);
            };
            let List { items: more, next_cursor } = list(&page).await?;
            items = more.into();
            next = next_cursor.map(|cursor| Page { cursor: Some(cursor), limit: page.limit });
        }
    })
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use serde_json::json;
    use uuid::Uuid;

    use crate::{
        TaskQuery,
        kit::{json as answer, problem, serve},
    };

    fn row(sequence: u32) -> serde_json::Value {
        json!({
            "sequence": sequence, "from_phase": null, "to_phase": "PHASE_BACKLOG", "kind": "create",
            "reason": null, "transitioned_by": null, "artifacts": [], "seconds_in_previous": null,
            "forced": false,
            "created_at": "2026-01-31T08:15:00.000000Z",
        })
    }

    #[tokio::test]
    async fn pages_are_asked_for_until_there_is_no_cursor() {
        let (client, mut heard) = serve([
            answer(200, &json!({ "items": [row(1), row(2)], "next_cursor": "a b" })),
            answer(200, &json!({ "items": [], "next_cursor": "c" })),
            answer(200, &json!({ "items": [row(3)], "next_cursor": null })),
        ])
        .await;
        let history: Vec<_> =
            client.tickets().whole_history(Uuid::nil()).try_collect().await.unwrap();
        let sequences: Vec<u32> = history.iter().map(|row| row.sequence).collect();
        assert_eq!(sequences, [1, 2, 3]);
        let path = format!("GET /api/v1/tickets/{}/phase-history", Uuid::nil());
        for query in ["", "?cursor=a+b", "?cursor=c"] {
            assert_eq!(heard.recv().await.unwrap().line, format!("{path}{query}"));
        }
    }

    #[tokio::test]
    async fn an_error_is_the_last_item() {
        let (client, _heard) = serve([problem(404, "not-found"), problem(404, "again")]).await;
        let mut tasks = Box::pin(client.tasks().all(Uuid::nil(), TaskQuery::default()));
        assert!(tasks.try_next().await.unwrap_err().is_gone());
        assert!(tasks.try_next().await.unwrap().is_none());
    }

    #[test]
    fn requests_and_streams_can_go_to_other_threads() {
        fn check<T: Send>(_: T) {}
        let client = crate::Client::new("http://host").unwrap();
        check(client.tickets().get(Uuid::nil()).into_future());
        check(client.tickets().all(crate::TicketQuery::default()));
        check(client.events().follow(crate::Since::Now, &[]));
    }
}
