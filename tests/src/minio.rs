//! MinIO's users and policies, made by its own client: the one server here that can prove least
//! permission.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cache::installed;
use crate::s3::{ACCESS_KEY, S3, SECRET_KEY};

/// The name by which its client knows the server.
const ALIAS: &str = "here";

/// Access key id of the user with few rights.
pub const USER: &str = "titan-media";

/// Secret access key of the user with few rights.
pub const USER_SECRET: &str = "titan-media-secret-0123456789";

/// A key of 32 bytes for its own key management, in its form: the value of `MINIO_KMS_SECRET_KEY`.
pub const KMS_KEY: &str = "titan-test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The policy that the documentation gives: both actions on the objects below a prefix, and no more.
#[must_use]
pub fn least(bucket: &str, prefix: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": [format!("arn:aws:s3:::{bucket}/{prefix}*")],
        }],
    })
}

// === impl S3 ===

impl S3 {
    /// Makes the policy `name`, or changes it.
    pub fn policy(&self, name: &str, policy: &Value) {
        let file = self.folder().join(format!("{name}.json"));
        fs::write(&file, policy.to_string()).unwrap();
        let file = file.display().to_string();
        self.client(&["admin", "policy", "create", ALIAS, name, &file]);
    }

    /// Makes [`USER`], whose only policy is `policy`.
    pub fn user(&self, policy: &Value) {
        self.policy("titan-media", policy);
        self.client(&["admin", "user", "add", ALIAS, USER, USER_SECRET]);
        let attach = ["admin", "policy", "attach", ALIAS, "titan-media"];
        self.client(&[&attach[..], &["--user", USER]].concat());
    }

    /// Deletes an object behind the product's back.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.client(&["rm", &format!("{ALIAS}/{bucket}/{key}")]);
    }

    /// What the server says of an object.
    #[must_use]
    pub fn stat(&self, bucket: &str, key: &str) -> Value {
        let said = self.client(&["stat", "--json", &format!("{ALIAS}/{bucket}/{key}")]);
        serde_json::from_str(&said).unwrap()
    }

    /// Every key of a bucket.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let said = self.client(&["ls", "--recursive", "--json", &format!("{ALIAS}/{bucket}")]);
        let lines = said.lines().map(serde_json::from_str::<Value>);
        lines
            .map(|line| line.unwrap()["key"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Runs MinIO's client as the server's owner.
    fn client(&self, args: &[&str]) -> String {
        let url = self.url();
        let (scheme, address) = url.split_once("://").unwrap();
        let output = Command::new(installed("minio").join("mc"))
            .arg("--config-dir")
            .arg(self.folder().join("mc"))
            .args(["--quiet", "--no-color", "--insecure"])
            .args(args)
            .env(
                format!("MC_HOST_{ALIAS}"),
                format!("{scheme}://{ACCESS_KEY}:{SECRET_KEY}@{address}"),
            )
            .output()
            .unwrap();
        let said = crate::sidecar::text_of(&output);
        assert!(output.status.success(), "mc {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}
