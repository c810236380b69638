//! Secrets of the Container Object Storage Interface (COSI), which makes a bucket and writes how it is
//! reached. Its v1alpha1 has one JSON document under the key `BucketInfo`, its v1alpha2 one key for
//! each fact (`COSI_S3_ENDPOINT` …): the first is read into the form of the second.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::secrets::{Missing, SecretValue};

/// Key of the document of v1alpha1.
const BUCKET_INFO: &str = "BucketInfo";

pub(super) const ACCESS_KEY_ID: &str = "COSI_S3_ACCESS_KEY_ID";
pub(super) const SECRET_ACCESS_KEY: &str = "COSI_S3_ACCESS_SECRET_KEY";
pub(super) const BUCKET: &str = "COSI_S3_BUCKET_ID";
pub(super) const ENDPOINT: &str = "COSI_S3_ENDPOINT";
pub(super) const REGION: &str = "COSI_S3_REGION";
/// `path` or `virtual`.
pub(super) const ADDRESSING_STYLE: &str = "COSI_S3_ADDRESSING_STYLE";
/// PEM of the CA behind the store's certificate.
pub(super) const CERTIFICATE_AUTHORITY: &str = "COSI_CERTIFICATE_AUTHORITY";

#[derive(Deserialize)]
struct BucketInfo {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    bucket_name: String,
    #[serde(default)]
    authentication_type: String,
    secret_s3: Option<SecretS3>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretS3 {
    endpoint: String,
    #[serde(default)]
    region: String,
    #[serde(default, rename = "accessKeyID")]
    access_key_id: String,
    #[serde(default)]
    access_secret_key: String,
}

/// Adds to a Secret what its `BucketInfo` says, if it has one. A key that stands for itself wins.
///
/// # Errors
///
/// [`Missing`], where the document can't be used. It never holds a part of it.
pub(super) fn expand(
    name: &str,
    mut secret: BTreeMap<String, SecretValue>,
) -> Result<BTreeMap<String, SecretValue>, Missing> {
    let Some(document) = secret.get(BUCKET_INFO) else {
        return Ok(secret);
    };
    let wrong = |why: &str| Missing::invalid(name, BUCKET_INFO, why);
    let info: BucketInfo = serde_json::from_slice(document.bytes()).map_err(|error| {
        // The error's own text quotes the document.
        let (line, column) = (error.line(), error.column());
        wrong(&format!(
            "is no COSI BucketInfo: line {line}, column {column}"
        ))
    })?;
    let spec = info.spec;
    if spec.authentication_type.eq_ignore_ascii_case("iam") {
        return Err(wrong(
            "has no keys (authenticationType IAM): use spec.credentials.identity",
        ));
    }
    let s3 = spec.secret_s3.ok_or_else(|| wrong("is of no S3 bucket"))?;
    for (key, value) in [
        (BUCKET, spec.bucket_name),
        (ENDPOINT, s3.endpoint),
        (REGION, s3.region),
        (ACCESS_KEY_ID, s3.access_key_id),
        (SECRET_ACCESS_KEY, s3.access_secret_key),
    ] {
        if !value.is_empty() {
            let value = SecretValue::from(value);
            secret.entry(key.to_owned()).or_insert(value);
        }
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(document: &str) -> Result<BTreeMap<String, SecretValue>, Missing> {
        let value = SecretValue::from(document.to_owned());
        expand("s3", BTreeMap::from([(BUCKET_INFO.to_owned(), value)]))
    }

    #[test]
    fn a_document_becomes_one_key_for_each_fact() {
        let secret = expanded(
            r#"{"metadata":{"name":"bc-1"},"spec":{"bucketName":"b-1","authenticationType":"KEY",
                "secretS3":{"endpoint":"https://s3.acme.com","region":"","accessKeyID":"AK",
                "accessSecretKey":"SK"},"secretAzure":null,"protocols":["s3"]}}"#,
        )
        .unwrap();
        let text = |key| secret.get(key).and_then(SecretValue::text);
        assert_eq!(text(BUCKET), Some("b-1"));
        assert_eq!(text(ENDPOINT), Some("https://s3.acme.com"));
        assert_eq!(text(ACCESS_KEY_ID), Some("AK"));
        assert_eq!(text(SECRET_ACCESS_KEY), Some("SK"));
        assert_eq!(text(REGION), None);
    }

    #[test]
    fn what_is_of_no_use_is_told_without_a_word_of_it() {
        for (document, why) in [
            ("hunter2", "is no COSI BucketInfo"),
            (r#"{"spec":{"bucketName":7,"x":"hunter2"}}"#, "is no COSI"),
            (r#"{"spec":{"bucketName":"b","secretS3":null}}"#, "no S3"),
            (
                r#"{"spec":{"bucketName":"b","authenticationType":"IAM"}}"#,
                "identity",
            ),
        ] {
            let missing = expanded(document).unwrap_err();
            assert!(missing.message.contains(why), "{}", missing.message);
            assert!(!missing.message.contains("hunter2"), "{}", missing.message);
        }
    }
}
