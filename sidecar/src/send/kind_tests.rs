//! Files by their first bytes: real heads of many formats.

use super::RequestType::{File, Image, Sticker, Text, Video, Voice};
use super::*;

/// Starts of files, as their encoders write them.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06";
const WEBP: &[u8] = b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00\x30\x01\x00\x9d\x01\x2a";
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!";
const ISOM: &[u8] = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41\x00\x00\x00\x08free";
const MP42: &[u8] = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x08mdat";
const AVC1: &[u8] = b"\x00\x00\x00\x1cftypavc1\x00\x00\x00\x00avc1isommp42\x00\x00\x00\x08moov";
const M4V: &[u8] = b"\x00\x00\x00\x1cftypM4V \x00\x00\x02\x00M4V mp42isom\x00\x00\x00\x08moov";
const MOV: &[u8] = b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  \x00\x00\x00\x08wide";
const OLD_MOV: &[u8] = b"\x00\x00\x0f\x8dmoov\x00\x00\x00\x6cmvhd\x00\x00\x00\x00";
const M4A: &[u8] = b"\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00M4A isomiso2\x00\x00\x00\x08free";
const HEIC: &[u8] = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic\x00\x00\x00\x08meta";
const OPUS_PAGE: &[u8] =
    b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x00\x00\x00\x00\x05\x06\x07\x08\x01\x13OpusHead\x01\x01";
const VORBIS_PAGE: &[u8] =
    b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x00\x00\x00\x00\x05\x06\x07\x08\x01\x1e\x01vorbis\x00\x00";
const MP3_ID3: &[u8] = b"ID3\x03\x00\x00\x00\x00\x00\x0aTIT2\x00\x00\x00\x00\x00\x00\xff\xfb";
const MP3: &[u8] = b"\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00";
const MP3_CHECKSUM: &[u8] = b"\xff\xfa\x90\x64\x12\x34\x00\x00\x00\x00\x00\x00";
const MP3_SPEECH: &[u8] = b"\xff\xe3\x18\xc4\x00\x00\x00\x00\x00\x00\x00\x00";
const WAV: &[u8] = b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00";
const FLAC: &[u8] = b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00\x00\x00\x0f";
const AAC: &[u8] = b"\xff\xf1\x50\x80\x02\x1f\xfc\xda\x02\x00\x4c\x61";
const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<";
const ZIP: &[u8] = b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00a.txt";
const HTML: &[u8] = b"<!DOCTYPE html>\n<html><head><title>a</title>";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

fn webm() -> Vec<u8> {
    let mut head = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm".to_vec();
    head.resize(300, 0);
    head
}

#[test]
fn formats_are_known_by_their_bytes() {
    let webm = webm();
    for (wanted, head) in [
        (Some("image/jpeg"), JPEG),
        (Some("image/png"), PNG),
        (Some("image/webp"), WEBP),
        (Some("image/gif"), GIF),
        (Some("image/heif"), HEIC),
        (Some("video/mp4"), ISOM),
        (Some("video/mp4"), MP42),
        (Some("video/mp4"), AVC1),
        (Some("video/mp4"), M4V),
        (Some("video/quicktime"), MOV),
        (Some("video/quicktime"), OLD_MOV),
        (Some("video/webm"), &webm),
        (Some("audio/m4a"), M4A),
        (Some("audio/ogg; codecs=opus"), OPUS_PAGE),
        (Some("audio/ogg"), VORBIS_PAGE),
        (Some("audio/mpeg"), MP3_ID3),
        (Some("audio/mpeg"), MP3),
        (Some("audio/mpeg"), MP3_CHECKSUM),
        (Some("audio/mpeg"), MP3_SPEECH),
        (Some("audio/x-wav"), WAV),
        (Some("audio/x-flac"), FLAC),
        (Some("audio/aac"), AAC),
        (Some("application/pdf"), PDF),
        (Some("application/zip"), ZIP),
        (Some("text/html"), HTML),
        (Some("application/x-ole-storage"), OLE),
        (Some("text/plain"), b"hello, world\n"),
        (Some("text/plain"), "a,b\n1,é\n".as_bytes()),
        (None, b"\x01\x02\x03"),
        (None, &[0; 8192]),
        (None, b"\xff\xfe\x00\x00"),
    ] {
        assert_eq!(detect(head), wanted, "{head:?}");
    }
    assert_eq!(detect(b""), None);
}

#[test]
fn each_type_takes_its_formats_and_no_other() {
    let webm = webm();
    let all: [(&[u8], &[RequestType]); 23] = [
        (JPEG, &[Image]),
        (PNG, &[Image]),
        (WEBP, &[Image, Sticker]),
        (GIF, &[]),
        (HEIC, &[]),
        (ISOM, &[Video]),
        (MP42, &[Video]),
        (AVC1, &[Video]),
        (M4V, &[Video]),
        (MOV, &[]),
        (&webm, &[]),
        (OPUS_PAGE, &[Voice]),
        (VORBIS_PAGE, &[Voice]),
        (MP3_ID3, &[Voice]),
        (MP3, &[Voice]),
        (WAV, &[]),
        (FLAC, &[]),
        (AAC, &[]),
        (M4A, &[]),
        (PDF, &[]),
        (HTML, &[]),
        (b"hello", &[]),
        (b"\x01\x02\x03", &[]),
    ];
    for (head, takers) in all {
        for type_ in [Image, Video, Voice, Sticker] {
            let taken = accept(type_, head, true).is_ok();
            assert_eq!(taken, takers.contains(&type_), "{type_} {head:?}");
        }
        assert!(accept(File, head, true).is_ok(), "{head:?}");
        assert!(accept(Text, head, true).is_err(), "{head:?}");
    }
}

#[test]
fn a_file_is_sent_as_what_was_asked() {
    let kind = |type_, head, ptt| accept(type_, head, ptt).unwrap().kind;
    assert_eq!(kind(Image, WEBP, true), OutgoingKind::Image);
    assert_eq!(kind(Sticker, WEBP, true), OutgoingKind::Sticker);
    assert_eq!(kind(Video, ISOM, true), OutgoingKind::Video);
    assert_eq!(kind(File, ISOM, true), OutgoingKind::Document);
    for ptt in [true, false] {
        assert_eq!(
            kind(Voice, MP3, ptt),
            OutgoingKind::Audio { voice_note: ptt }
        );
    }
    assert_eq!(
        accept(File, b"", true).unwrap().mime,
        "application/octet-stream"
    );
    assert_eq!(
        accept(File, b"\x01\x02\x03", true).unwrap().mime,
        "application/octet-stream"
    );
}

#[test]
fn a_refusal_names_what_was_found_and_what_is_taken() {
    assert_eq!(
        accept(Video, MOV, true).unwrap_err().to_string(),
        "the file is video/quicktime, and type video takes MP4"
    );
    assert_eq!(
        accept(Image, b"\x01\x02\x03", true)
            .unwrap_err()
            .to_string(),
        "the file is of no known format, and type image takes JPEG, PNG or WebP"
    );
}

#[test]
fn text_is_text_though_it_begins_like_another_format() {
    for head in [
        "BMW makes cars",
        "MZ",
        "ID3 is a kind of tag",
        "GIF, PNG",
        "0123abcdWEBP",
        "BC is a place",
    ] {
        assert_eq!(detect(head.as_bytes()), Some("text/plain"), "{head}");
    }
    let letters = "é".repeat(4096);
    assert_eq!(detect(&letters.as_bytes()[..8191]), Some("text/plain"));
    assert_eq!(detect(b"%PDF-1.4\n1 0 obj"), Some("application/pdf"));
    assert_eq!(detect(b"#!/bin/sh\n"), Some("text/x-shellscript"));
}

#[test]
fn what_only_resembles_a_frame_is_not_mp3() {
    for head in [
        &b"\xff\xe3"[..],
        b"\xff\xeb\x18\xc4",
        b"\xff\xe3\xf8\xc4",
        b"\xff\xe3\x1c\xc4",
        b"\xff\xfe\x18\xc4",
    ] {
        assert_eq!(detect(head), None, "{head:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in 0..8usize,
        rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600),
    ) {
        let start = [JPEG, ISOM, OPUS_PAGE, ZIP, OLE, PDF, HEIC, b""][start];
        for cut in 0..=start.len() {
            let _ = detect(&[&start[..cut], &rest].concat());
        }
    }
}
