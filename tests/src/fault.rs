//! How the CDN of the tests goes wrong.

use std::time::Duration;

use bytes::Bytes;

/// One way in which an answer goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The right head, so many body bytes, then a TCP reset.
    Reset(usize),
    /// The right head, so many body bytes, then an orderly close.
    EndEarly(usize),
    /// The right head, so many body bytes, then silence.
    Stall(usize),
    /// A status and a body instead of the file.
    Status(u16, &'static str),
    /// `503` with `Retry-After` in seconds.
    RetryAfter(u32),
    /// Another `Content-Length` than the body has; sends what fits, then closes.
    Length(u64),
    /// A redirect to this URL.
    Redirect(String),
    /// A chunked body without end.
    Endless,
    /// Pieces of so many bytes with a pause after each.
    Trickle(usize, Duration),
    /// One bit flipped at this offset.
    Flip(usize),
    /// Other bytes than the file's.
    Other(Bytes),
    /// `200` and the whole file although a range was asked for.
    IgnoreRange,
    /// `206` that starts so many bytes later than asked for.
    ShiftRange(u64),
    /// Closes before any answer.
    Refuse,
}
