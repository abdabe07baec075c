//! Never more instances wanted of a group than its count, and the canaries that run beside them.

use super::{Observation, holds_resources};

/// Checks every group of every job that is not stopped.
pub fn check(seen: &Observation) -> Result<(), String> {
    for job in seen.jobs.iter().filter(|job| !job.stop) {
        for group in &job.groups {
            let wanted = seen.allocs.iter().filter(|alloc| {
                alloc.job_id == job.id && alloc.task_group == group.name && holds_resources(alloc)
            });
            let found = wanted.count();
            let canaries = group.update.as_ref().map_or(0, |update| update.canary);
            let most = group.count.saturating_add(canaries);
            if found > usize::try_from(most).unwrap_or(0) {
                return Err(format!("{}.{} has {found} of {most}", job.id, group.name));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::alloc::AllocStub;
    use crate::api::wire::job::{Job, TaskGroup};

    #[test]
    fn catches_one_instance_too_many() {
        let group = TaskGroup { name: "g".into(), count: 1, ..TaskGroup::default() };
        let job = Job { id: "j".into(), groups: vec![group], ..Job::default() };
        let alloc = AllocStub {
            job_id: "j".into(),
            task_group: "g".into(),
            desired_status: "run".into(),
            client_status: "running".into(),
            ..AllocStub::default()
        };
        let mut seen = Observation { jobs: vec![job], allocs: vec![alloc.clone()], ..Observation::default() };
        assert_eq!(check(&seen), Ok(()));
        seen.allocs.push(alloc);
        assert!(check(&seen).is_err_and(|what| what.contains("2 of 1")));
        // A canary runs beside it.
        let update = crate::model::UpdateStrategy { canary: 1, ..Default::default() };
        seen.jobs[0].groups[0].update = Some(update);
        assert_eq!(check(&seen), Ok(()));
    }
}
