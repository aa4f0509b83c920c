//! Events as text of a stream, written once for all who read them.

use std::io::Write as _;

use actix_web::web::Bytes;
use phaseline_persistence::events::Event;
use phaseline_wire::{LogTrimmed, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::kinds::Kinds;
use crate::view::EVENT_SOURCE;

/// An event, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) sequence: i64,
    pub(super) kind: Kinds,
    pub(super) text: Bytes,
}

/// [`phaseline_wire::Event`] with its particulars as they are stored.
#[derive(Serialize)]
struct Stored<'e> {
    specversion: &'static str,
    id: Uuid,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'e str,
    subject: &'e str,
    time: Timestamp,
    sequence: i64,
    datacontenttype: &'static str,
    data: &'e RawValue,
}

/// Each event as a frame. They share one piece of memory.
pub(super) fn frames(events: &[Event<Box<RawValue>>]) -> serde_json::Result<Vec<Frame>> {
    let mut text = Vec::new();
    let mut ends = Vec::with_capacity(events.len());
    for event in events {
        write(&mut text, event)?;
        ends.push(text.len());
    }
    let text = Bytes::from(text);
    let mut start = 0;
    let cut = |(event, end): (&Event<Box<RawValue>>, usize)| {
        let text = text.slice(start..end);
        start = end;
        Frame { sequence: event.sequence, kind: Kinds::of(&event.kind), text }
    };
    Ok(events.iter().zip(ends).map(cut).collect())
}

/// Writes an event at the end of a text.
pub(super) fn write(text: &mut Vec<u8>, event: &Event<Box<RawValue>>) -> serde_json::Result<()> {
    let Event { sequence, id, kind, subject, time, data } = event;
    let stored = Stored {
        specversion: "1.0",
        id: *id,
        source: EVENT_SOURCE,
        kind,
        subject,
        time: (*time).into(),
        sequence: *sequence,
        datacontenttype: "application/json",
        data,
    };
    if data.get().contains(['\n', '\r']) {
        // Somebody else has written it, over several lines, which would end the message.
        let data: serde_json::Value = serde_json::from_str(data.get())?;
        let data = serde_json::value::to_raw_value(&data)?;
        return message(text, *sequence, kind, &Stored { data: &data, ..stored });
    }
    message(text, *sequence, kind, &stored)
}

/// Writes that the log was trimmed.
pub(super) fn write_trimmed(text: &mut Vec<u8>, trimmed_through: i64) -> serde_json::Result<()> {
    message(text, trimmed_through, "log.trimmed", &LogTrimmed { trimmed_through })
}

fn message(
    text: &mut Vec<u8>,
    id: i64,
    kind: &str,
    data: &impl Serialize,
) -> serde_json::Result<()> {
    // Writing to memory cannot fail.
    let _ = write!(text, "id: {id}\nevent: {kind}\ndata: ");
    serde_json::to_writer(&mut *text, data)?;
    text.extend_from_slice(b"\n\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::view;

    fn event<D>(data: D) -> Event<D> {
        Event {
            sequence: 7,
            id: Uuid::from_u128(1),
            kind: "ticket.created".to_owned(),
            subject: "tickets/\"1\"".to_owned(),
            time: DateTime::UNIX_EPOCH,
            data,
        }
    }

    fn stored(data: &str) -> Event<Box<RawValue>> {
        event(RawValue::from_string(data.to_owned()).unwrap())
    }

    #[test]
    fn a_message_is_three_lines_and_an_empty_one() {
        let mut text = Vec::new();
        write_trimmed(&mut text, 7).unwrap();
        let expected = "id: 7\nevent: log.trimmed\ndata: {\"trimmed_through\":7}\n\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_stream_and_a_page_write_an_event_alike() {
        let data = json!({ "title": "a \"b\"\n", "estimate": 0.1 });
        let page = serde_json::to_string(&view::event(event(data.clone()))).unwrap();
        let frames = frames(&[stored(&data.to_string())]).unwrap();
        let expected = format!("id: 7\nevent: ticket.created\ndata: {page}\n\n");
        assert_eq!(frames[0].text, expected);
    }

    #[test]
    fn what_is_stored_over_several_lines_is_sent_on_one() {
        let frames = frames(&[stored("{}"), stored("{\n\"a\":\r\n1}")]).unwrap();
        let text = std::str::from_utf8(&frames[1].text).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        let data: Value =
            serde_json::from_str(text.lines().nth(2).unwrap().strip_prefix("data: ").unwrap())
                .unwrap();
        assert_eq!(data["data"], json!({ "a": 1 }));
    }
}
