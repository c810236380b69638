//! Small files of each format, made here.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::*;

const VOICE: OutgoingKind = OutgoingKind::Audio { voice_note: true };

fn at(kind: OutgoingKind, mime: &str, bytes: &[u8]) -> Look {
    look(kind, mime, Cursor::new(bytes)).unwrap()
}

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = RgbImage::from_fn(width, height, |x, _| {
        image::Rgb([u8::try_from(x % 256).unwrap(), 80, 40])
    });
    DynamicImage::from(picture)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

#[test]
fn a_picture_has_a_size_and_a_small_one() {
    for (format, mime) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let bytes = picture(format, 640, 320);
        let look = at(OutgoingKind::Image, mime, &bytes);
        assert_eq!((look.width, look.height), (Some(640), Some(320)), "{mime}");
        let small = look.thumbnail.unwrap();
        assert!(small.len() < 4096, "{}", small.len());
        let small = image::load_from_memory_with_format(&small, ImageFormat::Jpeg).unwrap();
        assert_eq!((small.width(), small.height()), (72, 36));
    }
}

#[test]
fn a_picture_that_lies_of_its_size_takes_no_memory() {
    // 60,000 by 60,000 pixels: the header of a real one, with its checksum made anew.
    let mut bytes = picture(ImageFormat::Png, 4, 4);
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    let look = at(OutgoingKind::Image, "image/png", &bytes);
    assert_eq!(look.width, Some(60_000));
    assert_eq!(look.thumbnail, None);
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[test]
fn what_is_no_picture_shows_nothing() {
    for mime in ["image/jpeg", "image/png", "image/webp", "image/x"] {
        assert_eq!(
            at(OutgoingKind::Image, mime, b"\xff\xd8\xff\xe0 no"),
            Look::default()
        );
        assert_eq!(at(OutgoingKind::Image, mime, b""), Look::default());
    }
}

fn page(granule: i64, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\0".to_vec();
    page.extend_from_slice(&granule.to_le_bytes());
    page.extend_from_slice(&[0; 12]);
    page.push(1);
    page.push(u8::try_from(packet.len()).unwrap());
    page.extend_from_slice(packet);
    page
}

#[test]
fn an_ogg_file_plays_until_its_last_page() {
    let opus = page(0, b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0");
    let middle = page(-1, &[7; 200]).repeat(800);
    let last = page(48_000 * 61 + 312, &[1; 9]);
    let file = [opus.clone(), middle.clone(), last, page(-1, b"x")].concat();
    assert_eq!(at(VOICE, "audio/ogg; codecs=opus", &file).seconds, Some(61));
    let vorbis = page(
        0,
        b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    );
    let file = [vorbis, middle, page(44_100 * 3 + 1, b"x")].concat();
    assert_eq!(at(VOICE, "audio/ogg", &file).seconds, Some(4));
    assert_eq!(at(VOICE, "audio/ogg", &opus).seconds, None);
    assert_eq!(at(VOICE, "audio/ogg", b"OggS").seconds, None);
}

/// Frames of MPEG-1 layer III, 128 kbit/s, 44,100 Hz: 417 bytes, 1,152 samples.
fn frames(count: usize) -> Vec<u8> {
    let frame: Vec<u8> = [0xff, 0xfb, 0x90, 0x00]
        .into_iter()
        .chain([0; 413])
        .collect();
    frame.repeat(count)
}

#[test]
fn an_mp3_file_plays_all_of_its_frames() {
    assert_eq!(at(VOICE, "audio/mpeg", &frames(383)).seconds, Some(11));
    let mut tagged = b"ID3\x04\0\0\0\0\x01\0".to_vec();
    tagged.extend([0xff; 128]);
    tagged.extend(frames(77));
    tagged.extend(b"TAG and more");
    assert_eq!(at(VOICE, "audio/mpeg", &tagged).seconds, Some(3));
    assert_eq!(at(VOICE, "audio/mpeg", &vec![0x55; 200_000]).seconds, None);
    assert_eq!(at(VOICE, "audio/mpeg", b"").seconds, None);
}

fn boxed(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), name.as_bytes(), content].concat()
}

fn header(turned: bool) -> Vec<u8> {
    let mut track = vec![0; 40];
    let matrix: [u32; 9] = if turned {
        [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 0, 0, 0x4000_0000]
    } else {
        [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]
    };
    let numbers = matrix.into_iter().chain([1280 << 16, 720 << 16]);
    track.extend(numbers.flat_map(u32::to_be_bytes));
    track
}

fn film(turned: bool) -> Vec<u8> {
    let mut movie = vec![0; 12];
    movie.extend([1000_u32, 12_345].into_iter().flat_map(u32::to_be_bytes));
    movie.resize(100, 0);
    let sound = boxed("trak", &boxed("tkhd", &[0; 84]));
    let track = boxed("trak", &boxed("tkhd", &header(turned)));
    let moov = boxed("moov", &[boxed("mvhd", &movie), sound, track].concat());
    [
        boxed("ftyp", b"mp42"),
        boxed("mdat", &vec![9; 100_000]),
        moov,
    ]
    .concat()
}

#[test]
fn a_film_has_a_size_and_a_length_wherever_its_head_stands() {
    let look = at(OutgoingKind::Video, "video/mp4", &film(false));
    assert_eq!((look.width, look.height), (Some(1280), Some(720)));
    assert_eq!(look.seconds, Some(13));
    let look = at(OutgoingKind::Video, "video/mp4", &film(true));
    assert_eq!((look.width, look.height), (Some(720), Some(1280)));
}

#[test]
fn a_film_cut_off_anywhere_is_no_error() {
    let film = film(false);
    for length in (0..200).chain(100_000..film.len()) {
        at(OutgoingKind::Video, "video/mp4", &film[..length]);
    }
    // A box that holds itself, and one without an end.
    at(
        OutgoingKind::Video,
        "video/mp4",
        &boxed("moov", &[0; 8]).repeat(10_000),
    );
}
