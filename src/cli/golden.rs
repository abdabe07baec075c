//! Files that hold what commands show, so that a change of it is seen.

use std::path::{Path, PathBuf};

use super::files;
use crate::env;

/// Compares files with what they shall hold. With the variable `UPDATE_GOLDEN` they are written instead.
pub(crate) struct Golden {
    stale: Vec<String>,
}

impl Golden {
    pub(crate) fn new() -> Self {
        Self { stale: Vec::new() }
    }

    /// Compares a file, named from the root of the checkout.
    pub(crate) fn check(&mut self, name: &str, expected: &str) {
        let path = path(name);
        let kept = files::read(&path).unwrap_or_default();
        if kept == expected {
            return;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let disk = env::real::env().disk;
            disk.make_dir(path.parent().unwrap()).unwrap();
            disk.replace(&path, expected.as_bytes()).unwrap();
        } else {
            self.stale
                .push(format!("{name}:\n{}", similar::TextDiff::from_lines(&kept, expected).unified_diff()));
        }
    }

    /// Complains of files in a folder that nothing was compared with.
    pub(crate) fn no_others(&mut self, folder: &str, known: &std::collections::BTreeSet<String>) {
        let kept = env::real::env().disk.list(&path(folder)).unwrap();
        let unknown = kept.into_iter().filter(|name| !known.contains(name));
        self.stale.extend(unknown.map(|name| format!("{folder}/{name} belongs to nothing")));
    }

    pub(crate) fn finish(self) {
        let hint = "not as shown; run this test with UPDATE_GOLDEN=1 and read the diff";
        assert!(self.stale.is_empty(), "{hint}:\n{}", self.stale.join("\n"));
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
