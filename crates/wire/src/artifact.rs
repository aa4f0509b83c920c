//! What a phase or a task produced.

use phaseline_phases as phases;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    limits::{ARTIFACT_PATH_CHARS, ARTIFACT_TYPE_CHARS},
    rule,
    schema::{ArtifactPath, ArtifactType, Json},
};

/// Something that a phase or a task produced: where it is, or itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// What it is, for example `file`.
    #[serde(rename = "type")]
    #[validate(length(min = 1, max = ARTIFACT_TYPE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = ArtifactType)]
    pub kind: String,
    /// Where it is.
    #[serde(default)]
    #[validate(length(min = 1, max = ARTIFACT_PATH_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<ArtifactPath>)]
    pub path: Option<String>,
    /// What is in it, as JSON.
    #[serde(default)]
    #[schema(value_type = Json)]
    pub content: Option<Value>,
}

impl From<Artifact> for phases::Artifact {
    fn from(artifact: Artifact) -> Self {
        let Artifact { kind, path, content } = artifact;
        Self { kind, path, content }
    }
}

impl From<phases::Artifact> for Artifact {
    fn from(artifact: phases::Artifact) -> Self {
        let phases::Artifact { kind, path, content } = artifact;
        Self { kind, path, content }
    }
}

/// Artifacts of the wire as those of the domain, and the other way round.
pub(crate) fn all<A: Into<B>, B>(artifacts: Vec<A>) -> Vec<B> {
    artifacts.into_iter().map(Into::into).collect()
}
