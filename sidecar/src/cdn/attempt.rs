//! One host, one file, one question: send it and say what the answer means.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{ACCEPT_ENCODING, IF_RANGE, ORIGIN, RANGE, REFERER, RETRY_AFTER, USER_AGENT},
};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{
    accept::{Accepted, Ask, accept},
    error::CdnError,
    origin::Origin,
    status::{Class, classify, retry_after},
    url::{Form, Location},
};
use crate::{
    clock,
    net::{Client, Connector, DEFAULT_MAX_BUF, client},
};

/// How much of an error's body is read to find out why.
const SNIPPET: usize = 2048;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// From the request to the answer's head, connecting included.
    pub(super) head: Duration,
    /// Between two pieces of a body, while we wait for one.
    pub(super) idle: Duration,
    /// Without a new byte, resuming included.
    pub(super) resume_window: Duration,
    /// After this no new round over the hosts begins.
    pub(super) open_window: Duration,
    /// The first pause between rounds; each further one is twice as long.
    pub(super) backoff: Duration,
}

impl Timing {
    fn new(resume_window: Duration) -> Self {
        Self {
            head: Duration::from_secs(15),
            // Silence is noticed while half of the window is left for another host.
            idle: (resume_window / 2).min(Duration::from_secs(20)),
            resume_window,
            open_window: Duration::from_secs(45),
            backoff: Duration::from_millis(500),
        }
    }
}

/// The client with its time-outs.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client<Empty<Bytes>>,
    pub(super) timing: Timing,
}

/// A good head and the body behind it.
pub(super) struct Answer {
    pub(super) body: Incoming,
    pub(super) accepted: Accepted,
    /// Index of the origin that answered.
    pub(super) origin: usize,
    /// The form of the URL that worked.
    pub(super) form: Form,
}

impl Fetcher {
    pub(super) fn new(connector: Connector, resume_window: Duration) -> Self {
        Self {
            client: client(connector, DEFAULT_MAX_BUF),
            timing: Timing::new(resume_window),
        }
    }

    #[cfg(test)]
    pub(super) fn hurried(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Asks one origin. A 403 is asked once more in the other form of the URL: some documents
    /// answer only to the bare signed path.
    pub(super) async fn attempt(
        &self,
        location: &Location,
        (index, form): (usize, Form),
        ask: &Ask,
    ) -> Result<Answer, CdnError> {
        let invalid = CdnError::Invalid("the message names no place on the CDN");
        let origin = location.origins.get(index).ok_or(invalid)?;
        let answered = |form| {
            move |(body, accepted)| Answer {
                body,
                accepted,
                origin: index,
                form,
            }
        };
        let first = match self.once(location, origin, form, ask).await {
            Err(error @ CdnError::Status { status: 403, .. }) if location.has_two_forms() => error,
            other => return other.map(answered(form)),
        };
        let form = form.other();
        let second = self.once(location, origin, form, ask).await;
        second.map(answered(form)).map_err(|second| match second {
            // Either answer may be the one that gives the reason.
            CdnError::Status { status: 403, .. } if first.class() == Class::Gone => first,
            _ => second,
        })
    }

    async fn once(
        &self,
        location: &Location,
        origin: &Origin,
        form: Form,
        ask: &Ask,
    ) -> Result<(Incoming, Accepted), CdnError> {
        let host = origin.authority.as_str();
        let invalid = CdnError::Invalid("the message's path does not fit below a CDN host");
        let request = request(location.uri(origin, form).ok_or(invalid)?, ask)?;
        let response = timeout(self.timing.head, self.client.request(request))
            .await
            .map_err(|_| CdnError::Stalled {
                host: host.to_owned(),
                after: self.timing.head,
            })?
            .map_err(|source| CdnError::Network {
                host: host.to_owned(),
                source: source.into(),
            })?;
        tracing::debug!(host, status = response.status().as_u16(), want = ?ask.want, "cdn answered");
        if !matches!(
            response.status(),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT
        ) {
            return Err(self.refused(response, host).await);
        }
        let (head, body) = response.into_parts();
        accept(ask, &head, host).map(|accepted| (body, accepted))
    }

    /// What an answer without the file means. Only a 403 needs its body to tell.
    async fn refused(&self, response: Response<Incoming>, host: &str) -> CdnError {
        let (head, body) = response.into_parts();
        let (status, host) = (head.status.as_u16(), host.to_owned());
        if head.status.is_redirection() {
            return CdnError::Redirect { host, status };
        }
        let body = if status == 403 {
            self.snippet(body).await
        } else {
            Vec::new()
        };
        let wish = head
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let wish = wish.and_then(|value| retry_after(value, clock::now()));
        CdnError::Status {
            host,
            status,
            class: classify(status, &body, wish),
        }
    }

    /// The beginning of a body; what can't be read in time is left out.
    async fn snippet(&self, mut body: Incoming) -> Vec<u8> {
        let mut text = Vec::new();
        while text.len() < SNIPPET
            && let Ok(Some(Ok(frame))) = timeout(self.timing.idle, body.frame()).await
        {
            let Some(data) = frame.data_ref() else {
                continue;
            };
            text.extend(data.iter().take(SNIPPET - text.len()));
        }
        text
    }
}

/// A GET as WhatsApp's web client sends it. No cookies, no credentials.
fn request(uri: Uri, ask: &Ask) -> Result<Request<Empty<Bytes>>, CdnError> {
    let mut request = Request::get(uri)
        .header(ORIGIN, "https://web.whatsapp.com")
        .header(REFERER, "https://web.whatsapp.com/")
        .header(USER_AGENT, "titan-media")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::new())
        .map_err(|_| CdnError::Invalid("the message's path makes no request"))?;
    if let Some(range) = ask
        .range()
        .and_then(|range| HeaderValue::from_str(&range).ok())
    {
        request.headers_mut().insert(RANGE, range);
        if let Some(validator) = &ask.validator {
            request.headers_mut().insert(IF_RANGE, validator.clone());
        }
    }
    Ok(request)
}
