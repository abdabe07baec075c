//! `pasture eval status`, `pasture eval-status`

use clap::Args;

use super::why_not;
use crate::api::client::{Api, Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, eval as show};
use crate::cli::{find, monitor};

/// Show an evaluation
///
/// Shows why it was made, how it ended, what it placed, and why something could not be placed,
/// node by node.
///
/// Examples:
///
///   pasture eval status 3d823c52
///   pasture eval status -monitor 3d823c52
///
/// See also: eval list, status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct EvalStatusArgs {
    /// Evaluation's id, or the beginning of it
    #[arg(value_name = "EVAL")]
    eval: String,

    /// Follow it until it ends
    #[arg(long)]
    monitor: bool,

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
/// When there is no such evaluation, or the cluster cannot be asked.
pub async fn run(args: &EvalStatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let id = find::eval(&api, &options, &args.eval, &context.style(args.verbose)).await?;
    if args.monitor {
        return monitor::evaluation(context, &api, &options, &id, args.verbose).await;
    }
    one(context, &api, &options, &id, args.json, args.verbose).await
}

/// Shows the evaluation with that id.
///
/// # Errors
/// When there is no such evaluation, or the cluster cannot be asked.
pub async fn one(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    json: bool,
    verbose: bool,
) -> Result<Exit, CommandError> {
    if json {
        let path = format!("/v1/evaluation/{}", encode_segment(id));
        let eval: serde_json::Value = api.get(&path, &options.clone().with("related", "true")).await?.value;
        context.print(&output::json(&eval));
        return Ok(Exit::SUCCESS);
    }
    let eval = api.evaluation(id, true, options).await?.value;
    let placed = api.evaluation_allocations(id, options).await?.value;
    let style = context.style(verbose);
    let mut parts = vec![show::status(&style, &eval, &placed)];
    if eval.status == "blocked" {
        let options = Options { namespace: Some(eval.namespace.clone()), ..options.clone() };
        let groups = eval.failed_tg_allocs.keys();
        parts.push(why_not::ways_out(api, &options, &style, &eval.job_id, groups).await);
    }
    context.print(&output::sections(parts));
    Ok(Exit::SUCCESS)
}
