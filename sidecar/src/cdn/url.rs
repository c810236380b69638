//! Which URLs a message may make us fetch. Pure.
//!
//! Facts: a `directPath` is a path with a signed query (`oh` signature, `oe` expiry as hex Unix
//! time); without its query the CDN answers 403. `hash`, `mms-type` and `__wa-mms` are added as
//! WhatsApp's own clients do. The host never comes from a direct path.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use http::{Uri, uri::PathAndQuery};
use jiff::Timestamp;
use url::{Position, Url};

use super::{
    Reference,
    origin::{Origin, Origins},
};
use crate::net::is_cdn_host;

/// Longer paths are refused; real ones have some 300 bytes.
const MAX_PATH: usize = 4096;

/// Whether a direct path stays below the host it is put under; the error says what is wrong.
pub fn check_direct_path(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_PATH {
        return Err("directPath is longer than 4096 bytes");
    }
    if !path.starts_with('/') {
        return Err("directPath does not start with a slash");
    }
    if path.starts_with("//") {
        return Err("directPath names a host");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("directPath has spaces, control or non-ASCII characters");
    }
    if path.contains(['\\', '@', '#']) {
        return Err("directPath has a backslash, '@' or '#'");
    }
    let (bare, _) = path.split_once('?').unwrap_or((path, ""));
    if bare.split('/').any(is_dot_segment) {
        return Err("directPath has dot segments");
    }
    PathAndQuery::try_from(path)
        .map(|_| ())
        .map_err(|_| "directPath is not a valid path")
}

/// When the CDN's signature on `direct_path` ends: its `oe` parameter, hex Unix seconds.
#[must_use]
pub fn expires_at(direct_path: &str) -> Option<Timestamp> {
    let (_, query) = direct_path.split_once('?')?;
    let oe = query.split('&').find_map(|pair| pair.strip_prefix("oe="))?;
    Timestamp::from_second(i64::from_str_radix(oe, 16).ok()?).ok()
}

/// With our parameters or as the message gave it. Some files answer 403 to one form only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Extended,
    Plain,
}

impl Form {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Extended => Self::Plain,
            Self::Plain => Self::Extended,
        }
    }
}

/// Where one file is: a signed path, so no `Debug`.
pub(super) struct Location {
    /// In the order they are tried; never empty.
    pub(super) origins: Vec<Origin>,
    /// The form to try first.
    pub(super) form: Form,
    plain: String,
    extended: String,
}

impl Location {
    /// The URI at `origin`; `None` if the message's path moved the authority after all.
    pub(super) fn uri(&self, origin: &Origin, form: Form) -> Option<Uri> {
        let path = match form {
            Form::Extended => &self.extended,
            Form::Plain => &self.plain,
        };
        let uri: Uri = format!("{}{path}", origin.base).parse().ok()?;
        (uri.authority()?.as_str() == origin.authority).then_some(uri)
    }

    /// Whether the two forms differ at all.
    pub(super) fn has_two_forms(&self) -> bool {
        self.plain != self.extended
    }
}

/// Decides where `reference` is fetched; the error says what is wrong with it.
pub(super) fn locate(reference: &Reference, origins: &Origins) -> Result<Location, &'static str> {
    let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(path) = present(&reference.direct_path) {
        check_direct_path(&path)?;
        let extended = extend(&path, reference);
        return Ok(Location {
            origins: origins.list.clone(),
            form: Form::Extended,
            plain: path,
            extended,
        });
    }
    let url = present(&reference.url).ok_or("the message names no place on the CDN")?;
    let (own, path) = full_url(&url, origins)?;
    let mut hosts = origins.list.clone();
    if !origins.given && !hosts.contains(&own) {
        hosts.insert(0, own);
    }
    let extended = extend(&path, reference);
    Ok(Location {
        origins: hosts,
        form: Form::Plain,
        plain: path,
        extended,
    })
}

/// Origin, path and query of a message's full URL, if it may be used.
fn full_url(text: &str, origins: &Origins) -> Result<(Origin, String), &'static str> {
    let url = Url::parse(text).map_err(|_| "url is not a URL")?;
    let origin = Origin::of(&url).ok_or("url names no host")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("url carries a user");
    }
    let whatsapp = url.scheme() == "https" && is_cdn_host(&origin.host) && origin.port == 443;
    if !(whatsapp || origins.given && origins.list.contains(&origin)) {
        return Err("url is not an https URL under whatsapp.net");
    }
    // Stickers often carry the bare address of the web client, where no media is.
    if origin.host == "web.whatsapp.net" {
        return Err("the message names no place on the CDN");
    }
    let path = &url[Position::BeforePath..Position::AfterQuery];
    check_direct_path(path).map_err(|_| "url has a path that may not be fetched")?;
    Ok((origin, path.to_owned()))
}

/// Adds the parameters of WhatsApp's own clients that are not there yet.
fn extend(path: &str, reference: &Reference) -> String {
    let (_, query) = path.split_once('?').unwrap_or((path, ""));
    let missing = |name: &str| {
        !query
            .split('&')
            .any(|pair| pair.split('=').next().is_some_and(|key| key == name))
    };
    let mms_type = reference.media_type.mms_type();
    let mut added = Vec::with_capacity(3);
    if let Some(hash) = reference.enc_sha256.filter(|_| missing("hash")) {
        added.push(format!("hash={}", URL_SAFE.encode(hash)));
    }
    if missing("mms-type") {
        let prefix = if reference.encrypted {
            ""
        } else {
            "newsletter-"
        };
        added.push(format!("mms-type={prefix}{mms_type}"));
    }
    if missing("__wa-mms") {
        added.push("__wa-mms=".to_owned());
    }
    let separator = match path.split_once('?') {
        _ if added.is_empty() => "",
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{path}{separator}{}", added.join("&"))
}

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests;
