//! Two tenants on one cluster: nothing of one is in reach of the other.

use serde_json::json;
use titan_tests::cache::installed;

use crate::harness::kube::run_async;
use crate::harness::peers;
use crate::harness::s3::S3;
use crate::harness::scene::Scene;

/// An account of the S3 server for one tenant, with the tenant's bucket.
async fn account(scene: &Scene, name: &str) -> S3 {
    let account = S3 {
        url: scene.s3.url.clone(),
        access_key: format!("{name}-{}", scene.namespace),
        secret_key: format!("a-long-secret-of-{name}-{}", scene.namespace),
    };
    let program = installed("versitygw").display().to_string();
    let root = peers::s3(scene.kube()).await;
    let admin = [
        "admin",
        "--access",
        &root.access_key,
        "--secret",
        &root.secret_key,
        "--endpoint-url",
        &root.url,
    ];
    let create = [
        "create-user",
        "--access",
        &account.access_key,
        "--secret",
        &account.secret_key,
        "--role",
        "user",
    ];
    run_async(&program, &[&admin[..], &create].concat(), "")
        .await
        .expect();
    let give = [
        "change-bucket-owner",
        "--bucket",
        &scene.namespace,
        "--owner",
        &account.access_key,
    ];
    run_async(&program, &[&admin[..], &give].concat(), "")
        .await
        .expect();
    let secret = scene.secret_with(&account.access_key, &account.secret_key);
    scene
        .kube()
        .apply(&[secret, scene.storage(), scene.session("default")])
        .await;
    account
}

#[tokio::test]
async fn neither_key_nor_bucket_nor_api_crosses_from_one_tenant_to_the_other() {
    let one = Scene::new("tenants").await;
    let two = one.beside().await;
    let accounts = [account(&one, "one").await, account(&two, "two").await];
    for scene in [&one, &two] {
        scene.ready("default").await;
    }
    let (sealed, direct_path) = one.file(70_000).await;
    let (api_one, api_two) = (one.api("default").await, two.api("default").await);
    one.post(&api_one, "default", "3EB0TENANT", &sealed, &direct_path)
        .await;
    let event = one.stored("3EB0TENANT", &sealed).await;
    let key = event["payload"]["media"]["key"]
        .as_str()
        .unwrap_or_default();
    let object = format!("/{}/{key}", one.namespace);
    accounts[0].call("GET", &object).await.expect(200);
    accounts[1].call("GET", &object).await.expect(403);

    // The API keys.
    let (key_one, key_two) = (one.api_key("default").await, two.api_key("default").await);
    assert_ne!(key_one, key_two);
    api_one
        .with_key(&key_two)
        .get("/api/sessions/default")
        .await
        .expect(401);
    api_two
        .with_key(&key_one)
        .get("/api/sessions/default")
        .await
        .expect(401);

    // A message of the one is none of the other, under the same names.
    two.takes_an_image("default", "3EB0TENANT").await;
    let mine = two
        .try_info(&api_two, "default", "3EB0TENANT")
        .await
        .unwrap();
    assert_ne!(mine["sha256"], json!(hex::encode(sealed.sha256)));

    // A reference stays in its namespace.
    let mut session = two.session("thief");
    session["spec"]["storageRef"]["namespace"] = json!(one.namespace);
    let said = two
        .kube()
        .try_apply(&[session], &["--dry-run=server"])
        .await;
    said.refused(&["unknown field", "namespace", "storageRef"]);

    // No value of a Secret stands in any other object.
    for (scene, account) in [(&one, &accounts[0]), (&two, &accounts[1])] {
        let everything = scene.everything().await;
        for value in [&account.secret_key, &key_one, &key_two] {
            assert!(
                !everything.contains(value.as_str()),
                "a secret value is in an object"
            );
        }
    }
}

#[tokio::test]
async fn a_tenants_own_account_manages_its_sessions_and_nothing_of_its_neighbour() {
    let one = Scene::new("tenants_rbac").await;
    let two = one.beside().await;
    let kube = one.kube();
    let account = format!("system:serviceaccount:{}:admin", one.namespace);
    let create = ["create", "serviceaccount", "admin", "-n", &one.namespace];
    kube.kubectl(&create).await.expect();
    let subject = format!("--serviceaccount={}:admin", one.namespace);
    let bind = [
        "create",
        "rolebinding",
        "admin",
        "--clusterrole=edit",
        &subject,
        "-n",
        &one.namespace,
    ];
    kube.kubectl(&bind).await.expect();
    let can = |verb: &'static str, what: &'static str, scene: &Scene| {
        let args = [
            "auth",
            "can-i",
            verb,
            what,
            "--as",
            &account,
            "-n",
            &scene.namespace,
        ]
        .map(str::to_owned);
        async move {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            kube.kubectl(&args).await.out.trim() == "yes"
        }
    };
    for (verb, what) in [
        ("create", "mediasessions.titan.media"),
        ("update", "tenantstorages.titan.media"),
        ("delete", "mediasessions.titan.media"),
        ("get", "secrets"),
    ] {
        assert!(can(verb, what, &one).await, "{verb} {what} of its own");
        assert!(
            !can(verb, what, &two).await,
            "{verb} {what} of the neighbour"
        );
    }
    // Status is the operator's.
    let status = [
        "auth",
        "can-i",
        "update",
        "mediasessions.titan.media",
        "--subresource=status",
    ];
    let said = kube
        .kubectl(&[&status[..], &["--as", &account, "-n", &one.namespace]].concat())
        .await;
    assert_eq!(said.out.trim(), "no", "{}", said.err);
    let as_tenant = ["--as", account.as_str()];
    kube.try_apply(&[one.session("default")], &as_tenant)
        .await
        .expect();
    let said = kube.try_apply(&[two.session("default")], &as_tenant).await;
    said.refused(&["forbidden"]);
}
