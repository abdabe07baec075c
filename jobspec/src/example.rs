//! The jobs that `init` writes.

use crate::diagnostic::Source;

/// Returns a job file that explains itself and runs on an agent in development mode.
pub fn example() -> &'static str {
    include_str!("../../fixtures/jobs/example.nomad")
}

/// Returns the same job without a word of explanation.
pub fn short_example() -> String {
    let lines = example().lines().filter(|line| !line.trim_start().starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    // Only an example that is no HCL cannot be formatted, and a test reads it.
    crate::format(&Source::new("example.nomad", &text)).unwrap_or(text)
}

/// Returns a job as it was written in January 2016, spelt as HCL was then.
pub fn example_of_2016() -> &'static str {
    include_str!("../../fixtures/jobs/example-2016.nomad")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[test]
    fn the_short_example_is_the_same_job_without_comments() {
        let short = short_example();
        assert!(!short.contains('#') && !short.contains("\n\n\n") && !short.starts_with('\n'), "{short}");
        let read = |text: &str| crate::parse("example.nomad", text, &Options::default()).unwrap();
        assert_eq!(read(&short), read(example()));
    }

    #[test]
    fn the_example_of_2016_is_read_with_warnings_only() {
        let parsed = crate::parse("example.nomad", example_of_2016(), &Options::default()).unwrap();
        let told: Vec<String> = parsed.warnings.iter().map(|warning| warning.one_line()).collect();
        for what in ["$attr.kernel.name", "stagger", "one line"] {
            assert!(told.iter().any(|line| line.contains(what)), "{what} in {told:#?}");
        }
        let formatted = crate::format(&Source::new("example.nomad", example_of_2016())).unwrap();
        assert_eq!(crate::parse("example.nomad", &formatted, &Options::default()).unwrap().job, parsed.job);
    }
}
