//! What the OpenAPI document says of every route alike: refusals, headers and lists.

use std::collections::BTreeMap;

use phaseline_wire::{FieldError, Problem, limits};
use serde_json::{Value, json};
use utoipa::{
    IntoParams, IntoResponses, OpenApi,
    openapi::{
        ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Required, Response,
        ResponseBuilder, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::problem::{PROBLEM_JSON, ProblemKind};

/// The document before the routes are in it.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Phaseline",
        description = "The control plane of a team of AI agents: tickets move through lifecycle \
            phases by a table of legal transitions, what each phase found out reaches the next \
            inside a token budget, and the right agent is found for the work.",
    ),
    components(schemas(Problem, FieldError)),
    tags(
        (name = "tickets", description = "Tickets, their phases and what those found out."),
        (name = "tasks", description = "The work of a phase: claimed under a lease, done, tried again."),
        (name = "agents", description = "Who does it."),
        (name = "flow", description = "What does not move, and how work flows."),
        (name = "events", description = "What happened, as a page or a stream."),
        (name = "workflows", description = "The table of legal moves, as data."),
        (name = "service", description = "Whether the server is well, and what it speaks."),
    ),
)]
pub(crate) struct Document;

/// Declares which problems a group of routes can answer.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident)*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    problems(&[$(ProblemKind::$kind,)* ProblemKind::Unavailable, ProblemKind::Internal])
                }
            }
        )*
    };
}

refusals! {
    /// Reading a list.
    ListRefusals: MalformedRequest;
    /// Reading one thing, or a list of it.
    ReadRefusals: MalformedRequest NotFound;
    /// Looking for the best agent.
    FitRefusals: MalformedRequest NoFittingAgent;
    /// Making something that belongs to nothing else.
    CreateRefusals: MalformedRequest DuplicateKey PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Making a task of a ticket.
    CreateTaskRefusals: MalformedRequest NotFound DuplicateKey TicketCompleted Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid DependencyCycle IdempotencyKeyReused;
    /// Changing a ticket.
    EditRefusals: MalformedRequest NotFound Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Moving a ticket.
    MoveRefusals: MalformedRequest NotFound IllegalTransition Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid GateUnmet IdempotencyKeyReused;
    /// Answering a blocked ticket.
    AnswerRefusals: MalformedRequest NotFound IllegalTransition NotBlocked Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Deleting a ticket.
    DeleteRefusals: MalformedRequest NotFound StillNeeded Stale PreconditionFailed;
    /// Ending a task.
    FinishRefusals: MalformedRequest NotFound IllegalTaskState LeaseLost LeaseRequired Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Keeping a task, or giving it back.
    LeaseRefusals: MalformedRequest NotFound LeaseLost Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// What an operator does with a task.
    OperatorRefusals: MalformedRequest NotFound IllegalTaskState LeaseRequired TicketCompleted Stale PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Changing an agent.
    AgentRefusals: MalformedRequest NotFound IllegalAgentStatus CapacityInUse Stale AgentGone PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Terminating an agent.
    TerminateRefusals: MalformedRequest NotFound IllegalAgentStatus Stale AgentGone PreconditionFailed;
    /// Giving an agent no new work, or work again.
    DrainRefusals: MalformedRequest NotFound Stale AgentGone PreconditionFailed PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Taking a heartbeat, or giving work.
    HeartbeatRefusals: MalformedRequest NotFound AgentGone PayloadTooLarge UnsupportedMediaType Invalid IdempotencyKeyReused;
    /// Reading a page of the documentation.
    PageRefusals: NotFound;
    /// What is always there.
    ServiceRefusals:;
}

/// Declares parameters that many routes have.
macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident: $($parameter:expr),*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    vec![$($parameter),*]
                }
            }
        )*
    };
}

parameters! {
    /// The condition of a change.
    Conditional: header(
        "If-Match",
        "The version that the object must still have, as its `ETag`; `*` is any. A list of tags \
         may name one version of ours; the others match nothing, nor do weak ones.",
        r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#,
        1000,
        Some(json!("*"))
    );
    /// Who asks.
    Actor: header(
        "Phaseline-Actor",
        "Who asks, as they say themselves; the phase history of a ticket keeps it with its creation \
         and its moves.",
        "^[!-~]([ -~]*[!-~])?$",
        200,
        Some(json!("worker-7"))
    );
    /// Doing something once.
    Once: header(
        "Idempotency-Key",
        "A key of your own. The same request with the same key within 24 hours is answered as the \
         first one was and changes nothing.",
        "^[!-~]+$",
        255,
        None
    );
    /// The part of a list.
    Paged: query(
        "limit",
        "How many items at most.",
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(limits::PAGE))
            .default(Some(json!(limits::PAGE_DEFAULT)))
    ), cursor();
}

/// A parameter of a query.
pub(crate) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description).schema(Some(schema)).build()
}

fn cursor() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9_-]+$"));
    query("cursor", "The `next_cursor` of the page before; none for the first page.", schema)
}

fn header(
    name: &str,
    description: &str,
    pattern: &str,
    most: usize,
    example: Option<Value>,
) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length(Some(1))
        .max_length(Some(most))
        .examples(example);
    parameter(ParameterIn::Header, name, description).schema(Some(schema)).build()
}

fn parameter(place: ParameterIn, name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
}

/// The answers for these kinds, one for each status.
fn problems(kinds: &[ProblemKind]) -> BTreeMap<String, RefOr<Response>> {
    let mut names: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        names.entry(kind.face().0.as_u16()).or_default().push(kind.as_ref());
    }
    let of_status = |(status, names): (u16, Vec<&str>)| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        let mut answer = ResponseBuilder::new()
            .description(format!("One of these problems: {}.", names.join(", ")))
            .content(PROBLEM_JSON, content.build());
        if status == 503 {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let wait = HeaderBuilder::new()
                .schema(Some(seconds))
                .description(Some("When to try again, in seconds."));
            answer = answer.header("Retry-After", wait.build());
        }
        (status.to_string(), answer.into())
    };
    names.into_iter().map(of_status).collect()
}
