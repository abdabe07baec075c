//! Where the parts of a job stand.

use std::collections::BTreeMap;

use crate::diagnostic::Span;

/// Where the parts of a job stand, by the path the HTTP API would give them: `Job.TaskGroups[0].Count`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    spans: BTreeMap<String, Span>,
}

impl Places {
    /// Notes where a part stands.
    pub fn set(&mut self, path: impl Into<String>, span: &Span) {
        self.spans.insert(path.into(), span.clone());
    }

    /// Returns the place of a path, or of the nearest part around it.
    pub fn find(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(span) = self.spans.get(path) {
                return span.clone();
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return 0..0,
            }
        }
    }

    /// Moves the places at and below a path to another path.
    pub fn rename(&mut self, from: &str, to: &str) {
        let below = |path: &str| {
            path.strip_prefix(from)
                .filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                .map(str::to_owned)
        };
        let moved: Vec<(String, String)> = self
            .spans
            .range(from.to_owned()..)
            .take_while(|(path, _)| path.starts_with(from))
            .filter_map(|(path, _)| below(path).map(|rest| (path.clone(), rest)))
            .collect();
        for (path, rest) in moved {
            if let Some(span) = self.spans.remove(&path) {
                self.spans.insert(format!("{to}{rest}"), span);
            }
        }
    }
}
