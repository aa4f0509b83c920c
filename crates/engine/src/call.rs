//! A call: when, by whom and on which conditions an operation is asked for.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use phaseline_persistence::{
    self as persistence, Connection, Fault, Tx,
    idempotency::{self, Kept},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Error, Noun, Result, Sources, Work};

/// The circumstances of an operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it is asked for.
    pub now: DateTime<Utc>,
    /// Where its ids come from.
    pub sources: Sources,
    /// Who asks, as they say themselves.
    pub actor: Option<String>,
    /// The version that the object must still have.
    pub expected: Option<i64>,
    /// The key under which it is to happen only once.
    pub once: Option<Once>,
}

/// An idempotency key with the digest of the request that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The key, as the client chose it.
    pub key: String,
    /// A digest of what was asked; the same key with another one is refused.
    pub fingerprint: String,
}

impl Call {
    /// A call of now, by nobody in particular and on no condition.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self { now: sources.now(), sources, actor: None, expected: None, once: None }
    }

    /// The same call by somebody.
    #[must_use]
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Refuses when the object is not at the version that the caller knows.
    pub(crate) fn expect(&self, what: Noun, id: Uuid, current: i64) -> Result<()> {
        match self.expected {
            Some(expected) if expected != current => {
                Err(Error::PreconditionFailed { what, id, expected, current })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// One operation on its way through the write door.
pub(crate) struct Unit<I, T> {
    pub(crate) call: Call,
    pub(crate) input: I,
    pub(crate) work: Work<I, T>,
    pub(crate) expired: DateTime<Utc>,
}

/// Does the work of a unit, or answers what its key was answered before.
pub(crate) fn run<'t, I, T>(tx: &'t Tx, unit: &'t Unit<I, T>) -> BoxFuture<'t, Result<T>>
where
    I: Send + Sync,
    T: Serialize + DeserializeOwned + Send + 'static,
{
    Box::pin(async move {
        let Unit { call, input, work, expired } = unit;
        let Some(once) = &call.once else {
            return work(tx, call, input).await;
        };
        idempotency::wait(tx, &once.key).await?;
        if let Some(kept) = idempotency::find(tx.connection(), &once.key).await? {
            if kept.created_at >= *expired {
                return once.replay(kept);
            }
            idempotency::forget(tx, &once.key, *expired).await?;
        }
        let outcome = work(tx, call, input).await?;
        let kept = Kept {
            fingerprint: once.fingerprint.clone(),
            outcome: serde_json::to_value(&outcome).map_err(|why| Error::undecodable(&why))?,
            created_at: call.now,
        };
        idempotency::keep(tx, &once.key, kept).await?;
        Ok(outcome)
    })
}

impl Once {
    /// What the first request was answered, if it is the same one.
    fn replay<T: DeserializeOwned>(&self, kept: Kept) -> Result<T> {
        if kept.fingerprint != self.fingerprint {
            return Err(Error::KeyReused { key: self.key.clone() });
        }
        serde_json::from_value(kept.outcome).map_err(|why| Error::undecodable(&why))
    }

    /// What to answer instead of a refusal: the same request may have been made at the same moment and
    /// be the very reason for it.
    pub(crate) async fn instead<T: DeserializeOwned>(
        &self,
        refusal: Error,
        db: &Connection,
        expired: DateTime<Utc>,
    ) -> Result<T> {
        if !matches!(refusal.storage(), None | Some(persistence::Error::Duplicate(_))) {
            return Err(refusal);
        }
        match idempotency::find(db, &self.key).await {
            Ok(Some(kept)) if kept.created_at >= expired => self.replay(kept),
            Ok(_) | Err(_) => Err(refusal),
        }
    }
}
