//! The file of a request: base64 in a JSON string, decoded as it arrives.

use std::cell::Cell;
use std::io::{self, Read, Write};

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;

/// Most characters of `base64`, a data URL's start and white space counted: 70 MiB.
pub const MOST_BASE64: u64 = 70 << 20;

/// Longest start of a data URL, up to its comma.
const MOST_DATA_URL_START: usize = 256;

/// The standard alphabet, with or without padding: encoders differ in nothing else that matters.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a file was not decoded to its end.
#[derive(Debug)]
pub(super) enum EncodedError {
    /// More characters than allowed.
    TooLong,
    /// The string itself could not be read.
    Text(io::Error),
    /// Not base64.
    Invalid,
    /// A data URL that does not say `;base64`, or with no comma within reach.
    DataUrl,
    /// No bytes.
    Empty,
    /// The sink took no more.
    Sink(io::Error),
}

/// The characters of a base64 string but white space, which MIME's encoders break lines with.
struct Characters<R> {
    inner: R,
    left: u64,
    fault: Option<EncodedError>,
}

/// Decodes `text`, of at most `most` characters, into `sink`. A data URL's type is not looked at:
/// bytes decide what a file is.
pub(super) fn decode(
    text: impl Read,
    sink: &mut impl Write,
    most: u64,
) -> Result<(), EncodedError> {
    let mut characters = Characters {
        inner: text,
        left: most,
        fault: None,
    };
    let start = match characters.start() {
        Ok(start) => start,
        Err(error) => return Err(characters.fault.take().unwrap_or(error)),
    };
    let mut file = DecoderReader::new(start.as_slice().chain(&mut characters), &ENGINE);
    let mut bytes = vec![0; 8 << 10];
    let mut any = false;
    loop {
        match file.read(&mut bytes) {
            Ok(0) if any => return Ok(()),
            Ok(0) => return Err(EncodedError::Empty),
            Ok(read) => {
                let decoded = bytes.get(..read).unwrap_or_default();
                sink.write_all(decoded).map_err(EncodedError::Sink)?;
                any = true;
            }
            // An error of the decoder's own, unless the characters ended in one.
            Err(_) => return Err(characters.fault.take().unwrap_or(EncodedError::Invalid)),
        }
    }
}

// === impl Characters ===

impl<R: Read> Characters<R> {
    /// Reads the first characters; those of them that are the file's, after a data URL's start.
    fn start(&mut self) -> Result<Vec<u8>, EncodedError> {
        let mut start = Vec::with_capacity(MOST_DATA_URL_START);
        self.take(MOST_DATA_URL_START as u64)
            .read_to_end(&mut start)
            .map_err(EncodedError::Text)?;
        let scheme = start.first_chunk::<5>();
        if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:")) {
            return Ok(start);
        }
        let comma = start.iter().position(|byte| *byte == b',');
        match comma.and_then(|comma| start.split_at_checked(comma + 1)) {
            Some((url, file)) if says_base64(url) => Ok(file.to_vec()),
            _ => Err(EncodedError::DataUrl),
        }
    }
}

fn says_base64(url: &[u8]) -> bool {
    url.last_chunk::<8>()
        .is_some_and(|last| last.eq_ignore_ascii_case(b";base64,"))
}

impl<R: Read> Read for Characters<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self.inner.read(buf) {
                Ok(0) => return Ok(0),
                Ok(read) => read,
                Err(error) => {
                    let kind = error.kind();
                    self.fault = Some(EncodedError::Text(error));
                    return Err(kind.into());
                }
            };
            let Some(left) = self.left.checked_sub(read as u64) else {
                self.fault = Some(EncodedError::TooLong);
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            self.left = left;
            let kept = without_space(buf.get_mut(..read).unwrap_or_default());
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

/// Moves all but white space to the front; how much that is.
fn without_space(bytes: &mut [u8]) -> usize {
    let cells = Cell::from_mut(bytes).as_slice_of_cells();
    let kept = cells
        .iter()
        .filter(|cell| !cell.get().is_ascii_whitespace());
    cells
        .iter()
        .zip(kept)
        .map(|(place, byte)| place.set(byte.get()))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As little at a time as a reader may give.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let drop = buf.len().min(1);
            self.0.read(&mut buf[..drop])
        }
    }

    fn decoded(text: &str) -> Result<Vec<u8>, EncodedError> {
        let (mut at_once, mut dropwise) = (Vec::new(), Vec::new());
        let first = decode(text.as_bytes(), &mut at_once, 1000);
        let second = decode(Drops(text.as_bytes()), &mut dropwise, 1000);
        assert_eq!(first.is_ok(), second.is_ok(), "{text}");
        assert_eq!(at_once, dropwise, "{text}");
        first.map(|()| at_once)
    }

    #[test]
    fn padding_white_space_and_a_data_url_make_no_difference() {
        for text in [
            "aGVsbG8=",
            "aGVsbG8",
            "aGVs\r\nbG8=\r\n",
            " a G\tV s\nb G 8 = ",
            "data:image/png;base64,aGVsbG8=",
            "DATA:;BASE64,aGVsbG8",
            "data:text/plain;charset=utf-8;base64,\naGVs\nbG8=",
        ] {
            let text = text.replace("\\r", "\r").replace("\\n", "\n");
            assert_eq!(decoded(&text).unwrap(), b"hello", "{text:?}");
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in [
            "aGVsbG8==",
            "a",
            "aGVsb",
            "aGVs=bG8",
            "aGVs-_8=",
            "aGVs!",
            "====",
            "aGV=aGVs",
            "aGVsbG9=",
        ] {
            let error = decoded(text).unwrap_err();
            assert!(matches!(error, EncodedError::Invalid), "{text} {error:?}");
        }
    }

    #[test]
    fn a_data_url_says_base64_within_reach() {
        let far = format!("data:{};base64,aGVsbG8=", "x".repeat(300));
        for text in [
            "data:text/plain,hello",
            "data:",
            "data:;base64",
            "data:base64,aGVs",
            &far,
        ] {
            let error = decoded(text).unwrap_err();
            assert!(matches!(error, EncodedError::DataUrl), "{text} {error:?}");
        }
    }

    #[test]
    fn no_bytes_are_no_file() {
        for text in [
            "",
            " \n ",
            "data:image/png;base64,",
            "data:image/png;base64,\n",
        ] {
            let error = decoded(text).unwrap_err();
            assert!(matches!(error, EncodedError::Empty), "{text:?} {error:?}");
        }
    }

    #[test]
    fn text_without_end_is_refused_at_its_limit() {
        let mut sink = Vec::new();
        assert!(decode(&b"AAAA".repeat(25)[..], &mut sink, 100).is_ok());
        let error = decode(io::repeat(b'A'), &mut sink, 100_000).unwrap_err();
        assert!(matches!(error, EncodedError::TooLong), "{error:?}");
        let spaces = decode(io::repeat(b'\n'), &mut sink, 100_000).unwrap_err();
        assert!(matches!(spaces, EncodedError::TooLong), "{spaces:?}");
    }

    #[test]
    fn a_full_sink_is_told_from_bad_text() {
        let mut full = &mut [0; 3][..];
        let error = decode(&b"aGVsbG8="[..], &mut full, 100).unwrap_err();
        assert!(matches!(error, EncodedError::Sink(_)), "{error:?}");
    }
}
