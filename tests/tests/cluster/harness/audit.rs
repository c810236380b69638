//! The API server's audit log: who wrote what.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use serde_json::Value;

use super::folder;

const OPERATOR: &str = "system:serviceaccount:titan-system:titan-operator";

/// Where the log ends now.
pub(crate) fn mark() -> u64 {
    log().metadata().unwrap().len()
}

/// What the operator asked of the API server since `mark`: its writes, and all that it did with Secrets.
pub(crate) fn by_operator(mark: u64) -> Vec<Value> {
    let mut log = log();
    log.seek(SeekFrom::Start(mark)).unwrap();
    let lines = BufReader::new(log).lines().map_while(Result::ok);
    lines
        .filter(|line| line.contains(OPERATOR))
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .filter(|event| {
            event["user"]["username"] == OPERATOR && event["impersonatedUser"].is_null()
        })
        .collect()
}

/// Whether an event is a write, Leases excepted.
pub(crate) fn is_write(event: &Value) -> bool {
    let verb = event["verb"].as_str().unwrap_or_default();
    !matches!(verb, "get" | "list" | "watch") && event["objectRef"]["resource"] != "leases"
}

fn log() -> File {
    File::open(folder().join("log/audit.log")).unwrap()
}
