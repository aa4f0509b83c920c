//! A server in this process, over a fresh database.

use std::{
    net::TcpListener,
    ops::Deref,
    sync::atomic::{AtomicI64, Ordering},
};

use phaseline_api::Api;
use phaseline_engine::{Engine, Settings, Sources, upkeep};
use phaseline_persistence::{Db, DbOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    database::{Database, database},
    http::Http,
};

/// A running server; its requests are methods of [`Http`].
pub(crate) struct Server {
    http: Http,
    engine: Engine,
    place: Database,
    stop_api: CancellationToken,
    stop_upkeep: CancellationToken,
    api: JoinHandle<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
}

/// A server with the usual settings.
pub(crate) async fn server() -> Server {
    serve(database().await, 3, Settings::default(), Sources::system()).await
}

/// A server over a database that is there already.
pub(crate) async fn server_over(place: Database) -> Server {
    serve(place, 3, Settings::default(), Sources::system()).await
}

/// A server with as many connections as a race needs.
pub(crate) async fn server_for_a_race() -> Server {
    const CONNECTIONS: u32 = 8;
    serve(database().await, CONNECTIONS, Settings::default(), Sources::system()).await
}

/// A server that reaches its database in a way of its own.
pub(crate) async fn server_with(options: impl FnOnce(DbOptions) -> DbOptions) -> Server {
    let place = database().await;
    let db = place.open_as(options(DbOptions::new(place.url()))).await;
    serve_from(place, db, Settings::default(), Sources::system()).await
}

/// A second server over the database of one that runs; it must end first.
pub(crate) async fn server_beside(first: &Server) -> Server {
    serve(first.place.shared(), 4, Settings::default(), Sources::system()).await
}

/// A server with other settings, whose clock the test sets.
pub(crate) async fn server_at(settings: Settings, clock: &'static Clock) -> Server {
    serve(database().await, 3, settings, clock.sources()).await
}

/// A server over a database that is there already, whose clock the test sets.
pub(crate) async fn server_over_at(place: Database, clock: &'static Clock) -> Server {
    serve(place, 3, Settings::default(), clock.sources()).await
}

/// A clock that stands still until it is put forward.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    /// A clock of one test's own.
    pub(crate) fn stopped() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Puts it forward.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn sources(&'static self) -> Sources {
        let system = Sources::system();
        let began = system.now();
        Sources::new(move || began + self.ahead(), move || system.id())
    }

    fn ahead(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

impl Server {
    /// Its database, for looking past the API.
    pub(crate) fn db(&self) -> &Db {
        self.engine.db()
    }

    /// Ends it in order and hands over its database.
    pub(crate) async fn stop(self) -> Database {
        self.stop_upkeep.cancel();
        self.upkeep.await.expect("the upkeep ends");
        self.stop_api.cancel();
        self.api.await.expect("the server ends").expect("the server ends well");
        upkeep::finish(&self.engine).await;
        self.place
    }
}

impl Deref for Server {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

async fn serve(place: Database, connections: u32, settings: Settings, sources: Sources) -> Server {
    let db = place.open_with(connections).await;
    serve_from(place, db, settings, sources).await
}

async fn serve_from(place: Database, db: Db, settings: Settings, sources: Sources) -> Server {
    let engine = Engine::start(db, settings, sources).await.expect("the engine starts");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the listener has an address");
    let (stop_api, stop_upkeep) = (CancellationToken::new(), CancellationToken::new());
    let upkeep = tokio::spawn(upkeep::run(engine.clone(), stop_upkeep.clone().cancelled_owned()));
    let api = Api::new(engine.clone()).with_workers(2);
    let api = tokio::spawn(phaseline_api::serve(listener, api, stop_api.clone()));
    let http = Http::new(format!("http://{address}"));
    Server { http, engine, place, stop_api, stop_upkeep, api, upkeep }
}
