//! How alike two names are, to guess what somebody meant.

/// Parts of fewer characters than this are in too many names to mean anything.
const SHORTEST_BEGINNING: usize = 2;
const SHORTEST_PART: usize = 3;

/// Why two names are taken for each other; the smaller one is the better reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Similarity {
    /// A slip of the keyboard: so many edits turn one name into the other.
    Edits(usize),
    /// One is the beginning of the other, which has so many characters more.
    Beginning(usize),
    /// One is a part of the other, which has so many characters more.
    Part(usize),
}

/// How alike a registered name is to the wanted one, or nothing if they are not.
pub(crate) fn similarity(wanted: &str, name: &str) -> Option<Similarity> {
    let (wanted_chars, name_chars) = (wanted.chars().count(), name.chars().count());
    let more = wanted_chars.abs_diff(name_chars);
    let most_edits = wanted_chars / 3;
    // The difference in length is the least that the distance can be, and far cheaper.
    if more <= most_edits {
        let edits = strsim::osa_distance(wanted, name);
        if edits <= most_edits {
            return Some(Similarity::Edits(edits));
        }
    }
    let (short, long) = if name_chars < wanted_chars { (name, wanted) } else { (wanted, name) };
    let shorter = wanted_chars.min(name_chars);
    if shorter >= SHORTEST_BEGINNING && long.starts_with(short) {
        Some(Similarity::Beginning(more))
    } else if shorter >= SHORTEST_PART && long.contains(short) {
        Some(Similarity::Part(more))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares a wanted name with registered ones and shows how alike they are.
    #[track_caller]
    fn check(wanted: &str, names: &str, expected: &str) {
        let seen: Vec<String> = names
            .split(", ")
            .map(|name| match similarity(wanted, name) {
                Some(Similarity::Edits(edits)) => format!("{name}: {edits} edits"),
                Some(Similarity::Beginning(more)) => format!("{name}: beginning +{more}"),
                Some(Similarity::Part(more)) => format!("{name}: part +{more}"),
                None => format!("{name}: not alike"),
            })
            .collect();
        assert_eq!(seen.join(", "), expected);
    }

    #[test]
    fn edits_count_up_to_a_third_of_the_length() {
        check(
            "rust",
            "ruts, rus, crust, bust, must be",
            "ruts: 1 edits, rus: 1 edits, crust: 1 edits, bust: 1 edits, must be: not alike",
        );
        check("rust", "rest, rosa, trust", "rest: 1 edits, rosa: not alike, trust: 1 edits");
        check("sql", "sol, soil, nosql", "sol: 1 edits, soil: not alike, nosql: part +2");
        check("go", "do, og", "do: not alike, og: not alike");
        check("postgres", "postgresql, progress", "postgresql: 2 edits, progress: not alike");
    }

    #[test]
    fn a_beginning_and_a_part_count_in_both_directions() {
        check(
            "code review",
            "review, code, code review of rust",
            "review: part +5, code: beginning +7, code review of rust: beginning +8",
        );
        check("review", "code review", "code review: part +5");
        check("golang", "go, c, lang", "go: beginning +4, c: not alike, lang: 2 edits");
    }

    #[test]
    fn length_is_counted_in_characters() {
        check("日本語", "日本誤, 日本, 日", "日本誤: 1 edits, 日本: 1 edits, 日: not alike");
        check("übung", "ubung", "ubung: 1 edits");
    }

    #[test]
    fn nothing_is_like_nothing() {
        check("", "rust", "rust: not alike");
    }
}
