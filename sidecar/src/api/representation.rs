//! The headers that describe a file's bytes, and whether a caller has those already.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::error::ApiError;
use crate::{
    bucket::disposition,
    store::{MediaRecord, MediaStatus},
    transfer::range,
};

/// What a response carries or would carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Representation<'a> {
    /// MIME type.
    pub(super) content_type: &'a str,
    /// The sender's name of it.
    pub(super) file_name: Option<&'a str>,
    /// SHA-256 of the whole, where it is known.
    pub(super) sha256: Option<[u8; 32]>,
    /// A part may be asked for.
    pub(super) ranges: bool,
}

impl<'a> Representation<'a> {
    /// The file of a record.
    pub(super) fn of(record: &'a MediaRecord) -> Self {
        Self {
            content_type: record.reference.content_type(),
            file_name: record.reference.file_name.as_deref(),
            sha256: record.stored_sha256.or(record.reference.sha256),
            ranges: record.status == MediaStatus::Stored || range::is_offered(&record.reference),
        }
    }

    /// Its headers but `Content-Length`. The digest is that of the whole, whatever part is sent.
    pub(super) fn describe(&self, headers: &mut HeaderMap) -> Result<(), ApiError> {
        headers.insert(header::CONTENT_TYPE, header_value(self.content_type)?);
        let disposition = disposition::header(self.file_name, self.content_type);
        headers.insert(header::CONTENT_DISPOSITION, header_value(&disposition)?);
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        let ranges = if self.ranges { "bytes" } else { "none" };
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static(ranges));
        if let Some(sha256) = self.sha256 {
            headers.insert(header::ETAG, header_value(&etag(sha256))?);
            let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256));
            headers.insert("repr-digest", header_value(&digest)?);
        }
        Ok(())
    }

    /// A 304 where the caller's copy is current (RFC 9110 §13.1.2).
    pub(super) fn not_modified(&self, headers: &HeaderMap) -> Result<Option<Response>, ApiError> {
        let wanted = headers.get_all(header::IF_NONE_MATCH).iter();
        let current = self.sha256.is_some_and(|sha256| {
            wanted
                .filter_map(|tags| tags.to_str().ok())
                .any(|tags| is_among(&etag(sha256), tags))
        });
        if !current {
            return Ok(None);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        self.describe(response.headers_mut())?;
        Ok(Some(response))
    }

    /// Whether a range may be sent: `If-Range` is absent or names these very bytes. A weak tag or a
    /// date never does (RFC 9110 §13.1.5).
    pub(super) fn is_unchanged(&self, headers: &HeaderMap) -> bool {
        headers.get(header::IF_RANGE).is_none_or(|condition| {
            self.sha256
                .is_some_and(|sha256| condition.as_bytes() == etag(sha256).as_bytes())
        })
    }
}

fn etag(sha256: [u8; 32]) -> String {
    format!("\"{}\"", hex::encode(sha256))
}

/// The weak comparison: `W/` makes no difference.
fn is_among(etag: &str, tags: &str) -> bool {
    tags.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag)
}

/// A header's value from text that is known to be one.
pub(super) fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|_| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "a header value could not be made",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn having(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn of(sha256: Option<[u8; 32]>) -> Representation<'static> {
        Representation {
            content_type: "video/mp4",
            file_name: None,
            sha256,
            ranges: true,
        }
    }

    #[test]
    fn a_current_copy_is_not_sent_again() {
        let ours = etag([7; 32]);
        let cached = |sha256, value: &str| {
            let headers = having(header::IF_NONE_MATCH, value);
            of(sha256).not_modified(&headers).unwrap().is_some()
        };
        for current in [
            ours.clone(),
            format!("W/{ours}"),
            format!("\"a\", {ours}"),
            "*".into(),
        ] {
            assert!(cached(Some([7; 32]), &current), "{current}");
        }
        assert!(!cached(Some([8; 32]), &ours));
        assert!(!cached(None, &ours));
    }

    #[test]
    fn if_range_takes_only_the_strong_tag_of_these_bytes() {
        let ours = etag([7; 32]);
        let unchanged = |sha256, value: &str| {
            let headers = having(header::IF_RANGE, value);
            of(sha256).is_unchanged(&headers)
        };
        assert!(unchanged(Some([7; 32]), &ours));
        assert!(!unchanged(Some([7; 32]), &format!("W/{ours}")));
        assert!(!unchanged(Some([7; 32]), "Wed, 21 Oct 2015 07:28:00 GMT"));
        assert!(!unchanged(Some([8; 32]), &ours));
        assert!(!unchanged(None, &ours));
        assert!(of(None).is_unchanged(&HeaderMap::new()));
    }
}
