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
    /// Lab time in ms and what happened, in order of time.
    timeline: Vec<(u64, String)>,
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
        let portable = if portable.is_empty() { String::new() } else { format!("{}\n", portable.trim_end()) };
        let lines = timeline.trim_end().lines().map(|line| {
            let (at, what) = line.split_once(" s  ").unwrap_or(("", line));
            let at_ms = at.trim().replace('.', "").parse().unwrap_or(0);
            (at_ms, what.to_owned())
        });
        Self { portable, timeline: lines.collect() }
    }

    /// Adds a fact that holds anywhere, indented by `depth`.
    pub fn portable(&mut self, depth: usize, fact: &str) {
        for line in fact.lines() {
            self.portable.push_str(&"  ".repeat(depth));
            self.portable.push_str(line);
            self.portable.push('\n');
        }
    }

    /// Adds what happened at a lab time. What is told late, because it took long to find out, goes to its place.
    pub fn timeline(&mut self, at: Duration, what: &str) {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let place = self.timeline.partition_point(|(other_ms, _)| *other_ms <= at_ms);
        self.timeline.insert(place, (at_ms, what.to_owned()));
    }

    /// Returns the portable half.
    pub fn portable_part(&self) -> &str {
        &self.portable
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}{TIMELINE}", self.portable)?;
        for (at_ms, what) in &self.timeline {
            writeln!(f, "  {:>5}.{:03} s  {what}", at_ms / 1_000, at_ms % 1_000)?;
        }
        Ok(())
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
        outcome.timeline(Duration::from_millis(62_000), "stopped");
        outcome.timeline(Duration::from_millis(1_500), "  answers");
        let text = outcome.to_string();
        assert_eq!(
            text,
            "question: what happens?\n  await: five answer\ntimeline\n      1.250 s  launched\n      \
             1.500 s    answers\n     62.000 s  stopped\n"
        );
        assert_eq!(Outcome::parse(&text), outcome);
    }
}
