//! Events as CloudEvents 1.0.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Timestamp;

/// Something that happened. Source: [CloudEvents 1.0](https://github.com/cloudevents/spec).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// `1.0`.
    #[schema(example = "1.0")]
    pub specversion: String,
    /// Its id.
    pub id: Uuid,
    /// Where it comes from.
    #[schema(example = "/phaseline")]
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "ticket.phase.transitioned")]
    pub kind: String,
    /// Whom it happened to, below `/api/v1/`.
    #[schema(example = "tickets/01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10")]
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// Its position in the log: what to pass as `after` to go on behind it.
    pub sequence: i64,
    /// `application/json`.
    #[schema(example = "application/json")]
    pub datacontenttype: String,
    /// The particulars; see the reference of events.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub data: Value,
}

/// A page of the event log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub items: Vec<Event>,
    /// The position to pass as `after` for the next page; null when there is no more for now.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The position up to which old events were removed; 0 when none was.
    pub trimmed_through: i64,
}

/// The data of `log.trimmed`, which a stream sends first where events after the position asked
/// for are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogTrimmed {
    /// The position up to which old events were removed.
    pub trimmed_through: i64,
}
