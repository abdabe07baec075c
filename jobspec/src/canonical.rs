//! What holds when a job says nothing.

use std::time::Duration;

use pasture_core::model::{Job, JobType};

/// Priority when nothing is said.
pub const PRIORITY_DEFAULT: u8 = 50;
/// Scratch disk of a group, in MB, when nothing is said.
pub const EPHEMERAL_DISK_MB_DEFAULT: u32 = 300;
/// Time between asking a task to stop and killing it, when nothing is said.
pub const KILL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// Fills in what a job leaves to its own other parts or to convention. Doing it twice changes nothing.
///
/// An `update` block stays absent where neither group nor job has one: whether it was written decides how a change rolls
/// out. Only service and system jobs hand the job's on to their groups.
pub fn canonicalize(job: &mut Job) {
    fill(&mut job.name, || job.id.clone());
    fill(&mut job.region, || "global".to_owned());
    fill(&mut job.namespace, || "default".to_owned());
    fill(&mut job.node_pool, || "default".to_owned());
    if job.datacenters.is_empty() {
        job.datacenters.push("*".to_owned());
    }
    let updates = matches!(job.job_type, JobType::Service | JobType::System);
    for group in &mut job.groups {
        if updates && group.update.is_none() {
            group.update.clone_from(&job.update);
        }
        for task in &mut group.tasks {
            for service in &mut task.services {
                fill(&mut service.name, || format!("{}-{}-{}", job.name, group.name, task.name));
                for check in &mut service.checks {
                    fill(&mut check.name, || format!("service: {:?} check", service.name));
                    if check.check_type == "http" {
                        fill(&mut check.path, || "/".to_owned());
                    }
                }
            }
        }
    }
}

fn fill(text: &mut String, value: impl FnOnce() -> String) {
    if text.is_empty() {
        *text = value();
    }
}
