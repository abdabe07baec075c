//! Jobs.

use super::diff;
use super::metric;
use super::{Cell, Style, Table, pairs, sections, titled};
use crate::api::wire::job::{JobDiff, JobStub};
use crate::api::wire::{AllocStub, Evaluation, Job, JobSummary};
use crate::model::Timestamp;

/// Everything `status` shows of one job.
#[derive(Clone, Debug, Default)]
pub struct JobStatus {
    /// The job.
    pub job: Job,
    /// Its allocations, counted.
    pub summary: JobSummary,
    /// Its allocations.
    pub allocs: Vec<AllocStub>,
    /// Its evaluations.
    pub evals: Vec<Evaluation>,
}

/// What of a job is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Show {
    /// Only the facts about the job itself.
    pub short: bool,
    /// Its evaluations too.
    pub evals: bool,
}

/// Lists jobs.
pub fn list(style: &Style, jobs: &[JobStub], all_namespaces: bool) -> String {
    if jobs.is_empty() {
        return "No running jobs".to_owned();
    }
    let header = ["ID", "Type", "Priority", "Status", "Submit Date"];
    let mut table = if all_namespaces {
        Table::new(["ID", "Namespace", "Type", "Priority", "Status", "Submit Date"])
    } else {
        Table::new(header)
    };
    for job in jobs {
        let mut row: Vec<Cell> = vec![job.id.as_str().into()];
        row.extend(all_namespaces.then(|| job.namespace.as_str().into()));
        row.extend([
            job.job_type.as_str().into(),
            job.priority.to_string().into(),
            job_status(job.status.as_str(), job.stop),
            super::time::full(Timestamp(job.submit_time)).into(),
        ]);
        table.row(row);
    }
    table.render(style)
}

/// Shows one job: facts, summary, what could not be placed and why, allocations.
pub fn status(style: &Style, status: &JobStatus, show: Show) -> String {
    let overview = overview(style, &status.job);
    if show.short {
        return overview;
    }
    let evals = if show.evals || style.verbose { evaluations(style, &status.evals) } else { String::new() };
    sections([
        overview,
        summary(style, &status.summary),
        evals,
        placement_failures(style, &status.evals),
        titled(style, "Allocations", &allocations(style, &status.allocs, "No allocations placed")),
    ])
}

/// Lists allocations.
pub fn allocations(style: &Style, allocs: &[AllocStub], none: &str) -> String {
    if allocs.is_empty() {
        return none.to_owned();
    }
    let mut newest_first: Vec<&AllocStub> = allocs.iter().collect();
    newest_first.sort_by(|a, b| (b.create_index, &b.name, &b.id).cmp(&(a.create_index, &a.name, &a.id)));
    let mut table = if style.verbose {
        Table::new([
            "ID",
            "Eval ID",
            "Node ID",
            "Node Name",
            "Task Group",
            "Version",
            "Desired",
            "Status",
            "Created",
            "Modified",
        ])
    } else {
        Table::new(["ID", "Node ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"])
    };
    for alloc in newest_first {
        let mut row: Vec<Cell> = vec![style.id(&alloc.id).into()];
        row.extend(style.verbose.then(|| style.id(&alloc.eval_id).into()));
        row.push(style.id(&alloc.node_id).into());
        row.extend(style.verbose.then(|| alloc.node_name.as_str().into()));
        row.extend([
            alloc.task_group.as_str().into(),
            alloc.job_version.to_string().into(),
            alloc.desired_status.as_str().into(),
            Cell::status(&alloc.client_status),
            style.time(Timestamp(alloc.create_time)).into(),
            style.time(Timestamp(alloc.modify_time)).into(),
        ]);
        table.row(row);
    }
    table.render(style)
}

/// Shows the kept versions of a job, newest first, and how each differs from the one before it when that is known.
pub fn versions(style: &Style, versions: &[Job], diffs: Option<&[JobDiff]>) -> String {
    let mut diffs = diffs.unwrap_or_default().iter();
    sections(versions.iter().map(|job| {
        let groups = job.groups.iter().map(|group| format!("{} x {}", group.count, group.name));
        let facts = pairs(
            style,
            [
                ("Version", job.version.to_string()),
                ("Submit Date", super::time::full(job.submit_time)),
                ("Stopped", job.stop.to_string()),
                ("Task Groups", groups.collect::<Vec<_>>().join(", ")),
            ],
        );
        match diffs.next() {
            Some(diff) => format!("{facts}\n{}\n{}", style.heading("Diff"), diff::job(style, diff)),
            None => facts,
        }
    }))
}

fn overview(style: &Style, job: &Job) -> String {
    pairs::<Cell>(
        style,
        [
            ("ID", job.id.as_str().into()),
            ("Name", job.name.as_str().into()),
            ("Submit Date", super::time::full(job.submit_time).into()),
            ("Type", job.job_type.as_str().into()),
            ("Priority", job.priority.to_string().into()),
            ("Datacenters", job.datacenters.join(",").into()),
            ("Namespace", job.namespace.as_str().into()),
            ("Node Pool", job.node_pool.as_str().into()),
            ("Version", job.version.to_string().into()),
            ("Status", job_status(job.status.as_str(), job.stop)),
        ],
    )
}

fn summary(style: &Style, summary: &JobSummary) -> String {
    let mut table =
        Table::new(["Task Group", "Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"]);
    for (group, counts) in &summary.summary {
        let counts = [
            counts.queued,
            counts.starting,
            counts.running,
            counts.failed,
            counts.complete,
            counts.lost,
            counts.unknown,
        ];
        let cells = counts.iter().map(|count| Cell::from(count.to_string()));
        table.row(std::iter::once(Cell::from(group.as_str())).chain(cells));
    }
    titled(style, "Summary", &table.render(style))
}

fn evaluations(style: &Style, evals: &[Evaluation]) -> String {
    if evals.is_empty() {
        return String::new();
    }
    titled(style, "Evaluations", &super::eval::list(style, evals))
}

/// Explains what is still waiting: of the newest evaluation that was processed, or of the one that is blocked.
fn placement_failures(style: &Style, evals: &[Evaluation]) -> String {
    let blocked = evals.iter().find(|eval| eval.status == "blocked");
    let explained = evals.iter().filter(|eval| !eval.failed_tg_allocs.is_empty());
    // An old evaluation's failures are told only while somebody still waits because of them.
    let latest = match blocked {
        Some(blocked) if !blocked.failed_tg_allocs.is_empty() => Some(blocked),
        Some(_) => explained.max_by_key(|eval| eval.modify_index),
        None => {
            let latest = evals.iter().max_by_key(|eval| eval.modify_index);
            latest.filter(|eval| !eval.failed_tg_allocs.is_empty())
        }
    };
    let Some(eval) = latest else { return String::new() };
    titled(style, "Placement Failure", &metric::failures(style, &eval.failed_tg_allocs))
}

fn job_status(status: &str, stopped: bool) -> Cell {
    if stopped { format!("{status} (stopped)").into() } else { Cell::status(status) }
}
