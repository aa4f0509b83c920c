//! The HTTP server: what wraps every route, and how it starts and ends.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::{
    App, Error, HttpServer, ResponseError,
    dev::{Server, Service, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    web::{self, Data},
};
use futures::future::Either;
use phaseline_engine::Engine;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use utoipa::OpenApi as _;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    contexts::packs::Packs,
    document::Document,
    measure::Measures,
    routes::{Routes, ServiceConfig, configure, in_words, unmatched},
    service::Written,
    stream::{Log, Turns},
};

/// How long requests in hand have to end at shutdown.
const SHUTDOWN_TIMEOUT_S: u64 = 5;
/// How many connections may wait until they are taken.
const BACKLOG: i32 = 4096;

/// How many threads may answer requests: the HTTP server takes no more.
pub const MOST_WORKERS: usize = 512;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Api {
    pub(crate) engine: Engine,
    pub(crate) shutdown: CancellationToken,
    pub(crate) measures: Measures,
    pub(crate) packs: Packs,
    workers: Option<usize>,
    floors: bool,
}

impl Api {
    /// The API of an engine, with a worker for each core.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            shutdown: CancellationToken::new(),
            measures: Measures::default(),
            packs: Packs::default(),
            workers: None,
            floors: false,
        }
    }

    /// The same API with routes below `/floor` that do nothing: what they cost, every other one costs
    /// at least.
    #[must_use]
    pub const fn with_floors(mut self, floors: bool) -> Self {
        self.floors = floors;
        self
    }

    /// The same API with this many threads that answer requests, at least one and at most
    /// [`MOST_WORKERS`].
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers.clamp(1, MOST_WORKERS));
        self
    }
}

/// The OpenAPI 3.1 document of every route.
///
/// ```
/// let document = phaseline_api::openapi();
/// assert!(document.paths.paths.contains_key("/api/v1/tickets/{id}/transition"));
/// ```
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(|config| configure(&mut ServiceConfig::Documented(config)))
        .split_for_parts();
    document
}

/// Serves until `stop` is cancelled; then takes no new connections, ends the streams, and gives
/// the requests in hand a few seconds.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) -> io::Result<()> {
    // As many may knock at once; the standard library lets in 128.
    rustix::net::listen(&listener, BACKLOG)?;
    let (routes, document) = {
        let document = openapi();
        (Data::new(Routes::of(&document)), Data::new(Written::of(&document)?))
    };
    let measures = Measures::of(&routes);
    let api = Api { shutdown: stop.child_token(), measures, ..api };
    let Api { workers, floors, .. } = api;
    let (log, engine) = (Arc::new(Log::default()), api.engine.clone());
    let shared = Data::new(api);
    let streamed = Arc::clone(&log);
    let server = HttpServer::new(move || {
        let (measures, checked) = (shared.measures.clone(), routes.clone());
        let turns = Turns::new(Arc::clone(&streamed), measures.clone());
        App::new()
            .app_data(shared.clone())
            .app_data(Data::new(turns))
            .app_data(routes.clone())
            .app_data(document.clone())
            .configure(|config| configure(&mut ServiceConfig::Plain(config)))
            .configure(move |config| {
                if floors {
                    crate::floors::configure(config);
                }
            })
            .service(web::redirect("/", "/docs/"))
            .service(web::redirect("/docs", "/docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(docs()))
            .default_service(web::to(unmatched))
            .wrap_fn(move |request, next| frame(request, next, &checked, &measures))
    })
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_TIMEOUT_S);
    let server = match workers {
        Some(workers) => server.workers(workers),
        None => server,
    };
    let server = server.listen(listener)?.run();
    let following = stop.child_token();
    let followed = log.follow(&engine, following.clone());
    let served = async {
        let ended = until_cancelled(server, &stop).await;
        following.cancel();
        ended
    };
    let ((), ended) = tokio::join!(followed, served);
    ended
}

/// What goes before and after every route. At the level `debug`, whatever is logged meanwhile names
/// the request.
fn frame<S>(
    mut request: ServiceRequest,
    next: &S,
    routes: &Routes,
    measures: &Measures,
) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
{
    let (method, path) = (request.method(), request.path());
    let route = routes.place(path);
    let query = routes.check_query(route, method, path, request.query_string());
    let span = tracing::debug_span!("request", %method, path);
    if request.method() == Method::HEAD {
        // Answered as GET; the protocol leaves the body out (RFC 9110, section 9.3.2).
        // A stream has no end to leave out.
        request.head_mut().method = Method::GET;
        request.headers_mut().remove(header::ACCEPT);
    }
    let answer = match query {
        Ok(()) => Either::Left(next.call(request)),
        Err(refusal) => {
            let answer = request.into_response(refusal.error_response());
            Either::Right(std::future::ready(Ok(answer)))
        }
    };
    let measures = measures.clone();
    let answer = async move {
        let answer = in_words(answer.await?);
        let status = answer.status();
        measures.count(route, status.as_u16());
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            let (method, path) = (answer.request().method(), answer.request().path());
            tracing::error!(%method, path, "a request was answered with an error of ours");
        }
        tracing::debug!(status = status.as_u16(), "answered");
        Ok(answer)
    };
    if span.is_disabled() { Either::Left(answer) } else { Either::Right(answer.instrument(span)) }
}

async fn until_cancelled(server: Server, stop: &CancellationToken) -> io::Result<()> {
    let handle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = stop.cancelled() => {}
    }
    let (_, ended) = tokio::join!(handle.stop(true), server);
    ended
}

fn docs() -> utoipa_swagger_ui::Config<'static> {
    utoipa_swagger_ui::Config::new(["/openapi.json"])
}
