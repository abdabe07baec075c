//! Files of the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::env::Disk;
use crate::env::disk::{DiskFile, Space};

/// The machine's file systems.
pub struct RealDisk {
    /// Tells apart the files of replacements under way at the same time.
    replacements: AtomicU64,
}

impl RealDisk {
    /// Opens them.
    #[expect(clippy::new_without_default, reason = "made in one place, by `env`")]
    pub fn new() -> Self {
        Self { replacements: AtomicU64::new(0) }
    }
}

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path).map_err(|error| name(error, path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| name(error, path))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn append(&self, path: &Path, data: &[u8], durable: bool) -> io::Result<()> {
        let is_new = durable && !path.exists();
        let mut file =
            OpenOptions::new().append(true).create(true).open(path).map_err(|error| name(error, path))?;
        file.write_all(data)?;
        if durable {
            file.sync_data()?;
        }
        if is_new { sync_parent(path) } else { Ok(()) }
    }

    fn replace(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let number = self.replacements.fetch_add(1, Ordering::Relaxed);
        let mut new_name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        new_name.push(format!(".{}-{number}.new", std::process::id()));
        let new_path = path.with_file_name(new_name);
        let written = write_durably(&new_path, data).and_then(|()| fs::rename(&new_path, path));
        if let Err(error) = written {
            // The old content stays what counts; a left-over would only use space.
            let _ = fs::remove_file(&new_path);
            return Err(name(error, path));
        }
        sync_parent(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => sync_parent(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(name(error, path)),
        }
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Ok(()) => sync_parent(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(name(error, path)),
        }
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::create_dir_all(path).map_err(|error| name(error, path))?;
        // Outermost first: a folder's entry is of no use before its parent's.
        missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()).try_for_each(sync_parent)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| name(error, path))?;
        if is_new {
            file.sync_all()?;
            sync_parent(path)?;
        }
        Ok(Arc::new(RealFile { file }))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let found = nix::sys::statvfs::statvfs(path)?;
        // The fields' width differs between systems.
        #[expect(clippy::useless_conversion, reason = "32 bits on macOS")]
        let (unit, total, free) = (
            u64::from(found.fragment_size()),
            u64::from(found.blocks()),
            u64::from(found.blocks_available()),
        );
        Ok(Space { total_bytes: total.saturating_mul(unit), free_bytes: free.saturating_mul(unit) })
    }

    /// Returns `$XDG_DATA_HOME/pasture`, `~/.local/share/pasture`, or `pasture` in the folder for temporary files.
    fn default_data_dir(&self) -> PathBuf {
        let set =
            |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        set("XDG_DATA_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".local/share")))
            .unwrap_or_else(std::env::temp_dir)
            .join("pasture")
    }
}

/// Adds the path to an error, keeping its kind.
fn name(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn write_durably(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(data)?;
    file.sync_all()
}

/// Puts the entry of `path` in its folder on the medium.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_do_what_they_say() {
        let (disk, folder) = (RealDisk::new(), tempfile::tempdir().unwrap());
        let deep = folder.path().join("a/b/c");
        disk.make_dir(&deep).unwrap();
        disk.make_dir(&deep).unwrap();
        let file = deep.join("file");
        assert_eq!(disk.read(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
        disk.append(&file, b"one ", true).unwrap();
        disk.append(&file, b"two", false).unwrap();
        assert_eq!(disk.read(&file).unwrap(), b"one two");
        disk.replace(&file, b"three").unwrap();
        assert_eq!(disk.read(&file).unwrap(), b"three");
        disk.replace(&deep.join("a"), b"").unwrap();
        assert_eq!(disk.list(&deep).unwrap(), ["a", "file"]);
        disk.remove(&file).unwrap();
        disk.remove(&file).unwrap();
        assert!(!disk.exists(&file));
        disk.remove_dir_all(&folder.path().join("a")).unwrap();
        disk.remove_dir_all(&folder.path().join("a")).unwrap();
        assert_eq!(disk.list(folder.path()).unwrap(), Vec::<String>::new());
        assert!(disk.space(folder.path()).unwrap().total_bytes > 0);
    }

    #[test]
    fn files_are_read_and_written_anywhere() {
        let (disk, folder) = (RealDisk::new(), tempfile::tempdir().unwrap());
        let file = disk.open(&folder.path().join("db")).unwrap();
        file.write_at(4, b"four").unwrap();
        assert_eq!(file.length().unwrap(), 8);
        let mut buffer = [9; 6];
        file.read_at(0, &mut buffer).unwrap();
        assert_eq!(&buffer, b"\0\0\0\0fo");
        assert_eq!(file.read_at(4, &mut buffer).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        file.set_len(2).unwrap();
        file.sync().unwrap();
        assert_eq!(disk.read(&folder.path().join("db")).unwrap(), [0, 0]);
    }
}
