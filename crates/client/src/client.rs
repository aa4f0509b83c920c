//! The client itself: where the server is, and how requests to it are made.

use std::{sync::Arc, time::Duration};

use reqwest::{Url, header::HeaderValue, redirect::Policy};

use crate::{
    Agents, Backlogs, Contexts, Error, Events, Fleet, Flow, Probes, Result, RetryPolicy, Tasks,
    Tickets, Workflows,
};

/// A client of one server. Clones share their connections.
///
/// ```
/// use phaseline_client::Client;
///
/// let client = Client::new("http://127.0.0.1:8080")?;
/// assert!(Client::new("127.0.0.1:8080").is_err());
/// # Ok::<(), phaseline_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

/// A client before it is made: [`Client::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    address: String,
    actor: Option<String>,
    timeout: Duration,
    retries: RetryPolicy,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    /// The address of the server, without a slash at its end.
    pub(crate) address: String,
    pub(crate) actor: Option<HeaderValue>,
    pub(crate) timeout: Duration,
    pub(crate) retries: RetryPolicy,
}

impl Client {
    /// A client with the usual settings of the server at this address: scheme, host, port, and a
    /// path where a proxy wants one.
    ///
    /// # Errors
    /// [`Error::InvalidAddress`], or [`Error::Setup`] where `https` finds no certificates.
    pub fn new(address: &str) -> Result<Self> {
        Self::builder(address).build()
    }

    /// Begins to make a client with settings of one's own.
    pub fn builder(address: &str) -> ClientBuilder {
        ClientBuilder {
            address: address.to_owned(),
            actor: None,
            timeout: Duration::from_secs(30),
            retries: RetryPolicy::default(),
        }
    }

    /// Tickets, their moves and their histories.
    #[must_use]
    pub const fn tickets(&self) -> Tickets<'_> {
        Tickets(self)
    }

    /// What the phases of a ticket found out.
    #[must_use]
    pub const fn contexts(&self) -> Contexts<'_> {
        Contexts(self)
    }

    /// Tasks.
    #[must_use]
    pub const fn tasks(&self) -> Tasks<'_> {
        Tasks(self)
    }

    /// Agents, one at a time.
    #[must_use]
    pub const fn agents(&self) -> Agents<'_> {
        Agents(self)
    }

    /// The agents together: who fits, who is well, and how many there are.
    #[must_use]
    pub const fn fleet(&self) -> Fleet<'_> {
        Fleet(self)
    }

    /// How work flows: what does not move and why, and the figures.
    #[must_use]
    pub const fn flow(&self) -> Flow<'_> {
        Flow(self)
    }

    /// Workflows: which moves are legal.
    #[must_use]
    pub const fn workflows(&self) -> Workflows<'_> {
        Workflows(self)
    }

    /// The event log.
    #[must_use]
    pub const fn events(&self) -> Events<'_> {
        Events(self)
    }

    /// Backlogs to import.
    #[must_use]
    pub const fn backlogs(&self) -> Backlogs<'_> {
        Backlogs(self)
    }

    /// Whether the server is there.
    #[must_use]
    pub const fn probes(&self) -> Probes<'_> {
        Probes(self)
    }
}

impl ClientBuilder {
    /// Who makes the requests: sent as `Phaseline-Actor`, and kept in histories and events.
    pub fn actor(mut self, name: impl Into<String>) -> Self {
        self.actor = Some(name.into());
        self
    }

    /// How long one try may take; 30 s unless it is said. Streams of events are not limited.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a request is sent.
    pub const fn retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`Error::InvalidAddress`], [`Error::InvalidActor`], or [`Error::Setup`] where `https` finds
    /// no certificates.
    pub fn build(self) -> Result<Client> {
        let Self { address, actor, timeout, retries } = self;
        let url = parse_address(&address)?;
        let actor = actor.map(header_of_actor).transpose()?;
        let http = http_client(&url).map_err(Error::Setup)?;
        let address = url.as_str().trim_end_matches('/').to_owned();
        Ok(Client { inner: Arc::new(Inner { http, address, actor, timeout, retries }) })
    }
}

fn parse_address(given: &str) -> Result<Url> {
    Url::parse(given)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| Error::InvalidAddress { given: given.to_owned() })
}

fn header_of_actor(name: String) -> Result<HeaderValue> {
    HeaderValue::from_bytes(name.as_bytes()).map_err(|_| Error::InvalidActor { given: name })
}

fn http_client(server: &Url) -> reqwest::Result<reqwest::Client> {
    // One that is installed already is as good, so the refusal to install a second means nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(Policy::none());
    if server.scheme() == "http" {
        // Without this, a machine that has no certificates has no client for `http` either.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(server) {
        builder = builder.no_proxy();
    }
    builder.build()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_path() {
        let address = |given: &str| Client::new(given).map(|client| client.inner.address.clone());
        assert_eq!(address("http://localhost:8080/").unwrap(), "http://localhost:8080");
        assert_eq!(address("http://proxy/team/").unwrap(), "http://proxy/team");
        for wrong in ["", "localhost:8080", "ftp://host", "http://", "http://host?x=1"] {
            let refusal = address(wrong).unwrap_err().to_string();
            assert!(refusal.contains("begins with http://"), "{refusal}");
        }
    }

    #[test]
    fn an_actor_is_any_name_on_one_line() {
        let actor = |name: &str| Client::builder("http://host").actor(name).build();
        assert!(actor("Amélie 7").is_ok());
        assert!(matches!(actor("a\nb"), Err(Error::InvalidActor { .. })));
    }

    #[test]
    fn this_machine_is_never_asked_through_a_proxy() {
        let loopback = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(loopback("http://localhost:1") && loopback("http://[::1]:1"));
        assert!(loopback("http://127.0.0.9") && !loopback("http://192.0.2.1"));
    }
}
