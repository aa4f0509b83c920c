//! Where routes are put: into what answers requests, or besides into the document that tells of them.

use actix_web::{dev::HttpServiceFactory, web};
use utoipa_actix_web::{OpenApiFactory, service_config};

/// Takes routes. To describe them takes megabytes, so only whoever writes the document has that done.
pub(crate) enum ServiceConfig<'c, 's> {
    /// For the threads that answer.
    Plain(&'c mut web::ServiceConfig),
    /// For the document.
    Documented(&'c mut service_config::ServiceConfig<'s>),
}

impl ServiceConfig<'_, '_> {
    /// Adds a route.
    pub(crate) fn service<F>(&mut self, route: F) -> &mut Self
    where
        F: HttpServiceFactory + OpenApiFactory + 'static,
    {
        match self {
            Self::Plain(config) => {
                config.service(route);
            }
            Self::Documented(config) => {
                config.service(route);
            }
        }
        self
    }

    /// Adds the routes of a part.
    pub(crate) fn configure(&mut self, part: Part) -> &mut Self {
        part(self);
        self
    }

    /// Adds the routes of some parts below a path.
    pub(crate) fn scope(&mut self, path: &str, parts: &[Part]) -> &mut Self {
        match self {
            Self::Plain(config) => {
                let scope = parts.iter().fold(web::scope(path), |scope, part| {
                    scope.configure(|config| part(&mut ServiceConfig::Plain(config)))
                });
                config.service(scope);
            }
            Self::Documented(config) => {
                let scope = parts.iter().fold(utoipa_actix_web::scope(path), |scope, part| {
                    scope.configure(|config| part(&mut ServiceConfig::Documented(config)))
                });
                config.service(scope);
            }
        }
        self
    }
}

/// Adds the routes of a part of the API.
pub(crate) type Part = fn(&mut ServiceConfig<'_, '_>);
