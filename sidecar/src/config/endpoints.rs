//! `spec.webhooks`, resolved with their keys and headers.

use http::{HeaderName, HeaderValue};
use titan_crds::media_session::{Header, RetryPolicy, Webhook};
use url::Url;

use super::secrets::{Missing, Secrets};
use crate::webhook::{Endpoint, Policy, Retries, Secret};

/// What a webhook lacks, or what is wrong with it.
#[derive(Debug)]
pub enum Fault {
    /// A Secret or key is not there.
    Missing(Missing),
    /// A field of `spec.webhooks[i]` is wrong.
    Field(&'static str, String),
}

/// Resolves one webhook.
///
/// # Errors
///
/// [`Fault`]. A webhook whose key is missing is not run unsigned.
pub fn resolve(
    webhook: &Webhook,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Endpoint, Fault> {
    let url = Url::parse(&webhook.url)
        .map_err(|error| Fault::Field("url", format!("is not a URL: {error}")))?;
    let secret = webhook
        .hmac_key_secret_ref
        .as_ref()
        .map(|reference| secrets.get(namespace, &reference.name, &reference.key))
        .transpose()
        .map_err(Fault::Missing)?
        .map(|value| {
            Secret::parse(value.bytes())
                .map_err(|error| Fault::Field("hmacKeySecretRef", error.to_string()))
        })
        .transpose()?;
    let retries = webhook.retries();
    Ok(Endpoint {
        events: webhook.events.clone(),
        secret,
        headers: webhook
            .headers
            .iter()
            .map(|header| resolve_header(header, namespace, secrets))
            .collect::<Result<_, _>>()?,
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
    })
}

fn resolve_header(
    header: &Header,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<(HeaderName, HeaderValue), Fault> {
    let wrong = |_| Fault::Field("headers", format!("{:?} is not a header name", header.name));
    let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(wrong)?;
    let from_secret = header.value_from.as_ref().map(|from| &from.secret_key_ref);
    let value = match (&header.value, from_secret) {
        (Some(value), _) => HeaderValue::from_str(value),
        (None, Some(reference)) => {
            let value = secrets
                .get(namespace, &reference.name, &reference.key)
                .map_err(Fault::Missing)?;
            HeaderValue::from_bytes(value.bytes().trim_ascii())
        }
        (None, None) => HeaderValue::from_str(""),
    };
    let mut value = value.map_err(|_| {
        Fault::Field(
            "headers",
            format!("the value of {:?} can't stand in a header", header.name),
        )
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}
