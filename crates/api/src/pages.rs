//! The pages about the kinds of problems, which are part of the program.

use crate::problem::ProblemKind;

macro_rules! page {
    ($name:literal) => {
        include_str!(concat!("../../../docs/problems/", $name, ".md"))
    };
}

/// The page about a kind, in Markdown.
pub(crate) const fn of(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::MalformedRequest => page!("malformed-request"),
        ProblemKind::NotFound => page!("not-found"),
        ProblemKind::NoFittingAgent => page!("no-fitting-agent"),
        ProblemKind::MethodNotAllowed => page!("method-not-allowed"),
        ProblemKind::IllegalTransition => page!("illegal-transition"),
        ProblemKind::Stale => page!("stale"),
        ProblemKind::DuplicateKey => page!("duplicate-key"),
        ProblemKind::StillNeeded => page!("still-needed"),
        ProblemKind::TicketCompleted => page!("ticket-completed"),
        ProblemKind::IllegalTaskState => page!("illegal-task-state"),
        ProblemKind::IllegalAgentStatus => page!("illegal-agent-status"),
        ProblemKind::LeaseLost => page!("lease-lost"),
        ProblemKind::LeaseRequired => page!("lease-required"),
        ProblemKind::NotBlocked => page!("not-blocked"),
        ProblemKind::CapacityInUse => page!("capacity-in-use"),
        ProblemKind::AgentGone => page!("agent-gone"),
        ProblemKind::PreconditionFailed => page!("precondition-failed"),
        ProblemKind::PayloadTooLarge => page!("payload-too-large"),
        ProblemKind::UnsupportedMediaType => page!("unsupported-media-type"),
        ProblemKind::Invalid => page!("invalid"),
        ProblemKind::GateUnmet => page!("gate-unmet"),
        ProblemKind::DependencyCycle => page!("dependency-cycle"),
        ProblemKind::IdempotencyKeyReused => page!("idempotency-key-reused"),
        ProblemKind::TooManyRequests => page!("too-many-requests"),
        ProblemKind::Unavailable => page!("unavailable"),
        ProblemKind::Internal => page!("internal"),
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn each_kind_has_the_page_of_its_name() {
        for kind in ProblemKind::iter() {
            let (status, title) = kind.face();
            let heading = format!("# {title} (`{}`, {})", kind.as_ref(), status.as_u16());
            assert_eq!(of(kind).lines().next(), Some(heading.as_str()));
        }
    }
}
