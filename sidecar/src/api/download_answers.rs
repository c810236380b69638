//! What a download may answer, once for `GET` and `POST`: the document's part.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// Answers with a file's bytes, or a part of them.
const BYTES: [(&str, &str); 2] = [
    ("200", "The file, or its thumbnail"),
    ("206", "A part of the file"),
];

/// Answers without a body.
const EMPTY: [(&str, &str); 2] = [
    ("302", "redirect=true: Location opens the object by itself"),
    ("304", "The caller has it: If-None-Match"),
];

const ERRORS: [(&str, &str); 10] = [
    ("400", "The path or a parameter can not be read"),
    ("401", "No or unknown key"),
    ("403", "The key opens /inbound only"),
    (
        "404",
        "No such session or media for this key; thumbnail_not_found",
    ),
    (
        "410",
        "media_expired or object_gone; the phone, if there is one to ask, does not have it either",
    ),
    ("413", "Larger than the session's limit"),
    ("416", "No such range"),
    ("422", "media_invalid: the sender's fault"),
    ("502", "cdn_unreachable or integrity_failed"),
    (
        "503",
        "The bucket does not answer; media_requested: the phone was asked for the file",
    ),
];

/// All of them.
pub(super) struct DownloadAnswers;

impl IntoResponses for DownloadAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let plain = |text: &str| ResponseBuilder::new().description(text);
        let bytes = BYTES.map(|(status, text)| {
            let response = plain(text).content("application/octet-stream", Content::default());
            (status, response)
        });
        let empty = EMPTY.map(|(status, text)| (status, plain(text)));
        let errors = ERRORS.map(|(status, text)| {
            let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
            (status, plain(text).content("application/json", body))
        });
        bytes
            .into_iter()
            .chain(empty)
            .chain(errors)
            .map(|(status, response)| (status.to_owned(), response.build().into()))
            .collect()
    }
}
