//! Random numbers, in streams named by purpose.

use rand::Rng;

/// A generator handed out by [`Random::stream`].
pub type BoxRng = Box<dyn Rng + Send>;

/// The source of all randomness of a process.
pub trait Random: Send + Sync {
    /// Returns the generator of one purpose, such as `"election"` or `"alloc-ids"`.
    ///
    /// In a simulation the stream is a function of seed, host, boot and purpose, so asking twice for one purpose gives
    /// the same numbers twice: ask once and keep it.
    fn stream(&self, purpose: &str) -> BoxRng;
}
