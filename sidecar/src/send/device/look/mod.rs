//! What a file shows: its size, its length in time, a small picture of it. All of it is told to the
//! receiver before the file is there, and none of it is needed: what can't be found out is left out.
//!
//! Everything here blocks, and takes little memory whatever the file says of itself.

mod mp3;
mod mp4;
mod ogg;
mod picture;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use crate::send::OutgoingKind;

/// What a file shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// How long it plays; at least one.
    pub seconds: Option<u32>,
    /// A small JPEG.
    #[serde(with = "super::encoded::optional")]
    pub thumbnail: Option<Vec<u8>>,
}

/// Looks at a file of type `mime` that is sent as `kind`.
///
/// # Errors
///
/// When it can't be read; that it makes no sense is none.
pub fn look<R: Read + Seek>(kind: OutgoingKind, mime: &str, file: R) -> io::Result<Look> {
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(0))?;
    match kind {
        OutgoingKind::Image | OutgoingKind::Sticker => picture::look(mime, &mut file),
        OutgoingKind::Video => mp4::look(&mut file),
        OutgoingKind::Audio { .. } => {
            let seconds = if mime.starts_with("audio/ogg") {
                ogg::seconds(&mut file)?
            } else {
                mp3::seconds(&mut file)?
            };
            Ok(Look {
                seconds,
                ..Look::default()
            })
        }
        // What is sent as a document is shown as a name.
        OutgoingKind::Document => Ok(Look::default()),
    }
}

/// Whole seconds, the begun one counted.
fn seconds_of(ticks: u64, rate: u64) -> Option<u32> {
    let seconds = ticks.checked_add(rate.checked_sub(1)?)?.checked_div(rate)?;
    u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

/// Reads all of `buf`; false where the file ends before.
fn fill(file: &mut impl Read, buf: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buf) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
