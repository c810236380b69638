//! The Secret with the one API key that the operator makes for a session. It is created and never read again.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::core::ObjectMeta;

use super::metadata;
use crate::session::validate::ValidatedSession;

/// What every key begins with, so that a scanner of leaked secrets can tell it.
const PREFIX: &str = "titan_";
/// Key of the Secret.
const KEY: &str = "apiKey";

/// The Secret `name`, with a key made of 32 random bytes.
#[must_use]
pub fn api_key(session: &ValidatedSession, name: &str, random: [u8; 32]) -> Secret {
    let key = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..metadata(session)
        },
        type_: Some("Opaque".to_owned()),
        data: Some(BTreeMap::from([(
            KEY.to_owned(),
            ByteString(key.into_bytes()),
        )])),
        ..Secret::default()
    }
}
