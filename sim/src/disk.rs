//! The disk of a host, by verbs that are safe against power loss.
//!
//! Underneath is `turmoil-fs`: what is not synced is lost when the power goes, and a write that was under way may
//! survive in part, by whole blocks. It is keyed by path and does not combine pending operations the way POSIX does,
//! so only patterns known to work are used here: every new, renamed or removed name is made durable at once.
//!
//! Calls do not wait. A slow disk runs up a debt, which [`Host::blocking`](crate::Host::blocking) waits for.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::Rng;
use turmoil_fs::Fs;
use turmoil_fs::shim::std::fs as sim_fs;

use crate::host::Inner;
use crate::rng;
use crate::world::World;

/// Torn writes survive by whole blocks of this size, in bytes.
const BLOCK_SIZE: u64 = 512;

/// Appends to one file that may be pending; then the kernel writes them back. Each pending one slows all reads.
const APPENDS_PENDING_MAX: u32 = 256;

/// `EIO`, on Linux and macOS alike.
const EIO: i32 = 5;

/// A host's disk with its faults; kept over power cycles.
pub(crate) struct DiskState {
    pub fs: Fs,
    pub capacity: u64,
    pub full: bool,
    pub delay: Duration,
    pub errors: f64,
    rng: rng::Stream,
    /// Appends that are not synced, by file.
    pending: BTreeMap<PathBuf, u32>,
}

impl DiskState {
    pub fn new(seed: u64, host: &str, capacity: u64) -> DiskState {
        let mut rng = rng::stream(seed, &["disk", host]);
        let fs = Fs::builder().seed(rng.next_u64()).capacity(capacity).block_size(BLOCK_SIZE).build();
        DiskState {
            fs,
            capacity,
            full: false,
            delay: Duration::ZERO,
            errors: 0.0,
            rng,
            pending: BTreeMap::new(),
        }
    }

    /// Loses what is not on the medium.
    pub fn power_off(&mut self) {
        self.fs.crash();
        self.pending.clear();
    }
}

/// Size and free space of a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total_bytes: u64,
    /// What may still be filled; an estimate while writes are pending.
    pub free_bytes: u64,
}

/// The disk as one process sees it. Paths are absolute and have no `.` or `..`.
#[derive(Clone)]
pub struct Disk {
    host: Arc<Inner>,
}

impl Disk {
    pub(crate) fn new(host: Arc<Inner>) -> Disk {
        Disk { host }
    }

    /// Returns the whole content of a file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Read)?;
        is_file(path)?;
        sim_fs::read(path).map_err(real_kind)
    }

    /// Returns the names in a folder, sorted.
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Read)?;
        let found = sim_fs::metadata(path).map_err(real_kind)?;
        if !found.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        let mut names = Vec::new();
        for entry in sim_fs::read_dir(path).map_err(real_kind)? {
            names.push(entry.map_err(real_kind)?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Tells whether a file or folder is there.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        let Ok(path) = checked(path.as_ref()) else { return false };
        self.host.enter_disk(Access::Read).is_ok_and(|_fs| sim_fs::exists(path))
    }

    /// Adds to the end of a file, creating it; with `durable` it is on the medium when this returns.
    pub fn append(&self, path: impl AsRef<Path>, data: &[u8], durable: bool) -> io::Result<()> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Write)?;
        let is_new = !sim_fs::exists(path);
        let mut file = sim_fs::OpenOptions::new().append(true).create(true).open(path).map_err(real_kind)?;
        if is_new {
            sim_fs::sync_dir(parent(path)).map_err(real_kind)?;
        }
        file.write_all(data).map_err(real_kind)?;
        if self.host.note_append(path, durable) {
            file.sync_all().map_err(real_kind)?;
            self.host.record_sync(path);
        }
        Ok(())
    }

    /// Replaces a file's content as a whole: after power loss the old or the new content is there, never a mixture.
    pub fn replace(&self, path: impl AsRef<Path>, data: &[u8]) -> io::Result<()> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Write)?;
        let mut name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
        name.push(".new");
        let fresh = path.with_file_name(name);
        if sim_fs::exists(&fresh) {
            sim_fs::remove_file(&fresh).map_err(real_kind)?;
            sim_fs::sync_dir(parent(path)).map_err(real_kind)?;
        }
        let written = write_new(&fresh, data);
        if let Err(error) = written {
            // A full disk must not stay full because of the attempt.
            let _ = sim_fs::remove_file(&fresh);
            let _ = sim_fs::sync_dir(parent(path));
            return Err(error);
        }
        sim_fs::rename(&fresh, path).map_err(real_kind)?;
        sim_fs::sync_dir(parent(path)).map_err(real_kind)?;
        self.host.forget_pending(path);
        self.host.record_sync(path);
        Ok(())
    }

    /// Removes a file, durably. A file that is not there is not an error.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Read)?;
        if !sim_fs::exists(path) {
            return Ok(());
        }
        is_file(path)?;
        sim_fs::remove_file(path).map_err(real_kind)?;
        sim_fs::sync_dir(parent(path)).map_err(real_kind)?;
        self.host.forget_pending(path);
        self.host.record_sync(path);
        Ok(())
    }

    /// Removes a folder and all below it, durably. A folder that is not there is not an error.
    pub fn remove_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        if !self.exists(path) {
            return Ok(());
        }
        for name in self.list(path)? {
            let below = path.join(name);
            if self.is_dir(&below) { self.remove_dir_all(&below)? } else { self.remove(&below)? }
        }
        if path == Path::new("/") {
            return Ok(());
        }
        let _fs = self.host.enter_disk(Access::Read)?;
        sim_fs::remove_dir(path).map_err(real_kind)?;
        sim_fs::sync_dir(parent(path)).map_err(real_kind)
    }

    /// Tells whether a folder is there.
    pub fn is_dir(&self, path: impl AsRef<Path>) -> bool {
        let Ok(path) = checked(path.as_ref()) else { return false };
        self.host
            .enter_disk(Access::Read)
            .is_ok_and(|_fs| sim_fs::metadata(path).is_ok_and(|found| found.is_dir()))
    }

    /// Creates a folder with its parents, durably.
    pub fn make_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Write)?;
        let mut missing: Vec<&Path> = path.ancestors().take_while(|level| !sim_fs::exists(level)).collect();
        if missing.is_empty() {
            let found = sim_fs::metadata(path).map_err(real_kind)?;
            return if found.is_dir() { Ok(()) } else { Err(ErrorKind::AlreadyExists.into()) };
        }
        missing.reverse();
        for level in missing {
            sim_fs::create_dir(level).map_err(real_kind)?;
            sim_fs::sync_dir(parent(level)).map_err(real_kind)?;
        }
        self.host.record_sync(path);
        Ok(())
    }

    /// Opens a file for positional access, creating it durably.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<DiskFile> {
        let path = checked(path.as_ref())?;
        let _fs = self.host.enter_disk(Access::Read)?;
        let is_new = !sim_fs::exists(path);
        if is_new {
            drop(self.host.enter_disk(Access::Write)?);
        } else {
            is_file(path)?;
        }
        let file =
            sim_fs::OpenOptions::new().read(true).write(true).create(true).open(path).map_err(real_kind)?;
        if is_new {
            file.sync_all().map_err(real_kind)?;
            sim_fs::sync_dir(parent(path)).map_err(real_kind)?;
            self.host.record_sync(path);
        }
        Ok(DiskFile { host: self.host.clone(), path: path.into(), file: Some(file) })
    }

    /// Returns size and free space.
    pub fn space(&self) -> io::Result<Space> {
        let used = self.used_below(Path::new("/"))?;
        let world = self.host.shared.lock();
        let disk = &world.host(self.host.id).ok_or_else(no_host)?.disk;
        let free = if disk.full { 0 } else { disk.capacity.saturating_sub(used) };
        Ok(Space { total_bytes: disk.capacity, free_bytes: free })
    }

    fn used_below(&self, path: &Path) -> io::Result<u64> {
        let mut used = 0;
        for name in self.list(path)? {
            let below = path.join(name);
            used += if self.is_dir(&below) {
                self.used_below(&below)?
            } else {
                let _fs = self.host.enter_disk(Access::Read)?;
                sim_fs::metadata(&below).map_err(real_kind)?.len()
            };
        }
        Ok(used)
    }
}

/// A file opened for positional access, as databases use it.
pub struct DiskFile {
    host: Arc<Inner>,
    path: PathBuf,
    /// `None` only while it is dropped.
    file: Option<sim_fs::File>,
}

impl DiskFile {
    /// Returns its length in bytes.
    pub fn length(&self) -> io::Result<u64> {
        let _fs = self.host.enter_disk(Access::Read)?;
        Ok(self.file().metadata().map_err(real_kind)?.len())
    }

    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file is shorter.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let _fs = self.host.enter_disk(Access::Read)?;
        let mut filled = 0;
        while filled < buffer.len() {
            let read =
                self.file().read_at(&mut buffer[filled..], offset + filled as u64).map_err(real_kind)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            filled += read;
        }
        Ok(())
    }

    /// Writes all of `data` at `offset`.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let _fs = self.host.enter_disk(Access::Write)?;
        let mut written = 0;
        while written < data.len() {
            let taken = self.file().write_at(&data[written..], offset + written as u64).map_err(real_kind)?;
            if taken == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            written += taken;
        }
        Ok(())
    }

    /// Cuts or extends (by zeros) to `length` bytes.
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        let before = self.length()?;
        let _fs = self.host.enter_disk(if length > before { Access::Write } else { Access::Read })?;
        self.file().set_len(length).map_err(real_kind)
    }

    /// Returns when everything written before is on the medium.
    pub fn sync(&self) -> io::Result<()> {
        let _fs = self.host.enter_disk(Access::Read)?;
        self.file().sync_all().map_err(real_kind)?;
        self.host.record_sync(&self.path);
        Ok(())
    }

    fn file(&self) -> &sim_fs::File {
        self.file.as_ref().expect("a file is there until it is dropped")
    }
}

impl fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiskFile({}:{})", self.host.name, self.path.display())
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        // Descriptors repeat between hosts: closed under another host, this would close that host's file.
        let fs = self.host.shared.lock().host(self.host.id).map(|state| state.disk.fs.clone());
        if let Some(fs) = fs {
            let _fs = fs.enter();
            self.file = None;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    /// Needs space.
    Write,
}

impl Inner {
    /// Makes the host's disk current, having applied the faults of the disk.
    fn enter_disk(&self, access: Access) -> io::Result<turmoil_fs::FsEnterGuard> {
        // What destructors of a killed process write never happened.
        if !self.life.is_alive() {
            return Err(io::Error::other("this process has ended"));
        }
        let mut world = self.shared.lock();
        let now = world.now();
        let state = world.host_mut(self.id).ok_or_else(no_host)?;
        let disk = &mut state.disk;
        if !disk.delay.is_zero() {
            let nanos = u64::try_from((disk.delay * state.slow).as_nanos()).unwrap_or(u64::MAX);
            self.disk_debt.fetch_add(nanos, Ordering::Relaxed);
        }
        if disk.errors > 0.0 && rng::happens(disk.errors, disk.rng.next_u32()) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        if access == Access::Write && disk.full {
            return Err(ErrorKind::StorageFull.into());
        }
        disk.fs.set_now(now);
        Ok(disk.fs.enter())
    }

    /// Counts an append and tells whether the file has to be synced now.
    fn note_append(&self, path: &Path, durable: bool) -> bool {
        let mut world = self.shared.lock();
        let Some(state) = world.host_mut(self.id) else { return durable };
        let pending = &mut state.disk.pending;
        let count = pending.get(path).copied().unwrap_or(0) + 1;
        if durable || count >= APPENDS_PENDING_MAX {
            pending.remove(path);
            return true;
        }
        pending.insert(path.into(), count);
        false
    }

    fn forget_pending(&self, path: &Path) {
        if let Some(state) = self.shared.lock().host_mut(self.id) {
            state.disk.pending.remove(path);
        }
    }

    fn record_sync(&self, path: &Path) {
        let world: &mut World = &mut self.shared.lock();
        world.record(format_args!("sync {} {}", self.name, path.display()));
    }
}

fn write_new(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = sim_fs::File::create(path).map_err(real_kind)?;
    file.write_all(data).map_err(real_kind)?;
    file.sync_all().map_err(real_kind)
}

fn is_file(path: &Path) -> io::Result<()> {
    if sim_fs::metadata(path).map_err(real_kind)?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok(())
}

fn checked(path: &Path) -> io::Result<&Path> {
    let plain = path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if plain {
        return Ok(path);
    }
    let message = format!("{} is not an absolute path without `..`", path.display());
    Err(io::Error::new(ErrorKind::InvalidInput, message))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn no_host() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "the host was removed")
}

/// Gives an error of turmoil-fs, which is text, the kind the real system would give it.
fn real_kind(error: io::Error) -> io::Error {
    if error.kind() != ErrorKind::Other {
        return error;
    }
    let text = error.to_string();
    let kind = match text.as_str() {
        "No space left on device" => ErrorKind::StorageFull,
        "No such file or directory" => ErrorKind::NotFound,
        "File exists" => ErrorKind::AlreadyExists,
        "Directory not empty" => ErrorKind::DirectoryNotEmpty,
        "Is a directory" => ErrorKind::IsADirectory,
        "Not a directory" => ErrorKind::NotADirectory,
        "I/O error" => return io::Error::from_raw_os_error(EIO),
        _ => return error,
    };
    io::Error::new(kind, text)
}
