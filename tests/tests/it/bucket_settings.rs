//! What a `TenantStorage` says beside endpoint and bucket: private CA, public endpoint, region,
//! encryption; Secrets of COSI, which say all of it; and a store that does not know the checksum header.
//! Against real servers.

use std::fs;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::minio::{KMS_KEY, USER, USER_SECRET, least};
use titan_tests::proxy::Proxy;
use titan_tests::s3::{ACCESS_KEY, Program, S3, SECRET_KEY};
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};
use titan_tests::wait::{SOON, until};

async fn on(endpoint: &str) -> Plan {
    let mut plan = Plan::usual().await;
    plan.storage = plan.storage.spec("endpoint", endpoint);
    plan
}

async fn take(stage: &Stage, id: &str) -> (String, Vec<u8>) {
    let (sealed, path) = stage.file(Kind::Image, 50_000);
    let media = stage.take(id, baileys::file(&sealed, &path)).await;
    (media, sealed.plain.to_vec())
}

/// The URL that the application was given.
async fn media_url(stage: &Stage, id: &str) -> String {
    let event = stage.sink.wait_for("message.received", id, SOON).await;
    let url = event.json["payload"]["mediaUrl"].as_str();
    url.expect("the event has a URL").to_owned()
}

async fn private_ca(program: Program) {
    let s3 = S3::start_with_tls(program, BUCKET).await;
    // Of another server: a CA that did not sign this one's certificate.
    let other = S3::start_with_tls(Program::Versitygw, BUCKET).await;
    let mut plan = on(&s3.url()).await;
    let config_maps = plan.launch.folder.path().join("config-maps");
    let bundle = |pem: &str| {
        fs::create_dir_all(config_maps.join("acme-ca")).unwrap();
        fs::write(config_maps.join("acme-ca/ca.crt"), pem).unwrap();
    };
    bundle(other.ca());
    let flag = [
        "--config-maps".to_owned(),
        config_maps.display().to_string(),
    ];
    plan.launch.args.extend(flag);
    let reference = json!({"configMapRef": {"name": "acme-ca", "key": "ca.crt"}});
    let stage = plan.storage_spec("caBundle", reference).up().await;
    let verdict = stage.bucket_is("TlsFailed").await;
    assert_eq!(verdict["reachable"], false, "{verdict}");
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("certificate"), "{message}");
    let (media, content) = take(&stage, "3EB0CA").await;
    let info = stage.reaches(&media, "waiting").await;
    assert_eq!(info["error"]["retryable"], true, "{info}");
    bundle(s3.ca());
    stage.stored(&media).await;
    stage.bucket_is("Ready").await;
    assert!(stage.download(&media).await.expect(200).body == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn versitygw_behind_a_private_ca_is_trusted_by_its_bundle_alone() {
    private_ca(Program::Versitygw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minio_behind_a_private_ca_is_trusted_by_its_bundle_alone() {
    private_ca(Program::Minio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_urls_name_the_public_endpoint_and_open_there() {
    let s3 = S3::start(Program::Minio, BUCKET).await;
    let public = format!("http://localhost:{}", s3.address().port());
    let stage = on(&s3.url())
        .await
        .storage_spec("url.publicEndpoint", public.as_str())
        .up()
        .await;
    let (media, plain) = take(&stage, "3EB0PUBLIC").await;
    let info = stage.stored(&media).await;
    for url in [
        media_url(&stage, "3EB0PUBLIC").await,
        info["s3Url"].as_str().unwrap().to_owned(),
    ] {
        assert!(url.starts_with(&public), "{url}");
        assert!(Api::fetch(&url, &[]).await.expect(200).body == plain);
        // The host is part of the signature.
        let elsewhere = url.replacen(&public, &s3.url(), 1);
        Api::fetch(&elsewhere, &[]).await.expect(403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_region_is_told_with_the_right_one_and_mended_by_it() {
    let s3 = S3::minio(BUCKET, &[("MINIO_SITE_REGION", "eu-central-7")]).await;
    let stage = on(&s3.url()).await.up().await;
    let verdict = stage.bucket_is("WrongRegion").await;
    assert_eq!(verdict["region"], "eu-central-7", "{verdict}");
    assert!(verdict["message"].to_string().contains("eu-central-7"));
    let (media, _) = take(&stage, "3EB0REGION").await;
    stage.reaches(&media, "waiting").await;
    stage.apply(&[stage.storage.clone().spec("region", "eu-central-7")]);
    stage.stored(&media).await;
    stage.bucket_is("Ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_at_rest_is_asked_for_and_shown_by_the_object() {
    let s3 = S3::minio(BUCKET, &[("MINIO_KMS_SECRET_KEY", KMS_KEY)]).await;
    for (wanted, shown) in [
        (json!({"type": "AES256"}), "AES256"),
        (json!({"type": "KMS", "keyId": "titan-test"}), "aws:kms"),
    ] {
        let stage = on(&s3.url())
            .await
            .storage_spec("encryption", wanted)
            .up()
            .await;
        let (media, plain) = take(&stage, "3EB0SSE").await;
        stage.stored(&media).await;
        let url = media_url(&stage, "3EB0SSE").await;
        let object = Api::fetch(&url, &[]).await.expect(200);
        assert!(object.body == plain);
        assert_eq!(object.header("x-amz-server-side-encryption"), Some(shown));
        assert_eq!(stage.bucket_is("Ready").await["checksumEnforced"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_that_the_store_has_no_keys_for_is_refused_with_a_clear_reason() {
    let s3 = S3::start(Program::Minio, BUCKET).await;
    let stage = on(&s3.url())
        .await
        .storage_spec("encryption", json!({"type": "AES256"}))
        .up()
        .await;
    let verdict = stage.bucket_is("EncryptionRefused").await;
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("refuses the encryption"), "{message}");
    assert_eq!(verdict["credentials"], true, "{verdict}");
    let (media, _) = take(&stage, "3EB0NOKMS").await;
    let info = stage.reaches(&media, "waiting").await;
    assert_eq!(info["error"]["retryable"], true, "{info}");
    stage.apply(&[stage
        .storage
        .clone()
        .spec("encryption", json!({"type": "None"}))]);
    stage.stored(&media).await;
    assert_eq!(s3.keys(BUCKET).len(), 2, "the file and the check's object");
}

/// A storage of which everything stands in its Secret.
fn all_in_the_secret(plan: Plan, secret: Document) -> Plan {
    let named = json!({"secretRef": {"name": "acme-cosi"}});
    let mut plan = plan
        .storage_spec("endpoint", Value::Null)
        .storage_spec("region", Value::Null)
        .storage_spec("bucket", Value::Null)
        .storage_spec("credentials", named);
    plan.more.push(secret);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_of_cosi_says_all_that_is_to_know_in_both_of_its_forms() {
    let s3 = S3::minio(BUCKET, &[("MINIO_SITE_REGION", "acme-1")]).await;
    s3.user(&least(BUCKET, ""));
    let document = |region: &str| {
        json!({
            "metadata": {"name": "bc-acme"},
            "spec": {
                "bucketName": BUCKET, "authenticationType": "KEY", "protocols": ["s3"],
                "secretS3": {"endpoint": s3.url(), "region": region,
                             "accessKeyID": USER, "accessSecretKey": USER_SECRET},
                "secretAzure": null,
            },
        })
        .to_string()
    };
    let (right, url) = (document("acme-1"), s3.url());
    let first = [("BucketInfo", right.as_str())];
    let second = [
        ("COSI_PROTOCOL", "S3"),
        ("COSI_S3_BUCKET_ID", BUCKET),
        ("COSI_S3_ENDPOINT", &url),
        ("COSI_S3_REGION", "acme-1"),
        ("COSI_S3_ADDRESSING_STYLE", "path"),
        ("COSI_S3_ACCESS_KEY_ID", USER),
        ("COSI_S3_ACCESS_SECRET_KEY", USER_SECRET),
        ("COSI_CERTIFICATE_AUTHORITY", ""),
    ];
    for (index, values) in [&first[..], &second[..]].into_iter().enumerate() {
        let secret = Document::secret(TENANT, "acme-cosi", values);
        let stage = all_in_the_secret(Plan::usual().await, secret).up().await;
        let verdict = stage.bucket_is("Ready").await;
        assert_eq!(verdict["bucket"], BUCKET, "{verdict}");
        assert_eq!(verdict["endpoint"], url, "{verdict}");
        assert_eq!(verdict["region"], "acme-1", "{verdict}");
        let id = format!("3EB0COSI{index}");
        let (media, plain) = take(&stage, &id).await;
        let info = stage.stored(&media).await;
        assert_eq!(info["bucket"], BUCKET);
        let url = media_url(&stage, &id).await;
        assert!(Api::fetch(&url, &[]).await.expect(200).body == plain);
        // It is read anew like any other.
        let moved = document("acme-2");
        let secret = Document::secret(TENANT, "acme-cosi", &[("BucketInfo", &moved)]);
        stage.apply(&[secret]);
        let verdict = stage.bucket_is("WrongRegion").await;
        assert_eq!(verdict["region"], "acme-1", "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_of_cosi_brings_the_ca_of_its_store() {
    let s3 = S3::start_with_tls(Program::Versitygw, BUCKET).await;
    let url = s3.url();
    let values = [
        ("COSI_S3_BUCKET_ID", BUCKET),
        ("COSI_S3_ENDPOINT", url.as_str()),
        ("COSI_S3_REGION", "us-east-1"),
        ("COSI_S3_ACCESS_KEY_ID", ACCESS_KEY),
        ("COSI_S3_ACCESS_SECRET_KEY", SECRET_KEY),
        ("COSI_CERTIFICATE_AUTHORITY", s3.ca()),
    ];
    let secret = Document::secret(TENANT, "acme-cosi", &values);
    let stage = all_in_the_secret(Plan::usual().await, secret).up().await;
    stage.bucket_is("Ready").await;
    let (media, _) = take(&stage, "3EB0COSICA").await;
    stage.stored(&media).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_refuses_the_checksum_header_is_written_to_without_and_remembered() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let proxy = Proxy::refusing("x-amz-checksum-sha256", s3.address()).await;
    let mut stage = on(&proxy.url()).await.up().await;
    let verdict = stage.bucket_is("Ready").await;
    assert_eq!(verdict["checksumHeader"], false, "{verdict}");
    // The hash in the signature is still checked.
    assert_eq!(verdict["checksumEnforced"], true, "{verdict}");
    let refused = |name: &str| {
        let puts = proxy.puts_of(name).into_iter();
        puts.filter(|put| put.refused).count()
    };
    assert_eq!(refused(".titan-media-probe"), 1);
    let (media, plain) = take(&stage, "3EB0HEADER").await;
    let key = stage.stored(&media).await["key"].clone();
    let key = key.as_str().unwrap();
    assert!(s3.on_disk(key).unwrap() == plain);
    assert_eq!(proxy.puts_of(key).len(), 1, "{:?}", proxy.puts_of(key));

    // Other keys make another handle, a new start another process: both know it.
    let keys = [("accessKeyId", ACCESS_KEY), ("secretAccessKey", SECRET_KEY)];
    let storage = stage.storage.clone().spec("url", json!({"mode": "Direct"}));
    stage.apply(&[Document::secret(TENANT, "acme-s3", &keys), storage]);
    until(SOON, "the URL is a direct one", || async {
        let info = stage.info(&media).await;
        info["s3Url"].as_str().is_some_and(|url| !url.contains('?'))
    })
    .await;
    stage.bucket_is("Ready").await;
    stage.sidecar.terminate().await;
    stage.sidecar.start().await;
    let verdict = stage.bucket_is("Ready").await;
    assert_eq!(verdict["checksumHeader"], false, "{verdict}");
    let (media, _) = take(&stage, "3EB0AGAIN").await;
    let key = stage.stored(&media).await["key"].clone();
    assert_eq!(proxy.puts_of(key.as_str().unwrap()).len(), 1);
    assert_eq!(refused(""), 1, "the header was sent once and never again");
}
