//! Who may open what: an API key opens its own session, an inbound key or a valid signature of the
//! gateway only `/inbound` of it.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};

use super::{error::ApiError, registry::Registry};
use crate::inbound::signature::{Claim, Signature};
use crate::session::Session;

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything but handing in messages.
    Api,
    /// Hand in messages.
    Inbound,
}

/// A gateway at the door of `/inbound`.
#[derive(Debug)]
pub enum Opening {
    /// It holds a key.
    Admitted(Arc<Session>),
    /// It says that it signed the body, which is still to be read.
    Claimed(Arc<Session>, Signature, Claim),
}

// === impl Opening ===

impl Opening {
    /// The session, once the raw body is here.
    ///
    /// # Errors
    ///
    /// 401 where the signature is not the body's.
    pub fn admit(self, body: &[u8]) -> Result<Arc<Session>, ApiError> {
        match self {
            Self::Admitted(session) => Ok(session),
            Self::Claimed(session, signature, claim) => signature
                .verifies(&claim, body)
                .then_some(session)
                .ok_or_else(unauthorised),
        }
    }
}

/// The Bearer token of a request.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// Finds the session `name` for whoever holds `token`.
///
/// # Errors
///
/// 401 for no key or an unknown one, before anything is said about the session; 403 for an inbound
/// key elsewhere; 404 for an unknown session, and for a session that this key does not open.
pub fn authorise(
    registry: &Registry,
    name: &str,
    token: Option<&str>,
    scope: Scope,
) -> Result<Arc<Session>, ApiError> {
    let token = token.ok_or_else(unauthorised)?;
    let session = registry.get(name);
    if let Some(session) = session {
        let config = session.config();
        if config.api_keys.accept(token) {
            return Ok(session);
        }
        if config.inbound_keys.accept(token) {
            return match scope {
                Scope::Inbound => Ok(session),
                Scope::Api => Err(insufficient_scope()),
            };
        }
    }
    if registry.opened_by(token).is_empty() {
        return Err(unauthorised());
    }
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "session_not_found",
        "this key opens no session of that name",
    ))
}

/// Finds the session `name` for whoever holds one of its API keys.
///
/// # Errors
///
/// As [`authorise`].
pub fn open_api(
    registry: &Registry,
    name: &str,
    headers: &HeaderMap,
) -> Result<Arc<Session>, ApiError> {
    authorise(registry, name, bearer(headers), Scope::Api)
}

/// Finds the session `name` for a gateway: by its key, or by the signature that its headers claim.
///
/// # Errors
///
/// As [`authorise`], where the headers claim no signature of the session's kind.
pub fn open_inbound(
    registry: &Registry,
    name: &str,
    headers: &HeaderMap,
) -> Result<Opening, ApiError> {
    authorise(registry, name, bearer(headers), Scope::Inbound)
        .map(Opening::Admitted)
        .or_else(|refused| claimed(registry, name, headers).ok_or(refused))
}

fn claimed(registry: &Registry, name: &str, headers: &HeaderMap) -> Option<Opening> {
    let session = registry.get(name)?;
    let signature = session.config().signature.clone()?;
    let claim = signature.claimed(headers)?;
    Some(Opening::Claimed(session, signature, claim))
}

/// Lets in whoever holds a key of some session.
///
/// # Errors
///
/// 401.
pub fn require_any(registry: &Registry, headers: &HeaderMap) -> Result<(), ApiError> {
    match bearer(headers) {
        Some(token) if !registry.opened_by(token).is_empty() => Ok(()),
        _ => Err(unauthorised()),
    }
}

/// 401.
#[must_use]
pub fn unauthorised() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "missing or unknown API key; send Authorization: Bearer <key>",
    )
}

fn insufficient_scope() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "insufficient_scope",
        "this key may hand in messages only",
    )
}
