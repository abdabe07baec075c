//! Services: names under which tasks can be found, and how their health is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::{nanos, null_when_empty};

/// A name under which a task or group can be found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Service {
    /// The name, interpolated (`${TASKGROUP}-helloworld-v1`).
    pub name: String,
    /// Free words to search by.
    #[serde(with = "null_when_empty")]
    pub tags: Vec<String>,
    /// The same for canaries.
    #[serde(with = "null_when_empty")]
    pub canary_tags: Vec<String>,
    /// Whether others may change the tags in the catalogue.
    pub enable_tag_override: bool,
    /// The label of the port, or its number.
    #[serde(rename = "PortLabel")]
    pub port: String,
    /// Which address is registered: `auto`, `host`, `alloc` or `driver`.
    pub address_mode: String,
    /// An address of the user's own.
    pub address: String,
    /// How its health is found out.
    #[serde(with = "null_when_empty")]
    pub checks: Vec<Check>,
    /// When a failing check restarts the task.
    pub check_restart: Option<CheckRestart>,
    /// Service mesh: kept as submitted.
    pub connect: Value,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// The same for canaries.
    #[serde(with = "null_when_empty")]
    pub canary_meta: BTreeMap<String, String>,
    /// Further addresses by name.
    #[serde(with = "null_when_empty")]
    pub tagged_addresses: BTreeMap<String, String>,
    /// The task it belongs to, for a service of a group.
    pub task_name: String,
    /// What an update waits for: `require_healthy`, `ignore_warnings` or `ignore`.
    pub on_update: String,
    /// Kept as submitted.
    pub identity: Value,
    /// Kept as submitted.
    pub weights: Value,
    /// Who keeps the catalogue: `consul` or `nomad`.
    pub provider: String,
    /// The cluster of that provider.
    pub cluster: String,
    /// The kind of the provider's entry.
    pub kind: String,
}

/// A question that tells whether a service is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Check {
    /// Its name; made from the service's when empty.
    pub name: String,
    /// `http`, `tcp`, `grpc` or `script`.
    #[serde(rename = "Type")]
    pub check_type: String,
    /// What a script check runs.
    pub command: String,
    /// Its arguments.
    #[serde(with = "null_when_empty")]
    pub args: Vec<String>,
    /// The path asked for, for `http`.
    pub path: String,
    /// `http` or `https`.
    pub protocol: String,
    /// The label of the port, when it is not the service's.
    #[serde(rename = "PortLabel")]
    pub port: String,
    /// Whether a mesh exposes the path.
    pub expose: bool,
    /// As of the service.
    pub address_mode: String,
    /// The address that is advertised.
    pub advertise: String,
    /// The time between two questions.
    #[serde(with = "nanos")]
    pub interval: Duration,
    /// How long an answer may take.
    #[serde(with = "nanos")]
    pub timeout: Duration,
    /// The status before the first answer: `passing`, `warning`, `critical` or empty.
    pub initial_status: String,
    /// Free text.
    pub notes: String,
    /// The name a certificate is checked against.
    #[serde(rename = "TLSServerName")]
    pub tls_server_name: String,
    /// Whether certificates are not checked.
    #[serde(rename = "TLSSkipVerify")]
    pub tls_skip_verify: bool,
    /// Headers of the request, for `http`.
    #[serde(with = "null_when_empty")]
    pub header: BTreeMap<String, Vec<String>>,
    /// The method of the request, for `http`.
    pub method: String,
    /// When failing restarts the task.
    pub check_restart: Option<CheckRestart>,
    /// The service asked, for `grpc`.
    #[serde(rename = "GRPCService")]
    pub grpc_service: String,
    /// Whether `grpc` is encrypted.
    #[serde(rename = "GRPCUseTLS")]
    pub grpc_use_tls: bool,
    /// The task a script runs in, for a check of a group.
    pub task_name: String,
    /// How many good answers in a row make it passing.
    pub success_before_passing: u32,
    /// How many bad answers in a row make it critical.
    pub failures_before_critical: u32,
    /// How many bad answers in a row make it warn.
    pub failures_before_warning: u32,
    /// The body of the request, for `http`.
    pub body: String,
    /// As of the service.
    pub on_update: String,
}

/// When a failing check restarts its task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CheckRestart {
    /// After so many bad answers in a row; 0 for never.
    pub limit: u32,
    /// How long after its start a task is left alone.
    #[serde(with = "nanos")]
    pub grace: Duration,
    /// Whether warnings are fine.
    pub ignore_warnings: bool,
}
