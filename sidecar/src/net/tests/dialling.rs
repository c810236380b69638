//! Real connections on loopback, with and without TLS.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use http_body_util::Empty;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A CA for tests, and a certificate of `localhost` by it; both run for a hundred years. The CA's
/// key is gone.
const CA: &[u8] = include_bytes!("ca.pem");
const LEAF: &[u8] = include_bytes!("leaf.pem");
const LEAF_KEY: &[u8] = include_bytes!("leaf.key");

#[test]
fn a_bundle_without_a_certificate_is_refused() {
    assert!(tls_config(None).is_ok());
    assert!(matches!(
        tls_config(Some(b"hello")),
        Err(NetError::NoCertificate)
    ));
}

#[test]
fn families_take_turns() {
    assert_eq!(dial::interleave(vec![1, 3, 5], vec![2]), [1, 2, 3, 5]);
}

async fn status(connector: Connector, uri: &str) -> Result<u16, ConnectErrorKind> {
    let client: Client<Empty<Bytes>> = client(connector, DEFAULT_MAX_BUF);
    match client.get(uri.parse().unwrap()).await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) => {
            let error: &(dyn Error + 'static) = &error;
            Err(ConnectError::find(error)
                .expect("a connect error in the chain")
                .kind())
        }
    }
}

fn connector(allow: &[&str], purpose: Purpose) -> Connector {
    Connector::new(
        Arc::new(policy(allow, false)),
        purpose,
        tls_config(None).unwrap(),
    )
}

/// Answers one request with 204; returns its port.
async fn answer_once() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
    });
    port
}

#[tokio::test]
async fn loopback_is_refused_for_names_and_literals_unless_allowed() {
    let port = answer_once().await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "127.1",
    ] {
        let uri = format!("http://{host}:{port}/");
        for purpose in [Purpose::Bucket, Purpose::Webhook, Purpose::Cdn] {
            let refused = status(connector(&[], purpose), &uri).await;
            assert_eq!(refused, Err(ConnectErrorKind::Refused), "{uri} {purpose:?}");
        }
    }
    let allowed = connector(&["127.0.0.0/8"], Purpose::Webhook);
    assert_eq!(
        status(allowed, &format!("http://localhost:{port}/")).await,
        Ok(204)
    );
}

#[tokio::test]
async fn an_origin_of_the_operator_may_be_anywhere() {
    let port = answer_once().await;
    let uri = format!("http://127.0.0.1:{port}/");
    let trusting = connector(&[], Purpose::Cdn).trusting([("127.0.0.1".to_owned(), port)]);
    assert_eq!(status(trusting, &uri).await, Ok(204));
    let other = connector(&[], Purpose::Cdn).trusting([("127.0.0.1".to_owned(), 1)]);
    assert_eq!(status(other, &uri).await, Err(ConnectErrorKind::Refused));
}

#[tokio::test]
async fn kinds_tell_dns_connect_and_tls_apart() {
    let allowed = || connector(&["127.0.0.0/8"], Purpose::Bucket);
    // A label of 64 bytes: refused by the resolver itself, no server is asked.
    let unknown = format!("http://{}.invalid/", "a".repeat(64));
    let dns = status(allowed(), &unknown).await;
    assert_eq!(dns, Err(ConnectErrorKind::Dns));
    let gone = status(allowed(), "http://127.0.0.1:1/").await;
    assert_eq!(gone, Err(ConnectErrorKind::Connect));
    let plain = answer_once().await;
    let tls = status(allowed(), &format!("https://127.0.0.1:{plain}/")).await;
    assert_eq!(tls, Err(ConnectErrorKind::Tls));
}

#[tokio::test]
async fn an_address_that_fails_gives_way_to_the_next() {
    let closed = "127.0.0.1:1".parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let stream = dial::race(vec![closed, closed, open]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
    assert!(dial::race(vec![closed]).await.is_err());
    assert!(dial::race(Vec::new()).await.is_err());
}

/// Answers one request over TLS with the fixture certificate of `localhost`; returns its port.
async fn answer_tls() -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(LEAF).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(LEAF_KEY).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not trust us ends the handshake.
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
    });
    port
}

#[tokio::test]
async fn a_private_ca_is_trusted_for_the_names_of_its_certificates_only() {
    let with_ca = |ca| {
        let policy = Arc::new(policy(&["127.0.0.0/8"], false));
        Connector::new(policy, Purpose::Webhook, tls_config(ca).unwrap())
    };
    let url = |host: &str, port: u16| format!("https://{host}:{port}/");
    let trusted = status(with_ca(Some(CA)), &url("localhost", answer_tls().await)).await;
    assert_eq!(trusted, Ok(204));
    let unknown = status(with_ca(None), &url("localhost", answer_tls().await)).await;
    assert_eq!(unknown, Err(ConnectErrorKind::Tls));
    let misnamed = status(with_ca(Some(CA)), &url("127.0.0.1", answer_tls().await)).await;
    assert_eq!(misnamed, Err(ConnectErrorKind::Tls));
}
