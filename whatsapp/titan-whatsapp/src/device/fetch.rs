//! What the library fetches over HTTP: settings of the account that are too large for a stanza. Media are the sidecar's.
//!
//! Only WhatsApp's own hosts, over TLS, without following anything; and never with the token for uploads, which the library
//! would put into the address.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

use super::dial::Dialer;

/// Where it may fetch from.
const DOMAIN: &str = ".whatsapp.net";

/// Largest answer: an account's settings are some hundred KiB.
const LARGEST: usize = 32 * 1024 * 1024;

/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The client.
pub(crate) struct Fetch {
    dialer: Arc<Dialer>,
}

impl Fetch {
    pub(crate) fn new(dialer: Arc<Dialer>) -> Self {
        Self { dialer }
    }

    async fn get(&self, url: &str) -> Result<HttpResponse> {
        let (host, path) = target(url)?;
        let stream = self.dialer.dial_tls(&host, 443).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(path)
            .header(header::HOST, host)
            .body(Empty::<Bytes>::new())?;
        let exchange = async {
            let answer = sender.send_request(request).await?;
            drop(sender);
            let status_code = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body =
                body.map_err(|_too_large| anyhow::anyhow!("the answer is too large or broke off"))?;
            Ok(HttpResponse {
                status_code,
                body: body.to_bytes().to_vec(),
            })
        };
        let (answer, _ended) = tokio::join!(exchange, connection);
        answer
    }
}

#[async_trait]
impl HttpClient for Fetch {
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        ensure!(
            request.method == "GET" && request.body.is_none(),
            "only GET is served"
        );
        timeout(PATIENCE, self.get(&request.url))
            .await
            .context("the answer took too long")?
    }
}

/// Host and path of what may be fetched. The library appends its parameters with a second question mark.
fn target(url: &str) -> Result<(String, Uri)> {
    let rest = url
        .strip_prefix("https://")
        .context("only https is served")?;
    let (host, path) = rest.split_once('/').context("no path")?;
    let known = host.ends_with(DOMAIN)
        && host
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || b".-".contains(&letter));
    ensure!(known, "only WhatsApp's own hosts are served");
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let parameters: Vec<&str> = parameters
        .split(['?', '&'])
        .filter(|parameter| !parameter.is_empty() && !parameter.starts_with("auth="))
        .collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    let uri = format!("/{path}{mark}{}", parameters.join("&"))
        .parse()
        .context("path")?;
    Ok((host.to_owned(), uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upload_token_stays_here_and_parameters_are_joined_as_they_should() {
        let (host, path) =
            target("https://mmg.whatsapp.net/v/t62/1.enc?ccb=1&oh=x?auth=secret&token=t").unwrap();
        assert_eq!(
            (host.as_str(), path.to_string().as_str()),
            ("mmg.whatsapp.net", "/v/t62/1.enc?ccb=1&oh=x&token=t")
        );
        let (_, path) = target("https://mmg.whatsapp.net/v/1?auth=secret").unwrap();
        assert_eq!(path.to_string(), "/v/1");
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for elsewhere in [
            "http://mmg.whatsapp.net/v",
            "https://example.com/v",
            "https://whatsapp.net.example.com/v",
            "https://evilwhatsapp.net/v",
            "https://user@mmg.whatsapp.net/v",
            "https://mmg.whatsapp.net:8443/v",
            "https://example.com#.whatsapp.net/v",
            "https://mmg.whatsapp.net",
        ] {
            assert!(target(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
