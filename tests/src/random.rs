//! Seeded randomness: a failure names its seed and comes back with it.

use std::ops::Range;

/// `SplitMix64`: small, seeded and the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator that always yields the same numbers for the same `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of this run: `TITAN_TEST_SEED`, else `default`. Printed, so that a failure repeats.
    #[must_use]
    pub fn for_run(scene: &str, default: u64) -> Self {
        let seed = std::env::var("TITAN_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default);
        println!("{scene}: TITAN_TEST_SEED={seed}");
        Self::new(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `range`, which must not be empty.
    pub const fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// `length` bytes.
    #[must_use]
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + 8);
        while out.len() < length {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(length);
        out
    }

    /// A 32-byte key.
    #[must_use]
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(&self.bytes(32));
        key
    }
}

/// `length` bytes that only `label` decides.
#[must_use]
pub fn bytes_of(label: &str, length: usize) -> Vec<u8> {
    let seed = label.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    Random::new(seed).bytes(length)
}
