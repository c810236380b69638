//! What a file is, its bytes decide: neither its name nor the caller's word.

use titan_tests::gateway::Dialect;

use super::files::Files;
use super::harness::{file, link, of_format, send, spool_is_empty, up, with};

const WORDS: &[u8] = b"Just words, and no picture at all.\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_type_is_415_in_words_that_name_both() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let unknown = [0xf1, 0x00, 0x9d, 0x03].repeat(100);
    for (type_, bytes, found, taken) in [
        ("video", of_format("png", 5000), "image/png", "MP4"),
        (
            "image",
            of_format("gif", 5000),
            "image/gif",
            "JPEG, PNG or WebP",
        ),
        (
            "image",
            of_format("mp4", 5000),
            "video/mp4",
            "JPEG, PNG or WebP",
        ),
        ("sticker", WORDS.to_vec(), "text/plain", "WebP"),
        ("sticker", of_format("png", 5000), "image/png", "WebP"),
        ("voice", of_format("mp4", 5000), "video/mp4", "OGG or MP3"),
        (
            "voice",
            of_format("pdf", 5000),
            "application/pdf",
            "OGG or MP3",
        ),
        ("image", unknown, "of no known format", "JPEG, PNG or WebP"),
    ] {
        let files = Files::start(&bytes).await;
        for message in [file(type_, &bytes), link(type_, &files.url("/file"))] {
            let named = with(message, "filename", "right.name");
            let reply = send(&stage, &named).await;
            reply.refused(415, "unsupported_media_type");
            let json = reply.json();
            let says = json["error"].as_str().unwrap();
            assert!(
                says.contains(found) && says.contains(taken),
                "{type_}: {says}"
            );
        }
    }
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_anything_and_is_called_what_it_is() {
    let (stage, gateway) = up(Dialect::Waha).await;
    for (bytes, mime) in [
        (of_format("png", 900), "image/png"),
        (WORDS.to_vec(), "text/plain"),
        (vec![0xf1, 0x00, 0x9d, 0x03], "application/octet-stream"),
    ] {
        let message = with(file("file", &bytes), "filename", "report.pdf");
        send(&stage, &message).await.expect(200);
        let json = &gateway.posted().pop().unwrap().json;
        assert_eq!(json["file"]["mimetype"], mime);
        assert_eq!(json["file"]["filename"], "report.pdf");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_url_is_not_believed() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let mut message = file("image", &of_format("png", 900));
    let encoded = message["base64"].as_str().unwrap();
    message["base64"] = format!("data:image/jpeg;base64,{encoded}").into();
    send(&stage, &message).await.expect(200);
    let json = &gateway.posted().pop().unwrap().json;
    assert_eq!(json["file"]["mimetype"], "image/png");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_refused() {
    let files = Files::start(b"").await;
    let (stage, gateway) = up(Dialect::Waha).await;
    for message in [file("file", b""), link("file", &files.url("/file"))] {
        let reply = send(&stage, &with(message, "filename", "a")).await;
        reply.refused(400, "invalid_field");
        let says = reply.json()["error"].to_string();
        assert!(says.contains("the file is empty"), "{says}");
    }
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}
