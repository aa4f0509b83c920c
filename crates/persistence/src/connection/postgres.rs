//! A transaction of PostgreSQL that begins as late as it can: one that reads, decides and then only
//! appends is a single statement (`docs/adr/0020-late-transactions.md`).

use std::fmt::Write;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, TransactionTrait,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{Error, Result, query::Query};

/// How many values one statement takes for several. PostgreSQL takes 65,535, but prepares the text
/// of each number of rows anew.
const MOST_VALUES: usize = 1000;

/// What a unit of work does to the database, in one transaction.
#[derive(Debug)]
pub(crate) struct Late {
    pool: DatabaseConnection,
    /// Begins with the first write, for a unit that has met another one.
    at_once: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Nothing is written or held yet; these writes are to come.
    Before { guard: Option<Query>, inserts: Vec<Query> },
    /// It has begun, and what it writes is written.
    Begun(DatabaseTransaction),
    /// It could not begin: nothing of it will be.
    Lost,
}

impl Late {
    pub(crate) fn new(pool: DatabaseConnection, at_once: bool) -> Self {
        let state = Mutex::new(State::Before { guard: None, inserts: Vec::new() });
        Self { pool, at_once, state }
    }

    /// Reads what is committed, if nothing was written yet: each statement of a transaction sees what
    /// is committed by then anyway.
    pub(crate) async fn peek(&self, query: Query) -> Result<Vec<QueryResult>> {
        let mut state = self.state.lock().await;
        if let State::Before { guard: None, inserts } = &*state
            && inserts.is_empty()
        {
            drop(state);
            return Ok(self.pool.query_all_raw(query.into_statement()).await?);
        }
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.query_all_raw(query.into_statement()).await?)
    }

    /// Reads in the transaction, perhaps to hold what it reads.
    pub(crate) async fn all(&self, query: Query) -> Result<Vec<QueryResult>> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.query_all_raw(query.into_statement()).await?)
    }

    /// Writes; says how many rows it changed.
    pub(crate) async fn execute(&self, query: Query) -> Result<u64> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.execute_raw(query.into_statement()).await?.rows_affected())
    }

    /// Changes one row on which all else depends; says whether it was there to be changed. What is
    /// only found out at the end is taken for granted until then, and judged by the last insert: one
    /// that always inserts, as that of the events does.
    pub(crate) async fn guarded(&self, query: Query) -> Result<bool> {
        let mut state = self.state.lock().await;
        if !self.at_once
            && let State::Before { guard: guard @ None, .. } = &mut *state
        {
            *guard = Some(query);
            return Ok(true);
        }
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.execute_raw(query.into_statement()).await?.rows_affected() > 0)
    }

    /// Inserts rows, now or at the end.
    pub(crate) async fn insert(&self, query: Query) -> Result<()> {
        let mut state = self.state.lock().await;
        if !self.at_once
            && let State::Before { inserts, .. } = &mut *state
        {
            let values: usize = inserts.iter().map(|insert| insert.values().len()).sum();
            if values + query.values().len() <= MOST_VALUES {
                inserts.push(query);
                return Ok(());
            }
        }
        let transaction = self.begun(&mut state).await?;
        transaction.execute_raw(query.into_statement()).await?;
        Ok(())
    }

    /// Makes durable what was written and what is still to come.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.state.into_inner() {
            State::Begun(transaction) => Ok(transaction.commit().await?),
            State::Lost => Err(Error::Closed),
            State::Before { guard: None, inserts } if inserts.is_empty() => Ok(()),
            State::Before { guard, inserts } => {
                let watched = guard.is_some();
                let all = together(guard, inserts).into_statement();
                let changed = self.pool.execute_raw(all).await?.rows_affected();
                if watched && changed == 0 { Err(Error::ChangedHands) } else { Ok(()) }
            }
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self.state.into_inner() {
            State::Begun(transaction) => Ok(transaction.rollback().await?),
            State::Before { .. } | State::Lost => Ok(()),
        }
    }

    /// The transaction, begun if it was not, with the writes that were still to come.
    #[expect(clippy::disallowed_methods, reason = "this is the write door of PostgreSQL")]
    async fn begun<'s>(
        &self,
        state: &'s mut MutexGuard<'_, State>,
    ) -> Result<&'s DatabaseTransaction> {
        if matches!(**state, State::Before { .. })
            && let State::Before { guard, inserts } = std::mem::replace(&mut **state, State::Lost)
        {
            let transaction = self.pool.begin().await?;
            if let Some(guard) = guard
                && transaction.execute_raw(guard.into_statement()).await?.rows_affected() == 0
            {
                return Err(Error::ChangedHands);
            }
            for insert in inserts {
                transaction.execute_raw(insert.into_statement()).await?;
            }
            **state = State::Begun(transaction);
        }
        match &**state {
            State::Begun(transaction) => Ok(transaction),
            State::Before { .. } | State::Lost => Err(Error::Closed),
        }
    }
}

/// One statement that does all of these or, if the guard finds nothing to change, none. The inserts
/// come after the guard, which waits for others at the same row: what they number is in the order
/// of the versions of that row.
fn together(guard: Option<Query>, inserts: Vec<Query>) -> Query {
    let guarded = guard.is_some();
    let mut parts: Vec<(String, usize)> = Vec::new();
    let mut values = Vec::new();
    if let Some((text, given)) = guard.map(Query::into_parts) {
        parts.push((text.into_owned(), values.len()));
        values.extend(given);
    }
    for (text, given) in inserts.into_iter().map(Query::into_parts) {
        let text = match text.split_once(" VALUES ") {
            Some((into, rows)) if guarded => {
                let (rows, otherwise) = match rows.split_once(" ON CONFLICT ") {
                    Some((rows, otherwise)) => (rows, format!(" ON CONFLICT {otherwise}")),
                    None => (rows, String::new()),
                };
                format!(
                    "{into} SELECT * FROM (VALUES {rows}) AS given \
                     WHERE EXISTS (SELECT FROM w0){otherwise}"
                )
            }
            Some(_) | None => text.into_owned(),
        };
        parts.push((text, values.len()));
        values.extend(given);
    }
    let mut whole = String::new();
    let last = parts.len().saturating_sub(1);
    for (place, (text, before)) in parts.iter().enumerate() {
        if place == last {
            whole.push_str(if place > 0 { " " } else { "" });
            renumbered(&mut whole, text, *before);
            break;
        }
        let opening = if place == 0 { "WITH" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(whole, "{opening} w{place} AS (");
        renumbered(&mut whole, text, *before);
        whole.push_str(" RETURNING 1)");
    }
    Query::raw(whole, values)
}

/// Appends a statement whose values come after others.
fn renumbered(whole: &mut String, text: &str, before: usize) {
    let mut quoted = false;
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\'']) {
        let (head, tail) = rest.split_at(at);
        whole.push_str(head);
        let digits = tail[1..].bytes().take_while(u8::is_ascii_digit).count();
        match tail[1..=digits].parse::<usize>() {
            Ok(number) if !quoted && tail.starts_with('$') => {
                let _ = write!(whole, "${}", number + before);
                rest = &tail[1 + digits..];
            }
            Ok(_) | Err(_) => {
                quoted ^= tail.starts_with('\'');
                whole.push_str(&tail[..1]);
                rest = &tail[1..];
            }
        }
    }
    whole.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str, values: usize) -> Query {
        Query::raw(text.to_owned(), vec![0.into(); values])
    }

    #[test]
    fn all_that_a_guard_lets_through_is_one_statement() {
        let guard = query("UPDATE t SET a = $1 WHERE b = $2", 2);
        let inserts = vec![
            query("INSERT INTO h (a, b) VALUES ($1, $2)", 2),
            query("INSERT INTO b (a) VALUES ($1) ON CONFLICT (a) DO NOTHING", 1),
            query("INSERT INTO e (a) VALUES ($1), (nextval('p$1') + $2)", 2),
        ];
        let all = together(Some(guard), inserts);
        assert_eq!(all.values().len(), 7);
        assert_eq!(
            all.text(),
            "WITH w0 AS (UPDATE t SET a = $1 WHERE b = $2 RETURNING 1), \
             w1 AS (INSERT INTO h (a, b) SELECT * FROM (VALUES ($3, $4)) AS given \
             WHERE EXISTS (SELECT FROM w0) RETURNING 1), \
             w2 AS (INSERT INTO b (a) SELECT * FROM (VALUES ($5)) AS given \
             WHERE EXISTS (SELECT FROM w0) ON CONFLICT (a) DO NOTHING RETURNING 1) \
             INSERT INTO e (a) SELECT * FROM (VALUES ($6), (nextval('p$1') + $7)) AS given \
             WHERE EXISTS (SELECT FROM w0)"
        );
    }

    #[test]
    fn inserts_without_a_guard_are_one_statement_too() {
        let one = || query("INSERT INTO h (a) VALUES ($1)", 1);
        assert_eq!(together(None, vec![one()]).text(), "INSERT INTO h (a) VALUES ($1)");
        assert_eq!(
            together(None, vec![one(), one()]).text(),
            "WITH w0 AS (INSERT INTO h (a) VALUES ($1) RETURNING 1) INSERT INTO h (a) VALUES ($2)"
        );
        let guard = query("UPDATE t SET a = $1", 1);
        assert_eq!(together(Some(guard), Vec::new()).text(), "UPDATE t SET a = $1");
    }
}
