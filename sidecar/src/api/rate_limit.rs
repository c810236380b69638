//! `spec.rateLimit`: how many requests each API key of a session may make. Handing in messages is
//! not counted: a gateway that hears 429 may drop what it has. `spec.sendRateLimit`: how many messages a
//! session may send.

use std::{
    fmt,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    extract::{RawPathParams, Request, State as Extract, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

use super::{State, auth, error::ApiError};
use crate::{config::RateLimit, session::Session};

/// Titan's names (`titan-api.md` §1).
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// SHA-256 of an API key.
pub type KeyDigest = [u8; 32];

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>;

/// A limit that may change while it is counted; or none.
pub struct Limits<K: Clone + Eq + Hash>(RwLock<Option<Arc<Limiter<K>>>>);

/// A token bucket for each `K` of one session and process.
struct Limiter<K: Clone + Eq + Hash> {
    limit: RateLimit,
    buckets: Buckets<K>,
}

// === impl Limits ===

impl<K: Clone + Eq + Hash> fmt::Debug for Limits<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.get().map(|limiter| limiter.limit);
        f.debug_tuple("Limits").field(&limit).finish()
    }
}

impl<K: Clone + Eq + Hash> Limits<K> {
    /// Full buckets, where there is a limit.
    #[must_use]
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self(RwLock::new(limit.and_then(Limiter::new).map(Arc::new)))
    }

    /// Begins anew with another limit; the same one goes on.
    pub fn change(&self, limit: Option<RateLimit>) {
        if self.get().map(|limiter| limiter.limit) != limit {
            let limiter = limit.and_then(Limiter::new).map(Arc::new);
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = limiter;
        }
    }

    fn get(&self) -> Option<Arc<Limiter<K>>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

// === impl Limiter ===

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// Full buckets of `limit.requests`, filled anew evenly over `limit.per`. `None` for a limit that
    /// lets nothing through or is too fine to count, which the schema has none of.
    fn new(limit: RateLimit) -> Option<Self> {
        let requests = NonZeroU32::new(limit.requests)?;
        let quota = Quota::with_period(limit.per / limit.requests)?.allow_burst(requests);
        Some(Self {
            limit,
            buckets: Buckets::new(quota, HashMapStateStore::default(), MonotonicClock),
        })
    }

    /// Takes one out of the bucket of `key`. Answers how many are left.
    ///
    /// # Errors
    ///
    /// How long the caller has to wait.
    fn take(&self, key: &K) -> Result<u32, Duration> {
        match self.buckets.check_key(key) {
            Ok(bucket) => Ok(bucket.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(MonotonicClock.now())),
        }
    }
}

/// Counts a request of an API key; over the limit the answer is 429. Strangers are not counted: they
/// hear 401 whatever they ask.
pub(super) async fn limit(
    Extract(state): Extract<State>,
    names: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = auth::bearer(request.headers()) else {
        return next.run(request).await;
    };
    let session = names.ok().and_then(|names| {
        let name = names.iter().find(|(name, _)| *name == "session");
        name.map(|(_, name)| name.to_owned())
    });
    let session = match session {
        Some(name) => state.registry.get(&name),
        // No session is named yet: it counts for the first that the key opens.
        None => state.registry.opened_by(token).into_iter().next(),
    };
    let Some((limiter, key)) = session.and_then(|session| counted(&session, token)) else {
        return next.run(request).await;
    };
    let (mut response, remaining) = match limiter.take(&key) {
        Ok(remaining) => (next.run(request).await, remaining),
        Err(wait) => (too_many(limiter.limit, wait).into_response(), 0),
    };
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(limiter.limit.requests));
    headers.insert(REMAINING, HeaderValue::from(remaining));
    response
}

/// Counts a request of an API key for a session that only its body names.
///
/// # Errors
///
/// 429.
pub(super) fn count(session: &Session, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some((limiter, key)) = auth::bearer(headers).and_then(|token| counted(session, token))
    else {
        return Ok(());
    };
    let taken = limiter.take(&key);
    taken
        .map(|_left| ())
        .map_err(|wait| too_many(limiter.limit, wait))
}

/// Counts a message that the session is about to send.
///
/// # Errors
///
/// 429.
pub(super) fn count_send(session: &Session) -> Result<(), ApiError> {
    let Some(limiter) = session.sends().get() else {
        return Ok(());
    };
    let RateLimit { requests, per } = limiter.limit;
    let taken = limiter.take(&());
    taken.map(|_left| ()).map_err(|wait| {
        let words =
            format!("the session may send {requests} messages in {per:?} (spec.sendRateLimit)");
        over(words, wait)
    })
}

fn counted(session: &Session, token: &str) -> Option<(Arc<Limiter<KeyDigest>>, KeyDigest)> {
    let limiter = session.requests().get()?;
    let key = session.config().api_keys.find(token)?;
    Some((limiter, key))
}

fn too_many(limit: RateLimit, wait: Duration) -> ApiError {
    let RateLimit { requests, per } = limit;
    let words = format!("this key may make {requests} requests in {per:?} (spec.rateLimit)");
    over(words, wait)
}

fn over(words: String, wait: Duration) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", words).retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests: u32, per: Duration) -> Option<Limiter<KeyDigest>> {
        Limiter::new(RateLimit { requests, per })
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own_and_is_told_how_long_to_wait() {
        let limiter = limiter(2, Duration::from_hours(1)).unwrap();
        let (one, other) = ([1; 32], [2; 32]);
        assert_eq!(limiter.take(&one), Ok(1));
        assert_eq!(limiter.take(&one), Ok(0));
        let wait = limiter.take(&one).unwrap_err();
        let half = Duration::from_mins(29)..=Duration::from_mins(30);
        assert!(half.contains(&wait), "{wait:?}");
        assert_eq!(limiter.take(&other), Ok(1));
    }

    #[test]
    fn the_schemas_extremes_can_be_counted() {
        assert!(limiter(1_000_000, Duration::from_secs(1)).is_some());
        assert!(limiter(1, Duration::from_hours(24)).is_some());
        assert!(limiter(0, Duration::from_secs(1)).is_none());
    }
}
