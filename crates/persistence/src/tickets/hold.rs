//! Tickets that are held, or kept where they are, until a transaction ends.

use sea_orm::{
    ColumnTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, Query as SeaQuery},
};
use uuid::Uuid;

use super::{COLUMNS, Ticket, blockers, whole};
use crate::{
    Backend, Result, Tx,
    connection::{About, FOR_SHARE},
    entity::ticket,
    query::Text,
};

/// The ticket with this id, held against other writers until the transaction ends.
///
/// # Errors
/// Storage failures.
pub async fn find_and_hold(tx: &Tx, id: Uuid) -> Result<Option<Ticket>> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        whole(db.backend()).filter(ticket::Column::Id.eq(id)).lock_exclusive().into_query()
    });
    db.first(query).await
}

/// Remembers that a task of this ticket was completed, and answers the ticket, held until the
/// transaction ends. That belongs to no version: a move that is under way sees that it has to look
/// again.
///
/// # Errors
/// Storage failures.
pub async fn mark_results(tx: &Tx, id: Uuid) -> Result<Option<Ticket>> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let query = TEXT.with(db.backend(), vec![true.into(), id.into()], || {
        let returned = COLUMNS.map(|column| Expr::col((ticket::Entity, column)));
        let blockers = Expr::cust(format!("{} AS \"blocked_by\"", blockers(db.backend())));
        SeaQuery::update()
            .table(ticket::Entity)
            .value(ticket::Column::HasResults, true)
            .and_where(Expr::col(ticket::Column::Id).eq(id))
            .returning(SeaQuery::returning().exprs(returned.into_iter().chain([blockers])))
            .to_owned()
    });
    db.first(query).await
}

/// The ticket with this id, which nobody changes until the transaction ends; others may keep it so at
/// the same time.
///
/// # Errors
/// Storage failures.
pub async fn find_and_keep(tx: &Tx, id: Uuid) -> Result<Option<Ticket>> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        whole(db.backend()).filter(ticket::Column::Id.eq(id)).lock_shared().into_query()
    });
    db.first(query).await
}

/// Remembers that a task of this ticket was completed, if the ticket is still at a version; `false`
/// when it is not. Then the transaction must not be committed.
///
/// # Errors
/// Storage failures.
pub async fn mark_results_at(tx: &Tx, id: Uuid, version: i64) -> Result<bool> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let query = TEXT.written(db.backend(), vec![id.into(), version.into()], || {
        "UPDATE tickets SET has_results = TRUE WHERE id = $1 AND version = $2".to_owned()
    });
    db.guarded(About::Ticket(id), query).await
}

/// Sees to it that a ticket stays at a version until the transaction ends; `false` when it is at
/// another one. Others may keep it so at the same time.
///
/// # Errors
/// Storage failures.
pub async fn keep_at(tx: &Tx, id: Uuid, version: i64) -> Result<bool> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let query = TEXT.written(db.backend(), vec![id.into(), version.into()], || {
        let text = "SELECT 1 FROM tickets WHERE id = $1 AND version = $2";
        match db.backend() {
            Backend::Sqlite => text.to_owned(),
            Backend::Postgres => format!("{text}{FOR_SHARE}"),
        }
    });
    match db.backend() {
        // Whoever writes to SQLite is alone: what is so stays so.
        Backend::Sqlite => Ok(db.first::<(i64,)>(query).await?.is_some()),
        Backend::Postgres => db.guarded(About::Ticket(id), query).await,
    }
}
