//! How work flows: what does not move and why, and the figures.

use futures::Stream;
use phaseline_wire::{FlowStatistics, List, Why};

use crate::{Client, Page, Request, Result, page};

/// How work flows; [`Client::flow`].
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a>(pub(crate) &'a Client);

impl Flow<'_> {
    /// A page of the tickets that are not done and do not move, or of which a part is stuck, each
    /// with its causes and those of its tasks.
    pub fn why(&self, page: &Page) -> Request<List<Why>> {
        Request::get(self.0, "/api/v1/why").query(page.parameters())
    }

    /// All that does not move, page after page.
    pub fn why_all(&self) -> impl Stream<Item = Result<Why>> + use<> {
        let client = self.0.clone();
        page::all(Page::default(), move |page| Flow(&client).why(page))
    }

    /// How work flows, in figures.
    pub fn statistics(&self) -> Request<FlowStatistics> {
        Request::get(self.0, "/api/v1/statistics")
    }
}
