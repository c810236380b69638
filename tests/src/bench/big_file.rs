//! Files too large to be kept in memory: encrypted piece by piece into a folder.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use serde_json::{Value, json};
use titan_media::{Encryptor, MediaKey, MediaKeys, MediaType};

use crate::baileys;
use crate::media::{Kind, Sealed};
use crate::random::Random;

/// Bytes encrypted at a time.
const PIECE: usize = 1024 * 1024;

/// An encrypted file on disk, and what a message says about it.
#[derive(Debug, Clone)]
pub struct BigFile {
    /// The blob, as the CDN has it.
    pub path: PathBuf,
    /// Bytes of the plaintext.
    pub length: u64,
    /// The media key.
    pub key: [u8; 32],
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// SHA-256 of the blob.
    pub enc_sha256: [u8; 32],
}

// === impl BigFile ===

impl BigFile {
    /// Writes a document of `length` bytes, a multiple of 1 MiB, that `seed` decides, to `path`.
    #[must_use]
    pub fn write(path: &Path, length: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let key = random.key();
        let piece = random.bytes(PIECE);
        let mut encryptor = Encryptor::new(&MediaKeys::derive(&MediaKey(key), MediaType::Document));
        let mut out = BufWriter::new(File::create(path).unwrap());
        let mut blob = BytesMut::new();
        for _ in 0..length / PIECE as u64 {
            encryptor.push(&piece, &mut blob);
            out.write_all(&blob).unwrap();
            blob.clear();
        }
        let sealed = encryptor.finish(&mut blob);
        out.write_all(&blob).unwrap();
        out.flush().unwrap();
        Self {
            path: path.to_owned(),
            length: sealed.length,
            key,
            sha256: sealed.sha256,
            enc_sha256: sealed.enc_sha256,
        }
    }

    /// The content node of a message that holds this file at `direct_path`.
    #[must_use]
    pub fn content(&self, direct_path: &str) -> Value {
        let described = Sealed {
            kind: Kind::Document,
            plain: bytes::Bytes::new(),
            blob: bytes::Bytes::new(),
            key: self.key,
            sha256: self.sha256,
            enc_sha256: self.enc_sha256,
        };
        let length = json!(self.length.to_string());
        baileys::file_with(&described, direct_path, "fileLength", length)
    }
}
