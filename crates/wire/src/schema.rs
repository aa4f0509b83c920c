//! What the OpenAPI document says of texts, names and free JSON.
//!
//! utoipa's attributes take literals only. These types stand for a field's schema instead, so
//! that it is made from the constants of [`limits`](crate::limits) and from the enums themselves.

use std::{borrow::Cow, fmt::Display};

use phaseline_phases::{BlockerKind, GateCode, Grade, PhaseId, Status, Workflow};
use phaseline_registry::{AgentStatus, AgentType};
use phaseline_tasks::{AttemptOutcome, FailureClass, Priority, TaskState};
use strum::IntoEnumIterator;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type,
        schema::{AdditionalProperties, SchemaType},
    },
};

use crate::limits::{
    ACTOR_CHARS, ANSWER_CHARS, ARTIFACT_PATH_CHARS, ARTIFACT_TYPE_CHARS, ATTEMPTS, BUDGET_TOKENS,
    CAPABILITIES, CAPACITY, CLAIMS, COMMENT_CHARS, DEPENDENCIES, DESCRIPTION_CHARS,
    ERROR_MESSAGE_CHARS, ESTIMATE_CHARS, FENCING_TOKEN, FINDING_CHARS, FINDINGS,
    HEARTBEAT_SEQUENCE, KEY_CHARS, LABEL_CHARS, LEASE_LEAST_S, LEASE_S, METRICS, QUESTION_CHARS,
    REASON_CHARS, REFERENCE_CHARS, SUMMARY_CHARS, TAGS, TASK_TYPE_CHARS, TITLE_CHARS, WAIT_S,
};

/// No NUL character, which PostgreSQL cannot keep.
const ANY_TEXT: &str = r"^[^\u0000]*$";
/// As above, and something besides white space.
const NOT_BLANK: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
/// No control characters, and something besides white space.
const LABEL: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
const PHASE: &str = "^[A-Z][A-Z0-9_]{0,63}$";

/// Declares a type that stands for a schema.
macro_rules! schema {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $schema:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            $vis enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )*
    };
}

schema! {
    pub(crate) Title = text(NOT_BLANK, 1, TITLE_CHARS).description(Some("One line; not blank."));
    pub(crate) Description =
        text(ANY_TEXT, 0, DESCRIPTION_CHARS).description(Some("What is wanted, in Markdown."));
    pub(crate) Key = text(NOT_BLANK, 1, KEY_CHARS).description(Some("A name of the caller's, unique."));
    pub(crate) Estimate =
        text(ANY_TEXT, 0, ESTIMATE_CHARS).description(Some("A size, as free text: `S`, `3 days`."));
    pub(crate) Reason = text(ANY_TEXT, 0, REASON_CHARS).description(Some("Why."));
    pub(crate) Question = text(NOT_BLANK, 1, QUESTION_CHARS)
        .description(Some("What has to be answered before it goes on; not blank."));
    pub(crate) AnswerText = text(NOT_BLANK, 1, ANSWER_CHARS)
        .description(Some("What to go by from here on; not blank."));
    pub(crate) Comment = text(ANY_TEXT, 0, COMMENT_CHARS).description(Some("What there is to say about it."));
    pub(crate) ActorName = text(LABEL, 1, ACTOR_CHARS).description(Some("Who it is, as they say themselves."));
    pub(crate) ErrorMessage =
        text(NOT_BLANK, 1, ERROR_MESSAGE_CHARS).description(Some("Why it failed; not blank."));
    pub(crate) ArtifactType = text(NOT_BLANK, 1, ARTIFACT_TYPE_CHARS).description(Some("What it is: `file`."));
    pub(crate) ArtifactPath = text(NOT_BLANK, 1, ARTIFACT_PATH_CHARS).description(Some("Where it is."));
    pub(crate) Summary = text(ANY_TEXT, 0, SUMMARY_CHARS).description(Some("What was done, in prose."));
    pub(crate) Finding = text(NOT_BLANK, 1, FINDING_CHARS).description(Some("One decision; not blank."));
    pub(crate) FindingList = ArrayBuilder::new()
        .items(text(NOT_BLANK, 1, FINDING_CHARS))
        .max_items(Some(size(FINDINGS)));
    pub(crate) CapabilityList = labels(1, CAPABILITIES)
        .description(Some("Trimmed, lower case, without duplicates, in the order given."));
    /// What an agent should be able to do.
    pub WantedCapabilities = labels(0, CAPABILITIES).description(Some("What an agent should be able to do."));
    /// What an agent is marked with.
    pub TagList = labels(0, TAGS).description(Some("What people mark it with."));
    pub(crate) UuidList = ArrayBuilder::new().items(uuid()).max_items(Some(size(DEPENDENCIES))).unique_items(true);
    pub(crate) ReferenceList = ArrayBuilder::new()
        .items(text(NOT_BLANK, 1, REFERENCE_CHARS))
        .max_items(Some(size(DEPENDENCIES)))
        .unique_items(true);
    pub(crate) CapacityNumber = whole(1, u64::from(CAPACITY))
        .description(Some("How many tasks it works on at a time."));
    pub(crate) FencingToken = whole(1, FENCING_TOKEN.unsigned_abs())
        .description(Some("The token that the claim gave; it grows with every claim of the task."));
    pub(crate) LeaseSeconds = whole(LEASE_LEAST_S.into(), LEASE_S.into())
        .description(Some("How long a lease lasts, in seconds."));
    pub(crate) WaitSeconds = whole(0, WAIT_S.into())
        .description(Some("How long to wait for work, in seconds."));
    pub(crate) ClaimCount = whole(1, CLAIMS.into()).description(Some("How many tasks at most."));
    pub(crate) BudgetTokens = whole(1, BUDGET_TOKENS.into())
        .description(Some("The most tokens (o200k_base) of a pack."));
    pub(crate) AttemptCount = whole(1, ATTEMPTS.into())
        .description(Some("How many attempts may fail by the task's own fault."));
    pub(crate) SequenceNumber = whole(0, HEARTBEAT_SEQUENCE)
        .description(Some("Counts the agent's heartbeats; a gap counts as missed."));
    pub(crate) Json = json().description(Some("Any JSON, without NUL characters."));
    pub(crate) Metrics = object()
        .max_properties(Some(size(METRICS)))
        .description(Some("What the agent reports of itself; numbers, texts, anything."));

    /// The id of a phase of the standard workflow, for requests.
    pub StandardPhase = names(Workflow::standard().phases().map(PhaseId::as_str))
        .description(Some("A phase of the workflow."));
    /// The id of a phase of the standard workflow that is not the one to wait in.
    pub SequencePhase = names(Workflow::standard().sequence().iter().map(PhaseId::as_str))
        .description(Some("A phase of the workflow, but not the one to wait in."));
    /// The id of a phase that tasks belong to.
    pub(crate) WorkedPhase = names(Workflow::standard().phases().filter(|phase| Workflow::standard().works(phase)).map(PhaseId::as_str))
        .description(Some("A phase that is worked in."));
    /// The id of a workflow that there is.
    pub(crate) StandardWorkflow = names([Workflow::standard().id().as_str()])
        .description(Some("A workflow."));
    /// The id of a phase, of any workflow.
    pub PhaseName = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(PHASE))
        .examples(["PHASE_DESIGN"])
        .description(Some("The id of a phase."));
    /// How urgent something is.
    pub PriorityName = variants::<Priority>().description(Some("How urgent it is."));
    /// Where a ticket stands, derived from its phase.
    pub TicketStatusName = variants::<Status>().description(Some("Follows from the phase."));
    /// How far a task is.
    pub TaskStateName = variants::<TaskState>().description(Some("How far it is."));
    /// What kind of work a task is.
    pub(crate) TaskTypeName = text(LABEL, 1, TASK_TYPE_CHARS).description(Some("What kind of work it is."));
    /// What an agent is there for.
    pub AgentTypeName = variants::<AgentType>().description(Some("What it is there for."));
    /// What an agent is up to.
    pub AgentStatusName = variants::<AgentStatus>().description(Some("What it is up to."));
    pub(crate) GradeName = variants::<Grade>().description(Some("How far it can be believed."));
    pub(crate) GateCodeName = variants::<GateCode>().description(Some("What is asked for."));
    pub(crate) BlockerKindName =
        variants::<BlockerKind>().description(Some("What holds the ticket up."));
    pub(crate) FailureClassName =
        variants::<FailureClass>().description(Some("What kind of failure it was."));
    pub(crate) AttemptOutcomeName =
        variants::<AttemptOutcome>().description(Some("How the attempt ended."));
    pub(crate) ProgressName = variants::<phaseline_registry::Progress>()
        .description(Some("Whether it gets on with what it has in hand."));
    pub(crate) HealthName =
        variants::<phaseline_registry::Health>().description(Some("How well it is."));
    pub(crate) ItemKindName =
        variants::<phaseline_context::ItemKind>().description(Some("What an item of a pack is."));
    pub(crate) TransitionKindName = variants::<phaseline_phases::TransitionKind>()
        .description(Some("What kind of move it was."));
}

fn text(pattern: &str, least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length((least > 0).then_some(size(least)))
        .max_length(Some(size(most)))
}

fn labels(least: u64, most: u64) -> ArrayBuilder {
    ArrayBuilder::new()
        .items(text(LABEL, 1, LABEL_CHARS))
        .min_items((least > 0).then_some(size(least)))
        .max_items(Some(size(most)))
}

fn whole(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn variants<E: IntoEnumIterator + Display>() -> ObjectBuilder {
    names(E::iter().map(|variant| variant.to_string()))
}

fn names<T: Into<String>>(names: impl IntoIterator<Item = T>) -> ObjectBuilder {
    let names = names.into_iter().map(|name| serde_json::Value::String(name.into()));
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
}

/// Any JSON value. Objects and lists are open; only the texts on top are described in full.
fn json() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(text(ANY_TEXT, 0, KEY_CHARS)))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
