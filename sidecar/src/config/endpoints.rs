//! `spec.webhooks`, resolved with their keys and headers.

use http::{HeaderName, HeaderValue};
use titan_crds::media_session::{Header, RetryPolicy, Webhook};
use url::Url;

use super::secrets::{Missing, Secrets};
use crate::webhook::{Endpoint, Policy, Retries, Secret};

/// A field below the webhook, and what is wrong with it.
type Fault = (&'static str, String);

/// Resolves one webhook. Where a Secret is missing or useless the endpoint is withheld: it is never called
/// unsigned, and its events wait.
///
/// # Errors
///
/// A field and what is wrong with it.
pub(super) fn resolve(
    webhook: &Webhook,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<(Endpoint, Option<Missing>), Fault> {
    let url =
        Url::parse(&webhook.url).map_err(|error| ("url", format!("is not a URL: {error}")))?;
    let retries = webhook.retries();
    let mut endpoint = Endpoint {
        events: webhook.events.clone(),
        retries: Retries {
            attempts: retries.attempts(),
            delay: retries.delay(),
            policy: match retries.policy() {
                RetryPolicy::Exponential => Policy::Exponential,
                RetryPolicy::Linear => Policy::Linear,
                RetryPolicy::Constant => Policy::Constant,
            },
            max_delay: retries.max_delay(),
        },
        timeout: webhook.timeout(),
        ..Endpoint::new(url)
    };
    let mut missing = None;
    match signing_key(webhook, namespace, secrets) {
        Ok(secret) => endpoint.secret = secret,
        Err(absent) => missing = Some(absent),
    }
    for header in &webhook.headers {
        match resolve_header(header, namespace, secrets)? {
            Ok(header) => endpoint.headers.push(header),
            Err(absent) => missing = Some(absent),
        }
    }
    endpoint.withheld = missing.as_ref().map(|missing| missing.message.clone());
    Ok((endpoint, missing))
}

fn signing_key(
    webhook: &Webhook,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Option<Secret>, Missing> {
    let Some(reference) = &webhook.hmac_key_secret_ref else {
        return Ok(None);
    };
    let value = secrets.get(namespace, &reference.name, &reference.key)?;
    Secret::parse(value.bytes())
        .map(Some)
        .map_err(|error| Missing::invalid(&reference.name, &reference.key, &error.to_string()))
}

fn resolve_header(
    header: &Header,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Result<(HeaderName, HeaderValue), Missing>, Fault> {
    let name = HeaderName::from_bytes(header.name.as_bytes())
        .map_err(|_| ("headers", format!("{:?} is not a header name", header.name)))?;
    let from_secret = header.value_from.as_ref().map(|from| &from.secret_key_ref);
    let value = match (&header.value, from_secret) {
        (None, Some(reference)) => match secrets.get(namespace, &reference.name, &reference.key) {
            Ok(value) => {
                let Ok(value) = HeaderValue::from_bytes(value.bytes().trim_ascii()) else {
                    let why = "can't stand in a header";
                    return Ok(Err(Missing::invalid(&reference.name, &reference.key, why)));
                };
                Ok(value)
            }
            Err(missing) => return Ok(Err(missing)),
        },
        (value, _) => HeaderValue::from_str(value.as_deref().unwrap_or_default()),
    };
    let mut value = value.map_err(|_| {
        let message = format!("the value of {:?} can't stand in a header", header.name);
        ("headers", message)
    })?;
    value.set_sensitive(true);
    Ok(Ok((name, value)))
}
