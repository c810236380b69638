//! `/status`: what the operator and a person on call want to know.

use std::collections::BTreeMap;

use serde::Serialize;

use super::State;
use crate::session::{BucketHealth, Session};

/// The process.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the program.
    pub version: &'static str,
    /// Takes work.
    pub ready: bool,
    /// Configurations refused since the start; the last good one is in force.
    pub config_errors: u64,
    /// The sessions.
    pub sessions: Vec<SessionStatus>,
    /// Sessions that can't start now, by API name, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
}

/// One session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Namespace.
    pub namespace: String,
    /// `metadata.name` of the `MediaSession`.
    pub object: String,
    /// API name.
    pub session: String,
    /// Generation of the `MediaSession` that is loaded.
    pub generation: i64,
    /// Generation of the `TenantStorage` that is loaded.
    pub storage_generation: i64,
    /// What the resources name and is not there.
    pub missing: Vec<String>,
    /// Fields that are set and that this version does not honour.
    pub unsupported: Vec<String>,
    /// `open`, or what is wrong.
    pub store: String,
    /// The bucket.
    pub bucket: BucketHealth,
    /// How much is in which state.
    pub queue: BTreeMap<&'static str, u64>,
}

impl Status {
    /// Asks every session.
    pub async fn of(state: &State) -> Self {
        let mut sessions = Vec::new();
        for session in state.registry.all() {
            sessions.push(SessionStatus::of(&session).await);
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: state.readiness.get(),
            config_errors: state.metrics.config_errors.get(),
            sessions,
            failed: state.readiness.failed(),
        }
    }
}

impl SessionStatus {
    async fn of(session: &Session) -> Self {
        let config = session.config();
        let depths = session.store().depths().await;
        Self {
            namespace: config.key.tenant.clone(),
            object: config.object.clone(),
            session: config.key.session.clone(),
            generation: config.generation,
            storage_generation: config.storage_generation,
            missing: config.missing.clone(),
            unsupported: config.unsupported.clone(),
            store: match &depths {
                Ok(_) => "open".to_owned(),
                Err(error) => error.to_string(),
            },
            bucket: session.bucket_health(),
            queue: depths
                .map(|depths| depths.named().into_iter().collect())
                .unwrap_or_default(),
        }
    }
}
