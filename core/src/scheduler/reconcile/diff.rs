//! Whether a new version of a group can take over running tasks: a table of what needs a restart.
//!
//! What tasks see or hold needs one. Everything that is not in the table changes in place: count, constraints, services
//! and checks, kill timeout, policies, priority, the time an instance may run. Source: Nomad `scheduler/util.go`,
//! `tasksUpdated`.

use serde_json::Value;

use crate::model::{Job, Service, Task, TaskGroup};

/// A group within its job.
type Within<'a> = (&'a Job, &'a TaskGroup);

/// Something about a group that needs a restart when it differs.
struct GroupPart {
    name: &'static str,
    differs: fn(Within<'_>, Within<'_>) -> bool,
}

/// Something about a task that needs a restart when it differs.
struct TaskPart {
    name: &'static str,
    differs: fn(&Task, &Task) -> bool,
}

static GROUP_PARTS: &[GroupPart] = &[
    GroupPart { name: "number of tasks", differs: |old, new| old.1.tasks.len() != new.1.tasks.len() },
    GroupPart { name: "meta", differs: |old, new| old.0.meta != new.0.meta || old.1.meta != new.1.meta },
    GroupPart { name: "ephemeral disk", differs: |old, new| old.1.ephemeral_disk != new.1.ephemeral_disk },
    GroupPart { name: "networks", differs: |old, new| old.1.networks != new.1.networks },
    GroupPart { name: "volumes", differs: |old, new| old.1.volumes != new.1.volumes },
    GroupPart { name: "consul", differs: |old, new| old.1.consul != new.1.consul },
    GroupPart {
        name: "connect",
        differs: |old, new| connects(&old.1.services).ne(connects(&new.1.services)),
    },
    GroupPart {
        name: "affinities",
        differs: |old, new| old.0.affinities != new.0.affinities || old.1.affinities != new.1.affinities,
    },
    GroupPart {
        name: "spreads",
        differs: |old, new| old.0.spreads != new.0.spreads || old.1.spreads != new.1.spreads,
    },
];

static TASK_PARTS: &[TaskPart] = &[
    TaskPart { name: "driver", differs: |old, new| old.driver != new.driver },
    TaskPart { name: "user", differs: |old, new| old.user != new.user },
    TaskPart { name: "config", differs: |old, new| old.config != new.config },
    TaskPart { name: "env", differs: |old, new| old.env != new.env },
    TaskPart { name: "artifacts", differs: |old, new| old.artifacts != new.artifacts },
    TaskPart { name: "templates", differs: |old, new| old.templates != new.templates },
    TaskPart { name: "vault", differs: |old, new| old.vault != new.vault },
    TaskPart { name: "consul", differs: |old, new| old.consul != new.consul },
    TaskPart { name: "meta", differs: |old, new| old.meta != new.meta },
    TaskPart {
        name: "volume mounts",
        differs: |old, new| old.volume_mounts != new.volume_mounts || old.csi_plugin != new.csi_plugin,
    },
    TaskPart { name: "resources", differs: |old, new| old.resources != new.resources },
    TaskPart {
        name: "identities",
        differs: |old, new| old.identity != new.identity || old.identities != new.identities,
    },
    TaskPart { name: "affinities", differs: |old, new| old.affinities != new.affinities },
    TaskPart { name: "connect", differs: |old, new| connects(&old.services).ne(connects(&new.services)) },
    TaskPart { name: "logs.disabled", differs: |old, new| old.logs.disabled != new.logs.disabled },
];

/// Returns what of a group needs a restart for running instances of `old` to become `new`: the first such part, and the
/// task it belongs to.
pub fn needs_restart(
    old_job: &Job,
    old: &TaskGroup,
    job: &Job,
    new: &TaskGroup,
) -> Option<(&'static str, Option<String>)> {
    let of_group = GROUP_PARTS.iter().find(|part| (part.differs)((old_job, old), (job, new)));
    if let Some(part) = of_group {
        return Some((part.name, None));
    }
    new.tasks.iter().find_map(|task| {
        let part = match old.tasks.iter().find(|known| known.name == task.name) {
            None => "tasks",
            Some(before) => TASK_PARTS.iter().find(|part| (part.differs)(before, task))?.name,
        };
        Some((part, Some(task.name.clone())))
    })
}

/// Returns what services say of a mesh, for those that say something.
fn connects(services: &[Service]) -> impl Iterator<Item = (&str, &Value)> {
    services
        .iter()
        .filter(|service| !service.connect.is_null())
        .map(|service| (service.name.as_str(), &service.connect))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::model::*;
    use crate::testing;

    /// Changes a job, and what of it needs a restart then.
    type Case = (&'static str, fn(&mut Job), Option<&'static str>);

    fn group(job: &mut Job) -> &mut TaskGroup {
        &mut job.groups[0]
    }

    fn task(job: &mut Job) -> &mut Task {
        &mut job.groups[0].tasks[0]
    }

    fn meta() -> std::collections::BTreeMap<String, String> {
        [("key".to_owned(), "value".to_owned())].into()
    }

    fn affinity() -> Vec<Affinity> {
        vec![Affinity { left: "${node.class}".to_owned(), weight: 50, ..Affinity::default() }]
    }

    static CASES: &[Case] = &[
        ("nothing", |_| {}, None),
        ("a task more", |job| group(job).tasks.push(Task::default()), Some("number of tasks")),
        ("a task renamed", |job| task(job).name = "other".to_owned(), Some("tasks")),
        ("driver", |job| task(job).driver = "exec".to_owned(), Some("driver")),
        ("user", |job| task(job).user = "nobody".to_owned(), Some("user")),
        ("config", |job| drop(task(job).config.insert("image".to_owned(), "v2".into())), Some("config")),
        ("env", |job| task(job).env = meta(), Some("env")),
        ("artifacts", |job| task(job).artifacts = json!([{"GetterSource": "x"}]), Some("artifacts")),
        ("templates", |job| task(job).templates = json!([{"EmbeddedTmpl": "x"}]), Some("templates")),
        ("vault", |job| task(job).vault = json!({"Role": "x"}), Some("vault")),
        ("consul of a task", |job| task(job).consul = json!({"Cluster": "x"}), Some("consul")),
        ("consul of a group", |job| group(job).consul = json!({"Cluster": "x"}), Some("consul")),
        ("meta of a task", |job| task(job).meta = meta(), Some("meta")),
        ("meta of a group", |job| group(job).meta = meta(), Some("meta")),
        ("meta of a job", |job| job.meta = meta(), Some("meta")),
        (
            "volumes",
            |job| drop(group(job).volumes.insert("data".to_owned(), VolumeRequest::default())),
            Some("volumes"),
        ),
        ("volume mounts", |job| task(job).volume_mounts = json!([{"Volume": "data"}]), Some("volume mounts")),
        ("ephemeral disk", |job| group(job).ephemeral_disk.size_mb = 500, Some("ephemeral disk")),
        ("networks of a group", |job| group(job).networks.push(Network::default()), Some("networks")),
        (
            "networks of a task",
            |job| task(job).resources.networks.push(Network::default()),
            Some("resources"),
        ),
        ("cpu", |job| task(job).resources.cpu_mhz += 1, Some("resources")),
        ("cores", |job| task(job).resources.cores = 2, Some("resources")),
        ("memory", |job| task(job).resources.memory_mb += 1, Some("resources")),
        ("most memory", |job| task(job).resources.memory_max_mb = 999, Some("resources")),
        ("devices", |job| task(job).resources.devices.push(DeviceRequest::default()), Some("resources")),
        ("identity", |job| task(job).identity = json!({"Env": true}), Some("identities")),
        ("identities", |job| task(job).identities = json!([{"Name": "x"}]), Some("identities")),
        ("no logs", |job| task(job).logs.disabled = true, Some("logs.disabled")),
        (
            "a mesh",
            |job| {
                group(job).services.push(Service { connect: json!({"Native": true}), ..Service::default() })
            },
            Some("connect"),
        ),
        ("affinities of a job", |job| job.affinities = affinity(), Some("affinities")),
        ("affinities of a task", |job| task(job).affinities = affinity(), Some("affinities")),
        ("spreads", |job| group(job).spreads.push(Spread::default()), Some("spreads")),
        ("count", |job| group(job).count = 7, None),
        ("constraints of a job", |job| job.constraints.push(Constraint::default()), None),
        ("constraints of a group", |job| group(job).constraints.push(Constraint::default()), None),
        ("constraints of a task", |job| task(job).constraints.push(Constraint::default()), None),
        ("a service", |job| group(job).services.push(Service::default()), None),
        (
            "a check",
            |job| {
                let service = Service { checks: vec![Check::default()], ..Service::default() };
                task(job).services.push(service);
            },
            None,
        ),
        ("kill timeout", |job| task(job).kill_timeout = Duration::from_secs(99), None),
        ("size of logs", |job| task(job).logs.max_files = 3, None),
        ("restart policy", |job| group(job).restart.attempts = 9, None),
        ("reschedule policy", |job| group(job).reschedule = Some(ReschedulePolicy::default()), None),
        ("update policy", |job| group(job).update = Some(UpdateStrategy::default()), None),
        ("migrate policy", |job| group(job).migrate = Some(MigrateStrategy::default()), None),
        ("disconnect policy", |job| group(job).disconnect = Some(DisconnectStrategy::default()), None),
        ("priority", |job| job.priority = 70, None),
        ("the time it may run", |job| group(job).max_run_duration = Some(Duration::from_secs(9)), None),
        ("datacenters, of which the node is asked", |job| job.datacenters = vec!["dc2".to_owned()], None),
    ];

    #[test]
    fn what_tasks_see_or_hold_needs_a_restart_and_nothing_else_does() {
        for (name, change, expected) in CASES {
            let old = testing::job("web", "docker");
            let mut new = old.clone();
            change(&mut new);
            let found = needs_restart(&old, &old.groups[0], &new, &new.groups[0]);
            assert_eq!(found.map(|(part, _)| part), *expected, "{name}");
        }
    }

    #[test]
    fn every_row_has_a_case() {
        let parts = GROUP_PARTS.iter().map(|part| part.name).chain(TASK_PARTS.iter().map(|part| part.name));
        for part in parts {
            assert!(CASES.iter().any(|(_, _, expected)| *expected == Some(part)), "no case for {part}");
        }
    }
}
