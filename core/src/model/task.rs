//! Tasks: what drivers run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::constraint::{Affinity, Constraint};
use super::form::{nanos, null_when_empty};
use super::policy::RestartPolicy;
use super::resources::Resources;
use super::service::Service;

/// The time between asking a task to stop and killing it, when nothing is said.
pub const KILL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// One thing a driver runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Task {
    /// Its name within the group.
    pub name: String,
    /// The driver that runs it, such as `docker` or `raw_exec`.
    pub driver: String,
    /// Whom it runs as; the driver's choice when empty.
    pub user: String,
    /// When it runs beside the main tasks; it is one of them when nothing is said.
    pub lifecycle: Option<Lifecycle>,
    /// What the driver is told: a nested block is a list of objects, an attribute its value.
    #[serde(with = "null_when_empty")]
    pub config: Map<String, Value>,
    /// Conditions on its node, beside group's and job's.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Wishes about its node, beside group's and job's.
    #[serde(with = "null_when_empty")]
    pub affinities: Vec<Affinity>,
    /// Its environment, beside what every task gets.
    #[serde(with = "null_when_empty")]
    pub env: BTreeMap<String, String>,
    /// What it offers to others under a name.
    #[serde(with = "null_when_empty")]
    pub services: Vec<Service>,
    /// What it needs.
    pub resources: Resources,
    /// What happens when it ends; the group's when nothing is said.
    #[serde(rename = "RestartPolicy")]
    pub restart: Option<RestartPolicy>,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// The time between asking it to stop and killing it.
    #[serde(with = "nanos")]
    pub kill_timeout: Duration,
    /// How much of its output is kept.
    #[serde(rename = "LogConfig")]
    pub logs: LogConfig,
    /// Files fetched before its start: kept as submitted.
    pub artifacts: Value,
    /// Kept as submitted.
    pub vault: Value,
    /// Kept as submitted.
    pub consul: Value,
    /// Files rendered before its start: kept as submitted.
    pub templates: Value,
    /// Where the payload of a dispatch is written.
    pub dispatch_payload: Option<DispatchPayload>,
    /// Where volumes of the group are mounted: kept as submitted.
    pub volume_mounts: Value,
    /// Kept as submitted.
    #[serde(rename = "CSIPluginConfig", skip_serializing_if = "Value::is_null")]
    pub csi_plugin: Value,
    /// Whether the others stop when it ends.
    pub leader: bool,
    /// The time between leaving the catalogue and stopping.
    #[serde(with = "nanos")]
    pub shutdown_delay: Duration,
    /// The signal that asks it to stop; the driver's choice when empty.
    pub kill_signal: String,
    /// Its role in a service mesh.
    pub kind: String,
    /// Kept as submitted.
    pub scaling_policies: Value,
    /// Kept as submitted.
    pub secrets: Value,
    /// Kept as submitted.
    pub identity: Value,
    /// Kept as submitted.
    pub identities: Value,
    /// Kept as submitted.
    pub actions: Value,
    /// Kept as submitted.
    pub schedule: Value,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            name: String::new(),
            driver: String::new(),
            user: String::new(),
            lifecycle: None,
            config: Map::new(),
            constraints: Vec::new(),
            affinities: Vec::new(),
            env: BTreeMap::new(),
            services: Vec::new(),
            resources: Resources::default(),
            restart: None,
            meta: BTreeMap::new(),
            kill_timeout: KILL_TIMEOUT_DEFAULT,
            logs: LogConfig::default(),
            artifacts: Value::Null,
            vault: Value::Null,
            consul: Value::Null,
            templates: Value::Null,
            dispatch_payload: None,
            volume_mounts: Value::Null,
            csi_plugin: Value::Null,
            leader: false,
            shutdown_delay: Duration::ZERO,
            kill_signal: String::new(),
            kind: String::new(),
            scaling_policies: Value::Null,
            secrets: Value::Null,
            identity: Value::Null,
            identities: Value::Null,
            actions: Value::Null,
            schedule: Value::Null,
        }
    }
}

/// When a task runs that is not one of the main tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Lifecycle {
    /// `prestart`, `poststart` or `poststop`.
    pub hook: String,
    /// Whether it runs on beside the main tasks.
    pub sidecar: bool,
}

/// How much of a task's output is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    /// How many files of each kind are kept.
    pub max_files: u32,
    /// When a file is full, in MB.
    #[serde(rename = "MaxFileSizeMB")]
    pub max_file_size_mb: u32,
    /// The older way of `disabled`.
    pub enabled: Option<bool>,
    /// Whether nothing is kept.
    pub disabled: bool,
}

impl Default for LogConfig {
    /// Ten files of ten MB.
    fn default() -> Self {
        Self { max_files: 10, max_file_size_mb: 10, enabled: None, disabled: false }
    }
}

/// Where the payload of a dispatch is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DispatchPayload {
    /// The file, below the task's `local` folder.
    pub file: String,
}
