//! The certificate chain that the server shows in the Noise handshake. Nobody vouches for it.

use wacore::store::device::{CachedNoiseCert, CachedServerCertChain};
use wacore_noise::test_util::build_cert_chain_bytes;

/// The chain around a key, as it goes over the wire.
pub(crate) fn chain(key: &[u8; 32]) -> Vec<u8> {
    build_cert_chain_bytes(key)
}

/// The same as a device keeps it once it has seen and believed it.
pub(crate) fn cached(key: [u8; 32]) -> CachedServerCertChain {
    let certificate = |key| CachedNoiseCert {
        key,
        not_before: 1_700_000_500,
        not_after: 1_899_999_500,
    };
    CachedServerCertChain {
        intermediate: certificate([0xCC; 32]),
        leaf: certificate(key),
    }
}
