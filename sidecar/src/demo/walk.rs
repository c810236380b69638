//! What the demo does, from the gateway's and the application's side, and what must hold.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;
use url::Url;

use super::{DemoError, report, samples::Sample, sink::Delivery};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The gateway and the application.
#[derive(Debug)]
pub(super) struct Walk {
    api: Url,
    key: String,
    http: Client<HttpConnector, Full<Bytes>>,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
}

impl Walk {
    /// Speaks to the API with a key; webhooks come out of `deliveries`.
    pub(super) fn new(
        api: Url,
        key: String,
        deliveries: mpsc::UnboundedReceiver<Delivery>,
    ) -> Self {
        Self {
            api,
            key,
            http: Client::builder(TokioExecutor::new()).build_http(),
            deliveries,
        }
    }

    /// Sends every sample, then looks whether all arrived.
    ///
    /// # Errors
    ///
    /// The first thing that did not hold.
    pub(super) async fn through(
        &mut self,
        samples: &[Sample],
        corrupted: &Sample,
        now: Timestamp,
    ) -> Result<(), DemoError> {
        for sample in samples {
            self.post(sample, now).await?;
            println!("  posted   {:<19} 202, on disk", sample.title);
        }
        let mut events = self.received(samples.len()).await?;
        report::header();
        for sample in samples {
            let delivery = events.remove(&sample.message_id).ok_or_else(|| {
                DemoError::Failed(format!("no webhook for {}", sample.message_id))
            })?;
            self.check(sample, &delivery).await?;
        }
        self.compare_download(samples).await?;
        self.refuse(corrupted, now).await
    }

    async fn post(&self, sample: &Sample, now: Timestamp) -> Result<String, DemoError> {
        let body = sample.upsert(now.as_second()).to_string();
        let url = self.url("inbound")?;
        let (status, answer) = self.send(Method::POST, &url, body.into()).await?;
        expect(status == StatusCode::ACCEPTED, || {
            format!(
                "inbound answered {status}: {}",
                String::from_utf8_lossy(&answer)
            )
        })?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let id = answer
            .pointer("/data/media/0/mediaId")
            .and_then(Value::as_str);
        id.map(str::to_owned)
            .ok_or_else(|| DemoError::Failed("inbound named no media".into()))
    }

    /// Waits for `message.received` of that many messages, by WhatsApp id.
    async fn received(&mut self, count: usize) -> Result<HashMap<String, Delivery>, DemoError> {
        let mut events = HashMap::new();
        while events.len() < count {
            let delivery = tokio::time::timeout(PATIENCE, self.deliveries.recv())
                .await
                .map_err(|_| DemoError::Failed("a webhook did not come within 60 s".into()))?
                .ok_or_else(|| DemoError::Failed("the webhook sink ended".into()))?;
            let id = text(&delivery.event, "/payload/id");
            if text(&delivery.event, "/event") == "message.received" {
                events.insert(id, delivery);
            }
        }
        Ok(events)
    }

    /// Object in the bucket, its hash, its webhook.
    async fn check(&self, sample: &Sample, delivery: &Delivery) -> Result<(), DemoError> {
        let url = text(&delivery.event, "/payload/mediaUrl");
        let url = Url::parse(&url)
            .map_err(|_| DemoError::Failed(format!("no mediaUrl for the {}", sample.title)))?;
        let (status, object) = self.get_presigned(&url).await?;
        let equal = status == StatusCode::OK && object == sample.plaintext;
        report::row(
            sample.title,
            &text(&delivery.event, "/payload/type"),
            object.len(),
            &text(&delivery.event, "/payload/media/key"),
            equal,
            delivery.signature_valid,
        );
        expect(equal, || {
            format!("the {} in the bucket differs", sample.title)
        })?;
        expect(delivery.signature_valid, || {
            format!("the webhook of the {} has a wrong signature", sample.title)
        })
    }

    async fn compare_download(&self, samples: &[Sample]) -> Result<(), DemoError> {
        let Some(sample) = samples.last() else {
            return Ok(());
        };
        let url = self.url(&format!("media?messageId={}", sample.message_id))?;
        let (_, answer) = self.send(Method::GET, &url, Bytes::new()).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let id = text(&answer, "/data/0/id");
        let url = self.url(&format!("media/{id}/download"))?;
        let (status, file) = self.send(Method::POST, &url, Bytes::new()).await?;
        expect(status == StatusCode::OK && file == sample.plaintext, || {
            format!(
                "the download of the {} differs (status {status})",
                sample.title
            )
        })?;
        println!(
            "\n  download of the {}: {} bytes, equal byte for byte",
            sample.title,
            file.len()
        );
        Ok(())
    }

    /// A file with one wrong byte must be refused, and no object may appear.
    async fn refuse(&self, corrupted: &Sample, now: Timestamp) -> Result<(), DemoError> {
        let id = self.post(corrupted, now).await?;
        let url = self.url(&format!("media/{id}/download"))?;
        let (status, answer) = self.send(Method::POST, &url, Bytes::new()).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let code = text(&answer, "/code");
        expect(
            status == StatusCode::BAD_GATEWAY && code == "integrity_failed",
            || format!("a corrupted file was answered with {status} {code}"),
        )?;
        println!("  corrupted file: refused with {status} ({code})");
        let (_, info) = self
            .send(
                Method::GET,
                &self.url(&format!("media/{id}"))?,
                Bytes::new(),
            )
            .await?;
        let info: Value = serde_json::from_slice(&info).unwrap_or_default();
        expect(
            info.pointer("/data/persisted") == Some(&Value::Bool(false)),
            || "a corrupted file was persisted".to_owned(),
        )?;
        println!("\n  All of it held.");
        Ok(())
    }

    /// An address below the demo's session.
    ///
    /// # Errors
    ///
    /// When `path` makes no URL.
    pub(super) fn url(&self, path: &str) -> Result<Url, DemoError> {
        Ok(self.api.join("api/sessions/default/")?.join(path)?)
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), DemoError> {
        let authorization = format!("Bearer {}", self.key);
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/json");
        self.answer(request, body).await
    }

    async fn get_presigned(&self, url: &Url) -> Result<(StatusCode, Bytes), DemoError> {
        self.answer(Request::get(url.as_str()), Bytes::new()).await
    }

    async fn answer(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), DemoError> {
        let failed = |error: &dyn std::error::Error| DemoError::Request(error.to_string());
        let request = request
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| failed(&error))?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| failed(&error))?;
        Ok((status, body.to_bytes()))
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), DemoError> {
    if holds {
        Ok(())
    } else {
        Err(DemoError::Failed(otherwise()))
    }
}
