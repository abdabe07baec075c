//! What a job file on the command line is evaluated with: values for its variables, and the files its functions read.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{ArgAction, Args};

use super::context::Context;
use super::error::CommandError;
use super::files;
use crate::jobspec::hcl::Inputs;
use crate::jobspec::hcl::functions::Files;
use crate::jobspec::{self, Source};

/// The largest file a function reads, in bytes; a value may have no more text anyway.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How many files a function finds in a folder.
const FOUND_MAX: usize = 10_000;

/// How deep folders are looked through.
const FOLDER_DEPTH_MAX: usize = 32;

/// The flags for a job file's variables.
#[derive(Args, Clone, Debug)]
pub struct VariableArgs {
    /// Set a variable of the job file; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    assignments: Vec<String>,

    /// Set variables from a file of `name = value` lines, or JSON; may be repeated
    #[arg(long = "var-file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Refuse values for variables that the job file does not declare; false makes it a warning
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    hcl2_strict: bool,
}

impl VariableArgs {
    /// Returns what to read the job file at `path` with.
    ///
    /// # Errors
    /// When a file of values cannot be read.
    pub fn options(&self, path: &Path, context: &Context) -> Result<jobspec::Options, CommandError> {
        let file = |path: &PathBuf| Ok(Source::new(&path.to_string_lossy(), &files::read(path)?));
        let rng = Mutex::new(context.env.random.stream("job-functions"));
        let base = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let inputs = Inputs {
            environment: environment(),
            files: self.files.iter().map(file).collect::<Result<_, CommandError>>()?,
            assignments: self.assignments.clone(),
            allow_undeclared: !self.hcl2_strict,
            readable: Some(Arc::new(Readable { base: base.to_owned() })),
            random: Some(Arc::new(move |buffer: &mut [u8]| {
                rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
            })),
        };
        Ok(jobspec::Options { inputs })
    }
}

/// Returns the variables of the environment that are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Files as the user who runs the command sees them; relative paths start in the folder of the job file.
struct Readable {
    base: PathBuf,
}

impl Readable {
    /// Returns the path of a file, and whether it is there.
    fn find(&self, path: &str) -> Result<(PathBuf, bool), String> {
        let path = self.base.join(path);
        match std::fs::metadata(&path) {
            // Anything else may never end.
            Ok(found) if found.is_file() => Ok((path, true)),
            Ok(_) => Err(format!("{} is no regular file", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((path, false)),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}

impl Files for Readable {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let (path, is_there) = self.find(path)?;
        if !is_there {
            return Err(format!("there is no file {}", path.display()));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("{} has more than {FILE_BYTES_MAX} bytes", path.display()));
        }
        Ok(bytes)
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        self.find(path).map(|(_, is_there)| is_there)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        list_below(&self.base.join(folder), "", FOLDER_DEPTH_MAX, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn base(&self) -> String {
        std::path::absolute(&self.base).unwrap_or_else(|_| self.base.clone()).to_string_lossy().into_owned()
    }

    fn home(&self) -> Option<String> {
        std::env::var("HOME").ok().filter(|home| !home.is_empty())
    }
}

/// Adds the files below a folder, named from where the search began.
fn list_below(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    #[expect(clippy::disallowed_methods, reason = "a folder that a job file names; sorted by the caller")]
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // What is no text could not be named in the job file.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && depth > 1 {
            list_below(&entry.path(), &format!("{prefix}{name}/"), depth - 1, found)?;
        } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            found.push(format!("{prefix}{name}"));
        }
        if found.len() > FOUND_MAX {
            return Err(format!("{} has more than {FOUND_MAX} files", folder.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;

    #[test]
    fn functions_see_the_files_beside_the_job() {
        let folder = std::env::temp_dir().join(format!("pasture-variables-{}", std::process::id()));
        let disk = env::real::env().disk;
        disk.make_dir(&folder.join("conf/deep")).unwrap();
        disk.replace(&folder.join("conf/deep/a.txt"), b"text").unwrap();
        disk.replace(&folder.join("b.txt"), b"x").unwrap();
        let files = Readable { base: folder.clone() };
        assert_eq!(files.list(".").unwrap(), ["b.txt", "conf/deep/a.txt"]);
        assert_eq!(files.list("conf").unwrap(), ["deep/a.txt"]);
        assert_eq!(files.read("conf/../b.txt").unwrap(), b"x");
        assert_eq!(files.exists("conf/none"), Ok(false));
        assert_eq!(files.exists("b.txt"), Ok(true));
        assert!(files.read("conf").unwrap_err().contains("no regular file"));
        assert!(files.read("none").unwrap_err().contains("there is no file"));
        assert!(files.read("/dev/zero").unwrap_err().contains("no regular file"));
        disk.remove_dir_all(&folder).unwrap();
    }
}
