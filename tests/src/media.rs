//! WhatsApp's file encryption, written for the tests alone: the product is never its own judge.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use bytes::Bytes;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::random::Random;

/// What a message calls a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `imageMessage`.
    Image,
    /// `videoMessage`.
    Video,
    /// `audioMessage`.
    Audio,
    /// `documentMessage`.
    Document,
    /// `stickerMessage`.
    Sticker,
}

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
    ];

    /// The HKDF info string.
    #[must_use]
    pub const fn info(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "WhatsApp Image Keys",
            Self::Video => "WhatsApp Video Keys",
            Self::Audio => "WhatsApp Audio Keys",
            Self::Document => "WhatsApp Document Keys",
        }
    }

    /// The name that callers of the API see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// A usual MIME type.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Video => "video/mp4",
            Self::Audio => "audio/ogg; codecs=opus",
            Self::Document => "application/pdf",
            Self::Sticker => "image/webp",
        }
    }
}

/// A file as WhatsApp's CDN holds it, with what a message says about it.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What it is.
    pub kind: Kind,
    /// The plaintext.
    pub plain: Bytes,
    /// Ciphertext and its 10-byte MAC.
    pub blob: Bytes,
    /// The media key.
    pub key: [u8; 32],
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// SHA-256 of the blob.
    pub enc_sha256: [u8; 32],
}

// === impl Sealed ===

impl Sealed {
    /// Encrypts `plain` as `kind` under `key`.
    #[must_use]
    pub fn new(kind: Kind, key: [u8; 32], plain: impl Into<Bytes>) -> Self {
        Self::under(kind.info(), kind, key, plain)
    }

    /// Encrypts the thumbnail of an image, under the image's own key.
    #[must_use]
    pub fn image_thumbnail(key: [u8; 32], plain: impl Into<Bytes>) -> Self {
        Self::under("WhatsApp Image Thumbnail Keys", Kind::Image, key, plain)
    }

    /// Encrypts a chunk of history.
    #[must_use]
    pub fn history(key: [u8; 32], plain: impl Into<Bytes>) -> Self {
        Self::under("WhatsApp History Keys", Kind::Document, key, plain)
    }

    fn under(info: &str, kind: Kind, key: [u8; 32], plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let expanded = expand(info, &key);
        let (iv, cipher_key, mac_key) = (&expanded[..16], &expanded[16..48], &expanded[48..80]);
        let mut blob = cbc::Encryptor::<Aes256>::new_from_slices(cipher_key, iv)
            .unwrap()
            .encrypt_padded_vec::<Pkcs7>(&plain);
        let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).unwrap();
        mac.update(iv);
        mac.update(&blob);
        blob.extend_from_slice(&mac.finalize().into_bytes()[..10]);
        let (sha256, enc_sha256) = (digest(&plain), digest(&blob));
        Self {
            kind,
            plain,
            blob: blob.into(),
            key,
            sha256,
            enc_sha256,
        }
    }

    /// The streaming sidecar: 10 bytes of MAC per 64 KiB of the blob and the 16 bytes before it.
    #[must_use]
    pub fn sidecar(&self) -> Vec<u8> {
        let expanded = expand(self.kind.info(), &self.key);
        let stream = [&expanded[..16], &self.blob[..]].concat();
        let starts = (0..self.blob.len()).step_by(CHUNK);
        let entry = |start: usize| {
            let end = stream.len().min(start + CHUNK + 16);
            hmac_sha256(&expanded[48..80], &stream[start..end])
        };
        starts
            .flat_map(|start| entry(start)[..10].to_vec())
            .collect()
    }

    /// A random file of `length` bytes.
    #[must_use]
    pub fn random(kind: Kind, length: usize, random: &mut Random) -> Self {
        let key = random.key();
        Self::new(kind, key, random.bytes(length))
    }
}

/// Bytes of a blob that one entry of a streaming sidecar is about.
pub const CHUNK: usize = 64 * 1024;

/// IV, cipher key, MAC key and reference key of a file.
fn expand(info: &str, key: &[u8; 32]) -> [u8; 112] {
    let mut expanded = [0_u8; 112];
    Hkdf::<Sha256>::new(None, key)
        .expand(info.as_bytes(), &mut expanded)
        .unwrap();
    expanded
}

/// SHA-256.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA256.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_vector_of_whatsmeow_is_reproduced() {
        let mut key = [0; 32];
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = u8::try_from(index).unwrap();
        }
        let plain = &b"Polymorfa golden vector: whatsmeow cbcutil + hkdfutil, 2026."[..];
        let sealed = Sealed::new(Kind::Image, key, plain);
        assert_eq!(
            hex::encode(sealed.enc_sha256),
            "a0f35fa34e6d5bfc21acf306ca610b1b6df743601b02c63d8325fb986faaf7b6"
        );
        // The published video of 131,072 bytes, byte i = (7i + 3) mod 256.
        let bytes: Vec<u8> = (0..131_072_u32)
            .map(|index| u8::try_from((7 * index + 3) % 256).unwrap())
            .collect();
        assert_eq!(
            hex::encode(digest(&Sealed::new(Kind::Video, key, bytes).sidecar())),
            "5163de162c24446b43bf443f7b91d4fc652ccd150c3dac8ae0e79fa0e0b40489"
        );
        let empty = Sealed::new(Kind::Image, key, Bytes::new());
        assert_eq!(
            hex::encode(empty.blob),
            "d86dbcfed371684274c26215fc53dc72cb480389e6f95d2b38d9"
        );
    }
}
