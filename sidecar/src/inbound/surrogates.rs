//! Half emoji: JavaScript writes a text that was cut inside one as a lone surrogate escape, which
//! is no character. The text is its sender's or was cut by the gateway; the message still counts.

/// A body with each lone surrogate escape (`\ud83d` without its other half) replaced by U+FFFD;
/// `None` when it has none.
pub(super) fn repaired(body: &[u8]) -> Option<Vec<u8>> {
    let mut repaired: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = body.get(at..).and_then(backslash) {
        at += found;
        match (unit(body, at), unit(body, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                let copy = repaired.get_or_insert_with(|| body.to_vec());
                if let Some(escape) = copy.get_mut(at..at + 6) {
                    escape.copy_from_slice(b"\\ufffd");
                }
                at += 6;
            }
            (Some(_), _) => at += 6,
            (None, _) => at += 2,
        }
    }
    repaired
}

fn backslash(rest: &[u8]) -> Option<usize> {
    rest.iter().position(|byte| *byte == b'\\')
}

/// The code unit of a `\uXXXX` escape that starts at `at`.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = str::from_utf8(digits).ok()?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| hex)
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn lone_halves_are_replaced_and_all_else_stays() {
        for (body, wanted) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (
                r#""\ude00\ud83d\ude00\ud83d x""#,
                Some(r#""\ufffd\ud83d\ude00\ufffd x""#),
            ),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d \u00e9 \n""#, None),
            (r#""\u+123 \ud8"#, None),
            ("\\", None),
        ] {
            let found = repaired(body.as_bytes());
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{body}");
        }
    }
}
