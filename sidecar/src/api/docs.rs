//! `/docs`: an explorer of the API, Swagger UI over `/openapi.json`. Its files are part of the
//! program, compressed, so that it works without the internet and costs no memory until it is asked
//! for.

use axum::{
    extract::Path,
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};

use super::error::ApiError;

/// Scripts and styles of our own files only; nothing is loaded from, or sent to, anywhere else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const PAGE: &[u8] = include_bytes!("../../assets/docs/index.html");

/// A file of the page.
struct File {
    name: &'static str,
    content_type: &'static str,
    compressed: bool,
    bytes: &'static [u8],
}

const FILES: [File; 3] = [
    File {
        name: "start.js",
        content_type: "text/javascript",
        compressed: false,
        bytes: include_bytes!("../../assets/docs/start.js"),
    },
    File {
        name: "swagger-ui-bundle.js",
        content_type: "text/javascript",
        compressed: true,
        bytes: include_bytes!("../../assets/docs/swagger-ui-bundle.js.gz"),
    },
    File {
        name: "swagger-ui.css",
        content_type: "text/css",
        compressed: true,
        bytes: include_bytes!("../../assets/docs/swagger-ui.css.gz"),
    },
];

/// The page.
pub(super) async fn page() -> Response {
    answer("text/html; charset=utf-8", PAGE)
}

/// A file of the page.
pub(super) async fn file(Path(wanted): Path<String>) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == wanted) else {
        let words = "the explorer has no such file; see /docs";
        return ApiError::new(StatusCode::NOT_FOUND, "route_not_found", words).into_response();
    };
    let mut response = answer(file.content_type, file.bytes);
    if file.compressed {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(CONTENT_ENCODING, gzip);
    }
    response
}

fn answer(content_type: &'static str, bytes: &'static [u8]) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // After an upgrade of the program, the former files are shown for an hour at most.
        (CACHE_CONTROL, HeaderValue::from_static("max-age=3600")),
    ];
    (headers, bytes).into_response()
}
