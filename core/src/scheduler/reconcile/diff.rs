//! Whether a new version of a group can take over running tasks.

use crate::model::{Job, Task, TaskGroup};

/// Tells whether running instances of `old` have to be replaced to become `new`.
///
/// What tasks see or hold needs a restart: driver, configuration, environment, meta, resources, networks. Counts,
/// constraints, services and policies do not. Source: Nomad `scheduler/util.go`, `tasksUpdated`.
pub fn needs_restart(old_job: &Job, old: &TaskGroup, job: &Job, new: &TaskGroup) -> bool {
    old_job.meta != job.meta
        || old.meta != new.meta
        || old.ephemeral_disk != new.ephemeral_disk
        || old.networks != new.networks
        || old.tasks.len() != new.tasks.len()
        || new.tasks.iter().any(|task| {
            let before = old.tasks.iter().find(|known| known.name == task.name);
            before.is_none_or(|before| task_needs_restart(before, task))
        })
}

fn task_needs_restart(old: &Task, new: &Task) -> bool {
    old.driver != new.driver
        || old.user != new.user
        || old.config != new.config
        || old.env != new.env
        || old.meta != new.meta
        || old.resources != new.resources
}
