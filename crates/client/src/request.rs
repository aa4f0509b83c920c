//! One request: what is asked, and how often it is sent until there is an answer.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use phaseline_wire::Problem;
use reqwest::{
    Method, Response,
    header::{CONTENT_TYPE, IF_MATCH},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Client, Error, Result, RetryPolicy, query::Parameters, retry::retry_after};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A request that is sent when it is awaited, and gives a `T`.
///
/// The [crate page](crate) says which requests are sent again after which failures.
///
/// # Errors
/// [`Error::Problem`] where the server refuses, [`Error::Transport`] where it does not answer;
/// the other variants of [`Error`] say when they come.
#[must_use = "a request is sent when it is awaited"]
pub struct Request<T> {
    client: Client,
    method: Method,
    path: String,
    parameters: Parameters,
    body: Option<Result<Vec<u8>, serde_json::Error>>,
    if_match: Option<i64>,
    key: Option<String>,
    retries: RetryPolicy,
    timeout: Duration,
    read: fn(&[u8]) -> Result<T>,
}

/// One try that failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// How long the server wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl<T> Request<T> {
    /// Changes the object only if it is still at this version; refused as `precondition-failed`
    /// if it is not. Reads take no notice of it.
    pub const fn if_match(mut self, version: i64) -> Self {
        self.if_match = Some(version);
        self
    }

    /// Sends a `POST` under a key of one's own, 1 to 255 visible ASCII characters, instead of a
    /// new one: then a process that starts again can repeat what it may have done before. Other
    /// methods take no notice of it.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into()).filter(|_| self.method == Method::POST);
        self
    }

    /// Sends this request as often as this policy says, and not as that of the client does.
    pub const fn retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// How long one try of this request may take.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Gives one try of a request that makes the server wait that much more time.
    pub(crate) const fn longer(mut self, wait: Duration) -> Self {
        self.timeout = self.timeout.saturating_add(wait);
        self
    }

    /// Without a key the server has nothing to store, and the request is sent once.
    pub(crate) fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    pub(crate) fn query(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    fn new(
        client: &Client,
        method: Method,
        path: impl Into<String>,
        read: fn(&[u8]) -> Result<T>,
    ) -> Self {
        Self {
            client: client.clone(),
            key: (method == Method::POST).then(new_key),
            method,
            path: path.into(),
            parameters: Parameters::default(),
            body: None,
            if_match: None,
            retries: client.inner.retries,
            timeout: client.inner.timeout,
            read,
        }
    }

    fn with_body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body));
        self
    }

    async fn send(mut self) -> Result<T> {
        let body = self.body.take().transpose().map_err(Error::Encode)?;
        let mut pauses = self.retries.pauses();
        let mut answer_was_lost = false;
        loop {
            let Failure { error, retry_after } = match self.send_once(body.clone()).await {
                Ok(answer) => return (self.read)(&answer),
                Err(failure) => failure,
            };
            if answer_was_lost && self.method == Method::DELETE && error.is_gone() {
                return (self.read)(&[]);
            }
            if !self.may_be_repeated() || !error.is_transient() {
                return Err(error);
            }
            answer_was_lost |= matches!(&error, Error::Transport(cause) if !cause.is_connect());
            let Some(pause) = self.retries.pause(pauses.next(), retry_after) else {
                return Err(error);
            };
            tracing::debug!(%error, ?pause, method = %self.method, path = self.path, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether it does no harm if the server gets this twice (RFC 9110, section 9.2.2).
    fn may_be_repeated(&self) -> bool {
        match self.method {
            Method::POST => self.key.is_some(),
            Method::PATCH => self.if_match.is_some(),
            _ => true,
        }
    }

    async fn send_once(&self, body: Option<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let mut request = self
            .client
            .http(self.method.clone(), &self.path)
            .query(&self.parameters.0)
            .timeout(self.timeout);
        if let Some(version) = self.if_match {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(key) = &self.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(Failure::transport)?;
        let response = accepted(response).await?;
        Ok(response.bytes().await.map_err(Failure::transport)?.into())
    }
}

impl<T: DeserializeOwned> Request<T> {
    pub(crate) fn get(client: &Client, path: impl Into<String>) -> Self {
        Self::new(client, Method::GET, path, read_json)
    }

    pub(crate) fn post(client: &Client, path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(client, Method::POST, path, read_json).with_body(body)
    }

    pub(crate) fn patch(client: &Client, path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(client, Method::PATCH, path, read_json).with_body(body)
    }
}

impl Request<()> {
    pub(crate) fn delete(client: &Client, path: impl Into<String>) -> Self {
        Self::new(client, Method::DELETE, path, |_| Ok(()))
    }
}

impl Request<String> {
    pub(crate) fn get_text(client: &Client, path: impl Into<String>) -> Self {
        Self::new(client, Method::GET, path, |text| Ok(String::from_utf8_lossy(text).into_owned()))
    }
}

impl<T: 'static> IntoFuture for Request<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Failure {
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        Self { error: Error::Transport(error.without_url()), retry_after: None }
    }
}

impl Client {
    /// A request with what all requests have.
    pub(crate) fn http(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.inner.address);
        let request = self.inner.http.request(method, url);
        match &self.inner.actor {
            Some(actor) => request.header("Phaseline-Actor", actor),
            None => request,
        }
    }
}

/// An answer that says yes; any other is turned into the refusal that it is.
pub(crate) async fn accepted(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    let body = response.bytes().await.map_err(Failure::transport)?;
    let error = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Error::Problem(Box::new(problem)),
        Err(_) => Error::Foreign { status: status.as_u16() },
    };
    Err(Failure { error, retry_after })
}

fn read_json<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(Error::Decode)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key belongs to one request of one process, and no domain function ever sees it"
)]
fn new_key() -> String {
    Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests;
