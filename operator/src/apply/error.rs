//! Why a child could not be brought to its state.

use crate::error::{Categorised, Class, api_class};

/// Why a child could not be brought to its state.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The name is taken.
    #[error("{kind} \"{name}\" is there already and not ours: {why}")]
    NameConflict {
        /// Kind of the child.
        kind: &'static str,
        /// Name of the child.
        name: String,
        /// What tells that it is not ours.
        why: String,
    },
    /// The child of an earlier owner is going.
    #[error("{kind} \"{name}\" is being deleted")]
    Terminating {
        /// Kind of the child.
        kind: &'static str,
        /// Name of the child.
        name: String,
    },
    /// The desired state has no JSON form.
    #[error("{kind} \"{name}\" as JSON")]
    Json {
        /// Kind of the child.
        kind: &'static str,
        /// Name of the child.
        name: String,
        /// What the serializer said.
        source: serde_json::Error,
    },
    /// The API server refused, or did not answer.
    #[error("{act} {kind} \"{name}\"")]
    Api {
        /// What was tried.
        act: &'static str,
        /// Kind of the child.
        kind: &'static str,
        /// Name of the child.
        name: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
}

impl Categorised for ApplyError {
    fn category(&self) -> &'static str {
        match self {
            Self::NameConflict { .. } => "NameConflict",
            Self::Terminating { .. } => "Terminating",
            Self::Json { .. } => "Json",
            Self::Api { .. } => "ApplyFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NameConflict { .. } | Self::Json { .. } => Class::Terminal,
            Self::Terminating { .. } => Class::Transient,
            Self::Api { source, .. } => api_class(source),
        }
    }
}
