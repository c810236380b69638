//! Uploads to servers that take them, or do not, exactly as told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    cdn::{Cdn, Config},
    net::AddressPolicy,
};

const AUTH: &str = "AWs3cret/+token";
const PLACE: &str = r#"{"url":"https://mmg.whatsapp.net/v/t62/1?oe=7FFFFF00","direct_path":"/v/t62/1?oe=7FFFFF00"}"#;

/// One request as it came.
#[derive(Debug, Clone)]
struct Seen {
    head: String,
    body: Vec<u8>,
}

/// A host that gives these answers; `None`: it hangs up after the head.
struct Host {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    async fn start(script: &[Option<(u16, &str)>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut script: VecDeque<_> = script
            .iter()
            .map(|answer| answer.map(|(status, body)| (status, body.to_owned())))
            .collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = script.pop_front().flatten();
                let one = read(&mut stream, answer.is_some()).await;
                all.lock().unwrap().push(one);
                if let Some((status, body)) = answer {
                    let text = format!(
                        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _gone = stream.write_all(text.as_bytes()).await;
                }
            }
        });
        Self { url, seen, task }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream, whole: bool) -> Seen {
    let (mut bytes, mut end) = (Vec::new(), None);
    while end.is_none() && stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
        end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    }
    let mut body = bytes.split_off(end.unwrap() + 4);
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| {
        let value = line.strip_prefix("content-length: ")?;
        value.parse::<usize>().ok()
    });
    while whole && body.len() < length.unwrap() && stream.read_buf(&mut body).await.unwrap() > 0 {}
    Seen { head, body }
}

fn cdn(hosts: &[&Host]) -> Cdn {
    let config = Config {
        origins: hosts.iter().map(|host| host.url.parse().unwrap()).collect(),
        ..Config::default()
    };
    Cdn::new(config, Arc::new(AddressPolicy::default())).unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

async fn upload(hosts: &[&Host], content: &[u8]) -> Result<Uploaded, UploadError> {
    let permit = Permit {
        auth: AUTH.to_owned(),
        hosts: vec!["mmg.whatsapp.net".to_owned()],
    };
    let blob = Blob {
        media_type: MediaType::Image,
        enc_sha256: [0xfb; 32],
        length: content.len() as u64,
    };
    let body = |from| async move {
        let rest = content[usize::try_from(from).unwrap()..].to_vec();
        Ok(Full::from(rest)
            .map_err(|never| match never {})
            .boxed_unsync())
    };
    cdn(hosts).upload(&permit, &blob, body).await
}

#[tokio::test]
async fn a_file_is_posted_under_its_hash_with_its_length() {
    let host = Host::start(&[Some((200, PLACE))]).await;
    let uploaded = upload(&[&host], &bytes(1000)).await.unwrap();
    assert_eq!(uploaded.direct_path, "/v/t62/1?oe=7FFFFF00");
    let [seen] = &host.seen()[..] else { panic!() };
    let token = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=";
    let line =
        format!("POST /mms/image/{token}?auth=AWs3cret%2F%2Btoken&token={token} HTTP/1.1\r\n");
    assert!(seen.head.starts_with(&line), "{}", seen.head);
    for header in [
        "content-length: 1000",
        "content-type: application/octet-stream",
        "origin: https://web.whatsapp.com",
    ] {
        assert!(
            seen.head.contains(&format!("{header}\r\n")),
            "{}",
            seen.head
        );
    }
    assert_eq!(seen.body, bytes(1000));
}

#[tokio::test]
async fn a_host_that_fails_is_followed_by_the_next() {
    let broken = Host::start(&[None]).await;
    let failing = Host::start(&[Some((503, ""))]).await;
    let silent = Host::start(&[Some((200, "{}"))]).await;
    let good = Host::start(&[Some((200, PLACE))]).await;
    let mut down = Host::start(&[]).await;
    down.url = "http://127.0.0.1:1".to_owned();
    let hosts = [&down, &broken, &failing, &silent, &good];
    upload(&hosts, &bytes(10)).await.unwrap();
    assert_eq!(good.seen()[0].body, bytes(10));
    let error = upload(&[&down], &bytes(10)).await.unwrap_err();
    assert!(matches!(error, UploadError::Network { .. }), "{error}");
}

#[tokio::test]
async fn a_refused_token_and_a_refused_file_end_it_at_once() {
    for status in [401, 403] {
        let host = Host::start(&[Some((status, ""))]).await;
        let other = Host::start(&[]).await;
        let error = upload(&[&host, &other], &bytes(10)).await.unwrap_err();
        assert!(matches!(error, UploadError::Unauthorised { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("AWs3cret"));
        assert!(other.seen().is_empty());
    }
    for status in [413, 415] {
        let host = Host::start(&[Some((status, ""))]).await;
        let error = upload(&[&host], &bytes(10)).await.unwrap_err();
        assert!(matches!(error, UploadError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_large_file_goes_on_where_it_broke_off() {
    let content = bytes((6 << 20) + 26);
    let start = 5_000_000;
    for offset in [
        "{\"resume\": 5000000}",
        "5000000",
        "{\"resume\": \"5000000\"}",
    ] {
        let host = Host::start(&[Some((200, offset)), Some((200, PLACE))]).await;
        upload(&[&host], &content).await.unwrap();
        let [asked, rest] = &host.seen()[..] else {
            panic!()
        };
        assert!(asked.head.contains("&resume=1 HTTP"), "{}", asked.head);
        assert!(asked.body.is_empty() && asked.head.contains("content-length: 0\r\n"));
        assert!(
            rest.head.contains("&file_offset=5000000 HTTP"),
            "{}",
            rest.head
        );
        assert!(rest.body == content[start..]);
    }
}

#[tokio::test]
async fn a_large_file_that_is_there_is_not_sent_again() {
    let complete = PLACE.replacen('{', r#"{"resume":"complete","#, 1);
    let host = Host::start(&[Some((200, &complete))]).await;
    let uploaded = upload(&[&host], &bytes(6 << 20)).await.unwrap();
    assert_eq!(uploaded.direct_path, "/v/t62/1?oe=7FFFFF00");
    assert_eq!(host.seen().len(), 1);
}

#[tokio::test]
async fn a_host_that_knows_no_resuming_gets_all_of_it() {
    let content = bytes(6 << 20);
    for answer in [
        (404, ""),
        (200, "x"),
        (200, r#"{"resume":99999999}"#),
        (500, ""),
    ] {
        let host = Host::start(&[Some(answer), Some((200, PLACE))]).await;
        upload(&[&host], &content).await.unwrap();
        let [_, all] = &host.seen()[..] else { panic!() };
        assert!(!all.head.contains("file_offset") && all.body == content);
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_here_is_not_the_host_s_fault() {
    let host = Host::start(&[Some((200, PLACE))]).await;
    let permit = Permit {
        auth: AUTH.to_owned(),
        hosts: Vec::new(),
    };
    assert!(!format!("{permit:?}").contains("AWs3cret"));
    let blob = Blob {
        media_type: MediaType::Image,
        enc_sha256: [1; 32],
        length: 10,
    };
    let broken = |_| async { Err(io::Error::other("altered")) };
    let error = cdn(&[&host])
        .upload(&permit, &blob, broken)
        .await
        .unwrap_err();
    assert!(matches!(error, UploadError::File), "{error}");
}

#[test]
fn only_whatsapp_s_own_hosts_are_uploaded_to() {
    let names = [
        "mmg.whatsapp.net",
        "evil.example",
        "whatsapp.net.evil.example",
        "media-fra5-2.cdn.whatsapp.net",
    ];
    let permit = Permit {
        auth: AUTH.to_owned(),
        hosts: names.map(str::to_owned).to_vec(),
    };
    let hosts = hosts(&Origins::new(Vec::new()), &permit);
    let bases: Vec<_> = hosts.iter().map(|host| host.base.as_str()).collect();
    assert_eq!(
        bases,
        [
            "https://mmg.whatsapp.net",
            "https://media-fra5-2.cdn.whatsapp.net"
        ]
    );
}
