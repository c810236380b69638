//! One try to send one message: through the session's gateway here, as its own device in `device`.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use rustls::ClientConfig;
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{
    Content, GatewayTarget, device,
    gateway::{self, ANSWER_BYTES, Call},
    spool::{SpoolError, SpoolReader},
};
use crate::{
    clock,
    config::{Missing, Sending},
    net::{self, AddressPolicy, ConnectError, Connector, Purpose, USER_AGENT, start_of},
    session::Session,
    store::{Dispatch, NewMessage, SendError, Sent},
};

/// What a gateway is posted.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The client of all gateways of a process: every address that it dials is checked.
pub type Client = net::Client<Body>;

/// The code where a session names no gateway to send through.
pub const NOT_CONFIGURED: &str = "sending_not_configured";

/// How long a gateway may take, its own upload to WhatsApp included.
const PATIENCE: Duration = Duration::from_mins(2);

/// Plaintext of a file that is read at once; a multiple of three, so that no padding stands between
/// the pieces.
const PIECE: u64 = 48 * 1024;

/// Pieces that lie ready.
const READY: usize = 2;

/// Answers are short: hyper's smallest read buffer will do.
const MAX_BUF: usize = 8 * 1024;

/// Builds the client.
#[must_use]
pub fn client(policy: Arc<AddressPolicy>, tls: Arc<ClientConfig>) -> Client {
    net::client(Connector::new(policy, Purpose::Webhook, tls), MAX_BUF)
}

/// A message that was sent.
#[derive(Debug)]
pub(super) struct Delivered {
    /// What its caller is told.
    pub(super) sent: Sent,
    /// What the session keeps of it; `None`: its gateway will tell of it.
    pub(super) kept: Option<NewMessage>,
}

/// Sends one message. The answer has WhatsApp's id of it.
///
/// # Errors
///
/// Why it was not sent, or may not have been.
pub(super) async fn deliver(session: &Session, send: &Dispatch) -> Result<Delivered, SendError> {
    let target = match &session.config().sending {
        Sending::Gateway(target) => target.clone(),
        Sending::Device => return device::deliver::deliver(session, send).await,
        Sending::Unusable(missing) => return Err(unavailable(missing)),
        Sending::NotConfigured => {
            return Err(passing(
                NOT_CONFIGURED,
                "the session names nothing to send through",
            ));
        }
    };
    let key = target.key.as_ref();
    let call = gateway::call(
        target.type_,
        &target.session,
        key,
        &send.message,
        &send.message_id,
    )
    .map_err(|unsupported| lasting("unsupported", &unsupported.message))?;
    let request = request(session, &target, call, send).await?;
    let client = &session.shared().gateways;
    Ok(Delivered {
        sent: post(client, &target, request).await?,
        kept: None,
    })
}

async fn post(
    client: &Client,
    target: &GatewayTarget,
    request: Request<Body>,
) -> Result<Sent, SendError> {
    let deadline = Instant::now() + PATIENCE;
    let answer = timeout_at(deadline, client.request(request)).await;
    let late = |_| {
        let words = "the gateway did not answer in two minutes";
        passing("gateway_timeout", words)
    };
    let answer = answer.map_err(late)?.map_err(|error| {
        let why = ConnectError::find(&error).map_or_else(
            || "the connection to the gateway broke".to_owned(),
            ConnectError::with_cause,
        );
        passing("gateway_unavailable", &why)
    })?;
    let (head, body) = answer.into_parts();
    let body = start_of(body, ANSWER_BYTES, deadline).await;
    let read = gateway::read_answer(target.type_, target.key.as_ref(), head.status, &body);
    let sent = read.map_err(|error| SendError {
        code: error.code.to_owned(),
        message: error.message,
        retryable: error.transient,
    })?;
    Ok(Sent {
        id: sent.id,
        timestamp: sent.timestamp.unwrap_or_else(clock::now),
        media_id: None,
    })
}

async fn request(
    session: &Session,
    target: &GatewayTarget,
    call: Call,
    send: &Dispatch,
) -> Result<Request<Body>, SendError> {
    let length = match &send.message.content {
        Content::File(file) => call.body.length(file.length),
        Content::Text { .. } => call.body.length(0),
    };
    let mut request = Request::builder()
        .method(call.method)
        .uri(uri(target, &call.path))
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_LENGTH, length);
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let body = match call.body.tail {
        None => Full::from(call.body.head)
            .map_err(|never| match never {})
            .boxed_unsync(),
        Some(tail) => around_file(call.body.head, open(session, send).await?, tail),
    };
    request
        .body(body)
        .map_err(|_| lasting("gateway_unavailable", "the gateway's URL can't be used"))
}

/// The gateway's address with `path` behind it; a path or query of its own stays in front.
fn uri(target: &GatewayTarget, path: &str) -> String {
    let base = target.base.as_str().trim_end_matches('/');
    format!("{base}{path}")
}

/// Opens the file of a message.
pub(super) async fn open(session: &Session, send: &Dispatch) -> Result<SpoolReader, SendError> {
    let Some(key) = send.file_key.clone() else {
        return Err(lasting(
            "file_lost",
            "the file to send is not there any more",
        ));
    };
    let (spool, id) = (session.outgoings().spool.clone(), send.id.clone());
    let opened = spawn_blocking(move || spool.read(&id, &key)).await;
    opened
        .unwrap_or_else(|error| Err(SpoolError::from(io::Error::other(error))))
        .map_err(|error| lasting("file_lost", &error.to_string()))
}

/// `head`, the base64 of the file, `tail`. Read in a thread of its own, few pieces ahead. A file that
/// turns out altered breaks the request off before its end.
fn around_file(head: Vec<u8>, file: SpoolReader, tail: Vec<u8>) -> Body {
    let (pieces, ready) = mpsc::channel::<io::Result<Bytes>>(READY);
    drop(spawn_blocking(move || {
        let mut file = file;
        // Whoever posted it may be gone: then nobody needs the rest.
        let give = |piece| pieces.blocking_send(piece).is_ok();
        let mut going = give(Ok(head.into()));
        while going {
            let mut plain = Vec::new();
            match file.by_ref().take(PIECE).read_to_end(&mut plain) {
                Ok(0) => break,
                Ok(_) => going = give(Ok(STANDARD.encode(plain).into())),
                Err(error) => {
                    give(Err(error));
                    return;
                }
            }
        }
        if going {
            give(Ok(tail.into()));
        }
    }));
    let frames = stream::unfold(ready, |mut ready| async move {
        let piece = ready.recv().await?;
        Some((piece.map(Frame::data), ready))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// What the session names to send through can't be used now.
#[must_use]
pub fn unavailable(missing: &Missing) -> SendError {
    passing("sending_unavailable", &missing.message)
}

/// It may pass.
pub(super) fn passing(code: &str, message: &str) -> SendError {
    SendError {
        code: code.to_owned(),
        message: message.to_owned(),
        retryable: true,
    }
}

/// It will not.
pub(super) fn lasting(code: &str, message: &str) -> SendError {
    SendError {
        retryable: false,
        ..passing(code, message)
    }
}
