//! Random numbers: one stream per purpose, each grown from the seed alone.
//!
//! A stream is named by what it is for, so an extra draw in one place does not shift the numbers anywhere else.

use rand::SeedableRng;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// A random stream; the same on every machine and release.
pub type Stream = rand_chacha::ChaCha8Rng;

/// Returns the stream of `seed` with the name `parts`.
pub(crate) fn stream(seed: u64, parts: &[&str]) -> Stream {
    let mut key = [0; 32];
    for (word, bytes) in key.chunks_exact_mut(8).enumerate() {
        let mut hash = Xxh3::with_seed(seed ^ (word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for part in parts {
            hash.update(part.as_bytes());
            // Between parts, so that ("ab", "c") and ("a", "bc") differ.
            hash.update(&[0xff]);
        }
        bytes.copy_from_slice(&hash.digest().to_le_bytes());
    }
    Stream::from_seed(key)
}

/// Returns a number in 0..2^32 that depends on `seed`, `purpose` and `n` only; for draws that need no order.
pub(crate) fn fraction(seed: u64, purpose: u8, n: u64) -> u32 {
    let mut bytes = [0; 9];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes[8] = purpose;
    (xxh3_64_with_seed(&bytes, seed) >> 32) as u32
}

/// Tells whether an event of probability `p` happened, given a draw in 0..2^32.
pub(crate) fn happens(p: f64, draw: u32) -> bool {
    f64::from(draw) < p * 4_294_967_296.0
}
