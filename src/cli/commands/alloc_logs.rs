//! `pasture alloc logs`, `pasture logs`

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::api::client::{Api, ClientError, Options, encode_segment};
use crate::api::wire::Allocation;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;

/// How many lines -tail shows when nothing is said. Source: Nomad `command/alloc_logs.go`.
const TAIL_LINES: usize = 10;

/// How many bytes are asked for to find a number of lines in.
const BYTES_PER_LINE: u64 = 4 * 1024;

/// How often followed output is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);

/// How long to go on following while nobody answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Print the output of a task
///
/// Standard output unless -stderr. The task may be left out when the allocation has only one.
///
/// Examples:
///
///   pasture alloc logs 3d823c52
///   pasture alloc logs -stderr -tail -n 50 3d823c52 web
///   pasture alloc logs -f -job example
///
/// See also: alloc status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct AllocLogsArgs {
    /// Allocation's id or the beginning of it; with -job the job's
    #[arg(value_name = "ALLOC")]
    id: String,

    /// Task
    #[arg(value_name = "TASK")]
    task: Option<String>,

    /// Print standard error
    #[arg(long)]
    stderr: bool,

    /// Print standard output; the usual, for scripts
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,

    /// Take the newest allocation of a job that runs
    #[arg(long)]
    job: bool,

    /// Take this task
    #[arg(long = "task", value_name = "TASK", conflicts_with = "task")]
    named_task: Option<String>,

    /// Go on printing what comes
    #[arg(short = 'f')]
    follow: bool,

    /// Print only the end
    #[arg(long)]
    tail: bool,

    /// How many lines -tail prints
    #[arg(short = 'n', value_name = "LINES")]
    lines: Option<usize>,

    /// How many bytes -tail prints
    #[arg(short = 'c', value_name = "BYTES", conflicts_with = "lines")]
    bytes: Option<u64>,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such allocation, task or output, or its node cannot be asked.
pub async fn run(args: &AllocLogsArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let id = match args.job {
        true => running_of_job(&api, &options, &args.id, context).await?,
        false => find::alloc(&api, &options, &args.id, &style).await?,
    };
    let alloc = api.allocation(&id, &options).await?.value;
    let task = task_of(&alloc, args.task.as_ref().or(args.named_task.as_ref()))?;
    let stream = if args.stderr { "stderr" } else { "stdout" };
    let output = Output { api: &api, options: &options, alloc: &id, task: &task, stream };
    let (shown, length) = output.first(args).await?;
    context.terminal.print_bytes(&shown);
    if args.follow {
        output.follow(length, context).await?;
    }
    Ok(Exit::SUCCESS)
}

/// What is printed.
struct Output<'a> {
    api: &'a Api,
    options: &'a Options,
    alloc: &'a str,
    task: &'a str,
    stream: &'a str,
}

impl Output<'_> {
    /// Returns what is printed first, and how many bytes there were in all, if that is of use.
    async fn first(&self, args: &AllocLogsArgs) -> Result<(Bytes, u64), CommandError> {
        if !args.tail && args.lines.is_none() && args.bytes.is_none() {
            let all = self.read(0).await?;
            let length = all.len() as u64;
            return Ok((all, length));
        }
        if args.follow {
            // Where the end is, is known only by reading everything.
            let all = self.read(0).await?;
            let length = all.len() as u64;
            return Ok((end_of(&all, args), length));
        }
        let lines = args.lines.unwrap_or(TAIL_LINES);
        let wanted = args.bytes.unwrap_or((lines as u64).saturating_mul(BYTES_PER_LINE));
        let end = self.api.logs(self.alloc, self.task, self.stream, Some(wanted), self.options).await?;
        Ok((end_of(&end, args), 0))
    }

    /// Prints what is added, until the task has ended.
    async fn follow(&self, mut length: u64, context: &Context) -> Result<(), CommandError> {
        let mut failing_since = None;
        loop {
            sleep(FOLLOW_INTERVAL).await;
            // Asked before reading, so that the last words of a task that ends meanwhile are read.
            let looked = self.is_over().await;
            match (looked, self.read(length).await) {
                (Ok(is_over), Ok(added)) => {
                    failing_since = None;
                    context.terminal.print_bytes(&added);
                    length += added.len() as u64;
                    if is_over {
                        return Ok(());
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if error.status().is_some_and(|status| status < 500) || since.elapsed() > PATIENCE {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    async fn read(&self, from: u64) -> Result<Bytes, ClientError> {
        let options = self.options.clone().with("task", self.task).with("type", self.stream);
        let options = options.with("plain", "true").with("origin", "start").with("offset", from.to_string());
        self.api.get_bytes(&format!("/v1/client/fs/logs/{}", encode_segment(self.alloc)), &options).await
    }

    async fn is_over(&self) -> Result<bool, ClientError> {
        let alloc = self.api.allocation(self.alloc, self.options).await?.value;
        Ok(matches!(alloc.client_status.as_str(), "complete" | "failed" | "lost"))
    }
}

/// Cuts output to the end that was asked for.
fn end_of(output: &Bytes, args: &AllocLogsArgs) -> Bytes {
    if let Some(bytes) = args.bytes {
        let start = output.len().saturating_sub(usize::try_from(bytes).unwrap_or(usize::MAX));
        return output.slice(start..);
    }
    let lines = args.lines.unwrap_or(TAIL_LINES);
    if lines == 0 {
        return Bytes::new();
    }
    // The newline that ends the last line begins no other.
    let searched = output.strip_suffix(b"\n").unwrap_or(output);
    let newlines = searched.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let start = newlines.map(|(at, _)| at + 1).nth(lines - 1).unwrap_or(0);
    output.slice(start..)
}

fn task_of(alloc: &Allocation, named: Option<&String>) -> Result<String, CommandError> {
    let holding = alloc.allocated_resources.iter().flat_map(|resources| resources.tasks.keys());
    let known: std::collections::BTreeSet<&String> = holding.chain(alloc.task_states.keys()).collect();
    let list = known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match named {
        Some(name) if known.contains(name) => Ok(name.clone()),
        Some(name) => Err(CommandError::Other(format!("the allocation has no task {name:?}; it has {list}"))),
        None if known.len() == 1 => Ok(known.into_iter().next().cloned().unwrap_or_default()),
        None => Err(CommandError::Other(format!("the allocation has several tasks; name one of {list}"))),
    }
}

/// Returns the newest allocation of a job that runs, or else its newest.
async fn running_of_job(
    api: &Api,
    options: &Options,
    given: &str,
    context: &Context,
) -> Result<String, CommandError> {
    let job = find::job(api, options, given, &context.style(false)).await?;
    let options = Options { namespace: Some(job.namespace), ..options.clone() };
    let allocs = api.job_allocations(&job.id, &options).await?.value;
    let newest =
        allocs.into_iter().max_by_key(|alloc| (alloc.client_status == "running", alloc.create_index));
    newest.map(|alloc| alloc.id).ok_or_else(|| {
        CommandError::Other(format!("job {:?} has no allocations; `pasture status` says why", job.id))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: AllocLogsArgs,
    }

    #[test]
    fn the_end_is_cut_by_lines_or_bytes() {
        let text = Bytes::from_static(b"one\ntwo\nthree\n");
        for (flags, expected) in [
            ("-n 1", "three\n"),
            ("-n 2", "two\nthree\n"),
            ("-n 9", "one\ntwo\nthree\n"),
            ("-n 0", ""),
            ("-c 3", "ee\n"),
            ("-c 99", "one\ntwo\nthree\n"),
        ] {
            let args = Alone::parse_from(format!("logs {flags} id").split(' ')).args;
            assert_eq!(end_of(&text, &args), expected, "{flags}");
        }
    }
}
