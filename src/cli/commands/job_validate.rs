//! `pasture job validate`, `pasture validate`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::output;
use crate::cli::variables::VariableArgs;
use crate::jobspec::diagnostic::Severity;
use crate::jobspec::{self, Diagnostic, Parsed};
use crate::model::Job;

/// Check job files without running them
///
/// Needs no server. Shows everything that is wrong, each with its place in the file, and exits
/// with 1 when a file is no valid job; warnings alone are no failure.
///
/// With -json the findings are a list on standard output, each with File, Line, Column, Severity,
/// Message and Help; lines and columns are counted from 1.
///
/// Variables take, later ones over earlier: their defaults, NOMAD_VAR_name and PASTURE_VAR_name of
/// the environment, -var-file in order, -var in order.
///
/// Examples:
///
///   pasture validate example.nomad
///   pasture validate jobs/*.nomad
///   pasture validate -json example.nomad
///   pasture validate -var-file=test.vars -var 'count=3' example.nomad
///
/// See also: init, fmt, run
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobValidateArgs {
    /// Job files in HCL or JSON; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    job_files: Vec<PathBuf>,

    /// Print the findings as JSON; a job in JSON is told from HCL by itself
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    variables: VariableArgs,
}

/// What was found in a file, as `-json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Finding<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> Finding<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let (line, column) = diagnostic.position();
        Self {
            file: diagnostic.file(),
            line,
            column,
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a file is no valid job or cannot be read; the others are checked all the same.
pub fn run(args: &JobValidateArgs, context: &Context) -> Result<Exit, CommandError> {
    let mut findings: Vec<Diagnostic> = Vec::new();
    let mut is_valid = true;
    for path in &args.job_files {
        match read(path, &args.variables, context) {
            Ok(parsed) => findings.extend(parsed.warnings),
            Err(CommandError::Invalid(problems)) => {
                is_valid = false;
                findings.extend(problems.iter().cloned());
            }
            Err(other) if args.job_files.len() == 1 => return Err(other),
            Err(other) => {
                context.warn(&format!("Error: {other}"));
                is_valid = false;
            }
        }
    }
    if args.json {
        context.print(&output::json(&findings.iter().map(Finding::new).collect::<Vec<_>>()));
    } else if !findings.is_empty() {
        let colour = context.terminal.colour_errors;
        context.warn(&findings.iter().map(|finding| finding.render(colour)).collect::<Vec<_>>().join("\n"));
    }
    if !is_valid {
        return Ok(Exit::FAILURE);
    }
    if !args.json {
        context.print("Job validation successful");
    }
    Ok(Exit::SUCCESS)
}

/// Reads a job file and warns of what is old-fashioned or has no effect yet.
///
/// # Errors
/// When the file cannot be read or is no valid job.
pub fn load(path: &Path, variables: &VariableArgs, context: &Context) -> Result<Job, CommandError> {
    let parsed = read(path, variables, context)?;
    for warning in &parsed.warnings {
        context.warn(&warning.render(context.terminal.colour_errors));
    }
    Ok(parsed.job)
}

fn read(path: &Path, variables: &VariableArgs, context: &Context) -> Result<Parsed, CommandError> {
    let text = files::read(path)?;
    let name = if path.as_os_str() == "-" { "stdin".into() } else { path.to_string_lossy() };
    jobspec::parse(&name, &text, &variables.options(path, context)?).map_err(CommandError::Invalid)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::terminal::Terminal;
    use crate::env;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: JobValidateArgs,
    }

    fn validate(words: &[&str]) -> Result<Exit, CommandError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/jobs");
        let words = words.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => root.join(name).to_string_lossy().into_owned(),
            None => (*word).to_owned(),
        });
        let line = Line::parse_from(std::iter::once("validate".to_owned()).chain(words));
        let terminal = Terminal { colour: false, colour_errors: false };
        run(&line.args, &Context { env: env::real::env(), terminal, program: "pasture" })
    }

    #[test]
    fn warnings_are_no_failure_and_one_bad_file_is() {
        for (words, exit) in [
            (&["@example.nomad"][..], Exit::SUCCESS),
            (&["@example-2016.nomad", "@helloworld-v1.json"], Exit::SUCCESS),
            (&["--json", "@example-2016.nomad"], Exit::SUCCESS),
            (&["@bad/twice.nomad"], Exit::FAILURE),
            (&["--json", "@bad/twice.nomad"], Exit::FAILURE),
            (&["@example.nomad", "@bad/twice.nomad", "@example.nomad"], Exit::FAILURE),
            (&["@example.nomad", "@missing.nomad"], Exit::FAILURE),
        ] {
            assert_eq!(validate(words).unwrap(), exit, "{words:?}");
        }
        assert!(matches!(validate(&["@missing.nomad"]), Err(CommandError::Read { .. })));
    }

    #[test]
    fn a_finding_has_its_place_and_what_to_do() {
        let text = "job \"web\" {\n  type = \"service\"\n  type = \"batch\"\n}\n";
        let problems = jobspec::parse("web.nomad", text, &jobspec::Options::default()).unwrap_err();
        let found = serde_json::json!(Finding::new(problems.iter().next().unwrap()));
        let expected = serde_json::json!({
            "File": "web.nomad", "Line": 3, "Column": 3, "Severity": "error",
            "Message": "\"type\" is given twice in its block", "Help": "the first is in line 2",
        });
        assert_eq!(found, expected);
    }
}
