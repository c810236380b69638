//! Two hashes at once on one core.
//!
//! SHA instructions wait for each other within one hash: most of the core idles. Two hashes that
//! take turns block by block fit into one out-of-order window and overlap, which one long call
//! after the other does not. Measured: two hashes cost about 1.45 times one instead of twice.

use std::slice;

use hmac::digest::block_api::{Block, Buffer, FixedOutputCore, OutputSizeUser, SmallBlockSizeUser};
use sha2::digest::array::Array;
use sha2::digest::consts::{U32, U64};

/// One hash or MAC, with the bytes that do not fill a block yet.
pub(super) struct Lane<C: Core> {
    core: C,
    buffer: Buffer<C>,
}

/// A SHA-256 or an HMAC-SHA256: 64-byte blocks in, 32 bytes out.
pub(super) trait Core:
    FixedOutputCore + OutputSizeUser<OutputSize = U32> + SmallBlockSizeUser<_BlockSize = U64>
{
}

impl<C> Core for C where
    C: FixedOutputCore + OutputSizeUser<OutputSize = U32> + SmallBlockSizeUser<_BlockSize = U64>
{
}

impl<C: Core> Lane<C> {
    /// Starts with nothing read.
    pub(super) fn new(core: C) -> Self {
        Self {
            core,
            buffer: Buffer::<C>::default(),
        }
    }

    /// Reads `bytes` alone.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let core = &mut self.core;
        self.buffer
            .digest_blocks(bytes, |blocks| core.update_blocks(blocks));
    }

    /// The digest of all that was read.
    pub(super) fn finish(mut self) -> [u8; 32] {
        let mut digest = Array::default();
        self.core.finalize_fixed_core(&mut self.buffer, &mut digest);
        digest.into()
    }

    /// Reads up to the next block border, and gives the whole blocks and the odd rest after it.
    fn align<'a>(&mut self, bytes: &'a [u8]) -> (&'a [Block<C>], &'a [u8]) {
        let missing = (self.buffer.size() - self.buffer.get_pos()) % self.buffer.size();
        let (head, rest) = bytes.split_at(missing.min(bytes.len()));
        self.update(head);
        Array::slice_as_chunks(rest)
    }

    fn update_blocks(&mut self, blocks: &[Block<C>]) {
        self.core.update_blocks(blocks);
    }
}

/// Reads `a_bytes` into `a` and `b_bytes` into `b`, overlapping. Fastest when both are as long.
pub(super) fn update_both<A: Core, B: Core>(
    (a, a_bytes): (&mut Lane<A>, &[u8]),
    (b, b_bytes): (&mut Lane<B>, &[u8]),
) {
    let (a_blocks, a_rest) = a.align(a_bytes);
    let (b_blocks, b_rest) = b.align(b_bytes);
    let shared = a_blocks.len().min(b_blocks.len());
    let (a_shared, a_alone) = a_blocks.split_at(shared);
    let (b_shared, b_alone) = b_blocks.split_at(shared);
    for (a_block, b_block) in a_shared.iter().zip(b_shared) {
        a.core.update_blocks(slice::from_ref(a_block));
        b.core.update_blocks(slice::from_ref(b_block));
    }
    a.update_blocks(a_alone);
    b.update_blocks(b_alone);
    a.update(a_rest);
    b.update(b_rest);
}
