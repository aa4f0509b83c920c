//! Counting tokens as the models do: o200k_base, special tokens as plain text.

mod memo;
mod words;

use std::sync::OnceLock;

use tiktoken_rs::{CoreBPE, o200k_base_singleton};

use memo::Memo;

/// Loaded when something is counted for the first time: that takes a moment, and much memory.
static TOKENIZER: OnceLock<&CoreBPE> = OnceLock::new();

/// The longest stretch that the tokenizer sees at once, in bytes.
///
/// Its regular expression backtracks over white space and gives up (by a panic) near a million
/// characters of it, so texts are fed to it in blocks.
const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// Counts the tokens of a text in o200k_base, the encoding of the GPT-4o and GPT-5 models
/// (`tiktoken`'s `encode_ordinary`: `<|endoftext|>` and its like are text, not commands).
///
/// The count is that of the tokenizer for every text in which each stretch of 64 KiB has a place
/// where the tokenizer always parts a text: after a line break, or before a space between two
/// ASCII letters. A stretch without such a place is cut at 64 KiB, which may count a token or two
/// more than the tokenizer would.
///
/// Counts add up at line breaks: if `a` ends with a line break, and `b` begins with neither white
/// space nor `/`, then the count of `a` and `b` together is the sum of theirs. The budget rests on it.
///
/// ```
/// use phaseline_context::count_tokens;
///
/// assert_eq!(count_tokens(""), 0);
/// assert_eq!(count_tokens("hello world"), 2);
/// assert_eq!(count_tokens("- one\n- two\n"), count_tokens("- one\n") + count_tokens("- two\n"));
/// ```
pub fn count_tokens(text: &str) -> u32 {
    let blocks = lines(text).flat_map(blocks);
    let tokens = memo::with(|memo| match memo {
        Some(memo) => blocks.map(|block| count_block(block, memo)).sum::<usize>(),
        None => blocks.map(plainly).sum(),
    });
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// Counts word by word, which are mostly known; what is not ASCII, with its neighbours up to the
/// next gap between two words, the tokenizer parts itself.
fn count_block(block: &str, memo: &mut Memo) -> usize {
    let mut count = |text: &str| {
        if text.is_ascii() {
            words::pieces(text).map(|word| memo.tokens(word, plainly)).sum::<usize>()
        } else {
            plainly(text)
        }
    };
    if block.is_ascii() { count(block) } else { phrases(block).map(count).sum() }
}

/// Whether the tokenizer is loaded, so that [`count_tokens`] answers at once. The first count of a
/// process takes more than a tenth of a second.
pub fn counts_at_once() -> bool {
    TOKENIZER.get().is_some()
}

/// The tokenizer's own count.
fn plainly(text: &str) -> usize {
    TOKENIZER.get_or_init(o200k_base_singleton).count_ordinary(text)
}

/// Parts a text at each gap between two words.
fn phrases(text: &str) -> impl Iterator<Item = &str> {
    pieces(text, first_gap_between_words)
}

/// Parts a text after each line break that ends a piece of the tokenizer's pattern for certain.
///
/// In that pattern only `\s*[\r\n]+` and the tail `[\r\n/]*` of punctuation take in a line feed.
/// Both end before a character that is neither white space nor `/`, and no other piece reaches
/// over a line feed. (`O200K_BASE_PAT_STR` in `tiktoken-rs`.)
fn lines(text: &str) -> impl Iterator<Item = &str> {
    pieces(text, |rest| {
        rest.match_indices('\n')
            .map(|(at, _)| at + 1)
            .find(|&end| rest[end..].starts_with(|next: char| !next.is_whitespace() && next != '/'))
    })
}

/// Parts a line that is too long for the tokenizer, between two words where there are any.
fn blocks(line: &str) -> impl Iterator<Item = &str> {
    pieces(line, |rest| {
        if rest.len() <= MAX_BLOCK_BYTES {
            return None;
        }
        let limit = rest.floor_char_boundary(MAX_BLOCK_BYTES);
        Some(last_gap_between_words(&rest[..limit]).unwrap_or(limit))
    })
}

fn last_gap_between_words(text: &str) -> Option<usize> {
    text.as_bytes().windows(3).rposition(is_gap).map(|letter| letter + 1)
}

fn first_gap_between_words(text: &str) -> Option<usize> {
    text.as_bytes().windows(3).position(is_gap).map(|letter| letter + 1)
}

/// A space between two ASCII letters: the tokenizer always parts a text before it.
fn is_gap(around: &[u8]) -> bool {
    matches!(around, [before, b' ', after]
        if before.is_ascii_alphabetic() && after.is_ascii_alphabetic())
}

/// Cuts a text where `next_cut` says, until it says nothing more; nothing is lost.
fn pieces(text: &str, next_cut: impl Fn(&str) -> Option<usize>) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (piece, tail) = match next_cut(text) {
            Some(cut) => (&text[..cut], Some(&text[cut..])),
            None => (text, None),
        };
        rest = tail;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kit::nasty;

    fn plainly(text: &str) -> u32 {
        u32::try_from(o200k_base_singleton().encode_ordinary(text).len()).unwrap()
    }

    /// ASCII of every kind, with the runs and endings that the pattern looks for.
    fn ascii() -> impl Strategy<Value = String> {
        let known = proptest::sample::select(vec![
            "'s",
            "'LL",
            "'re ",
            "'l",
            "  ",
            "   \n",
            "\r\n",
            "\t\t",
            "//\n",
            " - ",
            "HTTPServer",
            "fn main() {\n    let x = 10_000;\n}\n",
            "\u{b}",
            "\u{1c}",
            "\u{7f}",
            "0123456789",
            "_",
        ]);
        let one = proptest::char::range('\0', '\u{7f}').prop_map(String::from);
        let words = "[ a-zA-Z0-9.,'/\n-]{0,12}";
        let part = prop_oneof![2 => known.prop_map(str::to_owned), 2 => one, 1 => words];
        proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn every_ascii_text_counts_as_the_tokenizer_counts_it(text in ascii()) {
            prop_assert_eq!(count_tokens(&text), plainly(&text));
        }

        #[test]
        fn words_beside_other_scripts_count_as_the_tokenizer_counts_them(
            one in ascii(), other in nasty(), two in ascii()
        ) {
            let text = format!("{one}a b{other}c d{two}");
            prop_assert_eq!(count_tokens(&text), plainly(&text));
        }

        #[test]
        fn the_count_is_the_tokenizers(text in nasty()) {
            prop_assert_eq!(count_tokens(&text), plainly(&text));
        }

        #[test]
        fn counts_add_up_where_a_list_entry_or_a_heading_begins(
            one in nasty(), mark in "[#-]", two in nasty()
        ) {
            let (one, two) = (format!("{one}\n"), format!("{mark}{two}"));
            prop_assert_eq!(plainly(&format!("{one}{two}")), plainly(&one) + plainly(&two));
        }
    }

    #[test]
    fn a_long_paragraph_is_cut_between_words_and_counted_exactly() {
        let paragraph =
            "The quick brown fox, it's said (1984), jumps over the lazy dog. ".repeat(4000);
        assert!(paragraph.len() > 3 * MAX_BLOCK_BYTES);
        assert_eq!(count_tokens(&paragraph), plainly(&paragraph));
    }

    #[test]
    fn a_run_that_the_tokenizer_cannot_take_is_counted_in_blocks() {
        let spaces = " ".repeat(1_100_000); // from a million on the tokenizer panics
        let blocks = spaces.len().div_ceil(MAX_BLOCK_BYTES);
        let block = plainly(&spaces[..MAX_BLOCK_BYTES]);
        assert!((blocks as u32 - 1) * block < count_tokens(&spaces));
        assert!(count_tokens(&spaces) <= blocks as u32 * block);
    }

    #[test]
    fn counts_add_up_beside_runs_of_any_length() {
        for run in ["\t", "\n", "a", "\u{2028}", "\u{301}", "-", "漢"] {
            let entry = format!("- {}\n", run.repeat(3 * MAX_BLOCK_BYTES / run.len() + 1));
            let next = "- y\n";
            assert_eq!(
                count_tokens(&format!("{entry}{next}{entry}")),
                2 * count_tokens(&entry) + count_tokens(next)
            );
        }
    }
}
