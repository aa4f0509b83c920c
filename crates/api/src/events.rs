//! The event log, as a page or as a stream.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{ACCEPT, HeaderMap, HeaderName},
    web::Data,
};
use phaseline_engine::announce;
use phaseline_persistence::events;
use phaseline_wire::EventPage;
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{ArrayBuilder, ObjectBuilder, Type},
};

use crate::{
    Api, answer,
    document::ListRefusals,
    extract::{Limit, Query, Whole, header, members},
    problem::Refusal,
    routes::ServiceConfig,
    stream::{self, Turns},
    view,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A position in the log, as clients write it.
type Position = Whole<0, 999_999_999_999_999_999>;

/// Which part of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The position to go on behind: the `sequence` of an event, or `latest` for what comes from
    /// now on; the beginning unless it is said.
    #[param(value_type = Option<String>, pattern = "^(latest|[0-9]{1,18})$")]
    after: Option<After>,
    /// Only events of these types; repeat it, or separate them by commas.
    #[serde(default)]
    #[param(schema_with = types, required = false)]
    types: Vec<String>,
    /// How many events at most; a stream has no limit.
    #[serde(default)]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100, default = 50)]
    limit: Limit,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum After {
    Position(i64),
    Latest,
}

impl TryFrom<String> for After {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.as_str() {
            "latest" => Ok(Self::Latest),
            _ => Position::try_from(text)
                .map(|position| Self::Position(position.saturating_i64()))
                .map_err(|_| "must be a position, as 17, or `latest`"),
        }
    }
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(list);
}

/// What happened
///
/// A page of the log, the oldest first; or, with `Accept: text/event-stream`, a stream that goes
/// on with what happens next. A stream's `id:` is the position, and `Last-Event-ID` resumes behind
/// it. Where events were removed that were asked for, a stream says so first with `log.trimmed`.
#[utoipa::path(
    tag = "events",
    operation_id = "list_events",
    params(
        Wanted,
        ("Last-Event-ID" = Option<String>, Header, description =
            "The position to resume a stream behind, as 17; it wins over `after`. Only a stream \
             reads it."),
    ),
    responses(
        (status = 200, description = "A page of the log, or a stream of it.", content(
            (EventPage = "application/json"),
            (String = "text/event-stream"),
        )),
        ListRefusals,
    )
)]
#[get("/events")]
async fn list(
    api: Data<Api>,
    turns: Data<Turns>,
    request: HttpRequest,
    query: Query<Wanted>,
) -> Result<HttpResponse, Refusal> {
    let Wanted { after, types, limit } = query.0;
    let types = known(&types)?;
    let headers = request.headers();
    let streamed = wants_stream(headers);
    let resumed = if streamed { last_event_id(headers)? } else { None };
    let reader = api.engine.db().reader();
    let after = match (resumed, after) {
        (Some(position), _) | (None, Some(After::Position(position))) => position,
        (None, Some(After::Latest)) => events::latest(reader).await?,
        (None, None) => 0,
    };
    if streamed {
        return Ok(stream::answer(&api, &turns, after, &types));
    }
    let slice = events::list(reader, after, &types, limit.get()).await?;
    let trimmed_through = events::trimmed_through(reader).await?;
    let last = slice.items.last().filter(|_| slice.more);
    let next_cursor = last.map(|event| event.sequence.to_string());
    let items = slice.items.into_iter().map(view::event).collect();
    Ok(answer::plain(EventPage { items, next_cursor, trimmed_through }))
}

/// Whether a stream is wanted: it must be named, and no less than a page.
fn wants_stream(headers: &HeaderMap) -> bool {
    let stream = quality(headers, "text/event-stream");
    stream > 0.0 && stream >= quality(headers, "application/json")
}

/// How much `Accept` wants a media type (RFC 9110, section 12.4.2); 0 where it is not named.
fn quality(headers: &HeaderMap, media_type: &str) -> f64 {
    let of_range = |range: &str| {
        let (named, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let wanted = weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0));
        named.trim().eq_ignore_ascii_case(media_type).then_some(wanted)
    };
    members(headers, &ACCEPT).filter_map(of_range).fold(0.0, f64::max)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(id) = header(headers, &LAST_EVENT_ID)? else {
        return Ok(None);
    };
    let position = std::str::from_utf8(id).ok().and_then(|id| Position::try_from(id).ok());
    position
        .map(|position| Some(position.saturating_i64()))
        .ok_or_else(|| Refusal::malformed("Last-Event-ID must be the position of an event, as 17"))
}

/// A list of the types of events that there are.
fn types() -> ArrayBuilder {
    let names = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(announce::TYPES.iter().copied()));
    ArrayBuilder::new().items(names)
}

/// The types named, each of which there must be.
fn known(types: &[String]) -> Result<Vec<String>, Refusal> {
    let named = types.iter().flat_map(|types| types.split(','));
    let named: Vec<String> = named.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match named.iter().find(|name| !announce::TYPES.contains(&name.as_str())) {
        Some(name) => {
            let all = announce::TYPES.join(", ");
            Err(Refusal::malformed(format!("`types`: there is no type {name:?}; they are {all}")))
        }
        None => Ok(named),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_position_is_made_of_digits() {
        let parse = |text: &str| After::try_from(text.to_owned()).ok();
        assert_eq!(parse("17"), Some(After::Position(17)));
        assert_eq!(parse("latest"), Some(After::Latest));
        for text in ["", "-1", "+1", "1.5", "99999999999999999999", "last"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn types_come_repeated_or_with_commas() {
        let given = ["ticket.created,task.created".to_owned(), "task.failed".to_owned()];
        assert_eq!(known(&given).unwrap(), ["ticket.created", "task.created", "task.failed"]);
        assert!(known(&["ticket.*".to_owned()]).is_err());
    }

    #[test]
    fn empty_parts_of_the_types_say_nothing() {
        assert_eq!(known(&["task.created,".to_owned()]).unwrap(), ["task.created"]);
        assert!(known(&[String::new()]).unwrap().is_empty());
    }

    #[track_caller]
    fn check(accept: &[&str], streamed: bool) {
        let mut request = TestRequest::default();
        for line in accept {
            request = request.append_header((ACCEPT, *line));
        }
        assert_eq!(wants_stream(request.to_http_request().headers()), streamed, "{accept:?}");
    }

    #[test]
    fn a_stream_is_wanted_where_it_is_named_and_no_less_than_a_page() {
        check(&[], false);
        check(&["*/*"], false);
        check(&["text/event-stream"], true);
        check(&["Text/Event-Stream; charset=utf-8"], true);
        check(&["application/json, text/event-stream"], true);
        check(&["application/json", "text/event-stream"], true);
        check(&["text/event-stream;q=0"], false);
        check(&["text/event-stream; Q=0.000, */*"], false);
        check(&["application/json, text/event-stream;q=0.5"], false);
        check(&["application/json;q=0.1, text/event-stream;q=0.5"], true);
        check(&["text/event-streams"], false);
    }

    #[test]
    fn a_stream_resumes_behind_one_position() {
        let resumed = |ids: &[&str]| {
            let mut request = TestRequest::default();
            for id in ids {
                request = request.append_header((LAST_EVENT_ID, *id));
            }
            last_event_id(request.to_http_request().headers()).map_err(|_| ())
        };
        assert_eq!(resumed(&[]), Ok(None));
        assert_eq!(resumed(&["17"]), Ok(Some(17)));
        assert_eq!(resumed(&["x"]), Err(()));
        assert_eq!(resumed(&["17", "17"]), Err(()));
    }
}
