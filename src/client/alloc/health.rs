//! Whether an allocation of a deployment is well: the client says so, once, and the servers go on from there.
//!
//! Healthy is one whose tasks have all run for `min_healthy_time` without a break. Unhealthy is one of which a task has
//! ended for good, or that has not become healthy by `healthy_deadline`, counted from its arrival or from the arrival of
//! the deployment. A restart in place is no verdict: the wait begins anew, and the deadline stays.
//!
//! # Caveats
//! - `health_check = "checks"` asks for what `"task_states"` asks for: services have no checks that are run yet.
//! - With `"manual"` nothing is said; somebody has to, by `PUT /v1/deployment/allocation-health/:id`.
//! - Only allocations of a deployment are looked at: one that was moved off a drained node says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{
    AllocHealth, Allocation, HealthCheck, TaskGroup, TaskRunState, TaskState, Timestamp, UpdateStrategy,
};

/// Decides once whether an allocation is healthy. Holds no timer: the caller says what time it is.
///
/// Source: Nomad `client/allocrunner/health_hook.go`, `client/allochealth/tracker.go`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCore {
    /// How long all tasks have to run.
    min_healthy_time: Duration,
    /// No run counts from before: of tasks found again after a restart of the agent it is not known what was between.
    began: Timestamp,
    /// When it is too late.
    deadline: Timestamp,
    /// Tasks that are well when they have ended well: those that come before or after the others.
    short: BTreeSet<String>,
    verdict: Option<Verdict>,
}

/// What was found out, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the servers are told.
    pub health: AllocHealth,
    /// Why it is not healthy, for people; empty when it is.
    pub reason: String,
}

impl HealthCore {
    /// Begins to look at an allocation of a deployment at `now`. Returns nothing when there is nothing to find out: it
    /// belongs to no deployment, its health is known, or a person decides.
    pub fn of(alloc: &Allocation, now: Timestamp) -> Option<Self> {
        alloc.deployment_id?;
        if alloc.health().is_some() {
            return None;
        }
        let group = alloc.task_group()?;
        Self::new(group.update.as_ref()?, group, now)
    }

    fn new(update: &UpdateStrategy, group: &TaskGroup, now: Timestamp) -> Option<Self> {
        if update.health_check == HealthCheck::Manual {
            return None;
        }
        let short = group.tasks.iter().filter(|task| {
            let lifecycle = task.lifecycle.as_ref();
            lifecycle.is_some_and(|lifecycle| !lifecycle.sidecar)
        });
        Some(Self {
            min_healthy_time: update.min_healthy_time,
            began: now,
            deadline: now + update.healthy_deadline,
            short: short.map(|task| task.name.clone()).collect(),
            verdict: None,
        })
    }

    /// Returns what was found out.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Looks at the tasks as they are at `now`; returns what was found out just now.
    pub fn look(&mut self, now: Timestamp, tasks: &BTreeMap<String, TaskState>) -> Option<&Verdict> {
        if self.verdict.is_some() {
            return None;
        }
        let (healthy, reason) = self.judge(now, tasks)?;
        self.verdict = Some(Verdict { health: AllocHealth { healthy, time: now }, reason });
        self.verdict.as_ref()
    }

    /// Returns when to look again even if nothing happens to the tasks; `None` once all is known.
    pub fn next_look(&self, tasks: &BTreeMap<String, TaskState>) -> Option<Timestamp> {
        if self.verdict.is_some() {
            return None;
        }
        Some(self.healthy_at(tasks).map_or(self.deadline, |at| at.min(self.deadline)))
    }

    fn judge(&self, now: Timestamp, tasks: &BTreeMap<String, TaskState>) -> Option<(bool, String)> {
        for (name, state) in tasks {
            if state.failed {
                return Some((false, format!("Unhealthy because of failed task {name:?}")));
            }
            if state.state == TaskRunState::Dead && !self.short.contains(name) {
                return Some((false, format!("Unhealthy because task {name:?} has ended")));
            }
        }
        // Healthy at the deadline is healthy: the servers wait for nothing else.
        if self.healthy_at(tasks).is_some_and(|at| at <= now) {
            return Some((true, String::new()));
        }
        (self.deadline <= now).then(|| {
            let wanted = self.min_healthy_time.as_secs_f64();
            (false, format!("Task not running for min_healthy_time of {wanted}s by deadline"))
        })
    }

    /// Returns when all tasks will have run for long enough; `None` while one does not run.
    fn healthy_at(&self, tasks: &BTreeMap<String, TaskState>) -> Option<Timestamp> {
        let mut since = self.began;
        for (name, state) in tasks {
            match state.state {
                TaskRunState::Running => since = since.max(state.started_at),
                TaskRunState::Dead if self.short.contains(name) && !state.failed => {}
                TaskRunState::Pending | TaskRunState::Dead => return None,
            }
        }
        Some(since + self.min_healthy_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Lifecycle, Task};

    const SECOND: i64 = 1_000_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * SECOND)
    }

    /// Tells a core that began at second 100 what its tasks do, second by second: `102 web run`, `105 web restart`,
    /// `web fail`, `web end`. Between and after them it is looked at whenever it asks for that. `verdict` is
    /// `healthy 112` or `unhealthy 400 WHY`.
    #[track_caller]
    fn check(tasks: &[&str], script: &[(i64, &str, &str)], verdict: &str) {
        let update = UpdateStrategy {
            min_healthy_time: Duration::from_secs(10),
            healthy_deadline: Duration::from_secs(60),
            ..UpdateStrategy::default()
        };
        let tasks = tasks.iter().map(|&name| {
            let (name, lifecycle) = match name.strip_prefix("before:") {
                Some(name) => (name, Some(Lifecycle { hook: "prestart".to_owned(), sidecar: false })),
                None => (name, None),
            };
            Task { name: name.to_owned(), lifecycle, ..Task::default() }
        });
        let group = TaskGroup { tasks: tasks.collect(), ..TaskGroup::default() };
        let mut core = HealthCore::new(&update, &group, at(100)).unwrap();
        let mut states: BTreeMap<String, TaskState> =
            group.tasks.iter().map(|task| (task.name.clone(), TaskState::default())).collect();
        let mut found = String::new();
        let end = (i64::MAX / SECOND, "", "");
        for &(second, task, what) in script.iter().chain([&end]) {
            while let Some(next) = core.next_look(&states).filter(|next| *next < at(second)) {
                // Time alone ends it only at the times it asked for.
                assert!(core.look(next - Duration::from_nanos(1), &states).is_none());
                core.look(next, &states).expect("it asked to be looked at then");
            }
            if let Some(state) = states.get_mut(task) {
                match what {
                    "run" => (state.state, state.started_at) = (TaskRunState::Running, at(second)),
                    "restart" => state.state = TaskRunState::Pending,
                    "end" => state.state = TaskRunState::Dead,
                    "fail" => (state.state, state.failed) = (TaskRunState::Dead, true),
                    other => panic!("unknown word {other}"),
                }
                core.look(at(second), &states);
            }
        }
        if let Some(verdict) = core.verdict() {
            let word = if verdict.health.healthy { "healthy" } else { "unhealthy" };
            found = format!("{word} {} {}", verdict.health.time.nanos() / SECOND, verdict.reason);
        }
        assert_eq!(found.trim_end(), verdict);
    }

    #[test]
    fn it_is_healthy_once_all_tasks_have_run_for_long_enough() {
        check(&["web"], &[(102, "web", "run")], "healthy 112");
        check(&["web", "log"], &[(102, "web", "run"), (110, "log", "run")], "healthy 120");
        // What ran before it was looked at does not count.
        check(&["web"], &[(100, "web", "run")], "healthy 110");
        check(
            &["before:db", "web"],
            &[(101, "db", "run"), (103, "db", "end"), (104, "web", "run")],
            "healthy 114",
        );
        // What comes after the verdict changes nothing.
        check(&["web"], &[(102, "web", "run"), (120, "web", "fail")], "healthy 112");
    }

    #[test]
    fn a_restart_begins_the_wait_anew_within_the_same_deadline() {
        check(&["web"], &[(102, "web", "run"), (105, "web", "restart"), (120, "web", "run")], "healthy 130");
        check(
            &["web"],
            &[(102, "web", "run"), (105, "web", "restart"), (151, "web", "run")],
            "unhealthy 160 Task not running for min_healthy_time of 10s by deadline",
        );
        // Just in time is in time.
        check(&["web"], &[(150, "web", "run")], "healthy 160");
    }

    #[test]
    fn it_is_unhealthy_when_a_task_ends_for_good_or_time_is_up() {
        check(
            &["web"],
            &[(102, "web", "run"), (111, "web", "fail")],
            "unhealthy 111 Unhealthy because of failed task \"web\"",
        );
        check(
            &["web", "log"],
            &[(102, "web", "run"), (104, "log", "end")],
            "unhealthy 104 Unhealthy because task \"log\" has ended",
        );
        check(
            &["before:db", "web"],
            &[(101, "db", "run"), (103, "db", "fail")],
            "unhealthy 103 Unhealthy because of failed task \"db\"",
        );
        check(&["web"], &[], "unhealthy 160 Task not running for min_healthy_time of 10s by deadline");
    }

    #[test]
    fn where_there_is_nothing_to_find_out_nobody_looks() {
        let group = TaskGroup::default();
        let manual = UpdateStrategy { health_check: HealthCheck::Manual, ..UpdateStrategy::default() };
        assert_eq!(HealthCore::new(&manual, &group, at(1)), None);
        for health_check in [HealthCheck::Checks, HealthCheck::TaskStates] {
            let update = UpdateStrategy { health_check, ..UpdateStrategy::default() };
            assert!(HealthCore::new(&update, &group, at(1)).is_some());
        }
    }
}
