//! A server from its database to its address, and its orderly end.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use phaseline_api::Api;
use phaseline_engine::{Engine, Sources, upkeep};
use phaseline_migration::{Migrator, MigratorTrait};
use phaseline_persistence::{Db, DbOptions};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::config::Settings;

/// A server that answers requests.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    engine: Engine,
    stop_api: CancellationToken,
    stop_upkeep: CancellationToken,
    api: JoinHandle<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
}

/// Serves until SIGTERM or Ctrl-C, then finishes what it has taken.
#[expect(clippy::print_stdout, reason = "the one line that says where the server is")]
pub(crate) async fn until_stopped(settings: Settings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let database = DbOptions::new(&settings.database_url).place();
    let mut running = Running::start(settings).await?;
    println!("phaseline listens on http://{} over {database}", running.address);
    tokio::select! {
        _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("stopping on Ctrl-C"),
        ended = &mut running.api => {
            ended??;
            anyhow::bail!("the server ended by itself");
        }
        ended = &mut running.upkeep => {
            ended?;
            anyhow::bail!("the upkeep ended by itself");
        }
    }
    running.stop().await
}

impl Running {
    /// Brings the database up to date, loads the fleet, and listens.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        let Settings { listen, database_url, workers, floors, telemetry: _, engine } = settings;
        let listener = TcpListener::bind(listen).with_context(|| {
            format!("{listen} cannot be listened on; choose another address with --listen")
        })?;
        let address = listener.local_addr()?;
        let options = DbOptions::new(database_url);
        let shown = options.place();
        let db = Db::open(&options)
            .await
            .with_context(|| format!("the database {shown} cannot be opened"))?;
        let alone = db.alone().await;
        let alone = alone.with_context(|| format!("the database {shown} does not answer"))?;
        bring_up_to_date(&db)
            .await
            .with_context(|| format!("the database {shown} cannot be brought up to date"))?;
        drop(alone);
        let engine = Engine::start(db, engine, Sources::system()).await?;
        let (stop_api, stop_upkeep) = (CancellationToken::new(), CancellationToken::new());
        let until = stop_upkeep.clone().cancelled_owned();
        let upkeep = tokio::spawn(upkeep::run(engine.clone(), until));
        let mut api = Api::new(engine.clone()).with_floors(floors);
        if let Some(workers) = workers {
            api = api.with_workers(workers);
        }
        let api = tokio::spawn(phaseline_api::serve(listener, api, stop_api.clone()));
        Ok(Self { address, engine, stop_api, stop_upkeep, api, upkeep })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what it has taken, writes the last heartbeats, and ends.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { address: _, engine, stop_api, stop_upkeep, api, upkeep } = self;
        // In this order: connections to the database go with the threads that opened them.
        stop_upkeep.cancel();
        upkeep.await?;
        stop_api.cancel();
        api.await??;
        upkeep::finish(&engine).await;
        Ok(engine.db().close().await?)
    }
}

async fn bring_up_to_date(db: &Db) -> anyhow::Result<()> {
    let outside = db.outside().await?;
    Migrator::up(&outside, None).await?;
    Ok(())
}
