//! A blob's bytes in order, over as many connections as it takes.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{
    Limits,
    accept::{Ask, Want},
    attempt::{Answer, Fetcher},
    error::CdnError,
    fetch::rotated,
    url::{Form, Location},
};

/// How often a body is resumed before a MiB of progress clears the count.
const MAX_RESUMES: u32 = 16;
const PROGRESS: u64 = 1024 * 1024;

/// The body of a fetch. Broken connections are resumed under the reader's feet: the bytes it gets
/// are always the next ones.
pub struct CdnBody {
    fetcher: Arc<Fetcher>,
    location: Location,
    max: u64,
    /// The connection being read; `None` between two.
    incoming: Option<Incoming>,
    /// The blob's byte that comes next: the offset to resume at.
    position: u64,
    /// The byte after the last one that is wanted; `None`: all up to the blob's end.
    until: Option<u64>,
    /// Where this connection's bytes end, if its head said so.
    end: Option<u64>,
    blob_len: Option<u64>,
    /// Index of the origin being read, and its strong `ETag`.
    origin: usize,
    validator: Option<HeaderValue>,
    form: Form,
    resumes: u32,
    resumed_at: u64,
    done: bool,
}

impl fmt::Debug for CdnBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CdnBody")
            .field("host", &self.host())
            .field("position", &self.position)
            .field("blob_len", &self.blob_len)
            .finish_non_exhaustive()
    }
}

impl CdnBody {
    /// Reads on from what `answer` begins with, to the byte before `until`.
    pub(super) fn new(
        fetcher: Arc<Fetcher>,
        location: Location,
        limits: Limits,
        until: Option<u64>,
        answer: Answer,
    ) -> Self {
        Self {
            fetcher,
            location,
            max: limits.max_blob_bytes,
            incoming: Some(answer.body),
            position: answer.accepted.first,
            until,
            end: answer.accepted.end,
            blob_len: answer.accepted.total,
            origin: answer.origin,
            validator: answer.accepted.validator,
            form: answer.form,
            resumes: 0,
            resumed_at: answer.accepted.first,
            done: false,
        }
    }

    /// The blob's length, bytes; `None` while no answer told it.
    #[must_use]
    pub fn blob_len(&self) -> Option<u64> {
        self.blob_len
    }

    /// The host being read now.
    #[must_use]
    pub fn host(&self) -> &str {
        self.location
            .origins
            .get(self.origin)
            .map_or("", |origin| &origin.authority)
    }

    /// How often a broken connection has been replaced.
    #[must_use]
    pub fn resumes(&self) -> u32 {
        self.resumes
    }

    /// The next bytes; `None` after the last, or after an error. Never more than the limit, never
    /// fewer than [`Self::blob_len`], or than a part has, without an error (without a length, a connection that ends can
    /// look like the end of the file: the hashes tell). May be dropped and called again.
    pub async fn next(&mut self) -> Option<Result<Bytes, CdnError>> {
        if self.done {
            return None;
        }
        let next = self.advance().await.transpose();
        if !matches!(next, Some(Ok(_))) {
            self.done = true;
            self.incoming = None;
        }
        next
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, CdnError> {
        let deadline = Instant::now() + self.fetcher.timing.resume_window;
        loop {
            let broken = match self.read(deadline).await {
                Ok(Some(data)) => return self.take(data).map(Some),
                Ok(None) if self.is_complete() => return Ok(None),
                Ok(None) => self.mismatch("fewer bytes than it promised"),
                Err(error) => error,
            };
            self.incoming = None;
            self.resume(broken, deadline).await?;
        }
    }

    fn is_complete(&self) -> bool {
        let end = self.until.or(self.blob_len);
        end.is_none_or(|end| self.position == end)
    }

    /// The next data of the present connection.
    async fn read(&mut self, deadline: Instant) -> Result<Option<Bytes>, CdnError> {
        let host = self.host().to_owned();
        let Some(incoming) = &mut self.incoming else {
            // A reader that gave up waiting left us between two connections.
            return Err(CdnError::Mismatch {
                host,
                what: "nothing yet",
            });
        };
        let left = deadline.saturating_duration_since(Instant::now());
        next_data(incoming, &host, self.fetcher.timing.idle.min(left)).await
    }

    fn take(&mut self, data: Bytes) -> Result<Bytes, CdnError> {
        self.position = self.position.saturating_add(data.len() as u64);
        if self.position > self.max {
            return Err(CdnError::TooLarge { limit: self.max });
        }
        if self.end.is_some_and(|end| self.position > end) {
            return Err(self.mismatch("more bytes than it promised"));
        }
        Ok(data)
    }

    /// Asks for the rest, the same host first, until the window closes.
    async fn resume(&mut self, broken: CdnError, deadline: Instant) -> Result<(), CdnError> {
        if self.position.saturating_sub(self.resumed_at) >= PROGRESS {
            self.resumes = 0;
        }
        self.resumes += 1;
        self.resumed_at = self.position;
        let mut last = broken;
        if self.resumes > MAX_RESUMES {
            return Err(self.broken(last));
        }
        tracing::info!(host = self.host(), at = self.position, error = %last, "cdn body broke, resuming");
        let mut hosts = rotated(self.location.origins.len(), self.origin);
        for round in 0.. {
            let mut again = Vec::with_capacity(hosts.len());
            for host in hosts {
                match self.attempt(host, deadline).await {
                    Ok(answer) => {
                        self.install(answer);
                        return Ok(());
                    }
                    Err(error) => {
                        if error.passes() {
                            again.push(host);
                        }
                        last = error;
                    }
                }
            }
            hosts = again;
            let next = Instant::now() + self.fetcher.pause(round);
            if hosts.is_empty() || next >= deadline {
                break;
            }
            sleep_until(next).await;
        }
        Err(self.broken(last))
    }

    async fn attempt(&self, host: usize, deadline: Instant) -> Result<Answer, CdnError> {
        let want = match self.until {
            Some(until) => Want::Part(self.position, until.saturating_sub(1)),
            None if self.position == 0 => Want::Whole,
            None => Want::From(self.position),
        };
        let ask = Ask {
            want,
            max: self.max,
            total: self.blob_len,
            // Another host may tag the same bytes otherwise; the length and the hashes judge them.
            validator: self.validator.clone().filter(|_| host == self.origin),
        };
        // One silent host must not use up the window of the others.
        let patience = self.fetcher.timing.resume_window / 3;
        let until = deadline.min(Instant::now() + patience);
        let attempt = self
            .fetcher
            .attempt(&self.location, (host, self.form), &ask);
        timeout_at(until, attempt).await.unwrap_or_else(|_| {
            let name = self
                .location
                .origins
                .get(host)
                .map(|origin| origin.authority.clone());
            Err(CdnError::Stalled {
                host: name.unwrap_or_default(),
                after: patience,
            })
        })
    }

    fn install(&mut self, answer: Answer) {
        self.incoming = Some(answer.body);
        self.end = answer.accepted.end;
        self.blob_len = self.blob_len.or(answer.accepted.total);
        self.origin = answer.origin;
        self.validator = answer.accepted.validator;
        self.form = answer.form;
    }

    fn mismatch(&self, what: &'static str) -> CdnError {
        CdnError::Mismatch {
            host: self.host().to_owned(),
            what,
        }
    }

    fn broken(&self, source: CdnError) -> CdnError {
        CdnError::Broken {
            at: self.position,
            source: Box::new(source),
        }
    }
}

/// The next non-empty data of `body`, which must come within `idle`.
pub(super) async fn next_data(
    body: &mut Incoming,
    host: &str,
    idle: Duration,
) -> Result<Option<Bytes>, CdnError> {
    loop {
        let frame = timeout(idle, body.frame())
            .await
            .map_err(|_| CdnError::Stalled {
                host: host.to_owned(),
                after: idle,
            })?;
        let Some(frame) = frame else { return Ok(None) };
        let network = |source: hyper::Error| CdnError::Network {
            host: host.to_owned(),
            source: source.into(),
        };
        match frame.map_err(network)?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            // Trailers say nothing that we use.
            Ok(_) | Err(_) => {}
        }
    }
}
