//! Jobs: what users submit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::constraint::Constraint;
use super::ids::{JobId, JobKey};
use super::resources::{Network, Resources};
use super::time::Timestamp;

/// A job as submitted and canonicalised, with what the servers know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The region, `global` when nothing is said.
    pub region: String,
    /// The namespace, `default` when nothing is said.
    pub namespace: String,
    /// What identifies it within its namespace.
    pub id: JobId,
    /// What it is called; the id when nothing is said.
    pub name: String,
    /// Which scheduler looks after it.
    pub job_type: JobType,
    /// From 1 to 100, higher first; 50 when nothing is said.
    pub priority: u8,
    /// Place all of it or nothing.
    #[serde(default)]
    pub all_at_once: bool,
    /// Globs of datacenter names; `*` when nothing is said.
    pub datacenters: Vec<String>,
    /// The pool its nodes come from, `default` when nothing is said.
    pub node_pool: String,
    /// Conditions on every group's nodes.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// How changes roll out, where a group says nothing.
    #[serde(default)]
    pub update: Option<UpdateStrategy>,
    /// What runs, in the order written.
    pub groups: Vec<TaskGroup>,
    /// Free text of the user.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,

    /// Told to stop; a stopped job stays readable until collected.
    #[serde(default)]
    pub stop: bool,
    /// Derived from its allocations and evaluations.
    pub status: JobStatus,
    /// Counts submissions that changed it, from 0.
    #[serde(default)]
    pub version: u64,
    /// When this version was submitted.
    pub submit_time: Timestamp,
    /// Log index of its first version.
    #[serde(default)]
    pub create_index: u64,
    /// Log index of the last change of any kind.
    #[serde(default)]
    pub modify_index: u64,
    /// Log index of the last submission.
    #[serde(default)]
    pub job_modify_index: u64,
}

impl Job {
    /// Returns what identifies the job among all.
    pub fn key(&self) -> JobKey {
        JobKey::new(&*self.namespace, &*self.id)
    }

    /// Returns the group of that name.
    pub fn group(&self, name: &str) -> Option<&TaskGroup> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// The kinds of job, by who schedules them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum JobType {
    /// Runs on until stopped.
    Service,
    /// Runs to its end.
    Batch,
    /// Runs on every eligible node until stopped.
    System,
    /// Runs to its end on every eligible node.
    SysBatch,
}

impl JobType {
    /// All of them, in the order of the documentation.
    pub const ALL: &[Self] = &[Self::Service, Self::Batch, Self::System, Self::SysBatch];

    /// Returns how the type is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
            Self::System => "system",
            Self::SysBatch => "sysbatch",
        }
    }

    /// Returns the type of a name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStatus {
    /// Submitted, nothing placed yet.
    Pending,
    /// At least one allocation is not terminal.
    Running,
    /// Stopped, or finished.
    Dead,
}

impl JobStatus {
    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

/// Tasks placed together on one node, `count` times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskGroup {
    /// Its name within the job.
    pub name: String,
    /// How many instances are wanted.
    pub count: u32,
    /// Conditions on its nodes, beside the job's.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What happens when a task ends.
    pub restart: RestartPolicy,
    /// How changes roll out.
    #[serde(default)]
    pub update: Option<UpdateStrategy>,
    /// Scratch space for the group, in MB; 300 when nothing is said.
    pub ephemeral_disk_mb: u32,
    /// Networks shared by its tasks.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// What runs, in the order written.
    pub tasks: Vec<Task>,
    /// Free text of the user.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
}

/// One thing a driver runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name within the group.
    pub name: String,
    /// The driver that runs it, such as `docker` or `raw_exec`.
    pub driver: String,
    /// Whom it runs as; the driver's choice when empty.
    #[serde(default)]
    pub user: String,
    /// What the driver is told; a nested block, and a map, is a list of objects, any other attribute its value.
    #[serde(default)]
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Its environment, beside what every task gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What it needs.
    pub resources: Resources,
    /// Conditions on its node, beside group's and job's.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What it offers to others under a name.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Free text of the user.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// The time between asking it to stop and killing it.
    pub kill_timeout: Duration,
    /// The signal that asks it to stop; the driver's choice when empty.
    #[serde(default)]
    pub kill_signal: String,
    /// How much of its output is kept.
    #[serde(default)]
    pub logs: LogConfig,
}

/// A name under which a task can be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The name, interpolated (`${TASKGROUP}-helloworld-v1`).
    pub name: String,
    /// The label of the port.
    #[serde(default)]
    pub port: String,
    /// Free words to search by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How its health is found out.
    #[serde(default)]
    pub checks: Vec<Check>,
}

/// A question that tells whether a service is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name; made from the service's when empty.
    #[serde(default)]
    pub name: String,
    /// `http`, `tcp` or `script`.
    pub check_type: String,
    /// The path asked for, for `http`.
    #[serde(default)]
    pub path: String,
    /// The time between two questions.
    #[serde(default)]
    pub interval: Duration,
    /// How long an answer may take.
    #[serde(default)]
    pub timeout: Duration,
}

/// How much of a task's output is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfig {
    /// How many files of each kind are kept.
    pub max_files: u32,
    /// When a file is full, in MB.
    pub max_file_size_mb: u32,
}

impl Default for LogConfig {
    /// Ten files of ten MB.
    fn default() -> Self {
        Self { max_files: 10, max_file_size_mb: 10 }
    }
}

/// What happens when a task ends: the client restarts it in place, within limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// How many restarts within `interval`; 0 for none.
    pub attempts: u32,
    /// When the count of attempts starts again.
    pub interval: Duration,
    /// How long to wait before a restart.
    pub delay: Duration,
    /// What happens when the attempts are used up.
    pub mode: RestartMode,
    /// Whether an exit with code 0 is restarted too; the job type decides when nothing is said.
    #[serde(default)]
    pub on_success: Option<bool>,
}

impl RestartPolicy {
    /// Returns what holds for jobs of that type when nothing is said.
    pub fn default_for(kind: JobType) -> Self {
        let (attempts, interval) = match kind {
            JobType::Service | JobType::System => (2, Duration::from_secs(30 * 60)),
            JobType::Batch | JobType::SysBatch => (3, Duration::from_secs(24 * 3600)),
        };
        Self { attempts, interval, delay: Duration::from_secs(15), mode: RestartMode::Fail, on_success: None }
    }
}

/// What a restart policy does when its attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartMode {
    /// The task has failed.
    Fail,
    /// The next attempt waits for the interval to end.
    Delay,
}

impl RestartMode {
    /// Returns how the mode is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Delay => "delay",
        }
    }
}

/// How changes of a job roll out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateStrategy {
    /// The time between two batches, as in 2016.
    pub stagger: Duration,
    /// How many allocations change at once; 0 for all.
    pub max_parallel: u32,
}
