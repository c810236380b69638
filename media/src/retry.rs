//! What a phone says about a file that it was asked to upload again (`whatsapp-media.md` §3): sealed
//! with a key from the file's own, and bound to the message's id.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::MediaKey;

/// HKDF's info of the key.
const INFO: &[u8] = b"WhatsApp Media Retry Notification";

/// Bytes of a nonce.
const NONCE: usize = 12;

/// A text that another key sealed, for another message, or that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what the phone answered does not open with the file's key")]
pub struct RetryError;

/// Opens a question or an answer about the file of `key` in the message `id`.
///
/// # Errors
///
/// [`RetryError`].
pub fn open_retry(
    key: &MediaKey,
    id: &str,
    nonce: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, RetryError> {
    let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| RetryError)?;
    let payload = Payload {
        msg: sealed,
        aad: id.as_bytes(),
    };
    let key = retry_key(key)?;
    Aes256Gcm::new((&*key).into())
        .decrypt(&Nonce::from(nonce), payload)
        .map_err(|_| RetryError)
}

fn retry_key(key: &MediaKey) -> Result<Zeroizing<[u8; 32]>, RetryError> {
    let mut expanded = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, &key.0)
        .expand(INFO, expanded.as_mut())
        .map_err(|_| RetryError)?;
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3EB0C431C26A1916E07A";

    fn key() -> MediaKey {
        MediaKey(std::array::from_fn(|n| u8::try_from(n).unwrap()))
    }

    fn open(id: &str, sealed: &str) -> Result<Vec<u8>, RetryError> {
        let nonce = hex::decode("000102030405060708090a0b").unwrap();
        open_retry(&key(), id, &nonce, &hex::decode(sealed).unwrap())
    }

    const QUESTION: &str =
        "d9866bfc01473e8779653e39cf42c61a4e62ab6f6907dae4bcfb42d2cd9f0308a421090ef22e";
    const ANSWER: &str = "d9866bfc01473e8779653e39cf42c61a4e62ab6f6907e013747d3622df0f31b8c2d4c28458f083c10bcfb69964f5ec59e1ac54e56b42c9ad5a2004075cda148400a7";

    #[test]
    fn the_key_is_the_published_one() {
        assert_eq!(
            hex::encode(*retry_key(&key()).unwrap()),
            "c84dfe50a708e0ec382a7ad2ba40135256f41b652cebe2129661d27871111cb2"
        );
    }

    #[test]
    fn the_published_question_and_answer_open() {
        let stanza = [&[0x0a, 20][..], ID.as_bytes()].concat();
        assert_eq!(open(ID, QUESTION).unwrap(), stanza);
        let path = b"/v/t62.7118-24/new?ccb=1";
        let rest = [&[0x12, 24][..], path, &[0x18, 1]].concat();
        assert_eq!(open(ID, ANSWER).unwrap(), [stanza, rest].concat());
    }

    #[test]
    fn nothing_else_opens() {
        assert_eq!(open("3EB0C431C26A1916E07B", ANSWER), Err(RetryError));
        assert_eq!(open(ID, &ANSWER.replace("d9", "d8")), Err(RetryError));
        assert_eq!(open(ID, ""), Err(RetryError));
        assert_eq!(open_retry(&key(), ID, b"short", b"x"), Err(RetryError));
    }
}
