//! The end of a blob, from which its true length can be learned.

use super::{
    accept::{Ask, Want},
    attempt::{Answer, Fetcher},
    body::next_data,
    error::CdnError,
    url::Location,
};

/// Files up to this many bytes are read whole where a host has no suffix ranges.
const SMALL: u64 = 64 * 1024;
/// How often the few bytes are asked for, if the body breaks.
const TRIES: usize = 3;

/// The last `n` bytes (all of a shorter blob) and the blob's length.
pub(super) async fn tail(
    fetcher: &Fetcher,
    location: &Location,
    n: u64,
    prefer: usize,
) -> Result<(Vec<u8>, u64), CdnError> {
    let mut attempt = 1;
    loop {
        match once(fetcher, location, n, prefer.wrapping_add(attempt - 1)).await {
            Err(error) if error.passes() && attempt < TRIES => attempt += 1,
            other => return other,
        }
    }
}

async fn once(
    fetcher: &Fetcher,
    location: &Location,
    n: u64,
    prefer: usize,
) -> Result<(Vec<u8>, u64), CdnError> {
    let mut answer = fetcher
        .fetch(location, prefer, &Ask::new(Want::Last(n), u64::MAX))
        .await?;
    let host = |answer: &Answer| {
        location
            .origins
            .get(answer.origin)
            .map(|origin| origin.authority.clone())
            .unwrap_or_default()
    };
    let Some(total) = answer.accepted.total else {
        return Err(CdnError::Mismatch {
            host: host(&answer),
            what: "no length",
        });
    };
    let first = total.saturating_sub(n);
    // A host without suffix ranges sends the whole file: ask again by number.
    if answer.accepted.first != first && total > SMALL {
        let mut ask = Ask::new(Want::From(first), u64::MAX);
        ask.total = Some(total);
        answer = fetcher.fetch(location, answer.origin, &ask).await?;
    }
    let name = host(&answer);
    let bytes = read_all(fetcher, &mut answer, total, &name).await?;
    let skip = usize::try_from(first.saturating_sub(answer.accepted.first)).unwrap_or(usize::MAX);
    Ok((bytes.get(skip..).unwrap_or_default().to_vec(), total))
}

/// Reads what `answer` promised, up to the blob's end and not a byte more.
async fn read_all(
    fetcher: &Fetcher,
    answer: &mut Answer,
    total: u64,
    host: &str,
) -> Result<Vec<u8>, CdnError> {
    let wrong = || CdnError::Mismatch {
        host: host.to_owned(),
        what: "another number of bytes than it promised",
    };
    let promised = total.saturating_sub(answer.accepted.first);
    let mut bytes = Vec::new();
    while let Some(data) = next_data(&mut answer.body, host, fetcher.timing.idle).await? {
        bytes.extend_from_slice(&data);
        if bytes.len() as u64 > promised {
            return Err(wrong());
        }
    }
    if bytes.len() as u64 == promised {
        Ok(bytes)
    } else {
        Err(wrong())
    }
}
