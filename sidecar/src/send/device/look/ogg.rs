//! How long an OGG file plays: its last page says how many samples came before (RFC 3533, RFC 7845).

use std::io::{self, Read, Seek, SeekFrom};

use super::seconds_of;

/// The largest page, bytes: its header, 255 lacing values and as many segments of 255 bytes.
const PAGE: u64 = 27 + 255 + 255 * 255;

/// Bytes of a page before its lacing values.
const HEADER: usize = 27;

/// Opus counts so many samples a second whatever it plays.
const OPUS_RATE: u64 = 48_000;

/// How long it plays; `None`: it does not say.
pub(super) fn seconds(file: &mut (impl Read + Seek)) -> io::Result<Option<u32>> {
    let mut head = Vec::new();
    file.take(256).read_to_end(&mut head)?;
    let Some((rate, skipped)) = clock(&head) else {
        return Ok(None);
    };
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(PAGE)))?;
    let mut tail = Vec::new();
    file.take(PAGE).read_to_end(&mut tail)?;
    let samples = last_granule(&tail).map(|last| last.saturating_sub(skipped));
    Ok(samples.and_then(|samples| seconds_of(samples, rate)))
}

/// Samples a second, and those at the start that are not played: of the first packet.
fn clock(head: &[u8]) -> Option<(u64, u64)> {
    let segments = usize::from(*head.get(HEADER - 1)?);
    let packet = head.get(HEADER + segments..)?;
    if let Some(opus) = packet.strip_prefix(b"OpusHead") {
        let skipped = opus.get(2..4)?.first_chunk()?;
        return Some((OPUS_RATE, u64::from(u16::from_le_bytes(*skipped))));
    }
    let vorbis = packet.strip_prefix(b"\x01vorbis")?;
    let rate = u32::from_le_bytes(*vorbis.get(5..9)?.first_chunk()?);
    (rate > 0).then_some((rate.into(), 0))
}

/// The position of the last page that ends a packet.
fn last_granule(tail: &[u8]) -> Option<u64> {
    let page = |window: &[u8]| {
        // Version 0; a page on which no packet ends has the position -1.
        let position = window.strip_prefix(b"OggS\0")?.get(1..9)?.first_chunk()?;
        u64::try_from(i64::from_le_bytes(*position)).ok()
    };
    tail.windows(14).rev().find_map(page)
}
