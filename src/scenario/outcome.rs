//! What a scenario records: facts, one a line.
//!
//! The *portable* part holds wherever the scenario runs: who runs where, what was refused and why, what was demanded
//! and seen. The *timeline* has exact lab times, and is the same only for one engine and seed.

use std::fmt;
use std::time::Duration;

/// The line that parts the two halves of a recorded outcome.
const TIMELINE: &str = "timeline";

/// A scenario's facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    portable: String,
    timeline: String,
}

impl Outcome {
    /// Begins with the question.
    pub fn new(question: &str) -> Self {
        let mut outcome = Self::default();
        outcome.portable(0, &format!("question: {question}"));
        outcome
    }

    /// Reads what [`Outcome`] wrote.
    pub fn parse(text: &str) -> Self {
        let (portable, timeline) =
            text.split_once(&format!("\n{TIMELINE}\n")).unwrap_or((text.trim_end_matches('\n'), ""));
        let line =
            |text: &str| if text.is_empty() { String::new() } else { format!("{}\n", text.trim_end()) };
        Self { portable: line(portable), timeline: line(timeline) }
    }

    /// Adds a fact that holds anywhere, indented by `depth`.
    pub fn portable(&mut self, depth: usize, fact: &str) {
        for line in fact.lines() {
            self.portable.push_str(&"  ".repeat(depth));
            self.portable.push_str(line);
            self.portable.push('\n');
        }
    }

    /// Adds what happened at a lab time.
    pub fn timeline(&mut self, at: Duration, what: &str) {
        let seconds = at.as_millis() as f64 / 1_000.0;
        self.timeline.push_str(&format!("  {seconds:>9.3} s  {what}\n"));
    }

    /// Returns the portable half.
    pub fn portable_part(&self) -> &str {
        &self.portable
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{TIMELINE}\n{}", self.portable, self.timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let mut outcome = Outcome::new("what happens?");
        outcome.portable(1, "await: five answer");
        outcome.timeline(Duration::from_millis(1_250), "launched");
        let text = outcome.to_string();
        assert_eq!(
            text,
            "question: what happens?\n  await: five answer\ntimeline\n      1.250 s  launched\n"
        );
        assert_eq!(Outcome::parse(&text).to_string(), text);
    }
}
