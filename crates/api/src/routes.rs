//! Which routes there are, and what is answered where there is none.

mod config;

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::ServiceResponse,
    http::{Method, StatusCode},
    web::Data,
};
use utoipa::openapi::{
    OpenApi, PathItem, RefOr,
    path::{Operation, ParameterIn},
};

use crate::{
    agents, backlog, claims, contexts, events, flow, gates, health,
    problem::{ProblemKind, Refusal},
    search, service, tasks, tickets, transitions, work, workflows,
};
pub(crate) use config::ServiceConfig;

/// The paths of the document, to tell an unknown path from an unknown method, and a parameter that
/// means something from one that does not.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    all: Vec<Route>,
    /// The routes of so many parts, by their last one.
    by_length: Vec<HashMap<String, Vec<usize>>>,
}

#[derive(Debug, Clone)]
struct Route {
    template: String,
    parameters: usize,
    methods: Vec<Method>,
    /// Those of the methods that read a query.
    queried: Vec<Method>,
}

/// Stands for a last part that is a parameter; no part of a path is this.
const ANY: &str = "/";

/// Where the API begins.
const API: &str = "/api/v1";

/// Every route. Literal paths come before those with a parameter in the same place, and each
/// collection has a scope of its own, so that a request is compared with few of them.
pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.configure(service::configure).scope(API, &[api]);
}

fn api(config: &mut ServiceConfig<'_, '_>) {
    config
        .scope(
            "/tickets",
            &[
                tickets::configure,
                transitions::configure,
                tasks::configure_tickets,
                contexts::configure,
                gates::configure,
                flow::configure_tickets,
            ],
        )
        .scope("/tasks", &[tasks::configure, work::configure, flow::configure_tasks])
        .scope(
            "/agents",
            &[
                agents::configure_heartbeats,
                search::configure,
                health::configure,
                agents::configure,
                claims::configure,
            ],
        )
        .configure(events::configure)
        .configure(workflows::configure)
        .configure(backlog::configure)
        .configure(flow::configure);
}

/// What is answered where no route matched.
pub(crate) async fn unmatched(request: HttpRequest, routes: Data<Routes>) -> HttpResponse {
    let path = request.path();
    let allow = routes.methods(path);
    let refusal = if allow.is_empty() {
        nothing_at(path)
    } else {
        Refusal::method_not_allowed(request.method(), path, allow)
    };
    refusal.error_response()
}

/// The same answer; but where it says without a word that there is nothing, as the files of
/// `/docs/` do, the problem.
pub(crate) fn in_words(answer: ServiceResponse) -> ServiceResponse {
    let bare = answer.response().body().size().is_eof();
    if answer.status() != StatusCode::NOT_FOUND || !bare {
        return answer;
    }
    let problem = nothing_at(answer.request().path()).error_response();
    answer.into_response(problem)
}

fn nothing_at(path: &str) -> Refusal {
    Refusal::new(ProblemKind::NotFound, format!("there is nothing at {path}"))
}

impl Routes {
    /// The routes of a document, and `/docs`, which serves it.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let documented = document.paths.paths.iter().map(|(template, item)| Route {
            template: template.clone(),
            parameters: template.matches('{').count(),
            methods: methods(item, |_| true),
            queried: methods(item, reads_a_query),
        });
        let page = ["/docs", "/docs/"].map(|path| Route {
            template: path.to_owned(),
            parameters: 0,
            methods: vec![Method::GET, Method::HEAD],
            queried: vec![Method::GET, Method::HEAD],
        });
        let all: Vec<Route> = documented.chain(page).collect();
        let mut by_length: Vec<HashMap<String, Vec<usize>>> = Vec::new();
        for (place, route) in all.iter().enumerate() {
            let (parts, last) = (parts(&route.template), last(&route.template));
            let last = if last.starts_with('{') { ANY } else { last };
            by_length.resize_with(by_length.len().max(parts + 1), HashMap::new);
            by_length[parts].entry(last.to_owned()).or_default().push(place);
        }
        Self { all, by_length }
    }

    /// The paths, as patterns, in the order of [`place`](Self::place).
    pub(crate) fn templates(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|route| route.template.as_str())
    }

    /// Where the route of a path stands among all: that of the template that fits it with the
    /// fewest parameters.
    pub(crate) fn place(&self, path: &str) -> Option<usize> {
        let by_last = self.by_length.get(parts(path))?;
        let candidates = [last(path), ANY].into_iter().filter_map(|last| by_last.get(last));
        candidates
            .flatten()
            .copied()
            .filter(|place| fits(&self.all[*place].template, path))
            .min_by_key(|place| self.all[*place].parameters)
    }

    /// Refuses a query where none is read: whoever sends one means something by it.
    ///
    /// # Errors
    /// The refusal names the query.
    pub(crate) fn check_query(
        &self,
        place: Option<usize>,
        method: &Method,
        path: &str,
        query: &str,
    ) -> Result<(), Refusal> {
        let Some(route) = place.and_then(|place| self.all.get(place)) else {
            return Ok(());
        };
        let silent = query.is_empty() || !path.starts_with(API);
        if silent || !route.methods.contains(method) || route.queried.contains(method) {
            return Ok(());
        }
        let fact = format!("{method} {path} takes no parameters, and was sent ?{query}");
        Err(Refusal::malformed(fact))
    }

    /// The methods that a path takes.
    pub(crate) fn methods(&self, path: &str) -> Vec<Method> {
        let route = self.place(path).and_then(|place| self.all.get(place));
        route.map(|route| route.methods.clone()).unwrap_or_default()
    }
}

/// The methods of a path whose operation is such.
fn methods(item: &PathItem, such: impl Fn(&Operation) -> bool) -> Vec<Method> {
    let operations = [
        (&item.get, Method::GET),
        (&item.get, Method::HEAD),
        (&item.post, Method::POST),
        (&item.put, Method::PUT),
        (&item.patch, Method::PATCH),
        (&item.delete, Method::DELETE),
    ];
    let there = operations.into_iter().filter(|(known, _)| known.as_ref().is_some_and(&such));
    there.map(|(_, method)| method).collect()
}

fn reads_a_query(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => true,
    })
}

fn parts(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// From the end, where routes differ.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.rsplit('/'), path.rsplit('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            (Some(wanted), Some(given)) if wanted == given => {}
            (_, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        let routes = Routes::of(&crate::openapi());
        let methods = routes.methods(path);
        let seen: Vec<_> = methods.iter().map(Method::as_str).collect();
        assert_eq!(seen.join(" "), expected, "{path}");
    }

    #[test]
    fn a_literal_path_comes_before_a_parameter() {
        check("/api/v1/agents/search", "GET HEAD");
        check("/api/v1/agents/register", "POST");
        check("/api/v1/agents/7", "GET HEAD PATCH DELETE");
        check("/api/v1/agents/7/claim", "POST");
        check("/api/v1/tasks", "GET HEAD");
    }

    #[test]
    fn a_query_is_refused_where_none_is_read() {
        let routes = Routes::of(&crate::openapi());
        let check = |method: &Method, path, query| {
            routes.check_query(routes.place(path), method, path, query)
        };
        let fine = |method: &Method, path, query| check(method, path, query).is_ok();
        assert!(fine(&Method::GET, "/api/v1/tickets", "nope=1"), "the route itself looks at it");
        assert!(fine(&Method::GET, "/api/v1/nothing", "nope=1"), "there is another answer to that");
        assert!(fine(&Method::DELETE, "/api/v1/tickets/7", ""));
        assert!(fine(&Method::GET, "/healthz", "probe=1"));
        assert!(!fine(&Method::POST, "/api/v1/tickets", "dry_run=true"));
        assert!(!fine(&Method::DELETE, "/api/v1/tickets/7", "dry_run=true"));
        let refusal = check(&Method::HEAD, "/api/v1/phases", "a=b").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "malformed-request: HEAD /api/v1/phases takes no parameters, and was sent ?a=b."
        );
    }

    #[test]
    fn a_path_that_nobody_knows_takes_nothing() {
        check("/api/v1/nothing", "");
        check("/api/v1/agents/", "");
        check("/api/v1/tickets/7/tasks/8", "");
    }
}
