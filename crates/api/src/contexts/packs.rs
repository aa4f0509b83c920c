//! The packs that were asked for lately, as they were answered.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::web::Bytes;
use phaseline_phases::PhaseId;
use quick_cache::{Weighter, unsync::Cache};
use uuid::Uuid;

/// What all of them take at most.
const BYTES: u64 = 16 << 20;
/// What one takes beside its body, near enough.
const ENTRY_BYTES: u64 = 256;
/// How many packs of ordinary size that may be.
const ENTRIES: usize = 1_000;

/// What a pack is made of: whatever it depends on changes the version of its ticket. So one that is
/// found is the one that would be made, and one of an older version is never found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) ticket: Uuid,
    pub(crate) version: i64,
    pub(crate) target: PhaseId,
    pub(crate) budget_tokens: Option<u32>,
    pub(crate) markdown: bool,
}

/// Packs within a number of bytes; those that nobody asks for any more make room. Clones share them.
#[derive(Clone)]
pub(crate) struct Packs(Arc<Mutex<Cache<Key, Bytes, Size>>>);

#[derive(Clone)]
struct Size;

impl Weighter<Key, Bytes> for Size {
    fn weight(&self, _: &Key, body: &Bytes) -> u64 {
        ENTRY_BYTES + body.len() as u64
    }
}

impl Packs {
    pub(crate) fn find(&self, key: &Key) -> Option<Bytes> {
        self.locked().get(key).cloned()
    }

    pub(crate) fn keep(&self, key: Key, body: Bytes) {
        self.locked().insert(key, body);
    }

    fn locked(&self) -> MutexGuard<'_, Cache<Key, Bytes, Size>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Packs {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Cache::with_weighter(ENTRIES, BYTES, Size))))
    }
}

impl fmt::Debug for Packs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packs").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use phaseline_phases::Phase;

    use super::*;

    fn key(version: i64) -> Key {
        Key {
            ticket: Uuid::nil(),
            version,
            target: Phase::Design.id(),
            budget_tokens: Some(400),
            markdown: false,
        }
    }

    #[test]
    fn a_pack_is_found_by_all_that_it_is_made_of() {
        let packs = Packs::default();
        packs.keep(key(1), Bytes::from_static(b"one"));
        assert_eq!(packs.find(&key(1)), Some(Bytes::from_static(b"one")));
        for other in [
            key(2),
            Key { ticket: Uuid::max(), ..key(1) },
            Key { target: Phase::Testing.id(), ..key(1) },
            Key { budget_tokens: None, ..key(1) },
            Key { markdown: true, ..key(1) },
        ] {
            assert_eq!(packs.find(&other), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_kept_never_takes_more_than_its_share() {
        let packs = Packs::default();
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        (0..40).for_each(|version| packs.keep(key(version), body.clone()));
        assert!(packs.locked().weight() <= BYTES);
        assert!(packs.locked().len() >= 8);
    }
}
