//! Reads a store's error answer: status, error code and headers in, a typed reason out. Pure.
//!
//! Facts: Amazon S3's list of error codes, and the differences noted in `BucketError`'s docs.

use titan_crds::Reason;

use super::error::{BucketError, Operation};

/// A store's error answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) operation: Operation,
    /// HTTP status.
    pub(super) status: u16,
    /// `<Code>` of the XML, if there was any.
    pub(super) code: Option<&'a str>,
    /// `<Message>`; read, never shown: stores echo requests in it.
    pub(super) message: &'a str,
    /// The whole body; only a region is read from it.
    pub(super) body: &'a str,
    /// `x-amz-bucket-region`.
    pub(super) bucket_region: Option<&'a str>,
    /// The region that we signed for.
    pub(super) signed_region: &'a str,
    /// The request asked for encryption at rest.
    pub(super) encryption: bool,
    /// The request carried `x-amz-checksum-sha256`.
    pub(super) checksum: bool,
    /// The request was signed with temporary keys.
    pub(super) temporary: bool,
}

// === impl Answer ===

impl Answer<'_> {
    /// What the answer means.
    pub(super) fn classify(&self) -> BucketError {
        let code = self.code.unwrap_or_default();
        let status = self.status;
        if is_digest_mismatch(code) {
            return BucketError::DigestMismatch { status };
        }
        if self.is_wrong_region(code) {
            let region = self.right_region().map(str::to_owned);
            return BucketError::WrongRegion { region };
        }
        if status == 416 {
            return BucketError::RangeNotSatisfiable;
        }
        if self.checksum && self.is_checksum_refused(code) {
            return BucketError::ChecksumHeaderRefused { status };
        }
        BucketError::Store {
            operation: self.operation,
            reason: self.reason(code),
            status,
            code: self.code.filter(|code| is_word(code)).map(str::to_owned),
        }
    }

    fn reason(&self, code: &str) -> Reason {
        if self.encryption && self.is_encryption_refused(code) {
            return Reason::EncryptionRefused;
        }
        match code {
            // Some stores forget temporary keys that have expired (MinIO), and know no better.
            "InvalidAccessKeyId" if self.temporary => Reason::CredentialsExpired,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "Unauthorized"
            | "InvalidSecurity"
            | "AuthorizationHeaderMalformed"
            // versitygw, with a 404, for an access key id that it does not know.
            | "XAdminUserNotFound" => Reason::InvalidCredentials,
            "ExpiredToken" | "TokenRefreshRequired" => Reason::CredentialsExpired,
            "RequestTimeTooSkewed" | "RequestInTheFuture" => Reason::ClockSkew,
            "NoSuchBucket" => Reason::NoSuchBucket,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "NotSignedUp" => {
                Reason::AccessDenied
            }
            "RequestTimeout" => Reason::Timeout,
            // An archived object answers 403 too, but nobody lacks a right then.
            "InvalidObjectState" => Reason::StoreError,
            _ => self.reason_of_status(),
        }
    }

    fn reason_of_status(&self) -> Reason {
        match (self.status, self.operation) {
            (401, _) => Reason::InvalidCredentials,
            (403, _) => Reason::AccessDenied,
            (404, Operation::Put) if self.code.is_none() => Reason::NoSuchBucket,
            (408, _) => Reason::Timeout,
            _ => Reason::StoreError,
        }
    }

    fn is_wrong_region(&self, code: &str) -> bool {
        let redirected = matches!(self.status, 301 | 307)
            || matches!(
                code,
                "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException"
            );
        let elsewhere = self
            .bucket_region
            .is_some_and(|region| region != self.signed_region);
        // MinIO and others answer this when only the region in the signature is wrong.
        let scope = code == "AuthorizationHeaderMalformed" && self.says("region");
        redirected || (elsewhere && self.status >= 400) || scope
    }

    /// The region that the store expects: in a header, an element (AWS) or its message (MinIO and
    /// others: `expecting 'eu-west-1'`).
    fn right_region(&self) -> Option<&str> {
        let between = |start: &str, end: &str| {
            let (_, rest) = self.body.split_once(start)?;
            rest.split_once(end).map(|(region, _)| region)
        };
        let named = [
            self.bucket_region,
            between("<Region>", "</Region>"),
            between("expecting '", "'"),
            between("expecting &#39;", "&#39;"),
            between("expecting &apos;", "&apos;"),
        ];
        let mut regions = named.into_iter().flatten();
        regions.find(|region| is_word(region) && *region != self.signed_region)
    }

    /// The header itself is refused, and named: a store that implements no checksums, or that takes
    /// no second one.
    fn is_checksum_refused(&self, code: &str) -> bool {
        let refused = self.status == 501
            || (self.status == 400
                && matches!(
                    code,
                    "InvalidRequest" | "InvalidArgument" | "NotImplemented"
                ));
        refused && (self.says("checksum") || self.says("x-amz-sdk"))
    }

    fn is_encryption_refused(&self, code: &str) -> bool {
        let named = self.says("encryption") || self.says("kms") || self.says("sse");
        code.starts_with("KMS")
            || code.contains("Encryption")
            || self.status == 501
            || (self.status == 400 && named)
            || (self.status == 403 && self.says("kms"))
    }

    fn says(&self, word: &str) -> bool {
        self.message.to_ascii_lowercase().contains(word)
    }
}

fn is_digest_mismatch(code: &str) -> bool {
    let codes = [
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "InvalidDigest",
    ];
    codes.contains(&code)
}

/// Whether a code or a region is fit to be shown: a stranger's server may send anything.
pub(super) fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
