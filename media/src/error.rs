//! Why a file is refused.

/// A file that is not what its message promised. Bytes already released are a prefix that
/// never completes the promised length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// The HMAC at the end of the blob is another one.
    #[error("the MAC of the blob does not match")]
    Mac,
    /// The last cipher block does not end in strict PKCS#7 padding.
    #[error("the padding is malformed")]
    Padding,
    /// The plaintext hashes to something else than `fileSha256`.
    #[error("the SHA-256 of the plaintext does not match")]
    Sha256,
    /// The blob hashes to something else than `fileEncSha256`.
    #[error("the SHA-256 of the blob does not match")]
    EncSha256,
    /// Everything is right but the length. `found` is authenticated: a second attempt may
    /// promise it.
    #[error("the plaintext has {found} bytes instead of {expected}")]
    Length {
        /// Bytes promised.
        expected: u64,
        /// Bytes of the plaintext.
        found: u64,
    },
    /// There is more plaintext than promised. Found before the end, so nothing is known yet of
    /// the true length.
    #[error("the plaintext has more than {expected} bytes")]
    TooLong {
        /// Bytes promised.
        expected: u64,
    },
    /// The blob ended before the promised length, and what came does not verify.
    #[error("the blob ended early, after {consumed} bytes")]
    Truncated {
        /// Bytes of the blob that came.
        consumed: u64,
    },
    /// No blob has this many bytes: it is whole cipher blocks, at least one, and a 10-byte MAC.
    #[error("{length} bytes are not whole cipher blocks and a MAC")]
    Malformed {
        /// Bytes of the blob, or of the part that was given.
        length: u64,
    },
    /// A chunk does not match its entry in the streaming sidecar, or has none.
    #[error("chunk {index} does not match the streaming sidecar")]
    Chunk {
        /// Which 64 KiB chunk, from 0.
        index: u64,
    },
    /// Plaintext media without any hash: nothing could tell a right file from a wrong one.
    #[error("no hash to verify the plaintext against")]
    Unverifiable,
}

impl IntegrityError {
    /// A fixed word for metrics and records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mac => "mac_mismatch",
            Self::Padding => "bad_padding",
            Self::Sha256 => "sha256_mismatch",
            Self::EncSha256 => "enc_sha256_mismatch",
            Self::Length { .. } | Self::TooLong { .. } => "length_mismatch",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed_blob",
            Self::Chunk { .. } => "chunk_mac_mismatch",
            Self::Unverifiable => "unverifiable",
        }
    }
}
