//! The database's file, through the seam.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use crate::env::disk::DiskFile;

/// Tells the file's database whether it may still write.
///
/// A database writes when it is dropped. That is right when a server stops in order, and wrong when its process dies: the
/// disk of a simulated machine would get writes from the dead. So a store that is dropped shuts its gate first, and only
/// one that is closed in order writes to the end; a file that was not closed is repaired when it is opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    is_shut: Arc<AtomicBool>,
}

impl Gate {
    /// Lets nothing more through.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }
}

/// A file of the seam as redb uses it.
#[derive(Debug)]
pub(super) struct FileBackend {
    file: Arc<dyn DiskFile>,
    gate: Gate,
}

impl FileBackend {
    pub(super) fn new(file: Arc<dyn DiskFile>, gate: Gate) -> Self {
        Self { file, gate }
    }

    fn write_by(&self, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.gate.is_shut() {
            return Err(io::Error::other("the log is closed"));
        }
        write()
    }
}

impl StorageBackend for FileBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.write_by(|| self.file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.write_by(|| self.file.sync())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_by(|| self.file.write_at(offset, data))
    }
}
