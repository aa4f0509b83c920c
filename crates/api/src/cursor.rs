//! Cursors: where a page of a list ended, in a form that only this server reads.
//!
//! A cursor belongs to one list with one filter. It is not secret, so it is not signed; the
//! checksum tells a cursor of ours from one that was mistyped or made up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::problem::Refusal;

const VERSION: u8 = 1;
const SCOPE_BYTES: usize = 8;
const CHECK_BYTES: usize = 4;

/// A list with its filter, as far as a cursor knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope([u8; SCOPE_BYTES]);

impl Scope {
    /// The scope of a list by its name and its filter.
    pub(crate) fn of(list: &str, filter: &impl std::fmt::Debug) -> Self {
        Self(head(&Sha256::digest(format!("{list}\n{filter:?}"))))
    }

    /// The cursor after the item of this place: its id, or whatever the list is ordered by.
    pub(crate) fn cursor(self, last: &[u8]) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.0);
        bytes.extend(last);
        bytes.extend(check(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place of the last item of the page before.
    ///
    /// # Errors
    /// A cursor that this list never gave out.
    pub(crate) fn read<const N: usize>(self, cursor: &str) -> Result<[u8; N], Refusal> {
        self.parse(cursor).ok_or_else(|| {
            Refusal::malformed(
                "`cursor` is not one that this list gave out; pass the `next_cursor` of the page \
                 before, with the same filters, or none for the first page",
            )
        })
    }

    fn parse<const N: usize>(self, cursor: &str) -> Option<[u8; N]> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (body, given) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
        let (scope, last) = body.strip_prefix(&[VERSION])?.split_at_checked(SCOPE_BYTES)?;
        let ours = given == check(body) && scope == self.0;
        ours.then(|| last.try_into().ok()).flatten()
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    head(&Sha256::digest(bytes))
}

fn head<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut head = [0; N];
    head.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: [u8; 3] = [7, 0, 255];

    fn scope(filter: &str) -> Scope {
        Scope::of("tickets", &filter)
    }

    #[test]
    fn a_cursor_leads_back_to_its_item() {
        assert_eq!(scope("all").read(&scope("all").cursor(&LAST)).unwrap(), LAST);
    }

    #[test]
    fn a_cursor_of_another_list_or_filter_is_foreign() {
        let cursor = scope("all").cursor(&LAST);
        assert!(scope("HIGH").read::<3>(&cursor).is_err());
        assert!(Scope::of("agents", &"all").read::<3>(&cursor).is_err());
        assert!(scope("all").read::<4>(&cursor).is_err());
    }

    #[test]
    fn what_was_made_up_or_cut_is_foreign() {
        let cursor = scope("all").cursor(&LAST);
        for text in ["", "AAAA", "not a cursor", &cursor[1..], &cursor[..cursor.len() - 1]] {
            assert!(scope("all").read::<3>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let cursor = scope("all").cursor(&LAST);
        for place in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(scope("all").read::<3>(&changed).is_err(), "{changed}");
        }
    }
}
