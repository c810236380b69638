//! One call: its body read, its session found, its message checked and queued.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::{
    super::{error::ApiError, oversize, prefer::Preferences, rate_limit},
    answer,
    way::Way,
};
use crate::{
    clock,
    send::{
        Outgoing,
        intake::{self, SpooledFile},
        request::{self, MOST_BASE64, Source},
        spool::{SpoolKey, SpoolWriter},
    },
    session::Session,
    store::{Asked, NewSend, StoreError},
};

/// Room for all that is not base64, bytes.
const MOST_BESIDE: u64 = 1 << 20;

/// A body of at most so many bytes is taken into memory first: it waits for no turn behind files.
const SMALL: u64 = 64 << 10;

/// How long a small body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest `Idempotency-Key`, bytes.
const LONGEST_KEY: usize = 255;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A call, as its headers say it.
pub(super) struct Call {
    respond_async: bool,
    idempotency_key: Option<String>,
    /// Correlation id; also the name of the file.
    id: String,
}

/// A body that was read.
type Read = request::Request<SpoolWriter>;

// === impl Call ===

impl Call {
    /// The call, and the body that is still to be read.
    ///
    /// # Errors
    ///
    /// 400, 413 and 415 for what the headers say already.
    pub(super) async fn of(request: Request) -> Result<(Self, Body), ApiError> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let idempotency_key = idempotency_key(&parts.headers)?;
        let most = MOST_BASE64 + MOST_BESIDE;
        let Some(body) = oversize::refuse(&parts.headers, body, most).await else {
            let words = format!("the body is larger than {most} bytes");
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                words,
            ));
        };
        let call = Self {
            respond_async: Preferences::of(&parts.headers).respond_async,
            idempotency_key,
            id: format!("cmd-{}", hex::encode(rand::random::<[u8; 12]>())),
        };
        Ok((call, body))
    }

    /// Reads the body into the spool of `home`, sends through the session that `session` finds for the
    /// name in it, and answers.
    pub(super) async fn run(
        mut self,
        body: Body,
        home: Arc<Session>,
        session: impl FnOnce(Option<&str>) -> Result<Arc<Session>, ApiError>,
    ) -> Result<Response, ApiError> {
        let (mut asked, file) = self.read(body, &home).await?;
        let session = session(asked.session.as_deref())?;
        let way = Way::of(&session.config())?;
        way.refuse_forwarded(asked.is_forwarded)?;
        let fingerprint = intake::fingerprint(&asked, file.as_ref().map(SpooledFile::sha256));
        let store = session.store();
        if let Some(key) = &self.idempotency_key
            && let Some(before) = store.asked_before(key, &fingerprint).await?
        {
            return self.answer(&session, before).await;
        }
        rate_limit::count_send(&session)?;
        let file = match asked.file.take() {
            Some(Source::Url(link)) => Some(self.fetch(&session, &link).await?),
            Some(Source::Base64(_)) | None => file,
        };
        let file = match file {
            Some(file) if !Arc::ptr_eq(&home, &session) => Some(
                file.move_to(
                    session.outgoings().spool.clone(),
                    self.id.clone(),
                    new_key(),
                )
                .await?,
            ),
            file => file,
        };
        let message = intake::understand(asked, file.as_ref())?;
        let send = self.new_send(&session, message, file.as_ref(), fingerprint);
        way.check(&send)?;
        self.respond_async = send.patient;
        let asked = queue(session.clone(), send, file).await?;
        self.answer(&session, asked).await
    }

    /// The request, and the file that came in it.
    async fn read(
        &self,
        body: Body,
        home: &Session,
    ) -> Result<(Read, Option<SpooledFile>), ApiError> {
        let (body, _reading) = if body.size_hint().upper().is_some_and(|most| most <= SMALL) {
            (whole(body).await?, None)
        } else {
            let readings = home.outgoings().readings.clone();
            // The semaphore is never closed.
            (body, readings.acquire_owned().await.ok())
        };
        let (spool, key) = (home.outgoings().spool.clone(), new_key());
        let mut read = intake::read(spool.clone(), self.id.clone(), key.clone(), body).await?;
        match read.file.take() {
            Some(Source::Base64(writer)) => {
                let file = intake::finish(spool, self.id.clone(), key, writer).await?;
                Ok((read, Some(file)))
            }
            link => {
                read.file = link;
                Ok((read, None))
            }
        }
    }

    async fn fetch(&self, session: &Session, link: &str) -> Result<SpooledFile, ApiError> {
        let outgoings = session.outgoings();
        let _reading = outgoings.readings.clone().acquire_owned().await.ok();
        let (spool, links) = (outgoings.spool.clone(), &session.shared().links);
        Ok(intake::fetch(links, link, spool, self.id.clone(), new_key()).await?)
    }

    fn new_send(
        &self,
        session: &Session,
        message: Outgoing,
        file: Option<&SpooledFile>,
        fingerprint: [u8; 32],
    ) -> NewSend {
        // What is answered for must be there tomorrow: a file is only on a volume.
        let patient = self.respond_async && (file.is_none() || session.config().durable_folder);
        NewSend {
            id: self.id.clone(),
            idempotency_key: self.idempotency_key.clone(),
            fingerprint,
            message_id: message_id(),
            message,
            file_key: file.map(|file| file.key().clone()),
            patient,
            endpoints: if patient {
                session.endpoints_wanting("command.result")
            } else {
                Vec::new()
            },
        }
    }

    async fn answer(&self, session: &Session, asked: Asked) -> Result<Response, ApiError> {
        match asked {
            Asked::Queued if self.respond_async => Ok(answer::accepted(&self.id)),
            Asked::Queued => answer::wait(session, &self.id).await,
            Asked::Before { id, patient: true } => Ok(answer::accepted(&id)),
            Asked::Before { id, patient: false } => answer::wait(session, &id).await,
            Asked::OtherMessage => Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another message",
            )),
        }
    }
}

/// A small body, once it is here.
async fn whole(body: Body) -> Result<Body, ApiError> {
    match timeout(PATIENCE, body.collect()).await {
        Ok(Ok(body)) => Ok(Body::from(body.to_bytes())),
        Ok(Err(_)) | Err(_) => Err(ApiError::incomplete_body()),
    }
}

/// Queues a message and keeps its file. In a task of its own: a caller who hangs up ends the call at
/// any point, and a message that is queued must not lose its file.
async fn queue(
    session: Arc<Session>,
    send: NewSend,
    file: Option<SpooledFile>,
) -> Result<Asked, ApiError> {
    let queued = tokio::spawn(async move {
        let asked = session.store().ask_to_send(send, clock::now()).await?;
        if let (Asked::Queued, Some(file)) = (&asked, file) {
            file.keep();
        }
        Ok::<_, StoreError>(asked)
    });
    let queued = queued.await.map_err(|_| {
        let words = "the sidecar failed on this message";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", words)
    });
    Ok(queued??)
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let parsed = value
        .to_str()
        .ok()
        .and_then(|value| value.parse::<mime::Mime>().ok());
    if parsed.is_some_and(|mime| mime.essence_str() == mime::APPLICATION_JSON) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "the body must be application/json",
    ))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(ApiError::bad_parameter(
            "Idempotency-Key",
            format!("must have 1 to {LONGEST_KEY} printable ASCII characters"),
        ));
    }
    Ok(Some(key.to_owned()))
}

fn new_key() -> SpoolKey {
    SpoolKey::new(rand::random())
}

/// As WhatsApp's own web client makes them: a fixed beginning and random hex digits.
fn message_id() -> String {
    format!("3EB0{}", hex::encode_upper(rand::random::<[u8; 9]>()))
}

/// The key opens several sessions, and none is named.
pub(super) fn missing_session() -> ApiError {
    let words = "session is required: the key opens several";
    ApiError::new(StatusCode::BAD_REQUEST, "missing_field", words).at("/session")
}

/// The body names another session than the path.
pub(super) fn other_session() -> ApiError {
    let words = "session is not the one in the path";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_field", words).at("/session")
}
