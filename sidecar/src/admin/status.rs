//! `/status`: what the operator and a person on call want to know.

use jiff::Timestamp;
use titan_crds::{
    Reason,
    report::{Problem, SessionReport, SidecarStatus},
};

use super::State;
use crate::{config::SessionConfig, session::Session};

/// Asks every session.
pub(super) async fn of(state: &State, now: Timestamp) -> SidecarStatus {
    let mut sessions = Vec::new();
    for session in state.registry.all() {
        sessions.push(running(&session, now).await);
    }
    let failed = state.readiness.failed();
    sessions.extend(failed.iter().map(|failed| SessionReport {
        store: failed.error.clone(),
        ..loaded(&failed.config)
    }));
    let suspended = state.readiness.suspended();
    sessions.extend(suspended.iter().map(|config| SessionReport {
        store: Reason::Suspended.to_string(),
        ..loaded(config)
    }));
    SidecarStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: state.readiness.get(),
        config_errors: state.metrics.config_errors.get(),
        config_error: state.readiness.config_error(),
        sessions,
        failed: failed
            .into_iter()
            .map(|failed| (failed.config.key.session.clone(), failed.error))
            .collect(),
    }
}

async fn running(session: &Session, now: Timestamp) -> SessionReport {
    let config = session.config();
    let depths = session.store().depths().await;
    SessionReport {
        store: match &depths {
            Ok(_) => "open".to_owned(),
            Err(error) => error.to_string(),
        },
        bucket: session.bucket_verdict(),
        webhooks: failing_webhooks(session, &config, now),
        device: session.device().map(|device| device.report()),
        queue: depths
            .map(|depths| {
                let named = depths.named().into_iter();
                named
                    .map(|(state, count)| (state.to_owned(), count))
                    .collect()
            })
            .unwrap_or_default(),
        ..loaded(&config)
    }
}

/// What a configuration says of itself.
fn loaded(config: &SessionConfig) -> SessionReport {
    SessionReport {
        namespace: config.key.tenant.clone(),
        object: config.object.clone(),
        uid: config.uid.clone(),
        session: config.key.session.clone(),
        generation: config.generation,
        storage_generation: config.storage_generation,
        missing: config.missing.clone(),
        unsupported: config.unsupported.clone(),
        ..SessionReport::default()
    }
}

fn failing_webhooks(session: &Session, config: &SessionConfig, now: Timestamp) -> Vec<Problem> {
    let endpoints = config.endpoints.iter().enumerate();
    endpoints
        .filter_map(|(index, endpoint)| {
            let message = session.webhooks().problem(&endpoint.id, now)?;
            Some(Problem {
                field: format!("spec.webhooks[{index}]"),
                reason: Reason::WebhookFailing.to_string(),
                message,
                secret: None,
            })
        })
        .collect()
}
