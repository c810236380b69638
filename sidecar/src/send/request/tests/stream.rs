//! The body as a stream: malformed, endless, cut off, in pieces.

use std::cell::Cell;
use std::io::{self, Read};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn malformed_json_is_refused_by_its_place() {
    for (body, place) in [
        (
            "{\n  \"text\": tru\n}",
            "the body is not JSON (line 2, column 11)",
        ),
        (
            "{\"text\": \"a\"",
            "the body ends too early (line 1, column 13)",
        ),
        (
            "{\"text\": \"a",
            "the body ends too early (line 1, column 12)",
        ),
        (
            "{\"base64\": \"aGVs",
            "the body ends too early (line 1, column 17)",
        ),
        (
            "{\"base64\": \"aG\\x",
            "the body is not JSON (line 1, column 15)",
        ),
        (
            "{\"text\": \"\\ud800\"}",
            "the body is not JSON (line 1, column 11)",
        ),
        ("", "the body ends too early (line 1, column 1)"),
    ] {
        let refusal = refused(read_text(body));
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            ("malformed_json", place),
            "{body}"
        );
    }
    let good = text().to_string();
    assert!(read_text(&format!(" {good} \n")).is_ok());
    for after in ["x", "{}", ","] {
        let refusal = refused(read_text(&format!("{good} {after}")));
        assert_eq!(refusal.code, "malformed_json", "{after}");
    }
    for bytes in [
        &b"{\"text\": \"\xff\"}"[..],
        b"{\"\xff\": 1}",
        b"\xef\xbb\xbf{}",
        b"{\"base64\": \"\xff\"}",
    ] {
        let refusal = refused(read(bytes, || Ok(Vec::new())));
        assert_eq!(refusal.code, "malformed_json", "{bytes:?}");
    }
    for other in ["[]", "1", "null", "\"text\""] {
        let refusal = refused(read_text(other));
        assert_eq!(refusal.pointer.as_deref(), Some(""), "{other}");
    }
    let deep = format!("{{\"mentions\": {}", "[".repeat(100_000));
    assert_eq!(refused(read_text(&deep)).code, "invalid_field");
}

/// A body that never ends, and how much of it was read.
struct Endless<'a> {
    start: &'a [u8],
    then: u8,
    read: &'a Cell<usize>,
}

impl Read for Endless<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.start.read(buf)? {
            0 => io::repeat(self.then).read(buf)?,
            read => read,
        };
        self.read.set(self.read.get() + read);
        Ok(read)
    }
}

#[test]
fn a_body_without_end_is_refused_in_time() {
    for (start, then, code, most) in [
        (r#"{"text": ""#, b'a', "invalid_field", 70_000),
        (r#"{"url": ""#, b'a', "invalid_field", 5_000),
        (r#"{""#, b'a', "too_large", 1 << 20),
        (r"{", b' ', "too_large", 1 << 20),
        (r"{} ", b' ', "too_large", 1 << 20),
        (r#"{"text": "#, b'1', "invalid_field", 5_000),
        (r#"{"mentions": ["#, b'[', "invalid_field", 5_000),
    ] {
        let read_bytes = Cell::new(0);
        let body = Endless {
            start: start.as_bytes(),
            then,
            read: &read_bytes,
        };
        let refusal = refused(read(body, || Ok(Vec::new())));
        assert_eq!(refusal.code, code, "{start} {}", refusal.message);
        assert!(
            read_bytes.get() <= most + 2048,
            "{start} {}",
            read_bytes.get()
        );
    }
}

/// A body whose client hangs up.
fn cut_off(start: &str) -> impl Read {
    struct HungUp;
    impl Read for HungUp {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "the body's own",
            ))
        }
    }
    io::Cursor::new(start.to_owned()).chain(HungUp)
}

#[test]
fn errors_of_the_body_are_told_from_those_of_the_caller() {
    for start in [
        "",
        "{",
        r#"{"text"#,
        r#"{"text":"#,
        r#"{"text": "a"#,
        r#"{"base64": "aGVs"#,
        r#"{"base64": "data:image/png;base64,aGVs"#,
        r#"{"type": "text", "chatId": "1@lid", "text": "a"}"#,
    ] {
        let error = read(cut_off(start), || Ok(Vec::new())).unwrap_err();
        let RequestError::Body(error) = error else {
            panic!("{start} {error:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{start}");
        assert_eq!(error.to_string(), "the body's own", "{start}");
    }
}

#[test]
fn errors_of_the_sink_are_told_from_those_of_the_caller() {
    let body = image().to_string();
    let full = || io::Error::new(io::ErrorKind::StorageFull, "the sink's own");
    let error = read::<_, Vec<u8>>(body.as_bytes(), || Err(full())).unwrap_err();
    assert!(matches!(error, RequestError::Sink(error) if error.to_string() == "the sink's own"));
    let mut two = [0; 2];
    let error = read(body.as_bytes(), || Ok(&mut two[..])).unwrap_err();
    assert!(matches!(error, RequestError::Sink(error) if error.kind() == io::ErrorKind::WriteZero));
}

/// Gives what it has in pieces of sizes that go round.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1).min(buf.len());
        self.rest.read(&mut buf[..size])
    }
}

proptest! {
    #[test]
    fn a_file_comes_out_as_it_went_in(
        file in prop::collection::vec(any::<u8>(), 1..20_000),
        sizes in prop::collection::vec(1..3000usize, 1..8),
        line in 1..200usize,
        slashes in any::<bool>(),
    ) {
        let text: Vec<char> = BASE64_STANDARD.encode(&file).chars().collect();
        let lines: Vec<String> = text.chunks(line).map(|line| line.iter().collect()).collect();
        let mut body = with(image(), json!({"base64": lines.join("\r\n")})).to_string();
        if slashes {
            body = body.replace('/', "\\/");
        }
        let body = Pieces { rest: body.as_bytes(), sizes: sizes.iter().cycle() };
        let request = read(body, || Ok(Vec::new())).unwrap();
        let Some(Source::Base64(bytes)) = request.file else { panic!("no file") };
        prop_assert!(bytes == file);
    }

    #[test]
    fn no_body_makes_it_panic(body in "[{}\\[\\]:,\"a-z0-9\\\\ \u{e9}]{0,60}", cut in 0..200usize) {
        let _ = read_text(&body);
        let good = with(text(), json!({"mentions": [], "quotedMessage": {"id": &body}})).to_string();
        let cut = good.floor_char_boundary(cut.min(good.len()));
        let _ = read_text(&good[..cut]);
        let _ = read_text(&format!("{}{body}", &good[..cut]));
    }
}
