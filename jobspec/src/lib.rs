//! Job files: text to model, with every complaint pointing into the user's own file.
//!
//! A job comes as HCL (what people write) or as JSON (what programs post). Both are read into [`Job`], canonicalised and
//! validated alike:
//!
//! ```text
//! HCL text  -> hcl (tree with spans) -> lower --+
//!                                               +-> canonicalize -> validate -> Job and warnings
//! JSON text -> json ----------------------------+
//! ```
//!
//! *Lowering* turns the tree into the model; *canonicalising* fills in what was not said and depends on nothing but the
//! job itself; *validating* checks what one value alone cannot show (names that clash, groups without tasks).
//!
//! # Invariants
//! - All problems of a file are reported at once, each with its place: line and column in HCL, a path in JSON.
//! - Nothing is dropped silently. What Nomad knows and this version lacks is an error that names it; what is accepted
//!   without effect, and what is spelled as in 2016, is a warning.
//! - No text makes it panic, hang or recurse without bound.
//!
//! # Caveats
//! - The subset is what the workshop's jobs use: `template`, `artifact`, `vault`, `volume`, `periodic` and their like are
//!   refused by name.
//! - `reschedule` and `migrate` are accepted with a warning and have no effect yet.
//! - An `update` block knows `stagger` and `max_parallel`: the pacing of 2016.

pub mod canonical;
pub mod diagnostic;
pub mod diff;
pub mod example;
pub mod format;
pub mod hcl;
pub mod json;
mod lower;
pub mod validate;

pub use canonical::canonicalize;
pub use diagnostic::{Diagnostic, Diagnostics, Source};
pub use diff::diff;
pub use example::example;
pub use format::format;
pub use validate::validate;

pub use lower::lower_constraint;

use pasture_core::model::Job;

/// What a job file is read with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for variables, and what functions may reach.
    pub inputs: hcl::Inputs,
}

/// A job read from a file: canonical and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The job.
    pub job: Job,
    /// What works, but is old-fashioned or has no effect yet.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a job file in HCL; a text that begins with `{` is read as JSON.
///
/// # Errors
/// With all that is wrong with the file.
pub fn parse(source_name: &str, text: &str, options: &Options) -> Result<Parsed, Diagnostics> {
    let source = Source::new(source_name, text);
    if text.trim_start().starts_with('{') {
        return parse_json_file(&source);
    }
    let mut warnings = Diagnostics::new();
    let body = hcl::parse(
        &source,
        hcl::Options { inputs: Some(&options.inputs), ..hcl::Options::default() },
        &mut warnings,
    )?;
    let reader = hcl::Reader::new(&source, warnings);
    let Some(mut lowered) = lower::file(&reader, &body) else {
        return Err(reader.into_diagnostics());
    };
    canonicalize(&mut lowered.job);
    // A value that could not be read is missing from the job; complaints about what follows would only mislead.
    if !reader.has_errors() {
        for problem in validate::problems(&lowered.job) {
            reader.error(&lowered.places.find(&problem.path), problem.message);
        }
    }
    let warnings = reader.finish()?;
    Ok(Parsed { job: lowered.job, warnings })
}

fn parse_json_file(source: &Source) -> Result<Parsed, Diagnostics> {
    match json::parse(source.text()) {
        Ok(parsed) => {
            let warning = |text: String| source.warning(0..0, text);
            Ok(Parsed { job: parsed.job, warnings: parsed.warnings.into_iter().map(warning).collect() })
        }
        Err(json::JsonError::Syntax { offset, message, .. }) => {
            Err(source.error(offset..offset + 1, format!("not JSON: {message}")).into())
        }
        Err(json::JsonError::Problems(problems)) => {
            let mut all = Diagnostics::new();
            all.extend(problems.into_iter().map(|problem| source.error(0..0, problem)));
            Err(all)
        }
    }
}

#[cfg(test)]
mod tests;
