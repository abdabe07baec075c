//! What commands show: pure functions from answers to text, in the layout of Nomad's command line.
//!
//! Each takes a [`Style`], which knows whether to colour and to be verbose and what time it is, so that the same answer
//! is always the same text.

pub mod alloc;
pub mod deployment;
pub mod diff;
pub mod eval;
pub mod job;
pub mod metric;
pub mod node;
pub mod plan;
pub mod table;
pub mod time;

#[cfg(test)]
mod tests;

pub use table::{Cell, Table, pairs};

use crate::model::Timestamp;

/// How many characters of an id are shown.
const SHORT_ID: usize = 8;

/// How to show things.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
    /// Whether to show ids and times in full.
    pub verbose: bool,
    /// The time by which "ago" is meant.
    pub now: Timestamp,
}

impl Style {
    /// Returns an id, short unless verbose. What is no id, such as a job's name, is not for this.
    pub fn id<'a>(&self, id: &'a str) -> &'a str {
        if self.verbose { id } else { id.get(..SHORT_ID).unwrap_or(id) }
    }

    /// Returns the heading of a section.
    pub fn heading(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Returns a time: how long ago, or in full when verbose.
    pub fn time(&self, time: Timestamp) -> String {
        if self.verbose { time::full(time) } else { time::ago(self.now, time) }
    }
}

/// Returns JSON as the API sends it, indented.
pub fn json(value: &impl serde::Serialize) -> String {
    // Fails only for maps with keys that are no text, which the API has none of.
    serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("null /* {error} */"))
}

/// Returns sections with an empty line between them, leaving out those that are empty.
pub fn sections(sections: impl IntoIterator<Item = String>) -> String {
    let written: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    written.iter().map(|section| section.trim_end_matches('\n')).collect::<Vec<_>>().join("\n\n")
}

/// Puts a heading over a text.
pub fn titled(style: &Style, title: &str, text: &str) -> String {
    format!("{}\n{text}", style.heading(title))
}
