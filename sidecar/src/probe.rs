//! `probe`: one bucket checked once, as a Job does it where no session runs. The verdict goes to standard
//! output and, in a pod, to the file that becomes the container's termination message.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use titan_crds::{Reason, report::BucketVerdict};

use crate::{
    args::Probe,
    bucket::{Bucket, Effort, verdict},
    clock,
    config::{ConfigError, Storage},
    launch,
};

/// Where the kubelet reads a container's termination message by default.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Longest termination message that the kubelet keeps, bytes.
const TERMINATION_BYTES: usize = 4096;

/// Checks the bucket. Whatever is missing is a verdict too.
///
/// # Errors
///
/// [`ConfigError`], when the manifests can't be read.
pub async fn run(args: &Probe) -> Result<BucketVerdict, ConfigError> {
    let policy = launch::policy(&args.resources);
    let sources = launch::sources(args.resources.clone(), PathBuf::new());
    let storage = sources.load_storage(&args.storage.namespace, &args.storage.name)?;
    let now = clock::now();
    let verdict = match storage {
        Storage::Ready(config) => match Bucket::new(config.as_ref().clone(), Arc::new(policy)) {
            Ok(bucket) => bucket.probe(Effort::Look, now).await,
            Err(error) => verdict::unusable(error.reason(), &error.to_string()),
        },
        Storage::Unusable(missing) => verdict::unusable(missing.reason, &missing.message),
        Storage::NotConfigured => verdict::unusable(Reason::StorageNotConfigured, ""),
    };
    Ok(BucketVerdict {
        checked_at: Some(now),
        ..verdict
    })
}

/// The file that gets the verdict too, if any.
#[must_use]
pub fn termination_log(args: &Probe) -> Option<PathBuf> {
    let default = || {
        let path = Path::new(TERMINATION_LOG);
        (args.resources.in_pod && path.exists()).then(|| path.to_owned())
    };
    args.termination_log.clone().or_else(default)
}

/// Prints the verdict, and writes it to `log`.
///
/// # Errors
///
/// When one of the two can't be written.
pub fn write(verdict: &BucketVerdict, mut out: impl Write, log: Option<&Path>) -> io::Result<()> {
    let line = line(verdict)?;
    out.write_all(line.as_bytes())?;
    out.flush()?;
    match log {
        // Never created with other rights than the kubelet's own.
        Some(log) => OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(log)?
            .write_all(line.as_bytes()),
        None => Ok(()),
    }
}

/// One line of JSON within the limit. What a Secret brought in may be of any length and goes first.
fn line(verdict: &BucketVerdict) -> io::Result<String> {
    let whole = serde_json::to_string(verdict)? + "\n";
    if whole.len() <= TERMINATION_BYTES {
        return Ok(whole);
    }
    let short = BucketVerdict {
        bucket: None,
        endpoint: None,
        region: None,
        ..verdict.clone()
    };
    Ok(serde_json::to_string(&short)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_never_exceeds_a_termination_message() {
        let mut verdict = verdict::unusable(Reason::DnsFailed, &"\u{1}ü".repeat(9000));
        assert!(line(&verdict).unwrap().len() <= TERMINATION_BYTES);
        verdict.endpoint = Some("https://".to_owned() + &"x".repeat(9000));
        let line = line(&verdict).unwrap();
        assert!(line.len() <= TERMINATION_BYTES);
        let read: BucketVerdict = serde_json::from_str(&line).unwrap();
        assert_eq!(read.reason, "DnsFailed");
    }
}
