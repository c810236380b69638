//! Temporary credentials from MinIO's STS, as another program would fetch them for the tenant.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use crate::api::{Api, Reply};
use crate::minio::{USER, USER_SECRET};
use crate::oidc::{AUDIENCE, Issuer};
use crate::s3::S3;
use crate::wait::{SOON, now, until};

/// MinIO's one role for tokens of [`AUDIENCE`]: its name is the SHA-1 of that, in base64url.
pub const ROLE: &str = "arn:minio:iam:::role/MHR2BeH2-q1dHO2yx5U9Mf-tP9Q";

const FORM: &str = "application/x-www-form-urlencoded";

/// What a token service hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Temporary {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
    /// When they end, in RFC 3339.
    pub expiration: String,
}

// === impl Temporary ===

impl Temporary {
    /// In the keys of a Secret.
    #[must_use]
    pub fn secret(&self) -> Vec<(&str, &str)> {
        vec![
            ("accessKeyId", &self.access_key_id),
            ("secretAccessKey", &self.secret_access_key),
            ("sessionToken", &self.session_token),
        ]
    }

    /// Whether they have ended.
    #[must_use]
    pub fn have_expired(&self) -> bool {
        self.expiration.parse::<jiff::Timestamp>().unwrap() <= now()
    }

    fn of(answer: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        Self {
            access_key_id: element("AccessKeyId"),
            secret_access_key: element("SecretAccessKey"),
            session_token: element("SessionToken"),
            expiration: element("Expiration"),
        }
    }
}

// === impl S3 ===

impl S3 {
    /// Makes MinIO take the tokens of `issuer` for [`ROLE`], with the rights that `policy` gives.
    pub async fn trust(&mut self, issuer: &Issuer, policy: &str) {
        self.set("MINIO_IDENTITY_OPENID_CONFIG_URL", &issuer.configuration());
        self.set("MINIO_IDENTITY_OPENID_CLIENT_ID", AUDIENCE);
        self.set("MINIO_IDENTITY_OPENID_ROLE_POLICY", policy);
        self.restart().await;
        // It answers before it has asked the issuer for its keys.
        let token = web_identity(&issuer.token(Duration::from_mins(1)));
        until(SOON, "the issuer is trusted", || async {
            self.post(&token).await.status == 200
        })
        .await;
    }

    /// `AssumeRole` as the user with few rights: an hour with the same rights.
    pub async fn assume_role(&self) -> Temporary {
        self.sts("Action=AssumeRole&Version=2011-06-15").await
    }

    /// `AssumeRoleWithWebIdentity`: keys that live as long as the token.
    pub async fn with_web_identity(&self, issuer: &Issuer, life: Duration) -> Temporary {
        self.sts(&web_identity(&issuer.token(life))).await
    }

    async fn sts(&self, body: &str) -> Temporary {
        let reply = self.post(body).await.expect(200);
        Temporary::of(&String::from_utf8_lossy(&reply.body))
    }

    /// Only a token speaks for itself; all else is signed.
    async fn post(&self, body: &str) -> Reply {
        let mut headers = vec![
            ("content-type".to_owned(), FORM.to_owned()),
            ("host".to_owned(), self.address().to_string()),
        ];
        if !body.contains("WebIdentityToken") {
            let signature = signed(&format!("{}/", self.url()), &headers, body);
            headers.extend(signature);
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Api::new(&self.url())
            .call("POST", "/", &headers, body)
            .await
    }
}

fn web_identity(token: &str) -> String {
    format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&WebIdentityToken={token}"
    )
}

/// The headers that sign a request to the token service.
fn signed(url: &str, headers: &[(String, String)], body: &str) -> Vec<(String, String)> {
    let identity = Credentials::new(USER, USER_SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("sts")
        .time(now().into())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let named = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", url, named, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let (headers, _) = instructions.into_parts();
    headers
        .into_iter()
        .map(|header| (header.name().to_owned(), header.value().to_owned()))
        .collect()
}
