//! Recorded outcomes: reading, comparing, accepting.
//!
//! An outcome lies beside its scenario as `NAME.snap`; one that differs is written as `NAME.snap.new` until somebody
//! accepts it. Both have the format of the crate insta, so that `cargo insta review` works on them as well.

use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::outcome::Outcome;

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 2;

/// Where a scenario's outcome is recorded.
pub fn snapshot_path(scenario: &Path) -> PathBuf {
    scenario.with_extension("snap")
}

/// Where an outcome waits that differs from the recorded one.
pub fn new_snapshot_path(scenario: &Path) -> PathBuf {
    scenario.with_extension("snap.new")
}

/// Writes a snapshot file's text.
pub fn to_snapshot(scenario: &Path, outcome: &Outcome) -> String {
    // Folder and file are enough, and are the same from wherever the command was run.
    let parts: Vec<_> =
        scenario.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect();
    let source = parts.into_iter().rev().collect::<Vec<_>>().join("/");
    format!("---\nsource: {source}\nexpression: outcome\n---\n{outcome}")
}

/// Reads a snapshot file's text; the head is left out.
pub fn from_snapshot(text: &str) -> Outcome {
    let text = text.replace("\r\n", "\n");
    let content = match text.strip_prefix("---\n") {
        Some(rest) => rest.split_once("\n---\n").map_or(rest, |(_, content)| content),
        None => &text,
    };
    Outcome::parse(content)
}

/// Shows how one text becomes another, a few lines around each change; empty when they are equal.
pub fn diff(recorded: &str, found: &str, colour: bool) -> String {
    let paint = |code: &str, line: String| {
        if colour { format!("\x1b[{code}m{line}\x1b[0m\n") } else { format!("{line}\n") }
    };
    let diff = TextDiff::from_lines(recorded, found);
    let mut shown = String::new();
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            shown.push_str("    ...\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            shown.push_str(&match change.tag() {
                ChangeTag::Delete => paint("31", format!("  - {line}")),
                ChangeTag::Insert => paint("32", format!("  + {line}")),
                ChangeTag::Equal => format!("    {line}\n"),
            });
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_file_gives_back_its_outcome() {
        let outcome = Outcome::parse("question: x\n  a\ntimeline\n  0.5 s  b\n");
        let text = to_snapshot(Path::new("/a/checkout/scenarios/x.hcl"), &outcome);
        assert!(text.starts_with("---\nsource: scenarios/x.hcl\n"));
        assert_eq!(from_snapshot(&text), outcome);
    }

    #[test]
    fn a_diff_shows_what_changed_and_little_else() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n";
        assert_eq!(diff(old, new, false), "    3\n    4\n  - 5\n  + five\n    6\n    7\n");
        assert_eq!(diff(old, old, false), "");
    }
}
