//! Bytes for packets that are made or copied: cut from a chunk, so that a packet costs no allocation.

use bytes::{Bytes, BytesMut};

/// Bytes of a chunk. A chunk is used again when all packets cut from it are dropped.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Pool(BytesMut);

impl Pool {
    /// `head` and `tail`, one after the other.
    pub(super) fn join(&mut self, head: &[u8], tail: &[u8]) -> Bytes {
        if self.0.capacity() < head.len() + tail.len() {
            self.0.reserve(CHUNK_BYTES);
        }
        self.0.extend_from_slice(head);
        self.0.extend_from_slice(tail);
        self.0.split().freeze()
    }
}
