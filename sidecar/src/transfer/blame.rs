//! Is it the bucket, or this one object? A bucket that is down lets every event go without its URL,
//! so one object that fails must not count as that.

use std::time::Duration;

use titan_crds::Reason;

use super::TransferError;
use crate::{
    bucket::{Bucket, BucketError},
    clock,
};

/// How long the little PUT may take that tells.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks a bucket that is known to be down whether it is up again, before a file is fetched for it.
///
/// # Errors
///
/// That it is still down. A bucket that lets us write objects but not the probe's passes.
pub(super) async fn still_down(bucket: &Bucket) -> Result<(), TransferError> {
    match tokio::time::timeout(PATIENCE, bucket.check(clock::now())).await {
        Err(_) => Err(BucketError::Timeout("a small object was written").into()),
        Ok(Err(error)) if error.reason() != Reason::AccessDenied => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// Under a large body many stores close the connection instead of saying what is wrong: then the
/// little PUT tells, and if that one is taken, the object alone is to blame.
pub(super) async fn settle(bucket: &Bucket, error: TransferError) -> TransferError {
    let TransferError::Bucket(error) = error else {
        return error;
    };
    if !is_open(&error) {
        return error.into();
    }
    match tokio::time::timeout(PATIENCE, bucket.check(clock::now())).await {
        Ok(Ok(())) => TransferError::Object(error),
        Ok(Err(clearer)) => clearer.into(),
        Err(_) => error.into(),
    }
}

/// Could the error be about the object alone?
fn is_open(error: &BucketError) -> bool {
    error.is_unclear() || error.reason() == Reason::StoreError
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_words_about_the_bucket_are_not_asked_again() {
        assert!(!is_open(&BucketError::CredentialsExpired));
        assert!(!is_open(&BucketError::WrongRegion { region: None }));
        assert!(is_open(&BucketError::DigestMismatch { status: 400 }));
        assert!(is_open(&BucketError::Timeout("bytes were sent")));
    }
}
