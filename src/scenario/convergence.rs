//! Whether a cluster has come to rest: nothing is left to be done, and everything wanted is there.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, is_running};
use crate::api::client::ClientError;
use crate::api::wire::alloc::AllocStub;
use crate::api::wire::eval::Evaluation;
use crate::api::wire::job::Job;
use crate::lab::backend::Backend;

/// The jobs a scenario has submitted, by id.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    /// Those that shall run.
    pub wanted: BTreeSet<String>,
    /// Those that were stopped.
    pub stopped: BTreeSet<String>,
}

/// Returns what keeps the cluster from being at rest, or `None`.
///
/// At rest, a server leads, every node with power is ready, no evaluation is pending, every group of a wanted job runs at
/// its count or an evaluation says how many wait for capacity, and nothing runs that was stopped.
pub async fn unrest(backend: &dyn Backend, cluster: &Cluster, jobs: &Jobs) -> Option<String> {
    match find_unrest(backend, cluster, jobs).await {
        Ok(found) => found,
        Err(error) => Some(error.to_string()),
    }
}

async fn find_unrest(
    backend: &dyn Backend,
    cluster: &Cluster,
    jobs: &Jobs,
) -> Result<Option<String>, ClientError> {
    if cluster.leader().await.is_none() {
        return Ok(Some("no server leads".to_owned()));
    }
    let nodes = cluster.nodes().await?;
    let powered = backend.spec().machines().into_iter();
    for machine in powered.filter(|one| one.roles.client && backend.is_on(&one.name)) {
        if !nodes.iter().any(|node| node.name == machine.name && node.status == "ready") {
            return Ok(Some(format!("node {} is not ready", machine.name)));
        }
    }
    for id in &jobs.wanted {
        let (job, allocs) = (cluster.job(id).await?, cluster.allocs(id).await?);
        if let Some(what) = job_unrest(&job, &allocs, &cluster.evaluations(id).await?) {
            return Ok(Some(what));
        }
    }
    for id in &jobs.stopped {
        if let Some(alloc) = cluster.allocs(id).await?.iter().find(|alloc| is_alive(alloc)) {
            return Ok(Some(format!(
                "{} runs on {}, though its job was stopped",
                alloc.name, alloc.node_name
            )));
        }
    }
    Ok(None)
}

/// Returns what keeps one job from being at rest.
fn job_unrest(job: &Job, allocs: &[AllocStub], evals: &[Evaluation]) -> Option<String> {
    if let Some(eval) = evals.iter().find(|eval| eval.status == "pending") {
        return Some(format!("evaluation {} of {} is pending", eval.id, job.id));
    }
    let waiting = waiting(evals);
    for group in &job.groups {
        let running = allocs.iter().filter(|alloc| alloc.task_group == group.name && is_running(alloc));
        let running = u32::try_from(running.count()).unwrap_or(u32::MAX);
        let waits = waiting.get(&group.name).copied().unwrap_or(0);
        // An old version runs on while its replacement waits, so that both together may be more than the count.
        if running > group.count || running.saturating_add(waits) < group.count {
            let also = if waits == 0 { String::new() } else { format!(", {waits} wait for capacity") };
            return Some(format!("{}.{} runs {running} of {}{also}", job.id, group.name, group.count));
        }
    }
    let stopping = allocs.iter().find(|alloc| alloc.desired_status != "run" && is_alive(alloc));
    stopping.map(|alloc| format!("{} on {} does not stop", alloc.name, alloc.node_name))
}

/// Returns for how many instances of each group a job's evaluation waits for capacity.
pub fn waiting(evals: &[Evaluation]) -> BTreeMap<String, u32> {
    let blocked = evals.iter().rev().find(|eval| eval.status == "blocked");
    let Some(blocked) = blocked else { return BTreeMap::new() };
    // How many are missing was counted by the evaluation that found no place for them.
    let counted = evals.iter().rev().find(|eval| eval.blocked_eval == blocked.id).unwrap_or(blocked);
    counted.queued_allocations.clone()
}

/// Tells whether a client may still be running an allocation.
fn is_alive(alloc: &AllocStub) -> bool {
    matches!(alloc.client_status.as_str(), "pending" | "running" | "unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::job::TaskGroup;

    fn job(count: u32) -> Job {
        let group = TaskGroup { name: "g".into(), count, ..TaskGroup::default() };
        Job { id: "j".into(), groups: vec![group], ..Job::default() }
    }

    fn alloc(desired: &str, client: &str) -> AllocStub {
        AllocStub {
            name: "j.g[0]".into(),
            task_group: "g".into(),
            node_name: "n".into(),
            desired_status: desired.into(),
            client_status: client.into(),
            ..AllocStub::default()
        }
    }

    fn eval(id: &str, status: &str) -> Evaluation {
        Evaluation { id: id.into(), status: status.into(), ..Evaluation::default() }
    }

    #[test]
    fn a_job_is_at_rest_at_its_count() {
        let one = alloc("run", "running");
        assert_eq!(job_unrest(&job(1), std::slice::from_ref(&one), &[eval("e", "complete")]), None);
        let missing = job_unrest(&job(2), std::slice::from_ref(&one), &[eval("e", "complete")]);
        assert_eq!(missing.unwrap(), "j.g runs 1 of 2");
        let pending = job_unrest(&job(1), &[one], &[eval("e", "pending")]);
        assert_eq!(pending.unwrap(), "evaluation e of j is pending");
    }

    #[test]
    fn a_job_is_at_rest_when_all_that_is_missing_waits() {
        let mut complete = eval("e", "complete");
        complete.blocked_eval = "b".into();
        complete.queued_allocations.insert("g".into(), 2);
        let evals = [complete, eval("b", "blocked")];
        let one = [alloc("run", "running")];
        assert_eq!(job_unrest(&job(3), &one, &evals), None);
        let lost_count = job_unrest(&job(4), &one, &evals).unwrap();
        assert_eq!(lost_count, "j.g runs 1 of 4, 2 wait for capacity");
    }

    #[test]
    fn what_does_not_stop_is_unrest() {
        let allocs = [alloc("run", "running"), alloc("stop", "running")];
        assert_eq!(job_unrest(&job(1), &allocs, &[]).unwrap(), "j.g[0] on n does not stop");
        let allocs = [alloc("run", "running"), alloc("stop", "complete"), alloc("stop", "lost")];
        assert_eq!(job_unrest(&job(1), &allocs, &[]), None);
    }
}
