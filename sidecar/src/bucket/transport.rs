//! The SDK's HTTP, on the process's one guarded connector: its own client would know neither the
//! address policy nor the buffer limits.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use crate::net;

/// Most that is read of an answer that is no object: an error's XML is a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends requests through [`net::Client`]. Time-outs are the callers': they know what silence means.
#[derive(Clone)]
pub(super) struct Transport {
    client: net::Client<SdkBody>,
}

// === impl Transport ===

impl Transport {
    pub(super) fn new(connector: net::Connector) -> Self {
        Self {
            client: net::client(connector, net::DEFAULT_MAX_BUF),
        }
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let is_get = request.method() == http::Method::GET;
        let sent = self.client.request(request).await;
        let response = sent.map_err(|error| ConnectorError::io(error.into()))?;
        let is_object = is_get && response.status().is_success();
        let response = response.map(|body| {
            if is_object {
                SdkBody::from_body_1_x(body)
            } else {
                SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER_BYTES))
            }
        });
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Transport {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
