//! A page of a list: where it starts and how much it holds.

use sea_orm::{
    EntityTrait, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Query as SeaQuery, SelectStatement, UnionType},
};
use uuid::Uuid;

/// The part of a list that is asked for. Lists are in order of creation, which is the order of
/// their ids (UUIDv7).
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The last item of the page before; `None` for the first page.
    pub after: Option<Uuid>,
    /// How many items at most.
    pub limit: u64,
}

impl Page {
    /// The first page.
    #[must_use]
    pub const fn first(limit: u64) -> Self {
        Self { after: None, limit }
    }
}

/// One page of items.
#[derive(Debug, Clone)]
pub struct Slice<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether another page follows.
    pub more: bool,
}

impl<T> Slice<T> {
    /// Makes a page of `limit` items from a read of `limit + 1`.
    pub(crate) fn cut(mut items: Vec<T>, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

/// The keys that come first in each of some lists, at most `limit` of each: whatever comes first in
/// all of them together is among these. A database that is asked for several values at once would
/// read and sort everything that has one of them. `None` where there are no lists.
pub(crate) fn first_of_each<E: EntityTrait>(
    key: E::Column,
    lists: impl IntoIterator<Item = Select<E>>,
    limit: u64,
) -> Option<SelectStatement> {
    let of_one = |list: Select<E>| {
        let first = list.select_only().column(key).order_by_asc(key).limit(limit).into_query();
        SeaQuery::select().column(key).from_subquery(first, "part").to_owned()
    };
    let both = |mut one: SelectStatement, other| one.union(UnionType::All, other).to_owned();
    lists.into_iter().map(of_one).reduce(both)
}
