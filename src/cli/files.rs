//! Files that a user names on the command line: the only ones read without `Env`'s disk, which wants absolute paths.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::CommandError;

/// The largest file read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How deep folders are looked into.
const FOLDER_DEPTH_MAX: usize = 32;

/// Reads a text file; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is too large or is not UTF-8.
pub fn read(path: &Path) -> Result<String, CommandError> {
    let failed = |source| CommandError::Read { path: path.to_owned(), source };
    if path.as_os_str() == "-" {
        return read_text(io::stdin().lock()).map_err(failed);
    }
    std::fs::File::open(path).and_then(read_text).map_err(failed)
}

fn read_text(from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 16 MB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// When it is there, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write { path: path.to_owned(), source };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

/// Puts another text into a file that is there. What is at the end of a link is changed, not the link.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write { path: path.to_owned(), source };
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path).map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

/// Returns the files that are named, and those in folders that are named whose names end in one of `endings`, each folder's
/// in order of name. Files and folders whose names begin with a dot are passed over.
///
/// # Errors
/// When something is not there or cannot be read.
pub fn find(paths: &[PathBuf], endings: &[&str], recursive: bool) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            find_below(path, endings, if recursive { FOLDER_DEPTH_MAX } else { 1 }, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn find_below(
    folder: &Path,
    endings: &[&str],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), CommandError> {
    let failed = |source| CommandError::Read { path: folder.to_owned(), source };
    #[expect(clippy::disallowed_methods, reason = "a folder named on the command line; sorted below")]
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")) {
        let path = if folder.as_os_str() == "." { PathBuf::from(name) } else { folder.join(name) };
        if path.is_dir() {
            if depth > 1 && !path.is_symlink() {
                find_below(&path, endings, depth - 1, found)?;
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            found.push(path);
        }
    }
    Ok(())
}
