//! Files, by few verbs, each safe against power loss.
//!
//! Paths are absolute. The calls block; callers on the async side wrap them in [`Env::blocking`](super::Env::blocking).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file system as one process sees it.
pub trait Disk: Send + Sync {
    /// Returns the whole content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Returns the names in a folder, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Tells whether a file or folder is there.
    fn exists(&self, path: &Path) -> bool;

    /// Adds to the end of a file, creating it; with `durable` it is on the medium when this returns.
    fn append(&self, path: &Path, data: &[u8], durable: bool) -> io::Result<()>;

    /// Replaces a file's content as a whole: after power loss the old or the new content is there, never a mixture.
    fn replace(&self, path: &Path, data: &[u8]) -> io::Result<()>;

    /// Removes a file, durably. A file that is not there is not an error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all below it. A folder that is not there is not an error.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder with its parents, durably.
    fn make_dir(&self, path: &Path) -> io::Result<()>;

    /// Opens a file for positional access, creating it durably.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Returns size and free space in bytes of the file system that holds `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Returns where a lab or an agent keeps its files when nothing is configured.
    fn default_data_dir(&self) -> PathBuf;
}

/// A file opened for positional access, as databases use it.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Returns its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts or extends (by zeros) to `length` bytes.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Returns when everything written before is on the medium.
    fn sync(&self) -> io::Result<()>;
}

/// Size and free space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total_bytes: u64,
    /// What an unprivileged user may still fill.
    pub free_bytes: u64,
}
