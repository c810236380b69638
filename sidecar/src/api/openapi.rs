//! The OpenAPI document, made from the handlers.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, HeaderBuilder, ObjectBuilder, Ref, ResponseBuilder, Type,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    dead_letters, device, download, forget, inbound, media, pair, persist, replay, retry, send,
    sessions, webhooks,
};
use crate::inbound::signature::{X_HMAC_SIGNATURE, X_WEBHOOK_HMAC};

/// All routes of the API port.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Titan Media",
        description = "Media plane for WhatsApp: messages in, verified files out. \
            Every error is `{\"error\", \"code\", \"docs\"}` with a stable `code`.",
    ),
    paths(
        inbound::receive,
        inbound::receive_by_token,
        media::show,
        media::list,
        download::download,
        download::download_by_get,
        download::head,
        persist::persist,
        retry::retry,
        retry::retry_all,
        forget::forget,
        send::send,
        send::send_of_session,
        sessions::list,
        sessions::show,
        pair::qr,
        pair::bare_qr,
        pair::code,
        device::start,
        device::stop,
        device::logout,
        webhooks::test,
        dead_letters::list,
        replay::replay,
    ),
    modifiers(&Key, &RateLimit)
)]
struct Document;

struct Key;

impl Modify for Key {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key of the session"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
        for (name, header, description) in [
            (
                "wahaHmac",
                X_WEBHOOK_HMAC,
                "Hex HMAC-SHA512 of the raw body, where the session has signature.type WahaHmac",
            ),
            (
                "wuzapiHmac",
                X_HMAC_SIGNATURE,
                "Hex HMAC-SHA256 of the raw body, where the session has signature.type WuzapiHmac",
            ),
        ] {
            let signature = ApiKeyValue::with_description(header.as_str(), description);
            let scheme = SecurityScheme::ApiKey(ApiKey::Header(signature));
            components.add_security_scheme(name, scheme);
        }
    }
}

/// What a limited route tells; the last only with 429.
const LIMIT_HEADERS: [(&str, &str); 3] = [
    ("X-RateLimit-Limit", "Requests in the time of rateLimit"),
    ("X-RateLimit-Remaining", "How many of them are left"),
    (
        "Retry-After",
        "Seconds until the next request is let through",
    ),
];

/// The answer that any route but `/inbound` may give in place of its own.
struct RateLimit;

impl Modify for RateLimit {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
        let answer = ResponseBuilder::new()
            .description(
                "rate_limited: over the session's rateLimit; sending: or its sendRateLimit",
            )
            .content("application/json", body);
        let answer = LIMIT_HEADERS
            .iter()
            .fold(answer, |answer, (name, words)| {
                let number = ObjectBuilder::new().schema_type(Type::Integer);
                let header = HeaderBuilder::new()
                    .schema(Some(number))
                    .description(Some(*words));
                answer.header(*name, header.build())
            })
            .build();
        let paths = openapi.paths.paths.iter_mut();
        for (_, item) in paths.filter(|(path, _)| !path.contains("/inbound")) {
            let operations = [
                &mut item.get,
                &mut item.post,
                &mut item.delete,
                &mut item.head,
            ];
            for operation in operations.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                responses.insert("429".to_owned(), answer.clone().into());
            }
        }
    }
}

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// `GET /openapi.json`.
pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document = serde_json::to_value(document()).unwrap();
        let operations: Vec<&serde_json::Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .collect();
        let ids: BTreeSet<&str> = operations
            .iter()
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), operations.len(), "{ids:?}");
        assert_eq!(operations.len(), 24);
    }
}
