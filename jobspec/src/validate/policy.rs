//! Policies: restart, reschedule, update, migrate, disconnect, periodic and parameterized.

use std::collections::BTreeSet;
use std::time::Duration;

use pasture_core::model::{
    DelayFunction, DisconnectStrategy, Job, JobType, MigrateStrategy, ReschedulePolicy, RestartMode,
    RestartPolicy, TaskGroup, UpdateStrategy, duration,
};

use super::Check;

/// The shortest interval of a restart policy.
const RESTART_INTERVAL_MIN: Duration = Duration::from_secs(5);
/// The shortest delay of a reschedule policy.
const RESCHEDULE_DELAY_MIN: Duration = Duration::from_secs(5);

impl Check {
    pub(super) fn group_policies(&mut self, path: &str, kind: JobType, group: &TaskGroup) {
        self.restart(&format!("{path}.RestartPolicy"), &group.restart);
        if let Some(policy) = &group.reschedule {
            self.reschedule(&format!("{path}.ReschedulePolicy"), kind, policy);
        }
        if let Some(update) = &group.update {
            self.update(&format!("{path}.Update"), kind, update, group.count);
        }
        if let Some(migrate) = &group.migrate {
            self.migrate(&format!("{path}.Migrate"), kind, migrate);
        }
        if let Some(disconnect) = &group.disconnect {
            self.disconnect(&format!("{path}.Disconnect"), kind, disconnect);
            for (field, is_there) in [
                ("MaxClientDisconnect", group.max_client_disconnect.is_some()),
                ("StopAfterClientDisconnect", group.stop_after_client_disconnect.is_some()),
                ("PreventRescheduleOnLost", group.prevent_reschedule_on_lost.is_some()),
            ] {
                if is_there {
                    let message = "the older spelling stands beside a disconnect block; write it there only";
                    self.problem(format!("{path}.{field}"), message);
                }
            }
        }
    }

    pub(super) fn restart(&mut self, path: &str, policy: &RestartPolicy) {
        if policy.attempts == 0 {
            if policy.mode == RestartMode::Delay {
                self.problem(path, "mode \"delay\" with 0 attempts says both to wait and not to start again");
            }
            return;
        }
        if policy.interval < RESTART_INTERVAL_MIN {
            self.problem(path, "interval must be at least 5s");
        } else if policy.delay.saturating_mul(policy.attempts) > policy.interval {
            let message = format!(
                "{} restarts with a delay of {} each do not fit into an interval of {}",
                policy.attempts,
                duration::format(policy.delay),
                duration::format(policy.interval)
            );
            self.problem(path, message);
        }
    }

    fn reschedule(&mut self, path: &str, kind: JobType, policy: &ReschedulePolicy) {
        if kind == JobType::System {
            self.problem(path, "a system job runs on every node, so that nothing of it is rescheduled");
            return;
        }
        if policy.attempts == 0 && !policy.unlimited {
            return;
        }
        if policy.delay < RESCHEDULE_DELAY_MIN {
            let message = format!("delay must be at least 5s, not {}", duration::format(policy.delay));
            self.problem(format!("{path}.Delay"), message);
        }
        let grows = policy.delay_function != DelayFunction::Constant;
        if grows && !policy.max_delay.is_zero() && policy.max_delay < policy.delay {
            let message = format!(
                "max_delay {} is shorter than delay {}",
                duration::format(policy.max_delay),
                duration::format(policy.delay)
            );
            self.problem(format!("{path}.MaxDelay"), message);
        }
        if policy.unlimited {
            if policy.attempts > 0 {
                self.warning(path, "unlimited = true leaves attempts and interval without effect");
            }
            return;
        }
        if policy.interval.is_zero() {
            self.problem(
                path,
                "an interval is needed with attempts; add interval = ..., or unlimited = true",
            );
        } else if !grows && policy.delay.saturating_mul(policy.attempts) > policy.interval {
            let message = format!(
                "{} attempts with a delay of {} each do not fit into an interval of {}",
                policy.attempts,
                duration::format(policy.delay),
                duration::format(policy.interval)
            );
            self.problem(path, message);
        }
    }

    fn update(&mut self, path: &str, kind: JobType, update: &UpdateStrategy, count: u32) {
        if matches!(kind, JobType::Batch | JobType::SysBatch) {
            self.warning(
                path,
                format!("a {} job has no rolling updates: the block has no effect", kind.as_str()),
            );
            return;
        }
        if update.stagger.is_zero() {
            self.problem(format!("{path}.Stagger"), "stagger must be more than 0s");
        }
        if update.max_parallel > count && count > 0 {
            let message = format!(
                "max_parallel {} is more than the count of {count}: a change replaces all at the same time",
                update.max_parallel
            );
            self.warning(format!("{path}.MaxParallel"), message);
        }
        // Without a limit there is no deployment that the rest could steer.
        if update.max_parallel == 0 || update.paced_by_stagger {
            return;
        }
        if update.auto_promote && update.canary == 0 {
            self.problem(
                format!("{path}.AutoPromote"),
                "auto_promote needs canaries; set canary = 1 or more",
            );
        }
        if update.healthy_deadline.is_zero() {
            self.problem(format!("{path}.HealthyDeadline"), "healthy_deadline must be more than 0s");
        }
        self.in_order(
            path,
            ("min_healthy_time", "MinHealthyTime", update.min_healthy_time),
            ("healthy_deadline", update.healthy_deadline),
        );
        if !update.progress_deadline.is_zero() {
            self.in_order(
                path,
                ("healthy_deadline", "HealthyDeadline", update.healthy_deadline),
                ("progress_deadline", update.progress_deadline),
            );
        }
    }

    /// The first must be shorter than the second.
    fn in_order(&mut self, path: &str, first: (&str, &str, Duration), second: (&str, Duration)) {
        if first.2 >= second.1 {
            let message = format!(
                "{} {} must be shorter than {} {}",
                first.0,
                duration::format(first.2),
                second.0,
                duration::format(second.1)
            );
            self.problem(format!("{path}.{}", first.1), message);
        }
    }

    fn migrate(&mut self, path: &str, kind: JobType, migrate: &MigrateStrategy) {
        if kind != JobType::Service {
            self.problem(path, format!("a {} job does not migrate; remove the block", kind.as_str()));
            return;
        }
        if migrate.min_healthy_time > migrate.healthy_deadline {
            self.in_order(
                path,
                ("min_healthy_time", "MinHealthyTime", migrate.min_healthy_time),
                ("healthy_deadline", migrate.healthy_deadline),
            );
        }
    }

    fn disconnect(&mut self, path: &str, kind: JobType, policy: &DisconnectStrategy) {
        let lost_after = policy.lost_after.is_some_and(|time| !time.is_zero());
        if lost_after && policy.stop_on_client_after.is_some() {
            let message =
                "lost_after and stop_on_client_after exclude each other: the one keeps what the other stops";
            self.problem(path, message);
        }
        if policy.stop_on_client_after.is_some() && !matches!(kind, JobType::Service | JobType::Batch) {
            let message =
                format!("stop_on_client_after is for service and batch jobs, not {}", kind.as_str());
            self.problem(format!("{path}.StopOnClientAfter"), message);
        }
    }

    pub(super) fn periodic(&mut self, job: &Job) {
        let Some(periodic) = &job.periodic else { return };
        if !matches!(job.job_type, JobType::Batch | JobType::SysBatch) {
            let message =
                format!("a {} job cannot be periodic; batch and sysbatch jobs can", job.job_type.as_str());
            self.problem("Job.Periodic", message);
        }
        if !periodic.enabled {
            return;
        }
        match (periodic.spec.is_empty(), periodic.specs.is_empty()) {
            (true, true) => {
                self.problem("Job.Periodic", "a periodic job needs to know when; add crons = [\"...\"]")
            }
            (false, false) => {
                self.problem("Job.Periodic", "cron and crons exclude each other; write crons only")
            }
            _ => {}
        }
        if periodic.specs.iter().any(|spec| spec.trim().is_empty()) {
            self.problem("Job.Periodic.Specs", "an entry of crons is empty");
        }
        let is_zone_letter = |letter: char| letter.is_ascii_alphanumeric() || "/_+-".contains(letter);
        if !periodic.time_zone.chars().all(is_zone_letter) {
            let message = format!(
                "{:?} is no time zone; write UTC, Local or one such as Europe/Amsterdam",
                periodic.time_zone
            );
            self.problem("Job.Periodic.TimeZone", message);
        }
    }

    pub(super) fn parameterized(&mut self, job: &Job) {
        let Some(parameterized) = &job.parameterized else {
            for (index, group) in job.groups.iter().enumerate() {
                for (number, task) in group.tasks.iter().enumerate() {
                    if task.dispatch_payload.is_some() && job.parent_id.is_empty() {
                        let path = format!("Job.TaskGroups[{index}].Tasks[{number}].DispatchPayload");
                        self.warning(path, "there is no payload without a parameterized block in the job");
                    }
                }
            }
            return;
        };
        if !matches!(job.job_type, JobType::Batch | JobType::SysBatch) {
            let message = format!(
                "a {} job cannot be parameterized; batch and sysbatch jobs can",
                job.job_type.as_str()
            );
            self.problem("Job.ParameterizedJob", message);
        }
        if !matches!(parameterized.payload.as_str(), "optional" | "required" | "forbidden") {
            let message =
                format!("payload {:?} is none of optional, required and forbidden", parameterized.payload);
            self.problem("Job.ParameterizedJob.Payload", message);
        }
        let required: BTreeSet<&str> = parameterized.meta_required.iter().map(String::as_str).collect();
        for key in &parameterized.meta_optional {
            if required.contains(key.as_str()) {
                let message = format!("meta key {key:?} is both required and optional");
                self.problem("Job.ParameterizedJob.MetaOptional", message);
            }
        }
        for (field, keys) in
            [("MetaRequired", &parameterized.meta_required), ("MetaOptional", &parameterized.meta_optional)]
        {
            let distinct: BTreeSet<&String> = keys.iter().collect();
            if distinct.len() < keys.len() {
                self.problem(format!("Job.ParameterizedJob.{field}"), "a meta key is named twice");
            }
        }
    }
}
