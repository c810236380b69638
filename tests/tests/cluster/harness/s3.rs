//! A small S3 client with a signature of its own, so that the product is never its own judge.

use titan_tests::api::{Api, Reply};
use titan_tests::media::{digest, hmac_sha256};
use titan_tests::wait::now;

/// Region of every test bucket.
pub(crate) const REGION: &str = "us-east-1";

/// One account on one S3 server.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    /// Base URL from here.
    pub(crate) url: String,
    /// Access key id.
    pub(crate) access_key: String,
    /// Secret access key.
    pub(crate) secret_key: String,
}

// === impl S3 ===

impl S3 {
    /// Sends a signed request; `path` is `/bucket` or `/bucket/key`, with no character that needs an
    /// escape, and perhaps a query whose parameters are in order.
    pub(crate) async fn call(&self, method: &str, target: &str) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let time = now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        let host = self.url.trim_start_matches("http://");
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let payload = "UNSIGNED-PAYLOAD";
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{time}\n\n{signed}\n{payload}"
        );
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        let hash = hex::encode(digest(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let first = format!("AWS4{}", self.secret_key);
        let key = [day, REGION, "s3", "aws4_request"]
            .iter()
            .fold(first.into_bytes(), |key, part| {
                hmac_sha256(&key, part.as_bytes()).to_vec()
            });
        let signature = hex::encode(hmac_sha256(&key, to_sign.as_bytes()));
        let credential = format!("{}/{scope}", self.access_key);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
        );
        let headers = [
            ("host", host),
            ("x-amz-content-sha256", payload),
            ("x-amz-date", &time),
            ("authorization", &authorization),
        ];
        Api::new(&self.url)
            .call(method, target, &headers, b"")
            .await
    }

    /// Makes a bucket that does not exist.
    pub(crate) async fn make_bucket(&self, bucket: &str) {
        self.call("PUT", &format!("/{bucket}")).await.expect(200);
    }

    /// An object's bytes.
    pub(crate) async fn object(&self, bucket: &str, key: &str) -> Vec<u8> {
        let reply = self.call("GET", &format!("/{bucket}/{key}")).await;
        reply.expect(200).body.to_vec()
    }

    /// Keys of a bucket, at most 1,000.
    pub(crate) async fn keys(&self, bucket: &str) -> Vec<String> {
        let reply = self
            .call("GET", &format!("/{bucket}?list-type=2"))
            .await
            .expect(200);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let parts = text.split("<Key>").skip(1);
        parts
            .filter_map(|part| Some(part.split_once("</Key>")?.0.to_owned()))
            .collect()
    }
}
