//! Zlib, a piece at a time.

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes of one piece.
const PIECE: usize = 32 * 1024;

/// Most that a chunk may be when inflated. Real ones reach a tenth of it.
const LARGEST: u64 = 1 << 30;

/// What is wrong with a compressed chunk.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InflateError {
    /// Not zlib, or damaged.
    #[error("the chunk is not a zlib stream")]
    Broken,
    /// It ended too early.
    #[error("the chunk ends too early")]
    Short,
    /// It grows beyond what any phone sends.
    #[error("the chunk is larger than {LARGEST} bytes")]
    TooLarge,
}

/// A zlib stream being read.
#[derive(Debug)]
pub(super) struct Inflate {
    zlib: Decompress,
    piece: Box<[u8]>,
    ended: bool,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self {
            zlib: Decompress::new(true),
            piece: vec![0; PIECE].into(),
            ended: false,
        }
    }

    /// The next piece, made of what it takes off `input`; `None` when it needs more.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, InflateError> {
        if self.ended {
            return Ok(None);
        }
        let (before, made) = (self.zlib.total_in(), self.zlib.total_out());
        let status = self
            .zlib
            .decompress(input, &mut self.piece, FlushDecompress::None)
            .map_err(|_| InflateError::Broken)?;
        let taken = length(self.zlib.total_in() - before);
        let made = length(self.zlib.total_out() - made);
        *input = input.get(taken..).unwrap_or_default();
        if self.zlib.total_out() > LARGEST {
            return Err(InflateError::TooLarge);
        }
        self.ended = status == Status::StreamEnd;
        Ok(self.piece.get(..made).filter(|piece| !piece.is_empty()))
    }

    /// Whether the stream came to its end, its checksum included.
    pub(super) fn finish(&self) -> Result<(), InflateError> {
        if self.ended {
            Ok(())
        } else {
            Err(InflateError::Short)
        }
    }
}

fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
