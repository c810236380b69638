//! How large a picture is, and a small one of it.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};

use super::Look;

/// Longer side of the small picture, pixels.
const SMALL: u32 = 72;

/// Quality of its JPEG: some two kilobytes.
const QUALITY: u8 = 60;

/// A file of at most so many bytes is decoded: the decoder of JPEG has all of it in memory.
const MOST_BYTES: u64 = 16 << 20;

/// A picture of at most so many bytes is decoded: 20 megapixels of a photo.
const MOST_DECODED: u64 = 60 << 20;

/// How much of a JPEG is read for its size.
const HEADER: u64 = 1 << 20;

/// Looks at a picture.
pub(super) fn look(mime: &str, file: &mut (impl BufRead + Seek)) -> io::Result<Look> {
    let Some(format) = ImageFormat::from_mime_type(mime) else {
        return Ok(Look::default());
    };
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    if format == ImageFormat::Jpeg {
        let mut header = Vec::new();
        let most = if length > MOST_BYTES {
            HEADER
        } else {
            MOST_BYTES
        };
        file.take(most).read_to_end(&mut header)?;
        return Ok(seen(Cursor::new(header), format, length));
    }
    Ok(seen(file, format, length))
}

/// What can be seen; nothing of what is no picture.
fn seen(file: impl BufRead + Seek, format: ImageFormat, length: u64) -> Look {
    let Ok(mut decoder) = ImageReader::with_format(file, format).into_decoder() else {
        return Look::default();
    };
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = match (turned, decoder.dimensions()) {
        (
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH,
            (width, height),
        ) => (height, width),
        (_, size) => size,
    };
    let small = length <= MOST_BYTES && decoder.total_bytes() <= MOST_DECODED;
    let picture = small.then(|| DynamicImage::from_decoder(decoder).ok());
    Look {
        width: Some(width),
        height: Some(height),
        seconds: None,
        thumbnail: picture
            .flatten()
            .and_then(|picture| thumbnail(&picture, turned)),
    }
}

fn thumbnail(picture: &DynamicImage, turned: Orientation) -> Option<Vec<u8>> {
    let mut small = picture.thumbnail(SMALL, SMALL);
    small.apply_orientation(turned);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    small.to_rgb8().write_with_encoder(encoder).ok()?;
    Some(jpeg)
}
