//! The labs and job files a scenario can name.

use std::collections::BTreeMap;

use crate::jobspec::{Source, diagnostic};

/// Labs and job files, as texts: whoever reads directories fills it.
#[derive(Clone, Debug, Default)]
pub struct Library {
    labs: BTreeMap<String, Source>,
    jobs: BTreeMap<String, Source>,
}

impl Library {
    /// Makes an empty library.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the lab file at `path`; scenarios name it by its file name without ending.
    pub fn add_lab(&mut self, path: &str, text: &str) {
        let name = file_name(path);
        let name = name.strip_suffix(".hcl").unwrap_or(name);
        self.labs.insert(name.to_owned(), Source::new(path, text));
    }

    /// Adds the job file at `path`; scenarios name it by its file name.
    pub fn add_job(&mut self, path: &str, text: &str) {
        self.jobs.insert(file_name(path).to_owned(), Source::new(path, text));
    }

    /// Returns a lab file.
    pub(super) fn lab(&self, name: &str) -> Option<&Source> {
        self.labs.get(name)
    }

    /// Returns a job file.
    pub(super) fn job(&self, file: &str) -> Option<&Source> {
        self.jobs.get(file)
    }

    /// Says which lab was meant.
    pub(super) fn suggest_lab(&self, name: &str) -> Option<String> {
        diagnostic::suggest(name, self.labs.keys().map(String::as_str))
    }

    /// Says which job file was meant.
    pub(super) fn suggest_job(&self, file: &str) -> Option<String> {
        diagnostic::suggest(file, self.jobs.keys().map(String::as_str))
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
