//! What answers of stores mean, in tables.

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
