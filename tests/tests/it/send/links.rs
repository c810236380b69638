//! A file by its link: fetched once, equal at the gateway, and only from where it may come.

use std::fs;

use titan_tests::gateway::{Answer, Dialect};
use titan_tests::stage::{SESSION, TENANT};

use super::files::Files;
use super::harness::{
    holds_file, link, of_format, plan, result_of, send, send_async, spool_is_empty, up, with,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_file_behind_a_link_is_equal_at_each_gateway() {
    let bytes = of_format("png", 300_001);
    let files = Files::start(&bytes).await;
    for (index, dialect) in Dialect::ALL.into_iter().enumerate() {
        let (stage, gateway) = up(dialect).await;
        let message = link("image", &files.url("/file#top"));
        send(&stage, &with(message, "caption", "look"))
            .await
            .expect(200);
        let posted = gateway.posted();
        assert_eq!(posted.len(), 1);
        assert!(posted[0].faults.is_empty(), "{:?}", posted[0].faults);
        assert!(holds_file(&posted[0].json, &bytes), "{dialect:?}");
        // Its bytes say what it is, not its server.
        let json = posted[0].json.to_string();
        assert!(json.contains("image/png") && !json.contains("text/html"));
        let asked = files.asked();
        assert_eq!(asked.len(), index + 1, "{dialect:?}");
        assert_eq!(asked[index].start, "GET /file HTTP/1.1");
        spool_is_empty(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_redirects_are_followed_and_the_fourth_is_not() {
    let bytes = of_format("webp", 2000);
    let files = Files::start(&bytes).await;
    let (stage, gateway) = up(Dialect::Waha).await;
    let message = link("sticker", &files.url("/hops/3"));
    send(&stage, &message).await.expect(200);
    assert!(holds_file(&gateway.posted()[0].json, &bytes));
    assert_eq!(files.asked().len(), 4);
    let reply = send(&stage, &link("sticker", &files.url("/hops/4"))).await;
    reply.refused(422, "link_unusable");
    assert_eq!(reply.json()["pointer"], "/url");
    assert_eq!(files.asked().len(), 8);
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_or_redirect_leads_where_nobody_is_allowed() {
    let files = Files::start(b"x").await;
    let (stage, gateway) = up(Dialect::Waha).await;
    for address in [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.1.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        // A public address, but in plain text.
        "http://1.1.1.1/",
    ] {
        let redirected = files.url(&format!("/to?{address}"));
        for url in [address, &redirected] {
            let reply = send(&stage, &link("image", url)).await;
            reply.refused(400, "link_not_allowed");
            let json = reply.json();
            assert_eq!(json["pointer"], "/url", "{url}: {json}");
            // Links may be signed.
            assert!(!json.to_string().contains("meta-data"), "{url}: {json}");
        }
    }
    assert_eq!(files.asked().len(), 8);
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_loopback_is_refused_unless_it_is_allowed() {
    let files = Files::start_at("127.0.0.2:0".parse().unwrap(), b"x").await;
    let (mut plan, gateway) = plan(Dialect::Waha).await;
    for word in &mut plan.launch.args {
        if word == "127.0.0.0/8" {
            "127.0.0.1/32".clone_into(word);
        }
    }
    let stage = plan.up().await;
    let reply = send(&stage, &link("image", &files.url("/file"))).await;
    reply.refused(400, "link_not_allowed");
    assert!(files.asked().is_empty());
    assert!(gateway.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_link_to_the_web_is_refused() {
    let files = Files::start(b"x").await;
    let (stage, gateway) = up(Dialect::Waha).await;
    let with_credentials = files.url("/file").replace("http://", "http://me:secret@");
    let to_file = files.url("/to?file:///etc/passwd");
    for url in [
        "file:///etc/passwd",
        "ftp://acme.example/x.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "//acme.example/x.png",
        "x.png",
        "https://",
        &with_credentials,
        &to_file,
    ] {
        let reply = send(&stage, &link("image", url)).await;
        reply.refused(400, "invalid_field");
        assert_eq!(reply.json()["pointer"], "/url", "{url}");
    }
    assert_eq!(files.asked().len(), 1);
    assert!(gateway.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_a_whole_file_is_unusable() {
    let files = Files::start(&of_format("png", 100_000)).await;
    let (stage, gateway) = up(Dialect::Waha).await;
    let nobody = format!("http://127.0.0.1:{}/", titan_tests::sidecar::free_port());
    for (url, says) in [
        (files.url("/status/404"), "404"),
        (files.url("/status/500"), "500"),
        (files.url("/status/204"), "204"),
        (files.url("/broken"), "broke off"),
        (files.url("/cut"), "broke off"),
        (nobody, "can't be reached"),
    ] {
        let reply = send(&stage, &link("image", &url)).await;
        reply.refused(422, "link_unusable");
        let json = reply.json();
        assert_eq!(json["pointer"], "/url", "{url}: {json}");
        assert!(json["error"].as_str().unwrap().contains(says), "{json}");
        spool_is_empty(&stage).await;
    }
    assert!(gateway.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_carries_its_permission_is_said_nowhere_and_kept_nowhere() {
    const PERMISSION: &str = "c2lnbmF0dXJlLW9mLWEtbGluaw";
    let files = Files::start(&of_format("png", 3000)).await;
    let (mut stage, gateway) = up(Dialect::Waha).await;
    for (path, status) in [("/file", 200), ("/status/403", 422), ("/broken", 422)] {
        let url = files.url(&format!("{path}?sig={PERMISSION}"));
        let reply = send(&stage, &link("image", &url)).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.json());
        assert!(!reply.json().to_string().contains(PERMISSION));
    }
    gateway.answer([Answer::HangUp]);
    let url = files.url(&format!("/file?sig={PERMISSION}"));
    let id = send_async(&stage, &link("image", &url)).await;
    result_of(&stage, &id).await;
    let status = stage.status().await.to_string();
    assert!(!status.contains(PERMISSION), "{status}");
    stage.sidecar.kill();
    let log = stage.sidecar.log_text();
    assert!(!log.contains(PERMISSION), "it is in the log");
    let folder = stage.sidecar.launch().data().join(TENANT).join(SESSION);
    for file in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let bytes = fs::read(file.path()).unwrap_or_default();
        let words = String::from_utf8_lossy(&bytes);
        assert!(!words.contains(PERMISSION), "{:?}", file.path());
    }
}
