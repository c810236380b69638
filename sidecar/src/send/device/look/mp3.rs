//! How long an MP3 file plays: its frames, one after the other (ISO/IEC 11172-3, 13818-3).

use std::io::{self, Read, Seek, SeekFrom};

use super::{fill, seconds_of};

/// Bits a second, in thousands, by the index of a header: layer III of MPEG-1, and of MPEG-2 and 2.5.
const BITRATES: [[u64; 15]; 2] = [
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Samples a second of MPEG-1; MPEG-2 has half of them, MPEG-2.5 a quarter.
const RATES: [u64; 3] = [44_100, 48_000, 32_000];

/// Bytes that may stand between two frames before we give up.
const MOST_BETWEEN: u32 = 64 * 1024;

/// A frame, by its header.
struct Frame {
    bytes: u64,
    samples: u64,
    rate: u64,
}

/// How long it plays; `None`: there is no frame.
pub(super) fn seconds(file: &mut (impl Read + Seek)) -> io::Result<Option<u32>> {
    skip_tag(file)?;
    let (mut samples, mut rate, mut between) = (0, 0, 0);
    let mut header = [0; 4];
    let mut more = fill(file, &mut header)?;
    while more && between < MOST_BETWEEN {
        if let Some(frame) = frame(header) {
            samples += frame.samples;
            rate = frame.rate;
            between = 0;
            file.seek(SeekFrom::Current(frame.bytes.cast_signed() - 4))?;
            more = fill(file, &mut header)?;
        } else {
            between += 1;
            let [_, second, third, fourth] = header;
            let mut next = [0];
            more = fill(file, &mut next)?;
            let [next] = next;
            header = [second, third, fourth, next];
        }
    }
    Ok(seconds_of(samples, rate))
}

/// Goes behind an `ID3v2` tag, or back to the start.
fn skip_tag(file: &mut (impl Read + Seek)) -> io::Result<()> {
    let mut header = [0; 10];
    let whole = fill(file, &mut header)?;
    let behind = match header {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d] if whole => {
            let size = [a, b, c, d]
                .iter()
                .fold(0, |size, byte| (size << 7) | u64::from(byte & 0x7f));
            let footer = if flags & 0x10 == 0 { 0 } else { 10 };
            10 + size + footer
        }
        _ => 0,
    };
    file.seek(SeekFrom::Start(behind))?;
    Ok(())
}

fn frame([first, second, third, _]: [u8; 4]) -> Option<Frame> {
    if first != 0xff || second >> 5 != 0b111 || (second >> 1) & 0b11 != 0b01 {
        return None;
    }
    let (table, half) = match (second >> 3) & 0b11 {
        0b11 => (0, 1),
        0b10 => (1, 2),
        0b00 => (1, 4),
        _ => return None,
    };
    let bitrate = *BITRATES.get(table)?.get(usize::from(third >> 4))? * 1000;
    let rate = RATES.get(usize::from((third >> 2) & 0b11))? / half;
    let samples = if table == 0 { 1152 } else { 576 };
    let padding = u64::from((third >> 1) & 1);
    (bitrate > 0).then(|| Frame {
        bytes: samples / 8 * bitrate / rate + padding,
        samples,
        rate,
    })
}
