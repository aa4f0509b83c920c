//! A JSON client of a server, which holds every answer against the OpenAPI document.

use std::sync::Once;

use reqwest::{
    Client, Method, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::document;

/// A server at an address.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    base: String,
    client: Client,
}

/// A request before it is sent.
pub(crate) struct Request {
    builder: RequestBuilder,
    method: Method,
    path: String,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body as text.
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) json: Value,
}

impl Http {
    /// The server at this address: `http://` and no slash at the end.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            // reqwest asks for a provider even where nothing is encrypted.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        Self { base: base.into(), client: Client::new() }
    }

    /// Where the server is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path: below `/api/v1` unless it says so itself.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let outside =
            ["/api/", "/healthz", "/readyz", "/metrics", "/openapi", "/docs", "/problems"];
        let below = if outside.iter().any(|root| path.starts_with(root)) { "" } else { "/api/v1" };
        let path = format!("{below}{path}");
        let url = format!("{}{path}", self.base);
        Request { builder: self.client.request(method.clone(), url), method, path }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path).send().await
    }

    /// POST with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.request(Method::POST, path).json(body).send().await
    }

    /// PATCH with a JSON body.
    pub(crate) async fn patch(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.request(Method::PATCH, path).json(body).send().await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path).send().await
    }

    /// POST that must create something; answers what was created.
    pub(crate) async fn create(&self, path: &str, body: impl Into<Value>) -> Value {
        self.post(path, body).await.is(201).json
    }

    /// All items of a list, page by page.
    pub(crate) async fn all(&self, path: &str, limit: u32) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{mark}limit={limit}{cursor}")).await.is(200).json;
            items.extend(page["items"].as_array().expect("a list has items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

impl Request {
    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Carries JSON.
    pub(crate) fn json(mut self, body: impl Into<Value>) -> Self {
        self.builder = self.builder.json(&body.into());
        self
    }

    /// Carries bytes that say they are JSON.
    pub(crate) fn bytes(self, body: impl Into<reqwest::Body>) -> Self {
        let mut request = self.header("content-type", "application/json");
        request.builder = request.builder.body(body);
        request
    }

    /// Sends it and reads the whole answer, which the OpenAPI document must know.
    pub(crate) async fn send(self) -> Reply {
        let Self { builder, method, path } = self;
        self::read(builder, &method, &path)
            .await
            .unwrap_or_else(|error| panic!("{method} {path} was not answered: {error}"))
    }

    /// Sends it; an error when no whole answer comes.
    pub(crate) async fn try_send(self) -> reqwest::Result<Reply> {
        self::read(self.builder, &self.method, &self.path).await
    }

    /// Sends it and leaves the body to the caller: a stream.
    pub(crate) async fn open(self) -> reqwest::Response {
        self.builder.send().await.expect("the server answers")
    }
}

impl Reply {
    /// The same reply, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The problem that this reply must be.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, kind: &str) -> Value {
        let reply = self.is(status);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{}", reply.text);
        assert_eq!(reply.json["type"], format!("/problems/{kind}"), "{}", reply.text);
        assert_eq!(reply.json["status"], status, "{}", reply.text);
        reply.json
    }

    /// A header, which must be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"));
        value.to_str().expect("headers are ASCII")
    }
}

/// The text of a member that must be text.
#[track_caller]
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

async fn read(builder: RequestBuilder, method: &Method, path: &str) -> reqwest::Result<Reply> {
    let response = builder.send().await?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await?;
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().expect("ASCII"));
    document::check(method, path, status, kind, &text);
    let json = serde_json::from_str(&text).unwrap_or_default();
    Ok(Reply { status, headers, text, json })
}
