//! The writes of a unit of work as one statement.

use std::{borrow::Cow, fmt::Write, mem::discriminant};

use sea_orm::Value;
use uuid::Uuid;

use crate::query::Query;

/// What is to be written: all of it, or nothing if one of the guards does not find its row.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// In the order in which everybody takes hold of rows; each about a table of its own.
    pub(super) guards: Vec<Guard>,
    /// Inserts, and updates of rows that nobody changes who does not change those of the guards: one
    /// whose row was changed all the same since it was looked at would be lost.
    pub(super) rest: Vec<Query>,
}

/// A row that must still be as it was when it was decided what to write: an update of this row, or a
/// select that finds it so.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) about: About,
    pub(super) query: Query,
}

/// Whose row it is. Whoever needs several takes them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum About {
    /// An agent's.
    Agent(Uuid),
    /// A task's.
    Task(Uuid),
    /// A ticket's.
    Ticket(Uuid),
    /// That of an idempotency key with this hash: a turn for it is taken before all others.
    Key(u64),
}

/// What a unit needs of a row, so that others of the same or another statement may need it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It stays as it is.
    Keep,
    /// It becomes the same for whoever needs that.
    Mark,
    /// It becomes what this unit makes of it.
    Change,
}

impl Guard {
    pub(super) fn need(&self) -> (About, Need) {
        let set =
            self.query.text().strip_prefix(UPDATE).and_then(|rest| rest.split(" WHERE ").next());
        let need = match set {
            None => Need::Keep,
            Some(set) if set.contains('$') => Need::Change,
            Some(_) => Need::Mark,
        };
        (self.about, need)
    }
}

pub(super) const UPDATE: &str = "UPDATE ";
/// The end of a guard that changes nothing.
pub(crate) const FOR_SHARE: &str = " FOR SHARE";

impl Writes {
    /// One statement that does all of these or, if the guard finds nothing to change, none. The
    /// inserts come after the guard, which waits for others at the same row: what they number is in
    /// the order of the versions of that row. `None` where it takes the statement of many units.
    pub(super) fn of_one(&self) -> Option<Query> {
        if !self.is_for_one() {
            return None;
        }
        let guarded = !self.guards.is_empty();
        let mut parts: Vec<(Cow<'_, str>, usize)> = Vec::new();
        let mut values = Vec::new();
        for (place, query) in self.parts().enumerate() {
            let text = match insert_of(query.text()) {
                Some(Insert { into, rows, otherwise }) if guarded && place > 0 => format!(
                    "{into} SELECT * FROM (VALUES {rows}) AS given \
                     WHERE EXISTS (SELECT FROM w0){otherwise}"
                )
                .into(),
                Some(_) | None => query.text().into(),
            };
            parts.push((text, values.len()));
            values.extend_from_slice(query.values());
        }
        let mut whole = String::new();
        let last = parts.len().saturating_sub(1);
        for (place, (text, before)) in parts.iter().enumerate() {
            if place == last {
                whole.push_str(if place > 0 { " " } else { "" });
                renumbered(&mut whole, text, |place| format!("${}", place + before));
                break;
            }
            let opening = if place == 0 { "WITH" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(whole, "{opening} w{place} AS (");
            renumbered(&mut whole, text, |place| format!("${}", place + before));
            whole.push_str(" RETURNING 1)");
        }
        Some(Query::raw(whole, values))
    }

    /// Whether [`of_one`](Self::of_one) can write it.
    pub(super) fn is_for_one(&self) -> bool {
        let updates = self.rest.iter().any(|query| query.text().starts_with(UPDATE));
        self.guards.len() <= 1 && !updates
    }

    /// Whether its texts alone have so many bytes.
    pub(super) fn is_longer_than(&self, bytes: usize) -> bool {
        let values = self.parts().flat_map(Query::values);
        let lengths =
            values.map(|value| if let Value::String(Some(text)) = value { text.len() } else { 0 });
        lengths.sum::<usize>() > bytes
    }

    /// Whether the other one differs from this one in its values alone.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let alike = |one: &Query, other: &Query| {
            one.text() == other.text()
                && one.values().len() == other.values().len()
                && one
                    .values()
                    .iter()
                    .zip(other.values())
                    .all(|(one, other)| discriminant(one) == discriminant(other))
        };
        self.guards.len() == other.guards.len()
            && self.rest.len() == other.rest.len()
            && self.parts().zip(other.parts()).all(|(one, other)| alike(one, other))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.rest.is_empty()
    }

    /// Takes in a guard, or gives it back where it cannot wait: not two about one table. The second
    /// one may be about the row of the first, and would not see it changed.
    pub(super) fn take_guard(&mut self, about: About, query: Query) -> Result<(), Query> {
        let alike = |guard: &Guard| discriminant(&guard.about) == discriminant(&about);
        if self.guards.iter().any(alike) {
            return Err(query);
        }
        let place = self.guards.partition_point(|guard| guard.about < about);
        self.guards.insert(place, Guard { about, query });
        Ok(())
    }

    /// The rows that it needs.
    pub(super) fn needs(&self) -> impl Iterator<Item = (About, Need)> {
        self.guards.iter().map(Guard::need)
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Query> {
        self.guards.iter().map(|guard| &guard.query).chain(&self.rest)
    }
}

/// An insert, taken apart.
pub(super) struct Insert<'t> {
    /// Into which columns of which table.
    pub(super) into: &'t str,
    pub(super) rows: &'t str,
    /// What is done where such a row is there; with a space before it.
    pub(super) otherwise: &'t str,
}

/// The parts of an insert; `None` where it is none.
pub(super) fn insert_of(text: &str) -> Option<Insert<'_>> {
    let (into, rows) = text.split_once(" VALUES ")?;
    let (rows, otherwise) = rows.split_at(rows.find(" ON CONFLICT ").unwrap_or(rows.len()));
    Some(Insert { into, rows, otherwise })
}

/// Appends a statement in which each value has another name.
pub(super) fn renumbered(whole: &mut String, text: &str, name: impl Fn(usize) -> String) {
    let mut quoted = false;
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\'']) {
        let (head, tail) = rest.split_at(at);
        whole.push_str(head);
        let digits = tail[1..].bytes().take_while(u8::is_ascii_digit).count();
        match tail[1..=digits].parse::<usize>() {
            Ok(number) if !quoted && tail.starts_with('$') => {
                whole.push_str(&name(number));
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

    fn of_task(query: Query) -> Guard {
        Guard { about: About::Task(Uuid::nil()), query }
    }

    #[test]
    fn all_that_a_guard_lets_through_is_one_statement() {
        let guard = query("UPDATE t SET a = $1 WHERE b = $2", 2);
        let inserts = vec![
            query("INSERT INTO h (a, b) VALUES ($1, $2)", 2),
            query("INSERT INTO b (a) VALUES ($1) ON CONFLICT (a) DO NOTHING", 1),
            query("INSERT INTO e (a) VALUES ($1), (nextval('p$1') + $2)", 2),
        ];
        let all = Writes { guards: vec![of_task(guard)], rest: inserts }.of_one().unwrap();
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
        assert_eq!(
            Writes { guards: Vec::new(), rest: vec![one()] }.of_one().unwrap().text(),
            "INSERT INTO h (a) VALUES ($1)"
        );
        assert_eq!(
            Writes { guards: Vec::new(), rest: vec![one(), one()] }.of_one().unwrap().text(),
            "WITH w0 AS (INSERT INTO h (a) VALUES ($1) RETURNING 1) INSERT INTO h (a) VALUES ($2)"
        );
        let guard = query("UPDATE t SET a = $1", 1);
        assert_eq!(
            Writes { guards: vec![of_task(guard)], rest: Vec::new() }.of_one().unwrap().text(),
            "UPDATE t SET a = $1"
        );
    }
}
