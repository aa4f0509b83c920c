//! Where time and identity come from: the one place that reads the clock and mints ids.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// A clock and a maker of ids. [`Sources::system`] is the real one; a test or a simulation hands
/// in its own with [`Sources::new`].
#[derive(Clone)]
pub struct Sources {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Sources {
    /// The machine's clock, and UUIDv7 (RFC 9562) that grow within one process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the clock is read and ids are made"
    )]
    pub fn system() -> Self {
        Self::new(Utc::now, Uuid::now_v7)
    }

    /// A clock and a maker of ids of one's own. Ids should grow, since lists are in their order.
    pub fn new(
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        id: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), id: Arc::new(id) }
    }

    /// The time in microseconds, which is what both databases keep.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)().trunc_subsecs(6)
    }

    /// A new id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        (self.id)()
    }

    /// A number in `[0, 1)`, made from a new id: where ids can be repeated, so can chance.
    #[must_use]
    pub fn random(&self) -> f64 {
        // The last 53 bits, mixed so that ids that merely count still scatter (the finaliser of
        // MurmurHash3, 64 bits).
        let (high, low) = self.id().as_u64_pair();
        let mut bits = high ^ low;
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        bits ^= bits >> 33;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let number = (bits >> 11) as f64;
        number / (1_u64 << 53) as f64
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}
