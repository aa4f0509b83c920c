//! Importing a backlog.

use phaseline_wire::{Backlog, Imported};

use crate::{Client, Request};

/// Backlogs; [`Client::backlogs`].
#[derive(Debug, Clone, Copy)]
pub struct Backlogs<'a>(pub(crate) &'a Client);

impl Backlogs<'_> {
    /// Imports all of a backlog or nothing. What is there already by its key stays as it is.
    pub fn import(&self, backlog: &Backlog) -> Request<Imported> {
        Request::post(self.0, "/api/v1/backlog", backlog)
    }

    /// The same for a backlog as somebody has written it: the server says what is wrong with it, and
    /// where.
    pub fn import_json(&self, backlog: &serde_json::Value) -> Request<Imported> {
        Request::post(self.0, "/api/v1/backlog", backlog)
    }
}
