//! MIME types that decide something: the extension of a key, and whether a browser may show a file
//! in place.

/// One row per type: its extension, and whether it is harmless enough to be shown in place. SVG,
/// HTML and everything else that can run scripts must never be `true`.
const TYPES: &[(&str, &str, bool)] = &[
    ("image/jpeg", "jpg", true),
    ("image/jpg", "jpg", true),
    ("image/png", "png", true),
    ("image/gif", "gif", true),
    ("image/webp", "webp", true),
    ("image/avif", "avif", true),
    ("image/heic", "heic", true),
    ("image/heif", "heif", true),
    ("image/bmp", "bmp", true),
    ("image/tiff", "tiff", true),
    ("image/svg+xml", "svg", false),
    ("image/x-icon", "ico", false),
    ("image/vnd.adobe.photoshop", "psd", false),
    ("audio/ogg", "ogg", true),
    ("audio/opus", "opus", true),
    ("audio/mpeg", "mp3", true),
    ("audio/mp3", "mp3", true),
    ("audio/mp4", "m4a", true),
    ("audio/x-m4a", "m4a", true),
    ("audio/m4a", "m4a", true),
    ("audio/aac", "aac", true),
    ("audio/amr", "amr", true),
    ("audio/wav", "wav", true),
    ("audio/x-wav", "wav", true),
    ("audio/webm", "weba", true),
    ("audio/flac", "flac", true),
    ("audio/midi", "mid", false),
    ("video/mp4", "mp4", true),
    ("video/3gpp", "3gp", true),
    ("video/3gpp2", "3g2", true),
    ("video/webm", "webm", true),
    ("video/ogg", "ogv", true),
    ("video/mpeg", "mpeg", true),
    ("video/quicktime", "mov", true),
    ("video/x-matroska", "mkv", false),
    ("video/x-msvideo", "avi", false),
    ("application/pdf", "pdf", false),
    ("application/zip", "zip", false),
    ("application/x-zip-compressed", "zip", false),
    ("application/gzip", "gz", false),
    ("application/x-tar", "tar", false),
    ("application/x-7z-compressed", "7z", false),
    ("application/vnd.rar", "rar", false),
    ("application/x-rar-compressed", "rar", false),
    ("application/json", "json", false),
    ("application/xml", "xml", false),
    ("application/rtf", "rtf", false),
    ("application/epub+zip", "epub", false),
    ("application/msword", "doc", false),
    ("application/vnd.ms-excel", "xls", false),
    ("application/vnd.ms-powerpoint", "ppt", false),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        false,
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        false,
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
        false,
    ),
    ("application/vnd.oasis.opendocument.text", "odt", false),
    (
        "application/vnd.oasis.opendocument.spreadsheet",
        "ods",
        false,
    ),
    (
        "application/vnd.oasis.opendocument.presentation",
        "odp",
        false,
    ),
    ("application/vnd.android.package-archive", "apk", false),
    ("application/was", "was", false),
    ("application/x-was", "was", false),
    ("text/plain", "txt", false),
    ("text/csv", "csv", false),
    ("text/html", "html", false),
    ("text/xml", "xml", false),
    ("text/markdown", "md", false),
    ("text/calendar", "ics", false),
    ("text/vcard", "vcf", false),
    ("text/x-vcard", "vcf", false),
];

/// The extension (no dot) for a MIME type, parameters ignored; `bin` for any type not in the table.
#[must_use]
pub fn extension(mime: Option<&str>) -> &'static str {
    row(mime).map_or("bin", |(_, ext, _)| ext)
}

/// Whether a browser may show a file of this type in place.
pub(super) fn is_shown_inline(mime: &str) -> bool {
    row(Some(mime)).is_some_and(|(_, _, inline)| *inline)
}

fn row(mime: Option<&str>) -> Option<&'static (&'static str, &'static str, bool)> {
    let essence = mime?.split(';').next()?.trim();
    TYPES
        .iter()
        .find(|(name, _, _)| name.eq_ignore_ascii_case(essence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        assert_eq!(extension(Some("audio/ogg; codecs=opus")), "ogg");
        assert_eq!(extension(Some(" Image/JPEG ")), "jpg");
        assert_eq!(extension(Some("application/x-unheard-of")), "bin");
        assert_eq!(extension(Some("")), "bin");
        assert_eq!(extension(None), "bin");
    }

    #[test]
    fn nothing_that_can_run_scripts_is_shown_inline() {
        for mime in [
            "text/html",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/pdf",
            "text/plain",
            "",
        ] {
            assert!(!is_shown_inline(mime), "{mime}");
        }
        for mime in ["image/png", "video/mp4; codecs=avc1", "audio/mpeg"] {
            assert!(is_shown_inline(mime), "{mime}");
        }
        let media = |name: &str| {
            name.starts_with("image/") || name.starts_with("audio/") || name.starts_with("video/")
        };
        assert!(TYPES.iter().all(|(name, _, inline)| !inline || media(name)));
    }

    #[test]
    fn no_type_stands_twice() {
        for (at, (name, _, _)) in TYPES.iter().enumerate() {
            assert!(
                !TYPES[at + 1..].iter().any(|(other, _, _)| other == name),
                "{name}"
            );
        }
    }
}
