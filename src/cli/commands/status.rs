//! `pasture status`

use clap::Args;

use super::job_status::{self, ShowArgs};
use super::{alloc_status, deployment_status, eval_status, node_status};
use crate::api::client::{Api, Options};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;

/// List jobs, or show whatever has that id
///
/// The id may be that of a job, a node, an allocation, an evaluation or a deployment, or the
/// beginning of one.
///
/// Examples:
///
///   pasture status
///   pasture status example
///   pasture status 3d823c52
///
/// See also: job status, node status, alloc status, eval status, deployment status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct StatusArgs {
    /// Id of anything, or the beginning of it
    #[arg(value_name = "ID")]
    id: Option<String>,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When nothing or too much has that id, or the cluster cannot be asked.
pub async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let Some(id) = &args.id else {
        return job_status::list(context, &api, &options, args.show).await;
    };
    let (kind, id) = what_is(&api, &options, id, context).await?;
    let (json, verbose) = (args.show.json, args.show.verbose);
    match kind {
        "job" => job_status::one(context, &api, &options, &id, args.show).await,
        "node" => {
            node_status::one(
                context,
                &api,
                &options,
                &id,
                node_status::Show { json, verbose, short: args.show.short },
            )
            .await
        }
        "allocation" => {
            alloc_status::one(
                context,
                &api,
                &options,
                &id,
                alloc_status::Show { json, verbose, short: args.show.short },
            )
            .await
        }
        "deployment" => deployment_status::one(context, &api, &options, &id, json, verbose).await,
        _ => eval_status::one(context, &api, &options, &id, json, verbose).await,
    }
}

/// Finds out what an id is the id of. A job that is called exactly so goes first.
async fn what_is(
    api: &Api,
    options: &Options,
    given: &str,
    context: &Context,
) -> Result<(&'static str, String), CommandError> {
    let found = api.search(given, "all", options).await?.value;
    let kinds = [
        ("jobs", "job"),
        ("nodes", "node"),
        ("allocs", "allocation"),
        ("evals", "evaluation"),
        ("deployment", "deployment"),
    ];
    let mut matches: Vec<(&'static str, String)> = Vec::new();
    for (name, kind) in kinds {
        let ids = found.matches.get(name).and_then(Option::as_ref);
        matches.extend(ids.into_iter().flatten().map(|id| (kind, id.clone())));
    }
    if let Some(exact) = matches.iter().find(|(_, id)| id == given) {
        return Ok(exact.clone());
    }
    let style = context.style(false);
    match matches.len() {
        0 => Err(CommandError::NotFound {
            kind: "job, node, allocation, evaluation or deployment",
            prefix: given.to_owned(),
            hint: "`pasture status` lists jobs".to_owned(),
        }),
        1 => Ok(matches.remove(0)),
        _ => Err(CommandError::Ambiguous {
            kind: "things",
            prefix: given.to_owned(),
            matches: find::kinds(&style, &matches),
        }),
    }
}
