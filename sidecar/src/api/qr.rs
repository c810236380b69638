//! A pairing code as something that a phone can scan. Pure.

use std::io::Cursor;

use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode, render::unicode::Dense1x2};

/// Light modules around the code: the standard asks for four.
const QUIET: usize = 4;

/// Pixels of a module.
const SCALE: usize = 6;

/// A PNG; `None`: the text is too long for a code.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    let code = encode(text)?;
    let (width, modules) = (code.width(), code.to_colors());
    let dark = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(QUIET)?, y.checked_sub(QUIET)?);
        let inside = x < width && y < width;
        modules.get(y * width + x).filter(|_| inside).copied()
    };
    let side = u32::try_from((width + 2 * QUIET) * SCALE).ok()?;
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = (x as usize / SCALE, y as usize / SCALE);
        Luma([if dark(x, y) == Some(Color::Dark) {
            0
        } else {
            255
        }])
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).ok()?;
    Some(file.into_inner())
}

/// Half blocks, two modules a character, for a terminal with light letters on a dark ground.
pub(super) fn text(text: &str) -> Option<Vec<u8>> {
    let drawn = encode(text)?
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Some((drawn + "\n").into_bytes())
}

fn encode(text: &str) -> Option<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::L).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_square_picture_with_a_light_border() {
        let file = png("2@abc,def,ghi").unwrap();
        let picture = image::load_from_memory(&file).unwrap().to_luma8();
        assert_eq!(picture.width(), picture.height());
        assert_eq!(picture.get_pixel(0, 0), &Luma([255]));
        let corner = u32::try_from(QUIET * SCALE).unwrap();
        assert_eq!(picture.get_pixel(corner, corner), &Luma([0]));
    }

    #[test]
    fn for_a_terminal_it_is_lines_of_one_width() {
        let drawn = String::from_utf8(text("2@abc,def,ghi").unwrap()).unwrap();
        let widths: Vec<_> = drawn.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() > 10 && widths.iter().all(|width| *width == widths[0]));
    }

    #[test]
    fn a_text_that_is_too_long_for_a_code_gives_none() {
        assert!(png(&"x".repeat(4000)).is_none());
    }
}
