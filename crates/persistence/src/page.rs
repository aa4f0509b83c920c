//! A page of a list: where it starts and how much it holds.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Value,
    sea_query::{Expr, ExprTrait, Func, Query as SeaQuery, SelectStatement, UnionType},
};
use uuid::Uuid;

use crate::Backend;

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

/// A list in the order of its keys, after one of them, perhaps of the rows with one value. There is
/// an index of that value and the key.
#[derive(Debug, Clone)]
pub(crate) struct Along<E: EntityTrait> {
    pub(crate) backend: Backend,
    pub(crate) key: E::Column,
    pub(crate) after: Option<Value>,
    pub(crate) value: Option<(E::Column, Value)>,
}

impl<E: EntityTrait> Along<E> {
    /// The list of these rows.
    ///
    /// PostgreSQL takes a value to be spread evenly over the table and would walk all keys until it
    /// has met the value often enough: half of the table where all of them are young. So it is asked
    /// for an order that only the index has.
    pub(crate) fn of(self, rows: Select<E>) -> Select<E> {
        let Self { backend, key, after, value } = self;
        let Some((column, value)) = value else {
            return rows
                .apply_if(after, |rows, after| rows.filter(key.gt(after)))
                .order_by_asc(key);
        };
        if backend == Backend::Sqlite {
            return rows
                .filter(column.eq(value))
                .apply_if(after, |rows, after| rows.filter(key.gt(after)))
                .order_by_asc(key);
        }
        let rows = rows.filter(column.lte(value.clone()));
        let rows = match after {
            None => rows.filter(column.gte(value)),
            Some(after) => {
                let place = [column, key].map(|column| Expr::col(column.as_column_ref()));
                let given = [value, after].map(Expr::value);
                rows.filter(Expr::tuple(place).gt(Expr::tuple(given)))
            }
        };
        rows.order_by_asc(column).order_by_asc(key)
    }
}

/// Those rows of which the keys come first in each of some lists, at most `limit` of each, in the
/// order of the keys: whatever comes first in all lists together is among these. A database that
/// is asked for several values at once would read and sort everything that has one of them.
pub(crate) fn first_of_each<E: EntityTrait>(
    backend: Backend,
    rows: Select<E>,
    key: E::Column,
    lists: impl IntoIterator<Item = Select<E>>,
    limit: u64,
) -> Select<E> {
    let of_one = |list: Select<E>| {
        let first = list.select_only().column(key).limit(limit).into_query();
        SeaQuery::select().column(key).from_subquery(first, "part").to_owned()
    };
    let both = |mut one: SelectStatement, other| one.union(UnionType::All, other).to_owned();
    let keys = lists.into_iter().map(of_one).reduce(both);
    let rows = rows.apply_if(keys, |rows, keys| match backend {
        Backend::Sqlite => rows.filter(key.in_subquery(keys)),
        // An array is looked up key by key; of a list PostgreSQL might make a join over everything.
        Backend::Postgres => {
            let keys = Expr::SubQuery(None, Box::new(keys.into()));
            let array = Func::cust("ANY").arg(Func::cust("ARRAY").arg(keys));
            rows.filter(Expr::col(key.as_column_ref()).eq(array))
        }
    });
    rows.order_by_asc(key)
}
