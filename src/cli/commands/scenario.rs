//! `pasture scenario run | review | accept`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::suite::{self, Finding, Settings, SuiteError};
use crate::lab::backend::sim::{Engine, Trace};
use crate::scenario::engine::Failure;
use crate::scenario::review;

/// Play one scenario, and review or accept outcomes that have changed
#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    #[command(subcommand)]
    command: ScenarioCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum ScenarioCommand {
    Run(RunArgs),
    Review(ReviewArgs),
    Accept(AcceptArgs),
}

/// Play a scenario and show its outcome
///
/// Examples:
///
///   pasture scenario run scenarios/client-failure.hcl -seed 7
///   pasture scenario run scenarios/launch.hcl -trace launch.trace
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
struct RunArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    path: PathBuf,

    /// What it runs on; `sim` is the only backend so far
    #[arg(long, value_name = "BACKEND", default_value = "sim", value_parser = ["sim"])]
    on: String,

    /// The seed; the scenario's own when not given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// What moves the machines: `sim`, or `turmoil` to cross-check
    #[arg(long, value_name = "ENGINE", default_value_t = Engine::Own)]
    engine: Engine,

    /// Write every packet and event to this file; `-` for standard output, instead of the outcome
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Plant a nondeterminism, for the test that has to catch it
    #[arg(long, hide = true)]
    planted: bool,
}

/// Show how outcomes differ from the recorded ones
///
/// Example:
///
///   pasture scenario review
///
/// See also: scenario accept, test
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
struct ReviewArgs {
    /// Scenario files, or folders of them
    #[arg(value_name = "PATH", default_value = suite::SCENARIOS)]
    paths: Vec<PathBuf>,
}

/// Record outcomes that have changed as right
///
/// Example:
///
///   pasture scenario accept scenarios/launch.hcl
///
/// See also: scenario review, test
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
struct AcceptArgs {
    /// Scenario files, or folders of them
    #[arg(value_name = "PATH", default_value = suite::SCENARIOS)]
    paths: Vec<PathBuf>,
}

/// Runs the command and returns the exit code.
///
/// # Errors
/// When a file cannot be read or written, or a scenario makes no sense.
pub fn run(args: &ScenarioArgs, colour: bool) -> Result<i32, String> {
    match &args.command {
        ScenarioCommand::Run(args) => play(args, colour),
        ScenarioCommand::Review(args) => review(args, colour).map_err(|error| error.to_string()),
        ScenarioCommand::Accept(args) => accept(args).map_err(|error| error.to_string()),
    }
}

fn play(args: &RunArgs, colour: bool) -> Result<i32, String> {
    let spec = suite::load(&args.path).map_err(|error| match error {
        SuiteError::Invalid(problems) => problems.render(colour),
        other => other.to_string(),
    })?;
    let trace = match &args.trace {
        None => Trace::Hash,
        Some(path) if path.as_os_str() == "-" => Trace::Full(Box::new(BufWriter::new(std::io::stdout()))),
        Some(path) => {
            let file =
                File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Trace::Full(Box::new(BufWriter::new(file)))
        }
    };
    let to_stdout = args.trace.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let settings = Settings { seed: args.seed, engine: args.engine, planted: args.planted };
    let report = suite::play(&args.path, &spec, settings, trace);
    let mut out = std::io::stdout().lock();
    let mut show = |text: &str| {
        // Somebody who has closed the pipe does not want to read on.
        let _ = out.write_all(text.as_bytes());
    };
    if let Some(verdict) = &report.verdict {
        if !to_stdout {
            show(&verdict.outcome.to_string());
        }
        show(&format!("seed {} trace {:016x} events {}\n", report.seed, verdict.trace_hash, verdict.events));
    }
    match &report.finding {
        Finding::Failed(Failure::Safety(diagnostic)) => eprintln!("{}", diagnostic.render(colour)),
        Finding::Failed(Failure::Liveness(what)) | Finding::Broken(what) => eprintln!("{what}"),
        Finding::Same | Finding::New | Finding::Changed(_) => {}
    }
    // The outcome was asked for, not whether it is as recorded.
    let code = match &report.finding {
        Finding::Same | Finding::New | Finding::Changed(_) => 0,
        Finding::Failed(Failure::Safety(_)) => 1,
        Finding::Failed(Failure::Liveness(_)) => 2,
        Finding::Broken(_) => 3,
    };
    Ok(code)
}

fn review(args: &ReviewArgs, colour: bool) -> Result<i32, SuiteError> {
    let mut waiting = 0;
    for path in suite::find(&args.paths)? {
        let Some((recorded, proposed)) = suite::proposal(&path)? else { continue };
        waiting += 1;
        println!("{}", path.display());
        print!("{}", review::diff(&recorded.to_string(), &proposed.to_string(), colour));
    }
    match waiting {
        0 => println!("nothing to review; `pasture test` writes what differs"),
        _ => {
            println!("{waiting} to review; `pasture scenario accept [PATH]` makes them the recorded outcomes")
        }
    }
    Ok(0)
}

fn accept(args: &AcceptArgs) -> Result<i32, SuiteError> {
    let mut accepted = 0;
    for path in suite::find(&args.paths)? {
        if suite::accept(&path)? {
            accepted += 1;
            println!("accepted {}", review::snapshot_path(&path).display());
        }
    }
    if accepted == 0 {
        println!("nothing to accept");
    }
    Ok(0)
}
