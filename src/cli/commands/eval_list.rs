//! `pasture eval list`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output;

/// List evaluations
///
/// Examples:
///
///   pasture eval list -status=blocked
///   pasture eval list -job=example
///
/// See also: eval status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct EvalListArgs {
    /// Only those of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,

    /// Only those with this status: pending, complete, failed, blocked or canceled
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids and times in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn run(args: &EvalListArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, mut options) = (args.connection.api(&context.env), args.connection.options());
    for (name, value) in [("job", &args.job), ("status", &args.status)] {
        if let Some(value) = value {
            options = options.with(name, value.as_str());
        }
    }
    if args.json {
        let evals: serde_json::Value = api.get("/v1/evaluations", &options).await?.value;
        context.print(&output::json(&evals));
        return Ok(Exit::SUCCESS);
    }
    let evals = api.evaluations(&options).await?.value;
    context.print(&output::eval::list(&context.style(args.verbose), &evals));
    Ok(Exit::SUCCESS)
}
