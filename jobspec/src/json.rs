//! Jobs as JSON, in the shape of Nomad's HTTP API.
//!
//! Names of fields are taken in any case, unknown ones are ignored, `null` is as if nothing was said. What Nomad knows and
//! this version does not run is refused when it would do something, and ignored in the empty form every Nomad tool sends.

mod object;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::canonical::{EPHEMERAL_DISK_MB_DEFAULT, KILL_TIMEOUT_DEFAULT, PRIORITY_DEFAULT};
use super::{canonicalize, hcl, validate};
use object::{Object, Reader};
use pasture_core::model::{
    Check, Constraint, EphemeralDisk, Job, JobType, LogConfig, Network, Operator, Port, Resources,
    RestartMode, RestartPolicy, Service, Task, TaskGroup, UpdateStrategy,
};

/// Why a text is no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not even JSON.
    #[error("the body is not JSON: line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The same place in bytes from the beginning.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is JSON, but no job: everything that is wrong, each with its path.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
}

/// A job read from JSON: canonical and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedJson {
    /// The job.
    pub job: Job,
    /// What has no effect yet, each with its path.
    pub warnings: Vec<String>,
}

/// Reads `{"Job": {...}}`, or the job alone.
///
/// # Errors
/// When the text is no JSON, or with everything that is wrong with the job.
pub fn parse(text: &str) -> Result<ParsedJson, JsonError> {
    let value: Value = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
    from_value(&value)
}

/// Reads a job from JSON that was parsed already, wrapped in `Job` or alone.
///
/// # Errors
/// With everything that is wrong with the job.
pub fn from_value(value: &Value) -> Result<ParsedJson, JsonError> {
    let parsed = lower_value(value)?;
    validate(&parsed.job).map_err(JsonError::Problems)?;
    Ok(parsed)
}

/// Reads a job without validating it.
#[cfg(test)]
pub(super) fn lower(value: &Value) -> Result<Job, JsonError> {
    lower_value(value).map(|parsed| parsed.job)
}

fn lower_value(value: &Value) -> Result<ParsedJson, JsonError> {
    let reader = Reader::default();
    let inner = reader.object(value, String::new()).and_then(|outer| outer.raw("Job")).unwrap_or(value);
    let Some(object) = reader.object(inner, "Job".to_owned()) else {
        return Err(JsonError::Problems(reader.into_parts().0));
    };
    let mut job = job(&object);
    canonicalize(&mut job);
    let (problems, warnings) = reader.into_parts();
    if problems.is_empty() { Ok(ParsedJson { job, warnings }) } else { Err(JsonError::Problems(problems)) }
}

/// Makes the error of a text that is no JSON.
fn syntax(text: &str, error: &serde_json::Error) -> JsonError {
    let (offset, message) = hcl::json_fault(text, error);
    JsonError::Syntax { line: error.line(), column: error.column(), offset, message }
}

fn job(object: &Object<'_>) -> Job {
    let id = object.text("ID").unwrap_or_default();
    let job_type = job_type(object);
    refuse(object, &["Affinities", "Spreads", "Multiregion", "Periodic", "ParameterizedJob", "Payload"]);
    ignore(object, &["Reschedule", "Migrate"]);
    Job {
        region: object.text("Region").unwrap_or_default(),
        namespace: object.text("Namespace").unwrap_or_default(),
        name: object.text("Name").unwrap_or_default(),
        id,
        job_type,
        priority: object.number("Priority").unwrap_or(PRIORITY_DEFAULT),
        all_at_once: object.flag("AllAtOnce").unwrap_or(false),
        datacenters: object.texts("Datacenters"),
        node_pool: object.text("NodePool").unwrap_or_default(),
        constraints: constraints(object),
        update: update(object),
        groups: object.objects("TaskGroups").iter().map(|group| task_group(group, job_type)).collect(),
        meta: object.text_map("Meta"),
        stop: object.flag("Stop").unwrap_or(false),
        ..Job::default()
    }
}

fn job_type(object: &Object<'_>) -> JobType {
    match object.text("Type").as_deref() {
        None | Some("") => JobType::Service,
        Some(name) => JobType::from_name(name).unwrap_or_else(|| {
            let message = format!("unknown job type {name:?}; expected service, batch, system or sysbatch");
            object.problem("Type", message);
            JobType::Service
        }),
    }
}

fn task_group(object: &Object<'_>, kind: JobType) -> TaskGroup {
    refuse(
        object,
        &[
            "Affinities",
            "Spreads",
            "Volumes",
            "Scaling",
            "Services",
            "Disconnect",
            "ShutdownDelay",
            "MaxRunDuration",
            "StopAfterClientDisconnect",
            "MaxClientDisconnect",
            "PreventRescheduleOnLost",
        ],
    );
    TaskGroup {
        name: object.text("Name").unwrap_or_default(),
        count: object.number("Count").unwrap_or(1),
        constraints: constraints(object),
        restart: restart(object, kind),
        update: update(object),
        ephemeral_disk: EphemeralDisk {
            size_mb: object
                .object("EphemeralDisk")
                .and_then(|disk| disk.number("SizeMB"))
                .unwrap_or(EPHEMERAL_DISK_MB_DEFAULT),
            ..EphemeralDisk::default()
        },
        networks: networks(object),
        tasks: object.objects("Tasks").iter().map(task).collect(),
        meta: object.text_map("Meta"),
        ..TaskGroup::default()
    }
}

fn restart(object: &Object<'_>, kind: JobType) -> RestartPolicy {
    let default = RestartPolicy::default_for(kind);
    let Some(policy) = object.object("RestartPolicy") else { return default };
    let mode = match policy.text("Mode").as_deref() {
        None | Some("") => default.mode,
        Some("fail") => RestartMode::Fail,
        Some("delay") => RestartMode::Delay,
        Some(other) => {
            policy.problem("Mode", format!("unknown restart mode {other:?}; expected fail or delay"));
            default.mode
        }
    };
    RestartPolicy {
        attempts: policy.number("Attempts").unwrap_or(default.attempts),
        interval: policy.duration("Interval").unwrap_or(default.interval),
        delay: policy.duration("Delay").unwrap_or(default.delay),
        mode,
        on_success: policy.flag("OnSuccess"),
        render_templates: false,
    }
}

/// Reads `Update`. Only a form without the fields of today's deployments, or with Nomad's own defaults for them, is taken.
fn update(object: &Object<'_>) -> Option<UpdateStrategy> {
    let update = object.object("Update")?;
    refuse(&update, &["Canary", "AutoRevert", "AutoPromote"]);
    let defaults = [
        ("MinHealthyTime", Duration::from_secs(10)),
        ("HealthyDeadline", Duration::from_secs(300)),
        ("ProgressDeadline", Duration::from_secs(600)),
    ];
    for (name, default) in defaults {
        if update.duration(name).is_some_and(|value| !value.is_zero() && value != default) {
            update.problem(name, NOT_SUPPORTED);
        }
    }
    let stagger = update.duration("Stagger");
    let max_parallel = update.number("MaxParallel");
    if stagger.is_none() && max_parallel.is_none() {
        return None;
    }
    Some(UpdateStrategy {
        stagger: stagger.unwrap_or(UpdateStrategy::default().stagger),
        max_parallel: max_parallel.unwrap_or(UpdateStrategy::default().max_parallel),
        paced_by_stagger: true,
        ..UpdateStrategy::default()
    })
}

fn constraints(object: &Object<'_>) -> Vec<Constraint> {
    let constraint = |constraint: &Object<'_>| {
        let operator = constraint.text("Operand").filter(|text| !text.is_empty());
        let operator = operator.map_or(Some(Operator::Equal), |text| {
            let parsed = text.parse::<Operator>().ok();
            if parsed.is_none() {
                constraint.problem("Operand", format!("unknown operator {text:?}"));
            }
            parsed
        });
        Some(Constraint {
            left: constraint.text("LTarget").unwrap_or_default(),
            operator: operator?,
            right: constraint.text("RTarget").unwrap_or_default(),
        })
    };
    object.objects("Constraints").iter().filter_map(constraint).collect()
}

fn networks(object: &Object<'_>) -> Vec<Network> {
    let network = |network: &Object<'_>| {
        let mode = network.text("Mode").unwrap_or_default();
        if !matches!(mode.as_str(), "" | "host") {
            network.problem("Mode", NOT_SUPPORTED);
        }
        let mut result = Network { mode, mbits: network.number("MBits").unwrap_or(0), ..Network::default() };
        let ports = ["ReservedPorts", "DynamicPorts"].map(|name| network.objects(name));
        for port in ports.iter().flatten() {
            let port = Port {
                label: port.text("Label").unwrap_or_default(),
                value: port.number("Value").unwrap_or(0),
                to: port.number("To").unwrap_or(0),
                ..Port::default()
            };
            if port.value == 0 { result.dynamic_ports.push(port) } else { result.reserved_ports.push(port) }
        }
        result
    };
    object.objects("Networks").iter().map(network).collect()
}

fn task(object: &Object<'_>) -> Task {
    refuse(
        object,
        &[
            "Affinities",
            "Artifacts",
            "Templates",
            "Vault",
            "Consul",
            "Secrets",
            "Identity",
            "DispatchPayload",
            "VolumeMounts",
            "CSIPluginConfig",
            "ScalingPolicies",
            "Actions",
            "Schedule",
            "Lifecycle",
            "Leader",
            "ShutdownDelay",
            "Kind",
        ],
    );
    let resources = object.object("Resources");
    Task {
        name: object.text("Name").unwrap_or_default(),
        driver: object.text("Driver").unwrap_or_default(),
        user: object.text("User").unwrap_or_default(),
        config: object.object("Config").map(|config| config.to_map()).unwrap_or_default(),
        env: object.text_map("Env"),
        resources: resources.as_ref().map(task_resources).unwrap_or_default(),
        constraints: constraints(object),
        services: object.objects("Services").iter().map(service).collect(),
        meta: object.text_map("Meta"),
        kill_timeout: object.duration("KillTimeout").unwrap_or(KILL_TIMEOUT_DEFAULT),
        kill_signal: object.text("KillSignal").unwrap_or_default(),
        logs: object.object("LogConfig").as_ref().map(logs).unwrap_or_default(),
        ..Task::default()
    }
}

fn task_resources(object: &Object<'_>) -> Resources {
    refuse(object, &["Cores", "MemoryMaxMB", "Devices", "NUMA", "SecretsMB"]);
    let default = Resources::default();
    Resources {
        cpu_mhz: object.number("CPU").unwrap_or(default.cpu_mhz),
        memory_mb: object.number("MemoryMB").unwrap_or(default.memory_mb),
        disk_mb: object.number("DiskMB").unwrap_or(0),
        iops: object.number("IOPS").unwrap_or(0),
        networks: networks(object),
        ..Resources::default()
    }
}

fn logs(object: &Object<'_>) -> LogConfig {
    let default = LogConfig::default();
    LogConfig {
        max_files: object.number("MaxFiles").unwrap_or(default.max_files),
        max_file_size_mb: object.number("MaxFileSizeMB").unwrap_or(default.max_file_size_mb),
        ..LogConfig::default()
    }
}

fn service(object: &Object<'_>) -> Service {
    refuse(object, &["Connect", "CheckRestart"]);
    Service {
        name: object.text("Name").unwrap_or_default(),
        port: object.text("PortLabel").unwrap_or_default(),
        tags: object.texts("Tags"),
        checks: object.objects("Checks").iter().map(check).collect(),
        ..Service::default()
    }
}

fn check(object: &Object<'_>) -> Check {
    let check_type = object.text("Type").unwrap_or_default();
    if !matches!(check_type.as_str(), "http" | "tcp") {
        object.problem(
            "Type",
            format!("checks of type {check_type:?} are not supported; expected http or tcp"),
        );
    }
    Check {
        name: object.text("Name").unwrap_or_default(),
        check_type,
        path: object.text("Path").unwrap_or_default(),
        interval: object.duration("Interval").unwrap_or_default(),
        timeout: object.duration("Timeout").unwrap_or_default(),
        ..Check::default()
    }
}

const NOT_SUPPORTED: &str = "known to Nomad, but not supported by this version; remove it";

/// Refuses fields that would do something.
fn refuse(object: &Object<'_>, names: &[&str]) {
    for name in names {
        if object.raw(name).is_some_and(does_something) {
            object.problem(name, NOT_SUPPORTED);
        }
    }
}

/// Warns of fields that have no effect yet.
fn ignore(object: &Object<'_>, names: &[&str]) {
    for name in names {
        if object.raw(name).is_some_and(does_something) {
            object.warning(name, "has no effect yet");
        }
    }
}

/// Tells whether a value is more than the empty one Nomad's tools send for every field they know.
fn does_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(map) => map.values().any(does_something),
    }
}

/// Returns the object with the names of its fields in one spelling: where `known` has a name in another case, as there.
///
/// Fields inside `Config`, `Env` and `Meta` are the user's own and stay as they are.
pub fn normalize_keys(value: Value, known: &[&str]) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(|value| normalize_keys(value, known)).collect(),
        Value::Object(map) => {
            let mut by_name: BTreeMap<String, &str> = BTreeMap::new();
            for name in known {
                by_name.insert(name.to_lowercase(), name);
            }
            let normal = |(name, value): (String, Value)| {
                let spelled = by_name.get(&name.to_lowercase()).map_or(name, |known| (*known).to_owned());
                let value = match spelled.as_str() {
                    "Config" | "Env" | "Meta" => value,
                    _ => normalize_keys(value, known),
                };
                (spelled, value)
            };
            Value::Object(map.into_iter().map(normal).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match parse(text).unwrap_err() {
            JsonError::Problems(problems) => problems,
            other => panic!("{other}"),
        }
    }

    const JOB: &str = r#"{"Job": {"ID": "web", "Datacenters": ["dc1"], "unheard": 1, "Affinities": null, "TaskGroups": [
        {"name": "app", "COUNT": 2, "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "x"},
          "Resources": {"cpu": 50, "Networks": [{"DynamicPorts": [{"Label": "http"}]}]},
          "KillTimeout": 3000000000, "Env": {"a": 1}}]}]}}"#;

    #[test]
    fn reads_any_case_and_ignores_what_is_unknown() {
        let job = parse(JOB).unwrap().job;
        assert_eq!((job.id.as_str(), job.name.as_str(), job.groups[0].count), ("web", "web", 2));
        let task = &job.groups[0].tasks[0];
        assert_eq!((task.resources.cpu_mhz, task.resources.memory_mb), (50, 300));
        assert_eq!(task.kill_timeout, Duration::from_secs(3));
        assert_eq!(task.env["a"], "1");
        assert_eq!(task.resources.networks[0].dynamic_ports[0].label, "http");
        let bare: Value = serde_json::from_str(JOB).unwrap();
        assert_eq!(parse(&bare["Job"].to_string()).unwrap().job, job);
    }

    #[test]
    fn names_the_place_of_what_is_wrong() {
        assert_eq!(
            parse("{\n \"Job\": }").unwrap_err().to_string(),
            "the body is not JSON: line 2, column 9: expected value"
        );
        assert_eq!(problems("[]"), ["Job: must be an object, not a list"]);
        assert_eq!(
            problems(r#"{"Job": {"ID": "x"}}"#),
            ["Job: the job has no task group; add group \"name\" { ... }"]
        );
        assert_eq!(
            problems(&JOB.replace("\"COUNT\": 2", "\"COUNT\": -2")),
            ["Job.TaskGroups[0].Count: must not be negative"]
        );
        assert_eq!(
            problems(&JOB.replace("\"COUNT\": 2", "\"COUNT\": \"two\"")),
            ["Job.TaskGroups[0].Count: must be a whole number, not \"two\""]
        );
        assert_eq!(
            problems(&JOB.replace("\"Affinities\": null", "\"Affinities\": [{\"Weight\": 1}]")),
            ["Job.Affinities: known to Nomad, but not supported by this version; remove it"]
        );
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(matches!(parse(&"[".repeat(100_000)), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn keys_can_be_spelled_alike() {
        let value = serde_json::json!({"jobid": 1, "Meta": {"jobid": 2}, "x": [{"JOBID": 3}]});
        assert_eq!(
            normalize_keys(value, &["JobID"]),
            serde_json::json!({"JobID": 1, "Meta": {"jobid": 2}, "x": [{"JobID": 3}]})
        );
    }
}
