//! What the scheduler decides, and how that is told.

use std::fmt::Write;

use super::invariants;
use super::world::World;
use crate::model::plan::{Decision, Plan};
use crate::model::*;
use crate::scheduler::process;
use crate::state::{Command, PlanCommit, Snapshot};

impl World {
    /// Lets the scheduler look at a job, shows what it decides, and carries it out.
    pub(super) fn eval(&mut self, job: &str) {
        let key = JobKey::new("default", job);
        let job_type = self.store.snapshot().job(&key).map_or(JobType::Service, |job| job.job_type);
        let id = EvalId::random(&mut self.rng);
        self.process(Evaluation::pending(id, key, job_type, 50, Trigger::JobRegister, self.now));
    }

    /// The same for the evaluation that waits for the earliest time, which it is then.
    pub(super) fn wake(&mut self, job: &str) {
        let view = self.store.snapshot();
        let key = JobKey::new("default", job);
        let waiting = view
            .evals_by_job(&key)
            .filter(|eval| eval.status == EvalStatus::Pending && eval.wait_until != Timestamp::NEVER);
        let next = waiting
            .min_by_key(|eval| (eval.wait_until, eval.id))
            .unwrap_or_else(|| panic!("{}: nothing waits", self.file));
        self.now = self.now.max(next.wait_until);
        self.process((**next).clone());
    }

    fn process(&mut self, eval: Evaluation) {
        let view = self.store.snapshot();
        let decision = process(&view, &eval, self.now, &mut self.rng, &self.options);
        if let Err(broken) = invariants::check(&view, &eval, &decision) {
            self.broken.push(format!("{}: {broken}", self.file));
        }
        self.show(&eval, &decision);
        self.carry_out(decision);
    }

    /// Lets the scheduler look at a job, carries out what it decides, and looks again.
    ///
    /// # Errors
    /// When an invariant is broken, the same question has two answers, or the second look finds something to do.
    pub(super) fn decide_twice(&mut self, job: &str) -> Result<(), String> {
        let (_, first) = self.decide(job)?;
        if !first.deployment_updates.is_empty() {
            // What has failed is not the deployment's business any more.
            self.decide(job)?;
        }
        let (view, plan) = self.decide(job)?;
        let idle = plan.places.is_empty()
            && plan.stops.is_empty()
            && plan.updates.is_empty()
            && plan.marks.is_empty();
        let staggered = view.job(&JobKey::new("default", job)).is_some_and(|job| {
            let mut updates = job.groups.iter().filter_map(|group| group.update.as_ref());
            updates.any(|update| update.paced_by_stagger)
        });
        // The next batch of what is paced by evaluation comes with the next evaluation.
        if idle || staggered { Ok(()) } else { Err(format!("again: {}", invariants::told(&view, &plan))) }
    }

    fn decide(&mut self, job: &str) -> Result<(Snapshot, Plan), String> {
        let view = self.store.snapshot();
        let key = JobKey::new("default", job);
        let job_type = view.job(&key).map_or(JobType::Service, |job| job.job_type);
        let id = EvalId::random(&mut self.rng);
        let eval = Evaluation::pending(id, key, job_type, 50, Trigger::JobRegister, self.now);
        let mut rng = self.rng.clone();
        let decision = process(&view, &eval, self.now, &mut self.rng, &self.options);
        let same = process(&view, &eval, self.now, &mut rng, &self.options);
        if decision.plan != same.plan || decision.follow_ups != same.follow_ups {
            return Err("the same question has two answers".to_owned());
        }
        self.show(&eval, &decision);
        invariants::check(&view, &eval, &decision)?;
        let plan = decision.plan.clone();
        self.carry_out(decision);
        Ok((view, plan))
    }

    /// Commits a plan in full and records the evaluations.
    pub(super) fn carry_out(&mut self, decision: Decision) {
        let plan = decision.plan;
        let command = Command::ApplyPlan(PlanCommit {
            stops: plan.stops,
            places: plan.places,
            updates: plan.updates,
            marks: plan.marks,
            deployment: plan.deployment,
            deployment_updates: plan.deployment_updates,
            evals: plan.preemption_evals,
            time: self.now,
        });
        self.apply(&command);
        let mut evals = vec![decision.eval];
        evals.extend(decision.blocked);
        evals.extend(decision.follow_ups);
        self.apply(&Command::EvalUpdate { evals });
    }

    fn show(&mut self, eval: &Evaluation, decision: &Decision) {
        let view = self.store.snapshot();
        let mut lines = Vec::new();
        let current = view.job(&eval.job_key).map(|job| job.version);
        for place in &decision.plan.places {
            let score = place.metric.scores.first().map_or(0.0, |best| best.normalized);
            let previous = place.previous.and_then(|id| view.alloc(&id));
            let instead = previous.map(|alloc| format!(" instead of the one on {}", alloc.node_name));
            let ports = place.resources.networks().flat_map(|network| {
                let fixed =
                    network.reserved_ports.iter().map(|port| format!(" {}={}", port.label, port.value));
                fixed.chain(network.dynamic_ports.iter().map(|port| {
                    assert!((20_000..=32_000).contains(&port.value), "dynamic ports have a range");
                    format!(" {}=dynamic", port.label)
                }))
            });
            let ports: String = ports.collect();
            let tasks = || place.resources.tasks.values();
            let cores: Vec<String> =
                tasks().flat_map(|task| &task.reserved_cores).map(u16::to_string).collect();
            let cores = if cores.is_empty() { String::new() } else { format!(" cores {}", cores.join(",")) };
            let devices = tasks().flat_map(|task| &task.devices);
            let devices: String = devices.map(|one| format!(" {}:{}", one.name, one.ids.join(","))).collect();
            let ports = format!("{ports}{cores}{devices}");
            let of_each = place.metric.scores.first().map(|best| &best.scores).filter(|_| self.tells_scores);
            let of_each = of_each.map(|scores| {
                let each = scores.iter().map(|(scorer, score)| format!("{} {score:.3}", scorer.as_str()));
                format!(": {}", each.collect::<Vec<_>>().join(", "))
            });
            let older = match current {
                Some(version) if version != place.job.version => format!(" at v{}", place.job.version),
                _ => String::new(),
            };
            let canary = if place.is_canary() { " as canary" } else { "" };
            lines.push(format!(
                "place {}{older}{canary} on {}{ports}{} score {score:.3}{}",
                place.name,
                place.node_name,
                instead.unwrap_or_default(),
                of_each.unwrap_or_default()
            ));
        }
        for stop in &decision.plan.stops {
            let alloc = view.alloc(&stop.alloc_id).unwrap();
            let status =
                stop.client_status.map(|status| format!(" as {}", status.as_str())).unwrap_or_default();
            lines.push(format!("stop {} on {}{status}: {}", alloc.name, alloc.node_name, stop.description));
        }
        for update in &decision.plan.updates {
            lines.push(format!("update {} on {} in place", update.name, update.node_name));
        }
        for mark in decision.plan.marks.iter().filter(|mark| mark.record.is_some()) {
            let alloc = view.alloc(&mark.alloc_id).unwrap();
            let status = mark.record.unwrap().as_str();
            lines.push(format!("note {} on {} as {status}", alloc.name, alloc.node_name));
        }
        lines.sort();
        lines.extend(self.told_failures(decision));
        if let Some(blocked) = &decision.blocked {
            let could = blocked.class_eligibility.values().filter(|could| **could).count();
            let escaped = if blocked.escaped { ", escaped" } else { "" };
            lines.push(format!(
                "blocked: {could} of {} classes could help{escaped}",
                blocked.class_eligibility.len()
            ));
        }
        lines.extend(told_deployments(decision));
        for later in &decision.follow_ups {
            let why = match later.trigger {
                Trigger::AllocReschedule => String::new(),
                other => format!(": {}", other.as_str()),
            };
            let seconds = later.wait_until.since(self.now).as_secs_f64();
            lines.push(format!("again in {seconds:.0} s{why}"));
        }
        let status = decision.eval.status.as_str();
        let said = &decision.eval.status_description;
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        writeln!(self.shown, "eval {}: {status}{said}", eval.job_key.id).unwrap();
        for line in lines {
            writeln!(self.shown, "  {line}").unwrap();
        }
    }

    fn told_failures(&self, decision: &Decision) -> Vec<String> {
        let mut lines = Vec::new();
        for (group, metric) in &decision.eval.failed_groups {
            let queued = decision.eval.queued[group];
            lines.push(format!(
                "unplaced {group}: {queued}; evaluated {}, filtered {}, exhausted {}",
                metric.seen.nodes_evaluated, metric.seen.nodes_filtered, metric.seen.nodes_exhausted
            ));
            for verdict in &metric.verdicts {
                lines.push(format!("  {}: {}", verdict.node_name, verdict.reasons.join("; ")));
            }
        }
        lines
    }

    /// Tells what of a job has not ended, in name order.
    pub(super) fn show_allocs(&mut self, job: &str) {
        let view = self.store.snapshot();
        let mut lines: Vec<String> = Vec::new();
        for alloc in view.allocs_by_job(&JobKey::new("default", job)).filter(|alloc| !alloc.is_terminal()) {
            let health = match alloc.health() {
                Some(true) => ", healthy",
                Some(false) => ", unhealthy",
                None => "",
            };
            let canary = if alloc.is_canary() { ", canary" } else { "" };
            lines.push(format!(
                "{} v{} on {}: {}{health}{canary}",
                alloc.name,
                alloc.job.version,
                alloc.node_name,
                alloc.client_status.as_str()
            ));
        }
        lines.sort();
        writeln!(self.shown, "there of {job}:").unwrap();
        for line in lines {
            writeln!(self.shown, "  {line}").unwrap();
        }
    }
}

fn told_deployments(decision: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(deployment) = &decision.plan.deployment {
        let groups = deployment.groups.iter().map(|(name, group)| {
            let canaries = match group.desired_canaries {
                0 => String::new(),
                wanted => format!(" after {wanted} canaries"),
            };
            format!("{name} {}{canaries}", group.desired_total)
        });
        let groups: Vec<String> = groups.collect();
        lines.push(format!(
            "deployment of v{} wants {}: {}",
            deployment.job_version,
            groups.join(", "),
            deployment.status_description
        ));
    }
    for update in &decision.plan.deployment_updates {
        lines.push(format!("deployment {}: {}", update.status.as_str(), update.description));
    }
    lines
}
