//! How long an MP4 file plays, and how large it shows: the headers of its `moov` box (ISO/IEC 14496-12).

use std::io::{self, Read, Seek, SeekFrom};

use super::{Look, fill, seconds_of};

/// Boxes that are looked at; real files have a few dozen up to there.
const MOST_BOXES: u32 = 4096;

/// A box.
struct Box {
    name: [u8; 4],
    /// Where its content begins.
    start: u64,
    end: u64,
}

/// Looks at a video.
pub(super) fn look(file: &mut (impl Read + Seek)) -> io::Result<Look> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut found = Look::default();
    let mut left = MOST_BOXES;
    // What is still to be read: boxes side by side in a range.
    let mut ranges = vec![(0, end)];
    while let Some((at, end)) = ranges.pop() {
        let Some(next) = next_box(file, at, end)? else {
            continue;
        };
        left -= 1;
        if left == 0 {
            break;
        }
        ranges.push((next.end, end));
        match &next.name {
            b"moov" | b"trak" => ranges.push((next.start, next.end)),
            b"mvhd" => found.seconds = movie(file, &next)?.or(found.seconds),
            b"tkhd" if found.width.is_none() => {
                (found.width, found.height) = track(file, &next)?.unzip();
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The box at `at`, if there is one that ends at `end` or before.
fn next_box(file: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<Option<Box>> {
    let mut header = [0; 8];
    if at >= end {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    if !fill(file, &mut header)? {
        return Ok(None);
    }
    let [a, b, c, d, name @ ..] = header;
    let (size, long) = match u32::from_be_bytes([a, b, c, d]) {
        // It goes to the end.
        0 => (end - at, 8),
        1 => {
            let mut size = [0; 8];
            if !fill(file, &mut size)? {
                return Ok(None);
            }
            (u64::from_be_bytes(size), 16)
        }
        size => (u64::from(size), 8),
    };
    let ends = at.checked_add(size);
    Ok(ends
        .filter(|ends| size >= long && *ends <= end)
        .map(|ends| Box {
            name,
            start: at + long,
            end: ends,
        }))
}

/// The beginning of a box with a version: 92 bytes hold what we read of either version.
fn content(file: &mut (impl Read + Seek), of: &Box) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(of.start))?;
    file.take((of.end - of.start).min(96))
        .read_to_end(&mut content)?;
    Ok(content)
}

/// How long the movie is.
fn movie(file: &mut (impl Read + Seek), of: &Box) -> io::Result<Option<u32>> {
    let content = content(file, of)?;
    let times = match content.first() {
        Some(1) => word(&content, 20).zip(long(&content, 24)),
        _ => word(&content, 12).zip(word(&content, 16).map(u64::from)),
    };
    Ok(times.and_then(|(scale, duration)| seconds_of(duration, scale.into())))
}

/// Width and height of a track that has any, turned as it is shown.
fn track(file: &mut (impl Read + Seek), of: &Box) -> io::Result<Option<(u32, u32)>> {
    let content = content(file, of)?;
    let matrix = if content.first() == Some(&1) { 52 } else { 40 };
    let size = word(&content, matrix + 36).zip(word(&content, matrix + 40));
    // Fixed point: the upper half is whole.
    let size = size.map(|(width, height)| (width >> 16, height >> 16));
    let turned = word(&content, matrix) == Some(0) && word(&content, matrix + 4) != Some(0);
    Ok(size
        .filter(|(width, height)| *width > 0 && *height > 0)
        .map(|(width, height)| {
            if turned {
                (height, width)
            } else {
                (width, height)
            }
        }))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
