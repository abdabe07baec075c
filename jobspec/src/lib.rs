//! Job files: text to model and back, with every complaint pointing into the user's own file.
//!
//! A job comes as HCL (what people write) or as JSON (what programs post). Both follow one [`schema`](crate) table into
//! the JSON of the API, and from there the same way:
//!
//! ```text
//! HCL text  -> hcl (evaluated tree with spans) -> schema --+
//!                                                          +-> canonical -> model::Job -> validate -> warnings
//! JSON text -> serde_json ---------------------> schema ---+
//!
//! model::Job -> print -> HCL text        HCL text -> format -> HCL text        two model::Job -> diff -> JobDiff
//! ```
//!
//! *Canonicalising* fills in what was not said and depends on nothing but the job itself; *admitting* adds what a server
//! fills in; *validating* checks what one value alone cannot show (names that clash, groups without tasks).
//!
//! # Invariants
//! - All problems of a file are reported at once, each with its place: line and column in HCL, a path in JSON.
//! - Nothing is dropped silently. What is accepted without effect, and what is spelled as in 2016, is a warning
//!   (`notices`).
//! - No text makes it panic, hang or recurse without bound.
//!
//! # Caveats
//! - A bare number for a duration counts nanoseconds, as with Nomad, from 1 ms on; below that it is an error, since the
//!   unit was forgotten.

pub mod canonical;
pub mod diagnostic;
pub mod diff;
pub mod example;
pub mod format;
pub mod hcl;
pub mod json;
mod notices;
pub mod print;
mod schema;
pub mod validate;

pub use canonical::{admit, canonicalize};
pub use diagnostic::{Diagnostic, Diagnostics, Source};
pub use diff::diff;
pub use example::{example, example_of_2016, short_example};
pub use format::format;
pub use print::print;
pub use validate::validate;

use pasture_core::model::{Constraint, Job};

use schema::{Places, from_hcl};

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
    /// What the file says of it in the form of Nomad's API, with `null` for what it does not say; `None` for a file in JSON.
    pub written: Option<serde_json::Value>,
    /// What works, but is old-fashioned or has no effect yet.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a job file in HCL, in HCL's JSON form, or in JSON as the API has it.
///
/// # Errors
/// With all that is wrong with the file.
pub fn parse(source_name: &str, text: &str, options: &Options) -> Result<Parsed, Diagnostics> {
    let source = Source::new(source_name, text);
    let mut warnings = Diagnostics::new();
    let hcl_options = hcl::Options { inputs: Some(&options.inputs), ..hcl::Options::default() };
    let body = if text.trim_start().starts_with('{') {
        let value = json::read(text).map_err(|error| json_errors(&source, error))?;
        if !schema::is_hcl_form(&value) {
            if !options.inputs.files.is_empty() || !options.inputs.assignments.is_empty() {
                return Err(source.error(0..0, "a job in JSON takes no values for variables").into());
            }
            return from_api(&source, &value);
        }
        hcl::parse_json(&source, hcl_options, &mut warnings)?
    } else {
        hcl::parse(&source, hcl_options, &mut warnings)?
    };
    finish(hcl::Reader::new(&source, warnings), &body)
}

/// Turns an evaluated file into a job.
fn finish(reader: hcl::Reader, body: &hcl::Body) -> Result<Parsed, Diagnostics> {
    let Some(read) = from_hcl::file(&reader, body) else {
        return Err(reader.into_diagnostics());
    };
    let filled = canonical::fill_in(read.job.clone());
    for notice in notices::of(&read.job, &filled) {
        reader.warn(&read.places.find(&notice.path), notice.message, notice.help);
    }
    let job = match schema::to_model(filled) {
        Ok(job) => job,
        Err(error) => {
            reader.error(&(0..0), error.to_string());
            return Err(reader.into_diagnostics());
        }
    };
    let report = validate::report(&job);
    for problem in report.warnings {
        reader.push(reader.source().warning(read.places.find(&problem.path), problem.message));
    }
    // A value that could not be read is missing from the job; complaints about what follows would only mislead.
    if !reader.has_errors() {
        for problem in report.problems {
            reader.error(&read.places.find(&problem.path), problem.message);
        }
    }
    let warnings = reader.finish()?;
    Ok(Parsed { job, written: Some(read.job), warnings })
}

fn from_api(source: &Source, value: &serde_json::Value) -> Result<Parsed, Diagnostics> {
    let parsed = json::from_value(value).map_err(|error| json_errors(source, error))?;
    let warning = |text: String| source.warning(0..0, text);
    Ok(Parsed {
        job: parsed.job,
        written: None,
        warnings: parsed.warnings.into_iter().map(warning).collect(),
    })
}

fn json_errors(source: &Source, error: json::JsonError) -> Diagnostics {
    match error {
        json::JsonError::Syntax { offset, message, .. } => {
            source.error(offset..offset + 1, format!("not JSON: {message}")).into()
        }
        json::JsonError::Problems(problems) => {
            let mut all = Diagnostics::new();
            all.extend(problems.into_iter().map(|problem| source.error(0..0, problem)));
            all
        }
    }
}

/// Reads one `constraint` block. Returns `None` for one that is switched off, such as `distinct_hosts = false`, and after
/// a complaint.
pub fn read_constraint(reader: &hcl::Reader, block: &hcl::Block) -> Option<Constraint> {
    reader.no_labels(block);
    let mut places = Places::default();
    places.set("Constraint", &block.span);
    let map =
        from_hcl::content(reader, &schema::CONSTRAINT, &block.body, "constraint", "Constraint", &mut places);
    if map.contains_key("$off") {
        return None;
    }
    match schema::object_to_model(&schema::CONSTRAINT, map) {
        Ok(constraint) => Some(constraint),
        Err(error) => {
            reader.error(&block.span, error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests;
