//! What works, but not as the user may think: what this version does not run yet, what is spelled as in 2016, and which
//! of two ways of updating is in force.
//!
//! # Invariants
//! - Nothing a job asks for is dropped silently: what no part of the cluster acts on has a row in [`NOT_RUN_YET`]. Whoever
//!   builds such a part deletes its row.
//! - A job in the form Nomad's own tools send, every default filled in, gets no notice for a default.

use serde_json::{Map, Value};

use crate::canonical;
use crate::schema::says_something;

/// One thing to know about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Where, in the words of the HTTP API.
    pub path: String,
    /// What, a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// What is accepted and kept, but run by no part of this version: path below the job, how HCL calls it, what happens
/// instead.
const NOT_RUN_YET: &[(&str, &str, &str)] = &[
    ("Multiregion", "multiregion", "the job runs in this region alone"),
    ("Periodic", "periodic", "the job is kept, but nothing launches it"),
    ("ParameterizedJob", "parameterized", "the job is kept, but cannot be dispatched"),
    ("TaskGroups[].Disconnect", "disconnect", "a node that is cut off counts as down"),
    ("TaskGroups[].MaxClientDisconnect", "max_client_disconnect", "a node that is cut off counts as down"),
    (
        "TaskGroups[].StopAfterClientDisconnect",
        "stop_after_client_disconnect",
        "a client that is cut off stops nothing",
    ),
    ("TaskGroups[].Scaling", "scaling", "nothing scales it"),
    ("TaskGroups[].Consul", "consul", "there is no Consul to reach"),
    ("TaskGroups[].ShutdownDelay", "shutdown_delay", "tasks are stopped at once"),
    ("TaskGroups[].MaxRunDuration", "max_run_duration", "it runs for as long as it likes"),
    ("TaskGroups[].EphemeralDisk.Sticky", "sticky", "a replacement starts with an empty disk"),
    ("TaskGroups[].EphemeralDisk.Migrate", "migrate", "a replacement starts with an empty disk"),
    ("TaskGroups[].RestartPolicy.RenderTemplates", "render_templates", "templates are not rendered"),
    ("TaskGroups[].Networks[].DNS", "dns", "tasks use the node's name servers"),
    ("TaskGroups[].Networks[].CNI", "cni", "tasks share the node's network"),
    ("TaskGroups[].Networks[].Hostname", "hostname", "tasks share the node's name"),
    ("TaskGroups[].Tasks[].Lifecycle", "lifecycle", "the task runs beside the others"),
    ("TaskGroups[].Tasks[].Leader", "leader", "the others run on when it ends"),
    ("TaskGroups[].Tasks[].ShutdownDelay", "shutdown_delay", "the task is stopped at once"),
    ("TaskGroups[].Tasks[].Artifacts", "artifact", "nothing is fetched"),
    ("TaskGroups[].Tasks[].Templates", "template", "nothing is rendered"),
    ("TaskGroups[].Tasks[].Vault", "vault", "the task gets no token"),
    ("TaskGroups[].Tasks[].Consul", "consul", "there is no Consul to reach"),
    ("TaskGroups[].Tasks[].DispatchPayload", "dispatch_payload", "no file is written"),
    ("TaskGroups[].Tasks[].VolumeMounts", "volume_mount", "nothing is mounted"),
    ("TaskGroups[].Tasks[].CSIPluginConfig", "csi_plugin", "the task is no plugin"),
    ("TaskGroups[].Tasks[].ScalingPolicies", "scaling", "nothing scales it"),
    ("TaskGroups[].Tasks[].Secrets", "secret", "the task gets none"),
    ("TaskGroups[].Tasks[].Identity", "identity", "the task gets no token"),
    ("TaskGroups[].Tasks[].Identities", "identity", "the task gets no token"),
    ("TaskGroups[].Tasks[].Actions", "action", "it cannot be run"),
    ("TaskGroups[].Tasks[].Schedule", "schedule", "the task runs at any time"),
    (
        "TaskGroups[].Tasks[].Resources.Cores",
        "cores",
        "a node is found that has them, but the task is not bound to them",
    ),
    (
        "TaskGroups[].Tasks[].Resources.Devices",
        "device",
        "a node is found that has it, but the task is not shown it",
    ),
    ("TaskGroups[].Tasks[].Resources.NUMA", "numa", "cores are not picked by their place"),
    ("TaskGroups[].Tasks[].Resources.SecretsMB", "secrets", "secrets have the task's memory"),
];

/// Policies of a group that no part of this version acts on; their defaults, which canonical jobs all have, need no
/// notice.
const POLICIES_NOT_RUN_YET: &[(&str, &str, &str)] =
    &[("Migrate", "Migrate", "allocations are not moved one after the other by this version")];

/// Older spellings that still mean the same: path below the job, the old word, the modern one.
const OLDER_SPELLINGS: &[(&str, &str, &str)] = &[
    ("TaskGroups[].MaxClientDisconnect", "max_client_disconnect", "disconnect { lost_after = ... }"),
    (
        "TaskGroups[].StopAfterClientDisconnect",
        "stop_after_client_disconnect",
        "disconnect { stop_on_client_after = ... }",
    ),
    ("TaskGroups[].PreventRescheduleOnLost", "prevent_reschedule_on_lost", "disconnect { replace = false }"),
    ("TaskGroups[].Tasks[].LogConfig.Enabled", "enabled", "disabled = true or false"),
];

/// Where references are interpolated on each node.
const INTERPOLATED: &[&str] = &[
    "Constraints[].LTarget",
    "Constraints[].RTarget",
    "Affinities[].LTarget",
    "Affinities[].RTarget",
    "Spreads[].Attribute",
    "TaskGroups[].Constraints[].LTarget",
    "TaskGroups[].Constraints[].RTarget",
    "TaskGroups[].Affinities[].LTarget",
    "TaskGroups[].Affinities[].RTarget",
    "TaskGroups[].Spreads[].Attribute",
    "TaskGroups[].Tasks[].Constraints[].LTarget",
    "TaskGroups[].Tasks[].Constraints[].RTarget",
    "TaskGroups[].Tasks[].Affinities[].LTarget",
    "TaskGroups[].Tasks[].Affinities[].RTarget",
];

/// Returns all there is to know about a job in the parsed form; `canonical` is the same job with defaults filled in.
pub(crate) fn of(parsed: &Value, canonical: &Value) -> Vec<Notice> {
    let mut notices = Vec::new();
    references(parsed, &mut notices);
    for &(path, word, modern) in OLDER_SPELLINGS {
        visit(parsed, path, &mut |path, _| {
            let message = format!("{word:?} is an older spelling");
            notices.push(Notice { path, message, help: format!("today it is {modern}") });
        });
    }
    for &(path, word, instead) in NOT_RUN_YET {
        visit(parsed, path, &mut |path, value| {
            if says_something(value) {
                let message = format!("{word:?} is not run by this version: {instead}");
                notices.push(Notice { path, message, help: "it is kept and shown".to_owned() });
            }
        });
    }
    policies(parsed, canonical, &mut notices);
    pacing(parsed, canonical, &mut notices);
    services(parsed, &mut notices);
    network_modes(parsed, &mut notices);
    notices
}

fn network_modes(parsed: &Value, notices: &mut Vec<Notice>) {
    for path in ["TaskGroups[].Networks[].Mode", "TaskGroups[].Tasks[].Resources.Networks[].Mode"] {
        visit(parsed, path, &mut |path, mode| {
            if !matches!(mode.as_str(), Some("" | "host")) {
                let message =
                    format!("network mode {mode} is not run by this version: tasks share the node's network");
                notices.push(Notice { path, message, help: "it is kept and shown".to_owned() });
            }
        });
    }
}

/// Warns of `$node.datacenter`, which Nomad took until 0.3; it is kept as written and interpolated like `${...}`.
fn references(parsed: &Value, notices: &mut Vec<Notice>) {
    for path in INTERPOLATED {
        visit(parsed, path, &mut |path, value| {
            let Some(text) = value.as_str() else { return };
            let Some(name) = text.strip_prefix('$').filter(|rest| !rest.starts_with('{')) else { return };
            if !["node.", "attr.", "meta."].iter().any(|prefix| name.starts_with(prefix)) {
                return;
            }
            let modern = match name {
                "node.id" => "node.unique.id",
                "node.name" => "node.unique.name",
                other => other,
            };
            let message = format!("{text:?} is the 2016 spelling of a reference");
            notices.push(Notice { path, message, help: format!("today it is \"${{{modern}}}\"") });
        });
    }
}

fn policies(parsed: &Value, canonical: &Value, notices: &mut Vec<Notice>) {
    let defaults = defaults(parsed);
    for &(of_group, of_job, message) in POLICIES_NOT_RUN_YET {
        for (index, group) in groups(canonical).enumerate() {
            if group[of_group] == defaults[of_group] || group[of_group].is_null() {
                continue;
            }
            // That pace is kept; see below.
            if group[of_group]["PacedByStagger"] == true {
                continue;
            }
            let notice = Notice {
                path: written_at(parsed, index, of_group, of_job),
                message: message.to_owned(),
                help: "the block is kept and shown".to_owned(),
            };
            if !notices.contains(&notice) {
                notices.push(notice);
            }
        }
    }
    for (index, group) in groups(canonical).enumerate() {
        for (number, task) in group["Tasks"].as_array().into_iter().flatten().enumerate() {
            if task["RestartPolicy"] != group["RestartPolicy"] {
                notices.push(Notice {
                    path: format!("Job.TaskGroups[{index}].Tasks[{number}].RestartPolicy"),
                    message: "\"restart\" of a task is not run by this version: its group's counts"
                        .to_owned(),
                    help: "it is kept and shown".to_owned(),
                });
            }
        }
    }
}

/// Returns a group of the same type of job in which nothing was said, with defaults filled in.
fn defaults(parsed: &Value) -> Value {
    let mut job = Map::new();
    job.insert("Type".to_owned(), parsed["Type"].clone());
    job.insert("TaskGroups".to_owned(), serde_json::json!([{}]));
    canonical::fill_in(Value::Object(job))["TaskGroups"][0].clone()
}

/// Says which way of updating is in force where `stagger` was written.
fn pacing(parsed: &Value, canonical: &Value, notices: &mut Vec<Notice>) {
    for (index, group) in groups(canonical).enumerate() {
        let path = written_at(parsed, index, "Update", "Update");
        let written = if path.starts_with("Job.Update") {
            &parsed["Update"]
        } else {
            &parsed["TaskGroups"][index]["Update"]
        };
        if written["Stagger"].is_null() {
            continue;
        }
        let update = &group["Update"];
        let notice = if update["PacedByStagger"] == Value::Bool(true) {
            let nanos = update["Stagger"].as_u64().unwrap_or_default();
            let stagger = pasture_core::model::duration::format(std::time::Duration::from_nanos(nanos));
            Notice {
                path: format!("{path}.Stagger"),
                message: format!(
                    "\"stagger\" sets the pace as in 2016: {} at a time, {stagger} apart, without a deployment",
                    update["MaxParallel"]
                ),
                help: "for a deployment that waits for health, set min_healthy_time or canary".to_owned(),
            }
        } else if is_filled_in(written) {
            continue;
        } else {
            Notice {
                path: format!("{path}.Stagger"),
                message: "\"stagger\" has no effect here: the block sets the pace by health".to_owned(),
                help: "remove it; it paces only blocks without min_healthy_time, healthy_deadline, \
                       progress_deadline and canary"
                    .to_owned(),
            }
        };
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    }
}

/// Tells whether an update block looks like one a tool has filled in: nobody wrote its `stagger`.
fn is_filled_in(update: &Value) -> bool {
    let all = ["MinHealthyTime", "HealthyDeadline", "ProgressDeadline", "Canary"];
    update["Stagger"] == 30_000_000_000_u64 && all.iter().all(|field| !update[*field].is_null())
}

fn services(parsed: &Value, notices: &mut Vec<Notice>) {
    for path in ["TaskGroups[].Services[]", "TaskGroups[].Tasks[].Services[]"] {
        visit(parsed, path, &mut |path, _| {
            notices.push(Notice {
                path,
                message: "services are kept and shown, but not registered or checked by this version"
                    .to_owned(),
                help: "an allocation's addresses are in `alloc status`".to_owned(),
            });
        });
    }
}

fn groups(job: &Value) -> impl Iterator<Item = &Value> {
    job["TaskGroups"].as_array().into_iter().flatten()
}

/// Returns where the policy of a group was written: there, or in the job.
fn written_at(parsed: &Value, index: usize, of_group: &str, of_job: &str) -> String {
    let is_own = !parsed["TaskGroups"][index][of_group].is_null();
    if is_own || parsed[of_job].is_null() {
        format!("Job.TaskGroups[{index}].{of_group}")
    } else {
        format!("Job.{of_job}")
    }
}

/// Calls `found` for every value at a path such as `TaskGroups[].Count` that is not `null`.
fn visit(job: &Value, pattern: &str, found: &mut dyn FnMut(String, &Value)) {
    fn step(value: &Value, pattern: &str, path: String, found: &mut dyn FnMut(String, &Value)) {
        if value.is_null() {
            return;
        }
        if pattern.is_empty() {
            return found(path, value);
        }
        let (head, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
        match head.strip_suffix("[]") {
            Some(field) => {
                for (index, item) in value[field].as_array().into_iter().flatten().enumerate() {
                    step(item, rest, format!("{path}.{field}[{index}]"), found);
                }
            }
            None => step(&value[head], rest, format!("{path}.{head}"), found),
        }
    }
    step(job, pattern, "Job".to_owned(), found);
}
