//! A call: when, by whom and on which conditions an operation is asked for.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use phaseline_persistence::{Tx, idempotency};
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
        let Some(Once { key, fingerprint }) = &call.once else {
            return work(tx, call, input).await;
        };
        if !idempotency::take(tx, key, fingerprint, call.now, *expired).await? {
            return replay(tx, key, fingerprint).await;
        }
        let outcome = work(tx, call, input).await?;
        let kept = serde_json::to_value(&outcome).map_err(|why| Error::undecodable(&why))?;
        idempotency::keep(tx, key, kept).await?;
        Ok(outcome)
    })
}

async fn replay<T: DeserializeOwned>(tx: &Tx, key: &str, fingerprint: &str) -> Result<T> {
    let reused = || Error::KeyReused { key: key.to_owned() };
    let kept = idempotency::find(tx.connection(), key).await?.ok_or_else(reused)?;
    if kept.fingerprint != fingerprint {
        return Err(reused());
    }
    serde_json::from_value(kept.outcome).map_err(|why| Error::undecodable(&why))
}
