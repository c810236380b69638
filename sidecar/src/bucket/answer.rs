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
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Answer<'static> = Answer {
        operation: Operation::Put,
        status: 400,
        code: None,
        message: "",
        body: "",
        bucket_region: None,
        signed_region: "us-east-1",
        encryption: false,
        checksum: true,
        temporary: false,
    };

    fn reason(status: u16, code: &'static str) -> Reason {
        Answer {
            status,
            code: Some(code),
            ..PLAIN
        }
        .classify()
        .reason()
    }

    #[test]
    fn codes_give_reasons() {
        let table = [
            (403, "InvalidAccessKeyId", Reason::InvalidCredentials),
            (403, "SignatureDoesNotMatch", Reason::InvalidCredentials),
            (401, "Unauthorized", Reason::InvalidCredentials),
            (401, "Whatever", Reason::InvalidCredentials),
            (400, "ExpiredToken", Reason::CredentialsExpired),
            (403, "RequestTimeTooSkewed", Reason::ClockSkew),
            (403, "AccessDenied", Reason::AccessDenied),
            (403, "Whatever", Reason::AccessDenied),
            (404, "NoSuchBucket", Reason::NoSuchBucket),
            (404, "XAdminUserNotFound", Reason::InvalidCredentials),
            (404, "Whatever", Reason::StoreError),
            (301, "PermanentRedirect", Reason::WrongRegion),
            (503, "SlowDown", Reason::StoreError),
            (500, "InternalError", Reason::StoreError),
            (400, "RequestTimeout", Reason::Timeout),
            (400, "BadDigest", Reason::StoreError),
        ];
        for (status, code, expected) in table {
            assert_eq!(reason(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn temporary_keys_that_nobody_knows_have_expired() {
        let unknown = Answer {
            status: 403,
            code: Some("InvalidAccessKeyId"),
            temporary: true,
            ..PLAIN
        };
        assert_eq!(unknown.classify().reason(), Reason::CredentialsExpired);
        let wrong = Answer {
            code: Some("SignatureDoesNotMatch"),
            ..unknown
        };
        assert_eq!(wrong.classify().reason(), Reason::InvalidCredentials);
    }

    #[test]
    fn a_get_without_a_code_misses_the_key_and_a_put_the_bucket() {
        let get = Answer {
            operation: Operation::Get,
            status: 404,
            ..PLAIN
        }
        .classify();
        assert_eq!(get.reason(), Reason::StoreError);
        assert!(get.is_missing_object());
        let put = Answer {
            status: 404,
            ..PLAIN
        }
        .classify();
        assert_eq!(put.reason(), Reason::NoSuchBucket);
        assert!(!put.is_missing_object());
    }

    #[test]
    fn a_forbidden_get_may_be_a_missing_object_but_bad_credentials_are_not() {
        let forbidden = Answer {
            operation: Operation::Get,
            status: 403,
            code: Some("AccessDenied"),
            ..PLAIN
        };
        assert!(forbidden.classify().is_missing_object());
        let unsigned = Answer {
            code: Some("SignatureDoesNotMatch"),
            ..forbidden
        };
        assert!(!unsigned.classify().is_missing_object());
        let no_bucket = Answer {
            status: 404,
            code: Some("NoSuchBucket"),
            ..forbidden
        };
        assert!(!no_bucket.classify().is_missing_object());
    }

    #[test]
    fn another_region_is_named() {
        let answer = Answer {
            status: 400,
            bucket_region: Some("eu-west-1"),
            ..PLAIN
        }
        .classify();
        assert!(
            matches!(&answer, BucketError::WrongRegion { region: Some(region) } if region == "eu-west-1")
        );
        let same = Answer {
            status: 403,
            bucket_region: Some("us-east-1"),
            ..PLAIN
        }
        .classify();
        assert_eq!(same.reason(), Reason::AccessDenied);
        let scope = Answer {
            code: Some("AuthorizationHeaderMalformed"),
            message: "the region 'us-east-1' is wrong; expecting 'eu'",
            ..PLAIN
        };
        assert_eq!(scope.classify().reason(), Reason::WrongRegion);
    }

    #[test]
    fn the_right_region_is_read_wherever_the_store_names_it() {
        let region = |body: &'static str| {
            let answer = Answer {
                code: Some("AuthorizationHeaderMalformed"),
                message: "the region is wrong",
                body,
                ..PLAIN
            };
            match answer.classify() {
                BucketError::WrongRegion { region } => region,
                other => panic!("{other:?}"),
            }
        };
        let named = Some("eu-west-1".to_owned());
        assert_eq!(region("<Error><Region>eu-west-1</Region></Error>"), named);
        assert_eq!(region("is wrong; expecting 'eu-west-1'</Message>"), named);
        assert_eq!(region("expecting &#39;eu-west-1&#39;"), named);
        assert_eq!(region("<Region>us-east-1</Region>"), None);
        assert_eq!(region("<Region>a b</Region>"), None);
    }

    #[test]
    fn a_refused_checksum_header_is_told_from_a_wrong_body() {
        let message = "You can only specify one non-default checksum at a time.";
        let refused = Answer {
            code: Some("InvalidRequest"),
            message,
            ..PLAIN
        };
        assert!(refused.classify().is_worth_resending());
        let unknown = Answer {
            status: 501,
            code: Some("NotImplemented"),
            message: "Header 'x-amz-checksum-sha256'",
            ..PLAIN
        };
        assert!(unknown.classify().is_worth_resending());
        let without = Answer {
            checksum: false,
            ..unknown
        };
        assert!(!without.classify().is_worth_resending());
        let wrong = Answer {
            code: Some("BadDigest"),
            message: "The SHA256 checksum did not match",
            ..PLAIN
        };
        assert!(matches!(
            wrong.classify(),
            BucketError::DigestMismatch { .. }
        ));
    }

    #[test]
    fn encryption_is_blamed_only_where_it_was_asked_for() {
        let refused = Answer {
            status: 501,
            code: Some("NotImplemented"),
            message: "KMS is not configured",
            ..PLAIN
        };
        assert_eq!(refused.classify().reason(), Reason::StoreError);
        let asked = Answer {
            encryption: true,
            ..refused
        };
        assert_eq!(asked.classify().reason(), Reason::EncryptionRefused);
        let key = Answer {
            status: 400,
            code: Some("KMS.DisabledException"),
            ..asked
        };
        assert_eq!(key.classify().reason(), Reason::EncryptionRefused);
    }

    #[test]
    fn what_a_store_says_is_shown_only_if_it_is_one_plain_word() {
        let answer = Answer {
            status: 500,
            code: Some("AWS4 Signature=deadbeef <x>"),
            ..PLAIN
        }
        .classify();
        assert_eq!(answer.to_string(), "the store answered 500");
        let plain = Answer {
            status: 503,
            code: Some("SlowDown"),
            ..PLAIN
        }
        .classify();
        assert_eq!(plain.to_string(), "the store answered 503 SlowDown");
    }
}
