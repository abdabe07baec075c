//! Every rule, by a job that breaks it.

use serde_json::{Value, json};

use super::*;
use crate::schema::{from_api, to_model};

/// A job that is fine.
fn job() -> Value {
    json!({
        "ID": "web",
        "TaskGroups": [{
            "Name": "app",
            "Count": 3,
            "Networks": [{"DynamicPorts": [{"Label": "http"}]}],
            "Volumes": {"data": {"Type": "host", "Source": "data"}},
            "Tasks": [{
                "Name": "server",
                "Driver": "docker",
                "VolumeMounts": [{"Volume": "data", "Destination": "/data"}],
                "Services": [{
                    "Name": "web",
                    "PortLabel": "http",
                    "Checks": [{"Type": "http", "Path": "/", "Interval": "10s", "Timeout": "2s"}]
                }]
            }]
        }]
    })
}

/// Sets the value at a path such as `TaskGroups.0.Count`, making what is not there.
fn set(job: &mut Value, path: &str, value: Value) {
    let mut at = job;
    for part in path.split('.') {
        at = match part.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = json!([]);
                }
                let list = at.as_array_mut().unwrap();
                while list.len() <= index {
                    list.push(json!({}));
                }
                &mut list[index]
            }
            Err(_) => &mut at[part],
        };
    }
    *at = value;
}

fn report_of(job: &Value) -> Report {
    let parsed = from_api::job(job).unwrap_or_else(|errors| panic!("{errors:?}"));
    report(&to_model(crate::canonical::fill_in(parsed)).unwrap())
}

const GROUP: &str = "TaskGroups.0";
const TASK: &str = "TaskGroups.0.Tasks.0";

/// Changes a job that is fine and checks that exactly this is wrong with it.
#[track_caller]
fn check(changes: &[(&str, Value)], expected: &[&str]) {
    let mut job = job();
    for (path, value) in changes {
        let path = path.replace("GROUP", GROUP).replace("TASK", TASK);
        set(&mut job, &path, value.clone());
    }
    let report = report_of(&job);
    let lines: Vec<String> =
        report.problems.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
    let fits = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, expected)| {
            let line =
                line.replace("Job.TaskGroups[0].Tasks[0]", "TASK").replace("Job.TaskGroups[0]", "GROUP");
            line.starts_with(expected)
        });
    assert!(fits, "{changes:?}\nexpected {expected:#?}\nfound {lines:#?}");
}

#[test]
fn a_job_that_is_fine_is_fine() {
    check(&[], &[]);
    assert_eq!(report_of(&job()).warnings, []);
}

#[test]
fn jobs_and_groups() {
    check(&[("Priority", json!(0))], &["Job.Priority: priority 0 is not within 1 and 100"]);
    check(&[("Priority", json!(101))], &["Job.Priority: priority 101"]);
    check(&[("ID", json!("a b"))], &["Job.ID: the job's name \"a b\" contains a space"]);
    check(&[("NodePool", json!("a/b"))], &["Job.NodePool: node pool \"a/b\" may have"]);
    check(&[("Datacenters", json!([""]))], &["Job.Datacenters: a datacenter has an empty name"]);
    check(&[("GROUP.Count", json!(50_001))], &["Job: the groups ask for 50001 allocations in all"]);
    check(&[("Type", json!("system"))], &["GROUP.Count: count is 3, but a system job runs once"]);
    check(&[("GROUP.Name", json!(""))], &["GROUP.Name: the group has no name"]);
    check(&[("TaskGroups", json!([]))], &["Job: the job has no task group"]);
    check(
        &[("GROUP.EphemeralDisk.SizeMB", json!(5)), ("TASK.LogConfig.Disabled", json!(true))],
        &["GROUP.EphemeralDisk.SizeMB: the ephemeral disk must have at least 10 MB"],
    );
}

#[test]
fn tasks() {
    check(&[("TASK.Name", json!("a/b"))], &["TASK.Name: the task's name \"a/b\" contains a slash"]);
    check(&[("TASK.Driver", json!(""))], &["TASK: task \"server\" has no driver"]);
    check(&[("TASK.Resources.CPU", json!(0))], &["TASK.Resources.CPU: cpu must be at least 1 MHz"]);
    check(&[("TASK.Resources.Cores", json!(2))], &[]);
    check(
        &[("TASK.Resources.Cores", json!(2)), ("TASK.Resources.CPU", json!(100))],
        &["TASK.Resources.Cores: a task asks for cpu or for cores"],
    );
    check(
        &[("TASK.Resources.MemoryMB", json!(9))],
        &["TASK.Resources.MemoryMB: memory must be at least 10 MB"],
    );
    check(
        &[("TASK.Resources.MemoryMB", json!(64)), ("TASK.Resources.MemoryMaxMB", json!(32))],
        &["TASK.Resources.MemoryMaxMB: memory_max 32 is less than memory 64"],
    );
    check(&[("TASK.LogConfig.MaxFiles", json!(30))], &["TASK.LogConfig: logs of 300 MB do not fit"]);
    check(&[("TASK.LogConfig.MaxFiles", json!(0))], &["TASK.LogConfig: max_files and max_file_size"]);
    check(&[("TASK.LogConfig.MaxFiles", json!(30)), ("TASK.LogConfig.Disabled", json!(true))], &[]);
    check(
        &[("TASK.Lifecycle.Hook", json!("later"))],
        &["TASK.Lifecycle.Hook: lifecycle hook \"later\" is none of"],
    );
    check(&[("TASK.Lifecycle.Hook", json!("prestart"))], &[]);
    check(
        &[("TASK.VolumeMounts.0.Volume", json!("x"))],
        &["TASK.VolumeMounts[0].Volume: volume_mount names volume \"x\""],
    );
    check(
        &[("TASK.VolumeMounts.0.Destination", json!(""))],
        &["TASK.VolumeMounts[0]: a volume_mount has no dest"],
    );
    check(
        &[
            ("TASK.Leader", json!(true)),
            ("GROUP.Tasks.1", json!({"Name": "b", "Driver": "docker", "Leader": true})),
        ],
        &["GROUP.Tasks[1].Leader: a group has one leader at most; the first is \"server\""],
    );
    check(
        &[("GROUP.Tasks.1", json!({"Name": "server", "Driver": "docker"}))],
        &["GROUP.Tasks[1].Name: there is another task \"server\""],
    );
    check(&[("TASK.DispatchPayload.File", json!("a/../../b"))], &["TASK.DispatchPayload.File: file"]);
    check(
        &[("TASK.Resources.Devices.0", json!({"Name": "gpu", "Count": 0}))],
        &["TASK.Resources.Devices[0].Count"],
    );
}

#[test]
fn comparisons() {
    let constraint = |left: &str, operator: &str, right: &str| {
        [("Constraints.0", json!({"LTarget": left, "Operand": operator, "RTarget": right}))]
    };
    let place = "Job.Constraints[0]: ";
    for (left, operator, right, wrong) in [
        ("${attr.x}", "=", "", None),
        ("", "=", "x", Some("a constraint with operator \"=\" needs an attribute")),
        ("${attr.x}", ">", "", Some("a constraint with operator \">\" needs a value")),
        ("${attr.x}", "regexp", "a(", Some("\"a(\" is no regular expression")),
        ("${attr.x}", "regexp", "a.*", None),
        ("${attr.x}", "version", ">= 1.2, < 2", None),
        ("${attr.x}", "version", "~> 1.2.3-rc1", None),
        ("${attr.x}", "version", "${meta.v}", None),
        ("${attr.x}", "version", "new", Some("\"new\" is no version requirement")),
        ("${attr.x}", "semver", "> one", Some("\"> one\" is no version requirement")),
        ("", "distinct_hosts", "", None),
        ("", "distinct_hosts", "maybe", Some("distinct_hosts is true or false")),
        ("${meta.rack}", "distinct_property", "2", None),
        ("${meta.rack}", "distinct_property", "0", Some("distinct_property allows a number")),
        ("${attr.x}", "is_set", "", None),
    ] {
        let expected: Vec<String> = wrong.iter().map(|wrong| format!("{place}{wrong}")).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&constraint(left, operator, right), &expected);
    }
    check(
        &[("TASK.Constraints.0", json!({"Operand": "distinct_hosts"}))],
        &["TASK.Constraints[0]: \"distinct_hosts\" is for jobs and groups"],
    );
    let affinity = json!({"LTarget": "${node.class}", "RTarget": "fast", "Weight": 0});
    check(&[("GROUP.Affinities.0", affinity)], &["GROUP.Affinities[0].Weight: weight 0 is not within"]);
    let affinity = json!({"LTarget": "${node.class}", "RTarget": "fast", "Weight": -101});
    check(&[("TASK.Affinities.0", affinity)], &["TASK.Affinities[0].Weight: weight -101"]);
    let spread = json!({"Attribute": "${meta.rack}", "Weight": 101,
        "SpreadTarget": [{"Value": "a", "Percent": 60}, {"Value": "a", "Percent": 50}]});
    check(
        &[("Spreads.0", spread)],
        &[
            "Job.Spreads[0].Weight: weight 101",
            "Job.Spreads[0].SpreadTarget[1]: there is another target \"a\"",
            "Job.Spreads[0]: the targets ask for 110 percent",
        ],
    );
    check(
        &[
            ("Type", json!("system")),
            ("GROUP.Count", json!(1)),
            ("Spreads.0", json!({"Attribute": "${meta.rack}"})),
        ],
        &["Job.Spreads[0]: a system job runs on every node"],
    );
}

#[test]
fn policies() {
    let restart = json!({"Attempts": 10, "Interval": "1m", "Delay": "15s"});
    check(
        &[("GROUP.RestartPolicy", restart)],
        &["GROUP.RestartPolicy: 10 restarts with a delay of 15s each"],
    );
    let restart = json!({"Attempts": 0, "Mode": "delay"});
    check(&[("GROUP.RestartPolicy", restart)], &["GROUP.RestartPolicy: mode \"delay\" with 0 attempts"]);
    check(
        &[("GROUP.RestartPolicy.Interval", json!("1s"))],
        &["GROUP.RestartPolicy: interval must be at least 5s"],
    );
    check(
        &[("TASK.RestartPolicy.Interval", json!("1s"))],
        &["TASK.RestartPolicy: interval must be at least 5s"],
    );

    check(
        &[("GROUP.ReschedulePolicy.Delay", json!("1s"))],
        &["GROUP.ReschedulePolicy.Delay: delay must be at least"],
    );
    check(
        &[("GROUP.ReschedulePolicy", json!({"Delay": "1m", "MaxDelay": "30s"}))],
        &["GROUP.ReschedulePolicy.MaxDelay: max_delay 30s is shorter than delay 1m0s"],
    );
    check(
        &[("GROUP.ReschedulePolicy", json!({"Unlimited": false, "Attempts": 2}))],
        &["GROUP.ReschedulePolicy: an interval is needed"],
    );
    let reschedule =
        json!({"Unlimited": false, "Attempts": 9, "Interval": "1m", "DelayFunction": "constant"});
    check(
        &[("GROUP.ReschedulePolicy", reschedule)],
        &["GROUP.ReschedulePolicy: 9 attempts with a delay of 30s"],
    );

    check(
        &[("GROUP.Update.AutoPromote", json!(true))],
        &["GROUP.Update.AutoPromote: auto_promote needs canaries"],
    );
    check(
        &[("GROUP.Update.MinHealthyTime", json!("5m"))],
        &["GROUP.Update.MinHealthyTime: min_healthy_time 5m0s must be shorter than healthy_deadline 5m0s"],
    );
    check(
        &[("GROUP.Update.HealthyDeadline", json!("20m"))],
        &[
            "GROUP.Update.HealthyDeadline: healthy_deadline 20m0s must be shorter than progress_deadline 10m0s",
        ],
    );
    check(&[("GROUP.Update", json!({"HealthyDeadline": "20m", "ProgressDeadline": 0}))], &[]);
    check(&[("GROUP.Update.Stagger", json!(0))], &["GROUP.Update.Stagger: stagger must be more than 0s"]);
    check(
        &[("GROUP.Migrate.MinHealthyTime", json!("9m"))],
        &["GROUP.Migrate.MinHealthyTime: min_healthy_time 9m0s"],
    );
    check(
        &[("Type", json!("batch")), ("GROUP.Migrate", json!({}))],
        &["GROUP.Migrate: a batch job does not migrate"],
    );
    check(
        &[("GROUP.Disconnect", json!({"LostAfter": "1m", "StopOnClientAfter": "1m"}))],
        &["GROUP.Disconnect: lost_after and stop_on_client_after exclude each other"],
    );
    check(
        &[("GROUP.Disconnect", json!({"LostAfter": "1m"})), ("GROUP.MaxClientDisconnect", json!("1m"))],
        &["GROUP.MaxClientDisconnect: the older spelling stands beside a disconnect block"],
    );
}

#[test]
fn periodic_and_parameterized() {
    check(&[("Periodic.Spec", json!("@daily"))], &["Job.Periodic: a service job cannot be periodic"]);
    let batch = ("Type", json!("batch"));
    check(&[batch.clone(), ("Periodic.Spec", json!("@daily"))], &[]);
    check(
        &[batch.clone(), ("Periodic.Enabled", json!(true))],
        &["Job.Periodic: a periodic job needs to know when"],
    );
    check(&[batch.clone(), ("Periodic.Enabled", json!(false))], &[]);
    check(
        &[batch.clone(), ("Periodic", json!({"Spec": "@daily", "Specs": ["@daily"]}))],
        &["Job.Periodic: cron and crons exclude each other"],
    );
    check(
        &[batch.clone(), ("Periodic", json!({"Spec": "@daily", "TimeZone": "over there"}))],
        &["Job.Periodic.TimeZone: \"over there\" is no time zone"],
    );
    check(
        &[("ParameterizedJob.Payload", json!("some"))],
        &[
            "Job.ParameterizedJob: a service job cannot be parameterized",
            "Job.ParameterizedJob.Payload: payload \"some\" is none of",
        ],
    );
    check(
        &[batch, ("ParameterizedJob", json!({"MetaRequired": ["a", "a"], "MetaOptional": ["b", "a"]}))],
        &[
            "Job.ParameterizedJob.MetaOptional: meta key \"a\" is both required and optional",
            "Job.ParameterizedJob.MetaRequired: a meta key is named twice",
        ],
    );
}

#[test]
fn services_ports_and_volumes() {
    let service = "TASK.Services.0";
    let at = |field: &str| format!("{service}.{field}");
    let check_service = |field: &str, value: Value, expected: &str| {
        check(&[(&at(field), value)], &[expected]);
    };
    check_service("Name", json!("web_app"), "TASK.Services[0].Name: service name \"web_app\" may have");
    check_service("Name", json!("-web"), "TASK.Services[0].Name: service name \"-web\"");
    check(&[(&at("Name"), json!("${TASKGROUP}-web"))], &[]);
    check_service(
        "PortLabel",
        json!("htpp"),
        "TASK.Services[0].PortLabel: service \"web\" names port \"htpp\", but",
    );
    check_service(
        "Provider",
        json!("etcd"),
        "TASK.Services[0].Provider: provider \"etcd\" is none of consul, nomad",
    );
    check_service("OnUpdate", json!("wait"), "TASK.Services[0].OnUpdate: on_update \"wait\" is none of");
    check_service("TaskName", json!("x"), "TASK.Services[0].TaskName: service \"web\" names task \"x\"");
    check_service(
        "Checks.0.Type",
        json!("htpp"),
        "TASK.Services[0].Checks[0].Type: check type \"htpp\" is none of",
    );
    check_service(
        "Checks.0.Interval",
        json!("10ms"),
        "TASK.Services[0].Checks[0].Interval: interval of a check",
    );
    check_service("Checks.0.Timeout", json!(0), "TASK.Services[0].Checks[0].Timeout: timeout of a check");
    check_service(
        "Checks.0.Path",
        json!("http://x/"),
        "TASK.Services[0].Checks[0].Path: path \"http://x/\" has a host",
    );
    check_service(
        "Checks.0.PortLabel",
        json!("x"),
        "TASK.Services[0].Checks[0].PortLabel: the check names port \"x\"",
    );
    check_service(
        "Checks.0.InitialStatus",
        json!("x"),
        "TASK.Services[0].Checks[0].InitialStatus: initial_status",
    );
    check_service("PortLabel", json!(""), "TASK.Services[0].Checks[0]: a check of type http needs a port");
    check_service(
        "Checks.0.Type",
        json!("script"),
        "TASK.Services[0].Checks[0]: a check of type script has no command",
    );

    let ports =
        json!([{"Label": "a", "Value": 80}, {"Label": "b", "Value": 80}, {"Label": "b c", "Value": 81}]);
    check(
        &[("GROUP.Networks.0.ReservedPorts", ports)],
        &[
            "GROUP.Networks[0].ReservedPorts[2]: port \"b c\" may have",
            "GROUP.Networks[0].ReservedPorts[1]: ports \"a\" and \"b\" both ask for number 80",
        ],
    );
    check(
        &[("TASK.Resources.Networks.0", json!({"DynamicPorts": [{"Label": "http"}]}))],
        &["TASK.Resources.Networks[0].DynamicPorts[0]: port \"http\" is declared twice"],
    );
    check(
        &[("GROUP.Volumes.data.Type", json!("disk"))],
        &["GROUP.Volumes.data: volume type \"disk\" is neither"],
    );
    check(
        &[("GROUP.Volumes.data.Source", json!(""))],
        &["GROUP.Volumes.data: volume \"data\" has no source"],
    );
    check(
        &[("GROUP.Volumes.data.Type", json!("csi"))],
        &[
            "GROUP.Volumes.data: a csi volume has no \"access_mode\"",
            "GROUP.Volumes.data: a csi volume has no \"att",
        ],
    );
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let warns = |path: &str, value: Value, expected: &str| {
        let mut job = job();
        set(&mut job, path, value);
        let report = report_of(&job);
        assert_eq!(report.problems, []);
        assert!(report.warnings.iter().any(|one| one.message.contains(expected)), "{:?}", report.warnings);
    };
    warns("TaskGroups.0.Update.MaxParallel", json!(5), "max_parallel 5 is more than the count of 3");
    warns("TaskGroups.0.Tasks.0.Services.0.Checks.0.Path", json!(""), "\"/\" is asked for");
    warns("TaskGroups.0.ReschedulePolicy.Attempts", json!(3), "without effect");
    warns("TaskGroups.0.Tasks.0.DispatchPayload.File", json!("x"), "there is no payload");
}
