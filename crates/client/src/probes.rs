//! Whether the server is there, and what it counts.

use serde_json::Value;

use crate::{Client, Request};

/// The probes of the server; [`Client::probes`].
#[derive(Debug, Clone, Copy)]
pub struct Probes<'a>(pub(crate) &'a Client);

impl Probes<'_> {
    /// Whether the process lives: an error if it does not answer.
    pub fn live(&self) -> Request<Value> {
        Request::get(self.0, "/healthz")
    }

    /// Whether it can work, its database included: an error with status 503 if not.
    pub fn ready(&self) -> Request<Value> {
        Request::get(self.0, "/readyz")
    }

    /// What the server counts, in the text format of Prometheus.
    pub fn metrics(&self) -> Request<String> {
        Request::get_text(self.0, "/metrics")
    }
}
