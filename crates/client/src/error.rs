//! What can go wrong with a request.

use std::time::Duration;

use phaseline_wire::Problem;

/// What a request comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be one of a server.
    #[error("{given:?} is not the address of a server, which begins with http:// or https://")]
    InvalidAddress {
        /// What was given.
        given: String,
    },
    /// The name cannot be sent as `Phaseline-Actor`.
    #[error("{given:?} cannot be the name of an actor: it holds a control character")]
    InvalidActor {
        /// What was given.
        given: String,
    },
    /// No HTTP client can be made on this machine, for example since `https` has no certificates.
    #[error("no HTTP client can be made")]
    Setup(#[source] reqwest::Error),
    /// The body of the request has no form as JSON.
    #[error("the request cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The server refused, and says why.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The server answered something that is neither success nor a problem: it may be none of ours.
    #[error("the server answered {status}, and not as this API does")]
    Foreign {
        /// The status of the answer.
        status: u16,
    },
    /// The server could not be reached, or the connection was lost.
    #[error("no answer from the server")]
    Transport(#[source] reqwest::Error),
    /// A stream of events said nothing for so long that the connection must be dead.
    #[error("the server was silent for {} s", .after.as_secs())]
    Silent {
        /// For how long.
        after: Duration,
    },
    /// The server ended a stream of events.
    #[error("the server ended the stream")]
    StreamEnded,
    /// The answer is not what the route promises.
    #[error("the answer of the server cannot be read")]
    Decode(#[source] serde_json::Error),
}

impl Error {
    /// The problem that the server answered, if it did.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::InvalidAddress { .. }
            | Self::InvalidActor { .. }
            | Self::Setup(_)
            | Self::Encode(_)
            | Self::Foreign { .. }
            | Self::Transport(_)
            | Self::Silent { .. }
            | Self::StreamEnded
            | Self::Decode(_) => None,
        }
    }

    /// The kind of the problem: the last part of its `type`, for example `illegal-transition`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.problem().map(|problem| match problem.kind.rsplit_once('/') {
            Some((_, name)) => name,
            None => &problem.kind,
        })
    }

    /// The status of the server's refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Foreign { status } => Some(*status),
            Self::InvalidAddress { .. }
            | Self::InvalidActor { .. }
            | Self::Setup(_)
            | Self::Encode(_)
            | Self::Transport(_)
            | Self::Silent { .. }
            | Self::StreamEnded
            | Self::Decode(_) => None,
        }
    }

    /// Whether what was asked for is not there, or not any more (404, 410).
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }

    /// Whether the request may succeed later as it is: 429, 503, or no answer at all.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Problem(_) | Self::Foreign { .. } => matches!(self.status(), Some(429 | 503)),
            Self::Transport(cause) => is_lost(cause),
            Self::Silent { .. } | Self::StreamEnded => true,
            Self::InvalidAddress { .. }
            | Self::InvalidActor { .. }
            | Self::Setup(_)
            | Self::Encode(_)
            | Self::Decode(_) => false,
        }
    }
}

/// Whether the way to the server failed, and not the request.
fn is_lost(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_timeout() || error.is_request() || error.is_body()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_known_by_the_end_of_its_type() {
        let problem = r#"{"type":"/problems/agent-gone","title":"Agent gone","status":410,"detail":"It was terminated."}"#;
        let error = Error::Problem(Box::new(serde_json::from_str(problem).unwrap()));
        assert_eq!(error.kind(), Some("agent-gone"));
        assert_eq!(error.to_string(), "It was terminated.");
        assert!(error.is_gone() && !error.is_transient());
        assert_eq!(Error::StreamEnded.kind(), None);
    }
}
