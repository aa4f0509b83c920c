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

/// The context of a phase as it is stored, and decoded once somebody needs that.
pub(super) struct Kept {
    pub(super) text: Arc<str>,
    decoded: OnceLock<Decoded>,
}

/// The same decoded, with the tokens of its items once somebody has counted them.
#[derive(Clone)]
pub(super) struct Decoded {
    pub(super) context: Arc<PhaseContext>,
    pub(super) tokens: Arc<OnceLock<PhaseTokens>>,
}

impl Kept {
    pub(super) fn of(text: Arc<str>) -> Self {
        Self { text, decoded: OnceLock::new() }
    }

    /// What this text is of.
    pub(super) fn with(text: Arc<str>, context: Arc<PhaseContext>) -> Self {
        let decoded = Decoded { context, tokens: Arc::default() };
        Self { text, decoded: decoded.into() }
    }

    /// What somebody has decoded already.
    pub(super) fn known(&self) -> Option<&Decoded> {
        self.decoded.get()
    }

    pub(super) fn decoded(&self) -> Result<&Decoded, serde_json::Error> {
        if let Some(decoded) = self.decoded.get() {
            return Ok(decoded);
        }
        let context = Arc::new(serde_json::from_str(&self.text)?);
        Ok(self.decoded.get_or_init(|| Decoded { context, tokens: Arc::default() }))
    }
}

/// They are found by the hash of their text. So it does not matter which database or transaction
/// they come from, or whether that was ever committed: one text has one meaning.
static LATELY: LazyLock<Mutex<Cache<String, Arc<Kept>, Size>>> =
    LazyLock::new(|| Mutex::new(Cache::with_weighter(ENTRIES, BYTES, Size)));

#[derive(Clone)]
struct Size;

impl Weighter<String, Arc<Kept>> for Size {
    fn weight(&self, _: &String, kept: &Arc<Kept>) -> u64 {
        // The text, and decoded the same in parts, each with its length and place.
        3 * kept.text.len() as u64 + 512
    }
}

/// SHA-256 of the text of a phase's context, in lower-case hex.
pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn find(hash: &str) -> Option<Arc<Kept>> {
    locked().get(hash).cloned()
}

pub(super) fn keep(hash: String, kept: Arc<Kept>) {
    locked().insert(hash, kept);
}

fn locked() -> MutexGuard<'static, Cache<String, Arc<Kept>, Size>> {
    LATELY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_never_takes_more_than_its_share() {
        let kept = Arc::new(Kept::of(" ".repeat(1 << 20).into()));
        for number in 0..40 {
            keep(hash(&number.to_string()), Arc::clone(&kept));
        }
        assert!(locked().weight() <= BYTES);
        assert!(locked().len() >= 4);
    }
}
