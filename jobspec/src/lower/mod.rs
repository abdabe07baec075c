//! The tree of a job file into the model.

mod constraint;
mod group;
mod task;

use std::collections::BTreeMap;

pub use constraint::one as lower_constraint;

use super::canonical::PRIORITY_DEFAULT;
use super::diagnostic::Span;
use super::hcl::{Block, Body, Fields, Reader};
use pasture_core::model::{Job, JobType, UpdateStrategy};

/// What Nomad knows of jobs and this version does not run.
const REFUSED: &[&str] =
    &["affinity", "spread", "multiregion", "periodic", "parameterized", "ui", "vault", "secret"];

/// A job and where its parts stand.
pub(super) struct Lowered {
    pub job: Job,
    pub places: Places,
}

/// Where the parts of a job stand, by the path the HTTP API would give them.
#[derive(Default)]
pub(super) struct Places {
    spans: BTreeMap<String, Span>,
}

impl Places {
    pub fn set(&mut self, path: impl Into<String>, span: &Span) {
        self.spans.insert(path.into(), span.clone());
    }

    /// Returns the place of a path, or of the nearest part around it.
    pub fn find(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(span) = self.spans.get(path) {
                return span.clone();
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return 0..0,
            }
        }
    }
}

/// Lowers a file: exactly one job. Returns `None` when there is none.
pub(super) fn file(reader: &Reader, body: &Body) -> Option<Lowered> {
    let fields = Fields::new(reader, body, "the job file");
    let jobs = fields.blocks("job");
    fields.finish();
    match jobs.as_slice() {
        [] => {
            reader.error_with_help(&(0..0), "the file has no job", "write job \"name\" { ... }");
            None
        }
        [block, others @ ..] => {
            for other in others {
                reader.error_with_help(
                    &other.span,
                    "the file has more than one job",
                    "give each job a file of its own",
                );
            }
            Some(job(reader, block))
        }
    }
}

fn job(reader: &Reader, block: &Block) -> Lowered {
    let mut places = Places::default();
    places.set("Job", &block.span);
    let label = reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
    let fields = Fields::new(reader, &block.body, format!("job {label:?}"));
    let id = fields.text("id").unwrap_or_else(|| label.clone());
    let job_type = job_type(&fields);
    places.set("Job.Priority", fields.span_of("priority"));
    places.set("Job.Datacenters", fields.span_of("datacenters"));
    let mut job = Job {
        region: fields.text("region").unwrap_or_default(),
        namespace: fields.text("namespace").unwrap_or_default(),
        name: fields.text("name").unwrap_or(label),
        id,
        job_type,
        // Beyond 255 the number itself is reported; a priority in between by validation.
        priority: fields.number("priority").unwrap_or(PRIORITY_DEFAULT),
        all_at_once: fields.flag("all_at_once").unwrap_or(false),
        datacenters: fields.texts("datacenters").unwrap_or_default(),
        node_pool: fields.text("node_pool").unwrap_or_default(),
        constraints: constraint::all(&fields, "Job", &mut places),
        update: update(&fields),
        groups: Vec::new(),
        meta: fields.text_map("meta").unwrap_or_default(),
        ..Job::default()
    };
    // A task of the job itself is a group of its own, before all others.
    let tasks = fields.blocks("task");
    for block in tasks {
        let path = format!("Job.TaskGroups[{}]", job.groups.len());
        job.groups.push(group::of_task(reader, block, &path, job_type, &mut places));
    }
    for block in fields.blocks("group") {
        let path = format!("Job.TaskGroups[{}]", job.groups.len());
        job.groups.push(group::group(reader, block, &path, job_type, &mut places));
    }
    fields.refuse(REFUSED);
    fields.ignore(&["reschedule", "migrate"]);
    fields.finish();
    Lowered { job, places }
}

fn job_type(fields: &Fields<'_>) -> JobType {
    let Some(attribute) = fields.attribute("type") else { return JobType::Service };
    let Some(text) = fields.reader().text(&attribute.value, "type") else { return JobType::Service };
    let known = JobType::from_name(&text);
    if matches!(known, Some(JobType::System | JobType::SysBatch)) {
        fields.reader().warn(
            &attribute.value.span,
            format!("{text} jobs are not scheduled by this version: nothing of it will run"),
            "service and batch jobs are",
        );
    }
    known.unwrap_or_else(|| {
        let known = JobType::ALL.iter().map(|kind| kind.as_str());
        fields.reader().unknown(&attribute.value.span, "job type", &text, known);
        JobType::Service
    })
}

/// Lowers the `update` block of a job or group.
fn update(fields: &Fields<'_>) -> Option<UpdateStrategy> {
    let block = fields.block("update")?;
    let inner = Fields::new(fields.reader(), &block.body, "update");
    fields.reader().warn(
        &block.span,
        "updates are not paced by this version: all allocations that change are replaced at once",
        "stagger and max_parallel are kept and shown",
    );
    let update = UpdateStrategy {
        stagger: inner.duration("stagger").unwrap_or(UpdateStrategy::default().stagger),
        max_parallel: inner.number("max_parallel").unwrap_or(UpdateStrategy::default().max_parallel),
        paced_by_stagger: true,
        ..UpdateStrategy::default()
    };
    inner.refuse(&[
        "health_check",
        "min_healthy_time",
        "healthy_deadline",
        "progress_deadline",
        "canary",
        "auto_revert",
        "auto_promote",
    ]);
    inner.finish();
    Some(update)
}
