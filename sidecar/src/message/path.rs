//! Whether a `directPath` stays below the host it is appended to.

/// Longest path accepted; real ones are under 400 characters.
const MAX_LENGTH: usize = 4096;

/// Why a sender's `directPath` is refused; `Ok` when appending it to a CDN origin can't change the
/// host.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_LENGTH {
        return Err("is longer than 4096 characters");
    }
    if !path.starts_with('/') || path.starts_with("//") {
        return Err("does not start with a single slash");
    }
    if path.bytes().any(|b| b <= b' ' || b >= 0x7f) {
        return Err("has characters that a URL cannot have");
    }
    if path.contains(['\\', '@', '#']) {
        return Err("has a character that could change the host");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_path_that_could_change_the_host_is_refused() {
        for bad in [
            "",
            "v/t62",
            "//evil.example/x",
            "/\\evil.example",
            "/@evil.example",
            "https://evil.example/x",
            "/a b",
            "/a\r\nHost: x",
            "/a#b",
            "/ä",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check(&format!("/{}", "a".repeat(5000))).is_err());
    }

    #[test]
    fn a_signed_path_is_accepted_with_its_query() {
        assert_eq!(
            check("/v/t62.7118-24/1_2_n.enc?ccb=11-4&oh=01_Q5&oe=68A1B2C3&_nc_sid=5e03e0"),
            Ok(())
        );
    }
}
