//! An issuer of identity tokens, as a Kubernetes API server is one: it publishes its public key and
//! signs what a service account is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::wait::now;
use crate::wire::{Connection, Server};

/// Name of the one key.
const KEY_ID: &str = "titan-test";

/// Whom the tokens are for.
pub const AUDIENCE: &str = "minio";

/// Whom the tokens speak of.
pub const SUBJECT: &str = "system:serviceaccount:acme:media";

/// The issuer. Stops when dropped.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

// === impl Issuer ===

impl Issuer {
    /// Starts an issuer with a key of its own.
    pub async fn start() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        // An uncompressed point: 4, then the two coordinates.
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let jwks = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        let server = Server::start(move |connection| serve(connection, jwks.clone())).await;
        Self {
            server,
            key,
            random,
        }
    }

    /// Where its configuration is published.
    #[must_use]
    pub fn configuration(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.server.url())
    }

    /// A token of [`SUBJECT`] for [`AUDIENCE`] that lives so long.
    #[must_use]
    pub fn token(&self, life: Duration) -> String {
        self.token_of(SUBJECT, life)
    }

    /// [`Self::token`] of somebody else.
    #[must_use]
    pub fn token_of(&self, subject: &str, life: Duration) -> String {
        let issued = now().as_second();
        let expires = issued + i64::try_from(life.as_secs()).unwrap();
        self.sign(&json!({
            "iss": self.server.url(), "sub": subject, "aud": [AUDIENCE],
            "iat": issued, "nbf": issued, "exp": expires,
        }))
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": KEY_ID});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&self.random, text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn serve(mut connection: Connection, jwks: Value) -> std::io::Result<()> {
    while let Some(head) = connection.head().await? {
        let host = head.header("host").unwrap_or_default();
        let body = if head.target().ends_with("openid-configuration") {
            let issuer = format!("http://{host}");
            json!({
                "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"),
                "authorization_endpoint": format!("{issuer}/none"),
                "token_endpoint": format!("{issuer}/none"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            })
        } else {
            jwks.clone()
        };
        let json = [("content-type", "application/json")];
        let body = body.to_string();
        connection.answer(200, &json, body.as_bytes()).await?;
    }
    Ok(())
}
