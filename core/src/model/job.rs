//! Jobs: what users submit.
//!
//! A job is posted, kept and shown in one form: field names of these types are those of Nomad's API, durations are
//! nanoseconds, an unset list or map is `null` ([`form`](super::form)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::constraint::{Affinity, Constraint, Spread};
use super::form::null_when_empty;
use super::group::TaskGroup;
use super::ids::{JobId, JobKey};
use super::policy::{MigrateStrategy, ReschedulePolicy, UpdateStrategy};
use super::time::Timestamp;

/// The priority when nothing is said.
pub const PRIORITY_DEFAULT: u8 = 50;

/// A job as submitted and canonicalised, with what the servers know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Job {
    /// The region, `global` when nothing is said.
    pub region: String,
    /// The namespace, `default` when nothing is said.
    pub namespace: String,
    /// What identifies it within its namespace.
    #[serde(rename = "ID")]
    pub id: JobId,
    /// What it is called; the id when nothing is said.
    pub name: String,
    /// Which scheduler looks after it.
    #[serde(rename = "Type")]
    pub job_type: JobType,
    /// From 1 to 100, higher first; 50 when nothing is said.
    pub priority: u8,
    /// Place all of it or nothing.
    pub all_at_once: bool,
    /// Globs of datacenter names; `*` when nothing is said.
    #[serde(with = "null_when_empty")]
    pub datacenters: Vec<String>,
    /// The pool its nodes come from; `default` when empty.
    pub node_pool: String,
    /// Conditions on every group's nodes.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Wishes about every group's nodes.
    #[serde(with = "null_when_empty")]
    pub affinities: Vec<Affinity>,
    /// What runs, in the order written.
    #[serde(rename = "TaskGroups", with = "null_when_empty")]
    pub groups: Vec<TaskGroup>,
    /// How changes roll out, where a group says nothing.
    pub update: Option<UpdateStrategy>,
    /// Federation: kept as submitted.
    pub multiregion: Value,
    /// How every group's instances spread over nodes.
    #[serde(with = "null_when_empty")]
    pub spreads: Vec<Spread>,
    /// When it is launched again and again.
    pub periodic: Option<Periodic>,
    /// What it needs to be dispatched.
    #[serde(rename = "ParameterizedJob")]
    pub parameterized: Option<Parameterized>,
    /// What happens when an instance has failed for good, where a group says nothing.
    pub reschedule: Option<ReschedulePolicy>,
    /// How instances leave a drained node, where a group says nothing.
    pub migrate: Option<MigrateStrategy>,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// Text and links for browsers: kept as submitted.
    #[serde(rename = "UI")]
    pub ui: Value,

    /// Told to stop; a stopped job stays readable until collected.
    pub stop: bool,
    /// The periodic or parameterized job it came from; empty for others.
    #[serde(rename = "ParentID")]
    pub parent_id: JobId,
    /// Whether it came from a dispatch.
    pub dispatched: bool,
    /// What the dispatcher sent along so that a repeated dispatch finds it; may be empty.
    pub dispatch_idempotency_token: Option<String>,
    /// What was dispatched, in base64.
    pub payload: Option<String>,
    /// Kept as submitted.
    pub consul_namespace: String,
    /// Kept as submitted.
    pub vault_namespace: String,
    /// Kept as submitted.
    #[serde(rename = "NomadTokenID")]
    pub nomad_token_id: String,
    /// Derived from its allocations and evaluations.
    pub status: JobStatus,
    /// Why its status is what it is; may be empty.
    pub status_description: String,
    /// Whether a deployment of this version succeeded.
    pub stable: bool,
    /// Counts submissions that changed it, from 0.
    pub version: u64,
    /// When this version was submitted.
    pub submit_time: Timestamp,
    /// Log index of its first version.
    pub create_index: u64,
    /// Log index of the last change of any kind.
    pub modify_index: u64,
    /// Log index of the last submission.
    pub job_modify_index: u64,
    /// The user's name for this version: kept as submitted.
    pub version_tag: Value,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            region: String::new(),
            namespace: String::new(),
            id: JobId::new(),
            name: String::new(),
            job_type: JobType::Service,
            priority: PRIORITY_DEFAULT,
            all_at_once: false,
            datacenters: Vec::new(),
            node_pool: String::new(),
            constraints: Vec::new(),
            affinities: Vec::new(),
            groups: Vec::new(),
            update: None,
            multiregion: Value::Null,
            spreads: Vec::new(),
            periodic: None,
            parameterized: None,
            reschedule: None,
            migrate: None,
            meta: BTreeMap::new(),
            ui: Value::Null,
            stop: false,
            parent_id: JobId::new(),
            dispatched: false,
            dispatch_idempotency_token: None,
            payload: None,
            consul_namespace: String::new(),
            vault_namespace: String::new(),
            nomad_token_id: String::new(),
            status: JobStatus::Pending,
            status_description: String::new(),
            stable: false,
            version: 0,
            submit_time: Timestamp::NEVER,
            create_index: 0,
            modify_index: 0,
            job_modify_index: 0,
            version_tag: Value::Null,
        }
    }
}

impl Job {
    /// Tells whether a submission asks for what is there already. What the servers know of a job does not count.
    pub fn is_same_specification(&self, submitted: &Self) -> bool {
        let mut submitted = submitted.clone();
        submitted.status = self.status;
        submitted.status_description.clone_from(&self.status_description);
        submitted.stable = self.stable;
        submitted.version = self.version;
        submitted.submit_time = self.submit_time;
        submitted.create_index = self.create_index;
        submitted.modify_index = self.modify_index;
        submitted.job_modify_index = self.job_modify_index;
        *self == submitted
    }

    /// Returns what identifies the job among all.
    pub fn key(&self) -> JobKey {
        JobKey::new(&*self.namespace, &*self.id)
    }

    /// Tells whether it runs only by what is launched from it: periodic jobs, and parameterized ones before a dispatch.
    pub fn waits_for_launch(&self) -> bool {
        self.periodic.is_some() || (self.parameterized.is_some() && !self.dispatched)
    }

    /// Returns the group of that name.
    pub fn group(&self, name: &str) -> Option<&TaskGroup> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// The kinds of job, by who schedules them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobType {
    /// Runs on until stopped.
    #[default]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Submitted, nothing placed yet.
    #[default]
    #[serde(alias = "")]
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

/// When a job is launched again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Periodic {
    /// Whether it is launched at all.
    pub enabled: bool,
    /// One cron expression; the older way.
    pub spec: String,
    /// Cron expressions: it is launched when any of them says so.
    #[serde(with = "null_when_empty")]
    pub specs: Vec<String>,
    /// `cron`.
    pub spec_type: String,
    /// Whether a launch is left out while the last one still runs.
    pub prohibit_overlap: bool,
    /// The time zone of the expressions, such as `Europe/Amsterdam`; `UTC` when nothing is said.
    pub time_zone: String,
}

impl Default for Periodic {
    fn default() -> Self {
        Self {
            enabled: true,
            spec: String::new(),
            specs: Vec::new(),
            spec_type: "cron".to_owned(),
            prohibit_overlap: false,
            time_zone: "UTC".to_owned(),
        }
    }
}

/// What a job needs to be dispatched; it does not run by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Parameterized {
    /// `optional`, `required` or `forbidden`.
    pub payload: String,
    /// Meta keys each dispatch must give.
    #[serde(with = "null_when_empty")]
    pub meta_required: Vec<String>,
    /// Meta keys a dispatch may give.
    #[serde(with = "null_when_empty")]
    pub meta_optional: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_launched_from_a_job_runs_and_the_job_does_not() {
        let periodic = Job { periodic: Some(Periodic::default()), ..Job::default() };
        let parameterized = Job { parameterized: Some(Parameterized::default()), ..Job::default() };
        let dispatched = Job { dispatched: true, ..parameterized.clone() };
        let waits = [Job::default(), periodic, parameterized, dispatched].map(|job| job.waits_for_launch());
        assert_eq!(waits, [false, true, true, false]);
    }
}
