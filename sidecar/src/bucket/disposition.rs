//! `Content-Disposition` (RFC 6266) for a file whose name a stranger chose.

use std::fmt::Write as _;

use super::mime::is_shown_inline;

/// Longest cleaned name in bytes of UTF-8: what common file systems take, less room for a browser's
/// ` (1)`.
const MAX_NAME_BYTES: usize = 180;

/// The longest ending, dot included, that survives the shortening of a name.
const MAX_ENDING_BYTES: usize = 16;

/// The header's value: `inline` only for image, audio and video types known to be harmless, else
/// `attachment`; with the cleaned name in `filename` (ASCII) and, where that loses something, in
/// `filename*`.
#[must_use]
pub fn header(file_name: Option<&str>, mime: &str) -> String {
    let mut value = String::from(if is_shown_inline(mime) {
        "inline"
    } else {
        "attachment"
    });
    let Some(name) = file_name.and_then(clean) else {
        return value;
    };
    let ascii: String = name.chars().map(ascii_or_underscore).collect();
    value.push_str("; filename=\"");
    value.push_str(&ascii);
    value.push('"');
    if ascii != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            push_ext_value_byte(&mut value, byte);
        }
    }
    value
}

/// A name without path, control characters, direction tricks and surplus length; `None` if nothing
/// is left of it.
#[must_use]
pub fn clean(name: &str) -> Option<String> {
    let last = name
        .rsplit(['/', '\\'])
        .find(|part| !part.trim().is_empty())?;
    let kept: String = last.chars().filter(|c| !is_deceptive(*c)).collect();
    let words = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    // Leading dots hide a file; trailing dots and blanks vanish on Windows and change its type.
    let trimmed = words
        .trim_start_matches(['.', ' '])
        .trim_end_matches(['.', ' ']);
    let replaced: String = trimmed.chars().map(portable).collect();
    (!replaced.is_empty()).then(|| shorten(&replaced))
}

/// Characters that are not seen, or that make a name read differently from what it is: controls,
/// zero-width characters, and the bidirectional marks of Unicode TR 9.
fn is_deceptive(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}');
    invisible || (c.is_control() && !c.is_whitespace()) || ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

/// What Windows refuses in a name becomes `_`.
fn portable(c: char) -> char {
    if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') {
        '_'
    } else {
        c
    }
}

/// For the plain `filename`: `%` too is replaced, since some browsers decode it there.
fn ascii_or_underscore(c: char) -> char {
    if c.is_ascii() && c != '%' { c } else { '_' }
}

/// RFC 8187: `attr-char` stands as it is, everything else is percent-encoded.
fn push_ext_value_byte(value: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
        value.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(value, "%{byte:02X}");
    }
}

/// Cuts the stem and keeps the ending, since the ending says how the file opens.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= MAX_ENDING_BYTES => name.split_at(dot),
        _ => (name, ""),
    };
    let cut = stem.floor_char_boundary(MAX_NAME_BYTES - ending.len());
    let stem = stem.get(..cut).unwrap_or_default().trim_end();
    format!("{stem}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stand_as_they_are() {
        assert_eq!(
            header(Some("report 1.pdf"), "application/pdf"),
            "attachment; filename=\"report 1.pdf\""
        );
        assert_eq!(header(None, "image/jpeg"), "inline");
        assert_eq!(header(None, ""), "attachment");
        assert_eq!(
            header(Some("x.svg"), "image/svg+xml"),
            "attachment; filename=\"x.svg\""
        );
    }

    #[test]
    fn names_beyond_ascii_come_twice() {
        assert_eq!(
            header(Some("Übersicht €.pdf"), "application/pdf"),
            "attachment; filename=\"_bersicht _.pdf\"; filename*=UTF-8''%C3%9Cbersicht%20%E2%82%AC.pdf"
        );
        assert_eq!(
            header(Some("100%41.txt"), "text/plain"),
            "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"
        );
    }

    #[test]
    fn a_hostile_name_is_made_harmless() {
        let table = [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Windows\\system32\\cmd.exe", Some("cmd.exe")),
            ("a/b/", Some("b")),
            ("///", None),
            ("..", None),
            (".bashrc", Some("bashrc")),
            ("a\r\nSet-Cookie: x=1", Some("a Set-Cookie_ x=1")),
            ("a\u{0}b\u{7f}\u{9f}.txt", Some("ab.txt")),
            ("quote\".txt", Some("quote_.txt")),
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            ("a\u{2066}b\u{2069}\u{200f}.txt", Some("ab.txt")),
            ("zero\u{200b}\u{feff}width", Some("zerowidth")),
            ("name.exe. . ", Some("name.exe")),
            ("  \t ", None),
            ("", None),
            ("日本語.txt", Some("日本語.txt")),
        ];
        for (raw, cleaned) in table {
            assert_eq!(clean(raw).as_deref(), cleaned, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_at_a_character_and_keeps_its_ending() {
        let name = format!("{}.pdf", "ä".repeat(400));
        let short = clean(&name).unwrap();
        assert!(short.len() <= MAX_NAME_BYTES, "{}", short.len());
        assert!(short.ends_with("ä.pdf"));
        let no_ending = clean(&"y".repeat(1000)).unwrap();
        assert_eq!(no_ending.len(), MAX_NAME_BYTES);
        let odd = clean(&format!("a.{}", "z".repeat(500))).unwrap();
        assert_eq!(odd.len(), MAX_NAME_BYTES);
    }

    proptest::proptest! {
        #[test]
        fn every_name_gives_a_header_that_can_be_sent(name in ".*", mime in "[ -~]{0,40}") {
            let value = header(Some(&name), &mime);
            assert!(http::HeaderValue::from_str(&value).is_ok(), "{value:?}");
            assert!(value.is_ascii() && !value.contains(['\\', '/']), "{value:?}");
            assert!(value.matches('"').count() <= 2, "{value:?}");
            assert!(value.len() < 900);
        }
    }
}
