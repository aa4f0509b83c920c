//! When a worker stops: SIGTERM or Ctrl-C once is to finish, twice is to stop at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// When to take no more work, and when to stop at once.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) drain: CancellationToken,
    pub(super) abort: CancellationToken,
}

impl Stop {
    /// Listens for signals from now on.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = Self { drain: CancellationToken::new(), abort: CancellationToken::new() };
        let told = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "Ctrl-C",
                };
                if told.drain.is_cancelled() {
                    tracing::warn!("stops its commands on a second {name}");
                    told.abort.cancel();
                } else {
                    tracing::info!("takes no more work on {name}; once more stops what runs");
                    told.drain.cancel();
                }
            }
        });
        Ok(stop)
    }
}
