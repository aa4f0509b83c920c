//! The tokenizer's first step for ASCII: a text falls into pieces, and no token reaches over two.
//!
//! `tiktoken` parts a text by a regular expression (`O200K_BASE_PAT_STR` in `tiktoken-rs`). For ASCII
//! its seven alternatives come down to a look at the next byte or two; a property test holds both
//! side by side. Other text is the regular expression's.

/// The pieces of an ASCII text, in order; nothing is lost.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, tail) = rest.split_at(first(rest.as_bytes()));
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How long the first piece is; 0 where there is nothing left.
fn first(text: &[u8]) -> usize {
    let Some(&byte) = text.first() else { return 0 };
    let next = text.get(1).copied();
    let next_is = |test: fn(u8) -> bool| next.is_some_and(test);
    match byte {
        _ if byte.is_ascii_alphabetic() => word(text, 0),
        _ if byte.is_ascii_digit() => run(&text[..text.len().min(3)], 0, |b| b.is_ascii_digit()),
        // One of anything but a line break belongs to the word after it.
        _ if !is_break(byte) && next_is(|next| next.is_ascii_alphabetic()) => word(text, 1),
        b' ' if next_is(is_mark) => marks(text, 1),
        _ if is_mark(byte) => marks(text, 0),
        _ => space(text),
    }
}

/// `U*L+` or `U+L*` from `start`, and `'s` or its like.
fn word(text: &[u8], start: usize) -> usize {
    let capitals = run(text, start, |byte| byte.is_ascii_uppercase());
    let end = run(text, capitals, |byte| byte.is_ascii_lowercase());
    let ahead = |offset: usize| text.get(end + offset).map(u8::to_ascii_lowercase);
    let ending = match (ahead(0), ahead(1), ahead(2)) {
        (Some(b'\''), Some(b's' | b't' | b'm' | b'd'), _) => 2,
        (Some(b'\''), Some(b'r' | b'v'), Some(b'e')) | (Some(b'\''), Some(b'l'), Some(b'l')) => 3,
        (_, _, _) => 0,
    };
    end + ending
}

/// Marks from `start`, and the line breaks and slashes after them.
fn marks(text: &[u8], start: usize) -> usize {
    let end = run(text, start, is_mark);
    run(text, end, |byte| is_break(byte) || byte == b'/')
}

/// White space: up to its last line break, or all but the blank before a word, or a single blank.
fn space(text: &[u8]) -> usize {
    let end = run(text, 0, is_space);
    if let Some(last) = text[..end].iter().rposition(|byte| is_break(*byte)) {
        return last + 1;
    }
    if end == text.len() || end == 1 { end } else { end - 1 }
}

/// Where a run of such bytes that begins at `start` ends.
fn run(text: &[u8], start: usize, test: fn(u8) -> bool) -> usize {
    text[start..].iter().position(|byte| !test(*byte)).map_or(text.len(), |length| start + length)
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// White space as Unicode has it, which takes in the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn is_mark(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !is_space(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_the_pieces_of_the_pattern() {
        for (text, wanted) in [
            ("Hello, it's HTTPServer2024!", "Hello|,| it's| HTTPServer|202|4|!"),
            ("a  b\tc   \n\n  d", "a| | b|\tc|   \n\n| | d"),
            ("x = y;//\r\n/z   ", "x| =| y|;//\r\n/|z|   "),
            (" 1 -2--x", " |1| -|2|--|x"),
            ("we'LLed don'", "we'LL|ed| don|'"),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>().join("|"), wanted, "{text:?}");
        }
    }
}
