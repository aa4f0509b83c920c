//! How much of a list is asked for.

use phaseline_persistence::{Page, Slice};
use phaseline_wire::{List, limits};
use serde::Deserialize;
use uuid::Uuid;

use super::Whole;
use crate::{cursor::Scope, problem::Refusal};

/// The part of a list, where nothing else can be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// How many items at most.
    #[serde(default)]
    pub(crate) limit: Limit,
    /// Where the page before ended.
    pub(crate) cursor: Option<String>,
}

/// How many items a page has.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Whole<1, { limits::PAGE }>")]
pub(crate) struct Limit(u64);

impl Limit {
    /// As a number of rows.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(limits::PAGE_DEFAULT)
    }
}

impl From<Whole<1, { limits::PAGE }>> for Limit {
    fn from(limit: Whole<1, { limits::PAGE }>) -> Self {
        Self(limit.get())
    }
}

/// What a cursor carries in the place of an id where rows have numbers.
pub(crate) fn numbered(number: impl Into<u64>) -> Uuid {
    Uuid::from_u128(u128::from(number.into()))
}

/// The part of one list that a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    scope: Scope,
    page: Page,
}

impl Cut {
    /// The page after a cursor.
    ///
    /// # Errors
    /// A cursor of another list.
    pub(crate) fn new(scope: Scope, cursor: Option<&str>, limit: Limit) -> Result<Self, Refusal> {
        let after = cursor.map(|cursor| scope.read(cursor)).transpose()?.map(Uuid::from_bytes);
        Ok(Self { scope, page: Page { after, limit: limit.get() } })
    }

    /// The number of the last row of the page before, where rows have numbers instead of ids; 0 on
    /// the first page.
    pub(crate) fn after_number(&self) -> u64 {
        self.page.after.map_or(0, |id| u64::try_from(id.as_u128()).unwrap_or(u64::MAX))
    }

    /// What to ask the table for.
    pub(crate) const fn page(&self) -> Page {
        self.page
    }

    /// The cursor after a slice, if more follows.
    pub(crate) fn next<T>(&self, slice: &Slice<T>, id: impl Fn(&T) -> Uuid) -> Option<String> {
        let last = slice.items.last().filter(|_| slice.more)?;
        Some(self.scope.cursor(id(last).as_bytes()))
    }

    /// A slice as the page of a list.
    pub(crate) fn list<T, V>(
        &self,
        slice: Slice<T>,
        id: impl Fn(&T) -> Uuid,
        view: impl Fn(T) -> V,
    ) -> List<V> {
        let next_cursor = self.next(&slice, id);
        List { items: slice.items.into_iter().map(view).collect(), next_cursor }
    }
}
