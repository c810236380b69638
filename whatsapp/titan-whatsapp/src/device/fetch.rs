//! What the library would fetch over HTTP. It fetches nothing: media are the sidecar's.

use async_trait::async_trait;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

/// Refuses.
pub(crate) struct Nothing;

#[async_trait]
impl HttpClient for Nothing {
    async fn execute(&self, _request: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("this program fetches nothing over HTTP")
    }
}
