//! The writes of a unit of work as one statement.

use std::{borrow::Cow, fmt::Write};

use crate::query::Query;

/// What is to be written: nothing, if there is a guard and it finds nothing to change.
#[derive(Debug)]
pub(super) struct Writes {
    pub(super) guard: Option<Query>,
    pub(super) inserts: Vec<Query>,
}

impl Writes {
    /// One statement that does all of these or, if the guard finds nothing to change, none. The
    /// inserts come after the guard, which waits for others at the same row: what they number is in
    /// the order of the versions of that row.
    pub(super) fn of_one(&self) -> Query {
        let guarded = self.guard.is_some();
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
        Query::raw(whole, values)
    }

    /// Whether the other one differs from this one in its values alone.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let alike = |one: &Query, other: &Query| {
            one.text() == other.text()
                && one.values().len() == other.values().len()
                && one.values().iter().zip(other.values()).all(|(one, other)| {
                    std::mem::discriminant(one) == std::mem::discriminant(other)
                })
        };
        let guards = match (&self.guard, &other.guard) {
            (Some(one), Some(other)) => alike(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        guards
            && self.inserts.len() == other.inserts.len()
            && self.inserts.iter().zip(&other.inserts).all(|(one, other)| alike(one, other))
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Query> {
        self.guard.iter().chain(&self.inserts)
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

    #[test]
    fn all_that_a_guard_lets_through_is_one_statement() {
        let guard = query("UPDATE t SET a = $1 WHERE b = $2", 2);
        let inserts = vec![
            query("INSERT INTO h (a, b) VALUES ($1, $2)", 2),
            query("INSERT INTO b (a) VALUES ($1) ON CONFLICT (a) DO NOTHING", 1),
            query("INSERT INTO e (a) VALUES ($1), (nextval('p$1') + $2)", 2),
        ];
        let all = Writes { guard: Some(guard), inserts }.of_one();
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
            Writes { guard: None, inserts: vec![one()] }.of_one().text(),
            "INSERT INTO h (a) VALUES ($1)"
        );
        assert_eq!(
            Writes { guard: None, inserts: vec![one(), one()] }.of_one().text(),
            "WITH w0 AS (INSERT INTO h (a) VALUES ($1) RETURNING 1) INSERT INTO h (a) VALUES ($2)"
        );
        let guard = query("UPDATE t SET a = $1", 1);
        assert_eq!(
            Writes { guard: Some(guard), inserts: Vec::new() }.of_one().text(),
            "UPDATE t SET a = $1"
        );
    }
}
