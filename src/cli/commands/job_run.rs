//! `pasture job run`, `pasture run`

use std::path::PathBuf;

use clap::Args;

use super::job_validate;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::monitor;
use crate::cli::output;
use crate::cli::variables::VariableArgs;

/// Run a job, or update one that runs
///
/// Reads a job file, submits it and follows its evaluation until everything is placed or it is
/// known that not everything can be. Exits with 2 in the second case; what was placed runs, and
/// the rest waits for capacity. A deployment that comes of it is followed as well until it ends;
/// exits with 1 when it does not succeed.
///
/// Examples:
///
///   pasture run example.nomad
///   pasture run -detach example.nomad
///   pasture run -output example.nomad > example.json
///   pasture run -var 'image=redis:7' -var-file=test.vars example.nomad
///
/// See also: init, validate, status, stop
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobRunArgs {
    /// Job file in HCL or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Return at once and print the evaluation's id
    #[arg(long)]
    detach: bool,

    /// Print the job as JSON instead of running it
    #[arg(long)]
    output: bool,

    /// Run only if the job was last modified at this index; 0 if it must not exist
    #[arg(long, value_name = "INDEX")]
    check_index: Option<u64>,

    /// Expect JSON; accepted for scripts, since both are told apart anyway
    #[arg(long)]
    json: bool,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    variables: VariableArgs,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When the file is no job, or the cluster refuses it or cannot be asked.
pub async fn run(args: &JobRunArgs, context: &Context) -> Result<Exit, CommandError> {
    let mut job = job_validate::load(&args.file, &args.variables, context)?;
    let options = args.connection.options();
    // The file's own words go first; what it does not say is the default.
    if let Some(namespace) = options.namespace.as_ref().filter(|_| job.namespace == "default") {
        job.namespace.clone_from(namespace);
    }
    if let Some(region) = options.region.as_ref().filter(|_| job.region == "global") {
        job.region.clone_from(region);
    }
    if args.output {
        context.print(&output::json(&serde_json::json!({ "Job": job })));
        return Ok(Exit::SUCCESS);
    }
    let api = args.connection.api(&context.env);
    let done = api.register(&job, args.check_index, &options).await?.value;
    if done.eval_id.is_empty() {
        context.print("Job registration successful");
        return Ok(Exit::SUCCESS);
    }
    if args.detach {
        context.print(&format!("Job registration successful\nEvaluation ID: {}", done.eval_id));
        return Ok(Exit::SUCCESS);
    }
    let options = crate::api::client::Options { namespace: Some(job.namespace), ..options };
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
