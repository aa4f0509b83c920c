//! How many tokens the words took that were counted lately: prose repeats itself.

use std::sync::{Mutex, TryLockError};

/// Words that one memo remembers: less than half a mebibyte.
const SLOTS: usize = 1 << 14;
/// The longest word remembered, in bytes. Few are longer.
const LONGEST: usize = 22;

/// A few of them, so that whoever counts at the same moment has one, too.
static MEMOS: [Mutex<Memo>; 4] = [const { Mutex::new(Memo::new()) }; 4];

/// A table in which each word has one place; whoever comes later to a place has it. So it never
/// grows, and no choice of words makes it slower than counting without it.
pub(super) struct Memo {
    /// Empty until it is used.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    length: u8,
    tokens: u8,
    word: [u8; LONGEST],
}

/// Lends a memo that nobody else uses; `None` when all are in use.
pub(super) fn with<T>(work: impl FnOnce(Option<&mut Memo>) -> T) -> T {
    for memo in &MEMOS {
        match memo.try_lock() {
            Ok(mut memo) => return work(Some(&mut memo)),
            // What a panic left behind is whole: a slot is written at once.
            Err(TryLockError::Poisoned(memo)) => return work(Some(&mut memo.into_inner())),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    work(None)
}

impl Memo {
    const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// The tokens of a word, from here or from `count`.
    pub(super) fn tokens(&mut self, word: &str, count: impl FnOnce(&str) -> usize) -> usize {
        let bytes = word.as_bytes();
        if bytes.len() > LONGEST {
            return count(word);
        }
        if self.slots.is_empty() {
            self.slots = vec![Slot { length: 0, tokens: 0, word: [0; LONGEST] }; SLOTS];
        }
        let slot = &mut self.slots[place(bytes)];
        if usize::from(slot.length) != bytes.len() || slot.word[..bytes.len()] != *bytes {
            let tokens = count(word);
            // At most one for each byte, so it fits.
            let Ok(few) = u8::try_from(tokens) else { return tokens };
            *slot = Slot { length: bytes.len() as u8, tokens: few, word: [0; LONGEST] };
            slot.word[..bytes.len()].copy_from_slice(bytes);
        }
        usize::from(slot.tokens)
    }
}

/// FNV-1a, with its upper half folded in.
fn place(word: &[u8]) -> usize {
    let hash = word.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_counted_once_and_another_one_at_its_place_anew() {
        let mut memo = Memo::new();
        assert_eq!(memo.tokens("night", |_| 1), 1);
        assert_eq!(memo.tokens("night", |_| 9), 1, "it is remembered");
        let rival = (0..).map(|i| format!("w{i}"));
        let rival =
            rival.into_iter().find(|word| place(word.as_bytes()) == place(b"night")).unwrap();
        assert_eq!(memo.tokens(&rival, |_| 2), 2);
        assert_eq!(memo.tokens("night", |_| 3), 3);
    }

    #[test]
    fn a_long_word_is_not_remembered() {
        let mut memo = Memo::new();
        let word = "x".repeat(LONGEST + 1);
        assert_eq!(memo.tokens(&word, |_| 1) + memo.tokens(&word, |_| 2), 3);
    }
}
