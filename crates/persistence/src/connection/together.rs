//! Several writes as one statement.

use std::fmt::Write;

use crate::query::Query;

/// One statement that does all of these or, if the guard finds nothing to change, none. The inserts
/// come after the guard, which waits for others at the same row: what they number is in the order
/// of the versions of that row.
pub(super) fn together(guard: Option<Query>, inserts: Vec<Query>) -> Query {
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
