//! The contexts of phases that were read or written lately: whoever works on a ticket asks for the
//! same ones again and again.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use phaseline_context::{PhaseContext, PhaseTokens};
use quick_cache::{Weighter, unsync::Cache};
use sha2::{Digest, Sha256};

/// What all of them take at most, near enough.
const BYTES: u64 = 16 << 20;
/// How many phases of ordinary size that may be.
const ENTRIES: usize = 1_000;

/// The context of a phase, and the tokens of its items once somebody has counted them.
#[derive(Clone)]
pub(super) struct Decoded {
    pub(super) context: Arc<PhaseContext>,
    pub(super) tokens: Arc<OnceLock<PhaseTokens>>,
    /// How long its text is.
    pub(super) length: usize,
}

/// They are found by the hash of their text. So it does not matter which database or transaction
/// they come from, or whether that was ever committed: one text has one meaning.
static LATELY: LazyLock<Mutex<Cache<String, Decoded, Size>>> =
    LazyLock::new(|| Mutex::new(Cache::with_weighter(ENTRIES, BYTES, Size)));

#[derive(Clone)]
struct Size;

impl Weighter<String, Decoded> for Size {
    fn weight(&self, _: &String, decoded: &Decoded) -> u64 {
        // Decoded texts lie apart, each with its length and place.
        2 * decoded.length as u64 + 512
    }
}

/// SHA-256 of the text of a phase's context, in lower-case hex.
pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn find(hash: &str) -> Option<Decoded> {
    locked().get(hash).cloned()
}

pub(super) fn keep(hash: String, decoded: Decoded) {
    locked().insert(hash, decoded);
}

fn locked() -> MutexGuard<'static, Cache<String, Decoded, Size>> {
    LATELY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_never_takes_more_than_its_share() {
        let context: PhaseContext = serde_json::from_value(serde_json::json!({
            "phase_id": "PHASE_DESIGN", "summary": "", "summarised_by": "", "decisions": [],
            "risks": [], "notes": [], "artifacts": [], "tasks": [], "inputs_hash": "",
        }))
        .unwrap();
        let decoded =
            Decoded { context: Arc::new(context), tokens: Arc::default(), length: 1 << 20 };
        for number in 0..40 {
            keep(hash(&number.to_string()), decoded.clone());
        }
        assert!(locked().weight() <= BYTES);
        assert!(locked().len() >= 4);
    }
}
