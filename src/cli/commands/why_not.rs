//! `pasture why-not`

use std::collections::BTreeSet;

use clap::Args;

use crate::api::client::{Api, Options};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, Style, plan as show, sections, titled};

/// Say why a job does not run on a node
///
/// Shows everything that speaks against one more instance of each group there, not only the
/// first reason, or how the node scores if nothing does; without a node, the same of all nodes.
/// Then it says what would have to change for an instance to fit: the smallest change there is.
///
/// Examples:
///
///   pasture why-not example farm-02
///   pasture why-not -group cache -verbose example
///
/// See also: plan, eval status, node status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct WhyNotArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Node's name or id, or the beginning of its id; all nodes when nothing is said
    #[arg(value_name = "NODE")]
    node: Option<String>,

    /// Only this task group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids in full, and where in the job each reason stands
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such job, group or node, or the cluster cannot be asked.
pub async fn run(args: &WhyNotArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let job = find::job(&api, &options, &args.job, &style).await?;
    let options = Options { namespace: Some(job.namespace), ..options };
    let mut explanations = api.why(&job.id, args.group.as_deref(), &options).await?.value;
    if let Some(given) = &args.node {
        let is_named = explanations.iter().flat_map(|one| &one.nodes).any(|node| node.node_name == *given);
        let id = match is_named {
            true => String::new(),
            false => find::node(&api, &options, given, &style).await?,
        };
        for explanation in &mut explanations {
            explanation.nodes.retain(|node| node.node_name == *given || node.node_id == id);
        }
    }
    if args.json {
        context.print(&output::json(&explanations));
        return Ok(Exit::SUCCESS);
    }
    let texts = explanations.iter().map(|one| show::explanation(&style, one));
    context.print(&sections(texts));
    Ok(Exit::SUCCESS)
}

/// Says of the groups of a job that wait for capacity what would have to change, as things are now; nothing when that
/// cannot be found out, as with a server of another make.
pub(super) async fn ways_out<'a>(
    api: &Api,
    options: &Options,
    style: &Style,
    job: &str,
    groups: impl Iterator<Item = &'a String>,
) -> String {
    let groups: BTreeSet<&String> = groups.collect();
    if groups.is_empty() {
        return String::new();
    }
    let explanations = api.why(job, None, options).await.map(|answer| answer.value).unwrap_or_default();
    let waiting = explanations.iter().filter(|one| groups.contains(&one.task_group));
    let lines = waiting.map(|one| (one, show::ways_out(one))).filter(|(_, ways)| !ways.is_empty());
    let texts: Vec<String> =
        lines.map(|(one, ways)| format!("Task Group {:?}\n{ways}", one.task_group)).collect();
    match texts.is_empty() {
        true => String::new(),
        false => titled(style, "What Would Help", &texts.join("\n")),
    }
}
