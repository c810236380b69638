//! Bytes in JSON: as base64, which takes a third of what a list of numbers does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::Error as _};

fn decode<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map_err(D::Error::custom)
}

/// Bytes.
pub(super) mod bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u8>, D::Error> {
        super::decode(from)
    }
}

/// Bytes that may be absent.
pub(super) mod optional {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[allow(clippy::ref_option, reason = "serde asks for it so")]
    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        text.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| STANDARD.decode(text).map_err(D::Error::custom))
            .transpose()
    }
}

/// A hash.
pub(super) mod hash {
    use serde::{Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(
        hash: &[u8; 32],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        super::bytes::serialize(hash, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<[u8; 32], D::Error> {
        let bytes = super::decode(from)?;
        <[u8; 32]>::try_from(bytes).map_err(|_| D::Error::custom("not 32 bytes"))
    }
}

/// A media key.
pub(super) mod key {
    use serde::{Deserializer, Serializer};

    use crate::media::MediaKey;

    pub(in super::super) fn serialize<S: Serializer>(
        key: &MediaKey,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        super::hash::serialize(&key.0, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<MediaKey, D::Error> {
        super::hash::deserialize(from).map(MediaKey)
    }
}
