//! Fetching from a CDN that misbehaves: every fault is injected by a server on loopback.

mod open;
mod part;
mod resume;
mod server;

use std::{sync::Arc, time::Duration};

use super::{
    Cdn, CdnBody, CdnError, Config, Limits, Reference,
    attempt::Timing,
    origin::{Origin, Origins},
};
use crate::{media::MediaType, net::AddressPolicy};
use server::{Server, Step};

const PATH: &str = "/v/t62.7118-24/1_n.enc?oh=01_secret&oe=69A1B2C3";
const WIDE: Limits = Limits {
    max_blob_bytes: 1 << 30,
};

fn timing() -> Timing {
    Timing {
        head: Duration::from_secs(5),
        idle: Duration::from_millis(500),
        resume_window: Duration::from_secs(9),
        open_window: Duration::from_secs(5),
        backoff: Duration::from_millis(5),
    }
}

fn file(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from((i * 31 + i / 251) % 256).unwrap())
        .collect()
}

fn hurried(servers: &[&Server], timing: Timing) -> Cdn {
    let url = |server: &&Server| format!("http://127.0.0.1:{}", server.port).parse().unwrap();
    let config = Config {
        origins: servers.iter().map(url).collect(),
        ..Config::default()
    };
    let mut cdn = Cdn::new(config, Arc::new(AddressPolicy::default())).unwrap();
    let fetcher = Arc::into_inner(cdn.fetcher).unwrap();
    cdn.fetcher = Arc::new(fetcher.hurried(timing));
    cdn
}

fn cdn(servers: &[&Server]) -> Cdn {
    hurried(servers, timing())
}

fn reference() -> Reference {
    Reference {
        direct_path: Some(PATH.to_owned()),
        url: None,
        enc_sha256: Some([1; 32]),
        media_type: MediaType::Document,
        encrypted: true,
    }
}

/// Reads to the end; the bytes so far and the error that ended it.
async fn read(body: &mut CdnBody) -> (Vec<u8>, Option<CdnError>) {
    let mut bytes = Vec::new();
    while let Some(next) = body.next().await {
        match next {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(error) => {
                assert!(body.next().await.is_none(), "an error is the end");
                return (bytes, Some(error));
            }
        }
    }
    (bytes, None)
}

async fn served(file: &[u8], script: Vec<Step>) -> Server {
    Server::start(file, Some("\"v1\""), script).await
}

/// Opens and expects an error.
async fn refused(servers: &[&Server]) -> CdnError {
    cdn(servers)
        .open(&reference(), WIDE, 0)
        .await
        .expect_err("an error")
}
