//! Files that a user names on the command line: the only ones read without `Env`'s disk, which wants absolute paths.

use std::io::{self, Read};
use std::path::Path;

use super::error::CommandError;

/// The largest file read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

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
