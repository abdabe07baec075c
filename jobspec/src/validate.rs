//! What one value alone cannot show: names that clash, groups without tasks, limits, policies at odds with themselves.
//!
//! Every rule is one of Nomad's servers, unless its comment says otherwise; each complaint names its place in the words of
//! the HTTP API and what was expected. Source: the `Validate` methods of Nomad's servers and its documentation.

mod constraint;
mod network;
mod policy;
mod service;
mod task;

use std::collections::BTreeSet;

use pasture_core::model::{Job, JobType, TaskGroup};

/// How many allocations one job may ask for. Source: Nomad's default `job_max_count`.
pub const COUNT_MAX: u32 = 50_000;
/// The highest priority.
pub const PRIORITY_MAX: u8 = 100;
/// How long a name may be, in bytes. Pasture's own.
const NAME_MAX: usize = 255;
/// How long the name of a node pool may be, in bytes.
const NODE_POOL_MAX: usize = 128;
/// The least scratch disk of a group, in MB.
const DISK_MB_MIN: u32 = 10;

/// One thing wrong with a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, in the words of the HTTP API: `Job.TaskGroups[0].Count`.
    pub path: String,
    /// What, a lower-case fragment.
    pub message: String,
}

/// What validation has to say about a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is fine, but hardly meant.
    pub warnings: Vec<Problem>,
}

/// Checks a canonical job.
///
/// # Errors
/// With everything that is wrong, each with its path: `Job.TaskGroups[0].Tasks: ...`.
pub fn validate(job: &Job) -> Result<(), Vec<String>> {
    let problems = problems(job);
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect())
}

/// Returns everything that is wrong with a canonical job.
pub fn problems(job: &Job) -> Vec<Problem> {
    report(job).problems
}

/// Returns everything that is to say about a canonical job.
pub fn report(job: &Job) -> Report {
    let mut check = Check::default();
    check.job(job);
    check.report
}

#[derive(Default)]
struct Check {
    report: Report,
}

impl Check {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.report.problems.push(Problem { path: path.into(), message: message.into() });
    }

    fn warning(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.report.warnings.push(Problem { path: path.into(), message: message.into() });
    }

    fn job(&mut self, job: &Job) {
        self.name("Job.ID", "job", &job.id);
        if job.id.contains(char::is_whitespace) {
            self.problem("Job.ID", format!("the job's name {:?} contains a space", job.id));
        }
        if job.name.contains('\0') {
            self.problem("Job.Name", "the job's name contains a null character");
        }
        if job.priority == 0 || job.priority > PRIORITY_MAX {
            let message = format!("priority {} is not within 1 and {PRIORITY_MAX}", job.priority);
            self.problem("Job.Priority", message);
        }
        if job.datacenters.iter().any(String::is_empty) {
            self.problem("Job.Datacenters", "a datacenter has an empty name");
        }
        let pool_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if job.node_pool.len() > NODE_POOL_MAX || !job.node_pool.chars().all(pool_letter) {
            let message = format!(
                "node pool {:?} may have letters, digits, - and _ only, at most {NODE_POOL_MAX}",
                job.node_pool
            );
            self.problem("Job.NodePool", message);
        }
        self.constraints("Job", &job.constraints, constraint::Level::Job);
        self.wishes("Job", &job.affinities, &job.spreads, job.job_type);
        self.periodic(job);
        self.parameterized(job);
        self.groups(job);
    }

    fn groups(&mut self, job: &Job) {
        if job.groups.is_empty() {
            self.problem("Job", "the job has no task group; add group \"name\" { ... }");
        }
        self.unique("Job.TaskGroups", "group", job.groups.iter().map(|group| group.name.as_str()));
        for (index, group) in job.groups.iter().enumerate() {
            self.group(&format!("Job.TaskGroups[{index}]"), job, group);
        }
        let total = job.groups.iter().map(|group| u64::from(group.count)).sum::<u64>();
        if total > u64::from(COUNT_MAX) {
            let message =
                format!("the groups ask for {total} allocations in all; at most {COUNT_MAX} are allowed");
            self.problem("Job", message);
        }
    }

    fn group(&mut self, path: &str, job: &Job, group: &TaskGroup) {
        let kind = job.job_type;
        self.name(&format!("{path}.Name"), "group", &group.name);
        if matches!(kind, JobType::System | JobType::SysBatch) && group.count > 1 {
            let message = format!(
                "count is {}, but a {} job runs once on every node; remove count or set it to 1",
                group.count,
                kind.as_str()
            );
            self.problem(format!("{path}.Count"), message);
        }
        self.constraints(path, &group.constraints, constraint::Level::Group);
        self.wishes(path, &group.affinities, &group.spreads, kind);
        self.group_policies(path, kind, group);
        if group.ephemeral_disk.size_mb < DISK_MB_MIN {
            let message = format!("the ephemeral disk must have at least {DISK_MB_MIN} MB");
            self.problem(format!("{path}.EphemeralDisk.SizeMB"), message);
        }
        self.volumes(path, group);
        self.tasks(path, job, group);
        self.ports(path, group);
        self.services(path, group);
    }

    fn tasks(&mut self, path: &str, job: &Job, group: &TaskGroup) {
        if group.tasks.is_empty() {
            self.problem(path, format!("group {:?} has no task; add task \"name\" {{ ... }}", group.name));
        }
        self.unique(&format!("{path}.Tasks"), "task", group.tasks.iter().map(|task| task.name.as_str()));
        let mut leaders = group.tasks.iter().enumerate().filter(|(_, task)| task.leader);
        if let (Some((_, first)), Some((second, _))) = (leaders.next(), leaders.next()) {
            let message = format!("a group has one leader at most; the first is {:?}", first.name);
            self.problem(format!("{path}.Tasks[{second}].Leader"), message);
        }
        for (index, task) in group.tasks.iter().enumerate() {
            self.task(&format!("{path}.Tasks[{index}]"), job, group, task);
        }
    }

    fn volumes(&mut self, path: &str, group: &TaskGroup) {
        for (name, volume) in &group.volumes {
            let path = format!("{path}.Volumes.{name}");
            match volume.volume_type.as_str() {
                "host" => {
                    if !volume.attachment_mode.is_empty() && volume.access_mode.is_empty() {
                        self.problem(&*path, "attachment_mode of a host volume goes with access_mode only");
                    }
                }
                "csi" => {
                    for (what, mode) in
                        [("access_mode", &volume.access_mode), ("attachment_mode", &volume.attachment_mode)]
                    {
                        if mode.is_empty() {
                            self.problem(&*path, format!("a csi volume has no {what:?}; add {what} = ..."));
                        }
                    }
                }
                other => {
                    self.problem(&*path, format!("volume type {other:?} is neither \"host\" nor \"csi\""))
                }
            }
            if volume.source.is_empty() {
                self.problem(&*path, format!("volume {name:?} has no source; add source = ..."));
            }
            let has_canaries = group.update.as_ref().is_some_and(|update| update.canary > 0);
            if volume.per_alloc && has_canaries {
                self.problem(&*path, "a volume for each allocation leaves none for canaries; set canary = 0");
            }
        }
    }

    fn name(&mut self, path: &str, what: &str, name: &str) {
        if name.is_empty() {
            self.problem(path, format!("the {what} has no name"));
        } else if name.len() > NAME_MAX {
            let message =
                format!("the {what}'s name has {} bytes; at most {NAME_MAX} are allowed", name.len());
            self.problem(path, message);
        } else if name.contains(char::is_control) {
            self.problem(path, format!("the {what}'s name {name:?} contains a control character"));
        }
    }

    fn unique<'a>(&mut self, path: &str, what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.problem(format!("{path}[{index}].Name"), format!("there is another {what} {name:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
