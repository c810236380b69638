//! Whether an answer's head is the answer to what was asked. Pure.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG},
    response::Parts,
};

use super::{error::CdnError, range::ContentRange};

/// Which bytes of the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Whole,
    /// From this byte to the end.
    From(u64),
    /// From the first of these bytes to the last.
    Part(u64, u64),
    /// This many from the end.
    Last(u64),
}

/// One question to the CDN.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) want: Want,
    /// Largest total that is taken, bytes.
    pub(super) max: u64,
    /// The total, once an answer gave it: later answers must agree.
    pub(super) total: Option<u64>,
    /// Strong validator of what we already have, from the very host that is asked.
    pub(super) validator: Option<HeaderValue>,
}

impl Ask {
    pub(super) fn new(want: Want, max: u64) -> Self {
        Self {
            want,
            max,
            total: None,
            validator: None,
        }
    }

    /// The value of the `Range` header.
    pub(super) fn range(&self) -> Option<String> {
        match self.want {
            Want::Whole => None,
            Want::From(first) => Some(format!("bytes={first}-")),
            Want::Part(first, last) => Some(format!("bytes={first}-{last}")),
            Want::Last(n) => Some(format!("bytes=-{n}")),
        }
    }
}

/// What a good head promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The blob's length, where the answer tells it.
    pub(super) total: Option<u64>,
    /// The first byte of this body, within the blob.
    pub(super) first: u64,
    /// The byte after the last of this body, where the answer tells it.
    pub(super) end: Option<u64>,
    /// A strong `ETag`.
    pub(super) validator: Option<HeaderValue>,
}

/// Checks status, encoding, range and length of an answer from `host`.
pub(super) fn accept(ask: &Ask, head: &Parts, host: &str) -> Result<Accepted, CdnError> {
    let wrong = |what| CdnError::Mismatch {
        host: host.to_owned(),
        what,
    };
    if head
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| value != "identity")
    {
        return Err(wrong("a content encoding"));
    }
    let validator = strong_etag(&head.headers);
    let accepted = match (ask.want, head.status) {
        (Want::Whole | Want::Last(_), StatusCode::OK) => {
            let total = content_length(&head.headers);
            Accepted {
                total,
                first: 0,
                end: total,
                validator,
            }
        }
        (Want::From(_) | Want::Part(..) | Want::Last(_), StatusCode::PARTIAL_CONTENT) => {
            let range = partial(ask, &head.headers).map_err(wrong)?;
            let end = Some(range.last.saturating_add(1));
            Accepted {
                total: Some(range.total),
                first: range.first,
                end,
                validator,
            }
        }
        (Want::From(_) | Want::Part(..), _) => {
            return Err(wrong("the whole file instead of a range"));
        }
        (Want::Whole | Want::Last(_), _) => return Err(wrong("a range that was not asked for")),
    };
    if let (Some(known), Some(total)) = (ask.total, accepted.total)
        && known != total
    {
        return Err(wrong("a file of another length"));
    }
    let changed = |ours: &HeaderValue| accepted.validator.as_ref().is_some_and(|now| now != ours);
    if ask.validator.as_ref().is_some_and(changed) {
        return Err(wrong("another version of the file"));
    }
    if accepted.total.is_some_and(|total| total > ask.max) {
        return Err(CdnError::TooLarge { limit: ask.max });
    }
    Ok(accepted)
}

/// The range of a 206, if it is the one asked for.
fn partial(ask: &Ask, headers: &HeaderMap) -> Result<ContentRange, &'static str> {
    let value = headers
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    let range = value
        .and_then(ContentRange::parse)
        .ok_or("no usable Content-Range")?;
    let fits = match ask.want {
        Want::Whole => false,
        Want::From(first) => range.first == first,
        Want::Part(first, last) => {
            range.first == first && range.last == last.min(range.total.saturating_sub(1))
        }
        Want::Last(n) => {
            range.first == range.total.saturating_sub(n)
                && range.last.saturating_add(1) == range.total
        }
    };
    if !fits {
        return Err("another range");
    }
    let length = range.last.saturating_sub(range.first).saturating_add(1);
    match content_length(headers) {
        Some(declared) if declared != length => Err("a length that contradicts its range"),
        _ => Ok(range),
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// `W/` validators can't prove that bytes are the same; `Accept-Ranges: none` makes any useless.
fn strong_etag(headers: &HeaderMap) -> Option<HeaderValue> {
    let none = headers
        .get(ACCEPT_RANGES)
        .is_some_and(|value| value == "none");
    headers
        .get(ETAG)
        .filter(|tag| !none && tag.as_bytes().starts_with(b"\""))
        .cloned()
}

#[cfg(test)]
mod tests;
