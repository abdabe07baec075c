//! What each command does.

mod deployments;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::command::{Command, PlanCommit};
use super::shared::Shared;
use super::view::Snapshot;
use super::watch::WatchKey;
use serde::{Deserialize, Serialize};

use crate::model::plan::{Mark, Stop};
use crate::model::{
    AllocId, AllocState, AllocUpdate, Allocation, ClientStatus, DeploymentId, DeploymentStatus,
    DesiredStatus, DesiredTransition, DrainStrategy, Eligibility, Evaluation, Job, JobKey, JobStatus,
    JobType, Node, NodeId, Timestamp,
};

/// Why a command changed nothing. Every replica returns the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ApplyError {
    /// The job is gone, or never was.
    #[error("job {0} not found")]
    JobNotFound(JobKey),
    /// The node is gone, or never was.
    #[error("node {0} not found")]
    NodeNotFound(NodeId),
    /// The job has been changed, made or forgotten since its submitter looked.
    #[error("job {key} is at modify index {found:?}, not at {wanted}")]
    JobModifyIndex {
        /// The job.
        key: JobKey,
        /// What the submitter had seen; 0 for no such job.
        wanted: u64,
        /// What is the case; `None` for no such job.
        found: Option<u64>,
    },
    /// The allocation is gone, or never was.
    #[error("allocation {0} not found")]
    AllocNotFound(AllocId),
    /// The version is not kept any more, or never was.
    #[error("job {key} has no version {version}")]
    VersionNotFound {
        /// The job.
        key: JobKey,
        /// The version.
        version: u64,
    },
    /// The deployment is gone, or never was.
    #[error("deployment {0} not found")]
    DeploymentNotFound(DeploymentId),
    /// Nothing comes of that deployment any more.
    #[error("deployment {id} is {} and does not change any more", status.as_str())]
    DeploymentEnded {
        /// The deployment.
        id: DeploymentId,
        /// How it ended.
        status: DeploymentStatus,
    },
    /// There is nothing to promote.
    #[error("deployment {0} has no canaries to promote")]
    NoCanaries(DeploymentId),
    /// Canaries are promoted when they are healthy.
    #[error("group {group:?} has {healthy} healthy canaries of {wanted}; all have to be healthy")]
    CanariesUnhealthy {
        /// The group.
        group: String,
        /// How many are healthy.
        healthy: u32,
        /// How many it takes.
        wanted: u32,
    },
    /// The allocation belongs to another deployment, or to none.
    #[error("allocation {alloc} is not part of deployment {deployment}")]
    AllocNotOfDeployment {
        /// The allocation.
        alloc: AllocId,
        /// The deployment.
        deployment: DeploymentId,
    },
}

/// Applies a command to `state`, whose index is `index` already, and returns whom it concerns.
///
/// On an error `state` may be changed in part; the caller throws it away.
pub(super) fn apply(
    state: &mut Snapshot,
    index: u64,
    command: &Command,
) -> Result<BTreeSet<WatchKey>, ApplyError> {
    let mut change = Change { state, index, woken: BTreeSet::new(), shared: Shared::default() };
    match command {
        Command::JobRegister { job, eval, enforce_index } => {
            change.check_modify_index(&job.key(), *enforce_index)?;
            change.register_job(job);
            change.put_evals(eval);
            change.derive_status(&job.key());
        }
        Command::JobDeregister { key, purge, time, eval } => {
            change.deregister_job(key, *purge, *time)?;
            change.put_evals(eval);
            change.derive_status(key);
        }
        Command::NodeRegister { node, evals, .. } => {
            change.register_node(node);
            change.put_evals(evals);
        }
        Command::NodeStatus { node_id, status, description, time, evals } => {
            let mut node = change.node(node_id)?;
            node.status = *status;
            node.status_description.clone_from(description);
            node.status_updated_at = *time;
            change.put_node(node);
            change.put_evals(evals);
        }
        Command::NodeEligibility { node_id, eligibility, time, evals } => {
            let mut node = change.node(node_id)?;
            node.eligibility = *eligibility;
            node.status_updated_at = *time;
            change.put_node(node);
            change.put_evals(evals);
        }
        Command::EvalUpdate { evals } => change.put_evals(evals),
        Command::ApplyPlan(commit) => change.commit(commit),
        Command::ClientUpdate { node_id, updates, time, evals } => {
            for update in updates {
                change.see(*node_id, update, *time);
            }
            change.put_evals(evals);
        }
        Command::NodeDrain { node_id, drain, mark_eligible, time, evals } => {
            change.drain(node_id, drain.as_ref(), *mark_eligible, *time)?;
            change.put_evals(evals);
        }
        Command::AllocDesiredTransition { transitions, time, evals } => {
            for (id, transition) in transitions {
                change.want(*id, *transition, *time);
            }
            change.put_evals(evals);
        }
        Command::DeploymentStatusUpdate { update, revert, time, eval } => {
            change.set_deployment_status(update, *time)?;
            change.revert(revert.as_deref());
            change.put_evals(eval);
        }
        Command::DeploymentPromote { deployment_id, groups, time, eval } => {
            change.promote(*deployment_id, groups.as_deref(), *time)?;
            change.put_evals(eval);
        }
        Command::DeploymentAllocHealth { deployment_id, healthy, unhealthy, update, revert, time, eval } => {
            change.set_health(*deployment_id, healthy, unhealthy, *time)?;
            if let Some(update) = update {
                change.set_deployment_status(update, *time)?;
            }
            change.revert(revert.as_deref());
            change.put_evals(eval);
        }
        Command::JobStability { key, version, stable } => {
            if change.state.jobs.version(key, *version).is_none() {
                return Err(ApplyError::VersionNotFound { key: key.clone(), version: *version });
            }
            change.set_stability(key, *version, *stable);
        }
    }
    change.derive_statuses();
    Ok(change.woken)
}

struct Change<'a> {
    state: &'a mut Snapshot,
    index: u64,
    woken: BTreeSet<WatchKey>,
    /// What the allocations of this command have in common.
    shared: Shared,
}

impl Change<'_> {
    /// Refuses a submission whose submitter had seen another state of the job. Looked at here and not before the log
    /// entry is made, so that of two submissions at the same time only one is taken.
    fn check_modify_index(&self, key: &JobKey, wanted: Option<u64>) -> Result<(), ApplyError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let found = self.state.jobs.get(key).map(|job| job.job_modify_index);
        if found.unwrap_or_default() == wanted {
            return Ok(());
        }
        Err(ApplyError::JobModifyIndex { key: key.clone(), wanted, found })
    }

    /// Puts in a job. A submission that changes nothing makes no new version.
    fn register_job(&mut self, submitted: &Job) {
        let mut job = submitted.clone();
        match self.state.jobs.get(&job.key()) {
            Some(known) if known.is_same_specification(&job) => return,
            Some(known) => {
                job.version = known.version + 1;
                job.create_index = known.create_index;
                job.status = known.status;
                job.stable = false;
            }
            None => {
                job.version = 0;
                job.create_index = self.index;
                job.status = JobStatus::Pending;
            }
        }
        job.modify_index = self.index;
        job.job_modify_index = self.index;
        self.put_job(job);
    }

    /// Submits anew what a failed deployment goes back to.
    fn revert(&mut self, job: Option<&Job>) {
        if let Some(job) = job {
            self.register_job(job);
            self.derive_status(&job.key());
        }
    }

    fn deregister_job(&mut self, key: &JobKey, purge: bool, time: Timestamp) -> Result<(), ApplyError> {
        let known = self.state.jobs.get(key).ok_or_else(|| ApplyError::JobNotFound(key.clone()))?;
        if purge {
            self.state.jobs.remove(key, self.index);
            self.woken.extend([WatchKey::Jobs, WatchKey::Job(key.clone())]);
            return Ok(());
        }
        let mut job = (**known).clone();
        if !job.stop {
            job.stop = true;
            job.version += 1;
            job.submit_time = time;
            job.job_modify_index = self.index;
        }
        job.modify_index = self.index;
        self.put_job(job);
        Ok(())
    }

    fn register_node(&mut self, node: &Node) {
        let mut node = node.clone();
        node.create_index = self.index;
        if let Some(known) = self.state.nodes.get(&node.id) {
            node.create_index = known.create_index;
            // The operator's choices: they may have been made after the registration was read and before it was logged.
            node.eligibility = known.eligibility;
            node.drain.clone_from(&known.drain);
        }
        self.put_node(node);
    }

    fn node(&self, id: &NodeId) -> Result<Node, ApplyError> {
        self.state.nodes.get(id).map(|node| (**node).clone()).ok_or(ApplyError::NodeNotFound(*id))
    }

    /// Lets a node be emptied or not; one that is takes nothing new.
    fn drain(
        &mut self,
        id: &NodeId,
        drain: Option<&DrainStrategy>,
        mark_eligible: bool,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let mut node = self.node(id)?;
        node.drain = drain.cloned();
        if drain.is_some() {
            node.eligibility = Eligibility::Ineligible;
        } else if mark_eligible {
            node.eligibility = Eligibility::Eligible;
        }
        node.status_updated_at = time;
        self.put_node(node);
        Ok(())
    }

    fn commit(&mut self, commit: &PlanCommit) {
        let time = commit.time;
        // The deployment goes first: what is placed counts for it.
        if let Some(deployment) = &commit.deployment {
            self.begin_deployment(deployment, time);
        }
        for update in &commit.deployment_updates {
            // One that has ended meanwhile has ended.
            let _ = self.set_deployment_status(update, time);
        }
        for stop in &commit.stops {
            self.stop(stop, time);
        }
        for mark in &commit.marks {
            self.mark(mark, time);
        }
        for place in &commit.places {
            self.place(place, time);
        }
        for update in &commit.updates {
            self.update_in_place(update, time);
        }
        self.put_evals(&commit.evals);
    }

    fn stop(&mut self, stop: &Stop, time: Timestamp) {
        let Some(known) = self.state.allocs.get(&stop.alloc_id) else { return };
        let mut alloc = (**known).clone();
        // The first end stands: what was evicted is not merely stopped later.
        if alloc.desired_status == DesiredStatus::Run {
            alloc.preempted_by = stop.preempted_by;
            alloc.desired_status = match stop.preempted_by {
                Some(_) => DesiredStatus::Evict,
                None => DesiredStatus::Stop,
            };
        }
        alloc.desired_description.clone_from(&stop.description);
        if let Some(status) = stop.client_status.filter(|_| !alloc.client_status.is_terminal()) {
            alloc.client_status = status;
            alloc.client_description.clone_from(&stop.description);
        }
        alloc.next = stop.next.or(alloc.next);
        alloc.follow_up_eval = stop.follow_up_eval.or(alloc.follow_up_eval);
        alloc.modify_time = time;
        alloc.alloc_modify_index = self.index;
        self.put_alloc(alloc);
    }

    /// Notes on an allocation what a plan has to say about it.
    fn mark(&mut self, mark: &Mark, time: Timestamp) {
        let Some(known) = self.state.allocs.get(&mark.alloc_id) else { return };
        let mut alloc = (**known).clone();
        if let Some(client_status) = mark.record {
            if client_status == ClientStatus::Unknown && !alloc.client_status.is_terminal() {
                alloc.client_status = ClientStatus::Unknown;
                alloc.client_description.clone_from(&mark.description);
            }
            alloc.states.push(AllocState { client_status, time });
        }
        alloc.follow_up_eval = mark.follow_up_eval.or(alloc.follow_up_eval);
        alloc.modify_time = time;
        alloc.alloc_modify_index = self.index;
        self.put_alloc(alloc);
    }

    /// Notes what is wanted of an allocation.
    fn want(&mut self, id: AllocId, transition: DesiredTransition, time: Timestamp) {
        let Some(known) = self.state.allocs.get(&id) else { return };
        let mut alloc = (**known).clone();
        alloc.desired_transition.merge(transition);
        alloc.modify_time = time;
        self.put_alloc(alloc);
    }

    fn place(&mut self, placed: &Allocation, time: Timestamp) {
        // A plan committed a second time must not bring back what has ended since.
        if self.state.allocs.get(&placed.id).is_some() {
            return;
        }
        let mut alloc = self.state.share_job(placed.clone());
        self.shared.share(&mut alloc);
        alloc.create_time = time;
        alloc.modify_time = time;
        alloc.create_index = self.index;
        alloc.alloc_modify_index = self.index;
        if let Some(previous) = alloc.previous {
            self.link(previous, alloc.id);
        }
        self.count_placed(&alloc, time);
        self.put_alloc(alloc);
    }

    /// Notes on an allocation which one replaces it.
    fn link(&mut self, previous: AllocId, next: AllocId) {
        let Some(known) = self.state.allocs.get(&previous) else { return };
        if known.next == Some(next) {
            return;
        }
        let mut alloc = (**known).clone();
        alloc.next = Some(next);
        self.put_alloc(alloc);
    }

    fn update_in_place(&mut self, updated: &Allocation, time: Timestamp) {
        let Some(known) = self.state.allocs.get(&updated.id) else { return };
        let mut alloc = (**known).clone();
        alloc.job = self.state.share_job(updated.clone()).job;
        alloc.resources.clone_from(&updated.resources);
        alloc.metric = updated.metric.clone();
        alloc.eval_id = updated.eval_id;
        alloc.modify_time = time;
        alloc.alloc_modify_index = self.index;
        if updated.deployment_id != alloc.deployment_id {
            // What it was to another deployment says nothing here.
            alloc.deployment_id = updated.deployment_id;
            alloc.deployment_status = None;
            self.count_placed(&alloc, time);
        }
        self.put_alloc(alloc);
    }

    /// Notes what a client saw of one of its allocations.
    fn see(&mut self, node_id: NodeId, update: &AllocUpdate, time: Timestamp) {
        let known = self.state.allocs.get(&update.id).filter(|alloc| alloc.node_id == node_id);
        let Some(known) = known else { return };
        let mut alloc = (**known).clone();
        if !alloc.client_status.is_terminal() {
            alloc.client_status = update.client_status;
            alloc.client_description.clone_from(&update.client_description);
        }
        alloc.task_states.clone_from(&update.task_states);
        alloc.modify_time = time;
        if let Some(health) = update.health.filter(|_| alloc.deployment_id.is_some()) {
            let before = known.clone();
            self.take_health(&mut alloc, health);
            self.count_health(&before, &alloc, time);
        }
        self.put_alloc(alloc);
    }

    fn put_job(&mut self, job: Job) {
        self.woken.extend([WatchKey::Jobs, WatchKey::Job(job.key())]);
        self.state.jobs.put(Arc::new(job), self.index);
    }

    fn put_node(&mut self, mut node: Node) {
        node.modify_index = self.index;
        self.woken.extend([WatchKey::Nodes, WatchKey::Node(node.id)]);
        self.state.nodes.put(Arc::new(node), self.index);
    }

    fn put_alloc(&mut self, mut alloc: Allocation) {
        alloc.modify_index = self.index;
        self.woken.extend([
            WatchKey::Allocs,
            WatchKey::Alloc(alloc.id),
            WatchKey::JobAllocs(alloc.job_key.clone()),
            WatchKey::NodeAllocsSeen(alloc.node_id),
        ]);
        if alloc.alloc_modify_index == self.index {
            self.woken.insert(WatchKey::NodeAllocs(alloc.node_id));
        }
        self.state.allocs.put(Arc::new(alloc), self.index);
    }

    fn put_evals<'e>(&mut self, evals: impl IntoIterator<Item = &'e Evaluation>) {
        for eval in evals {
            let mut eval = eval.clone();
            eval.create_index = self.state.evals.get(&eval.id).map_or(self.index, |known| known.create_index);
            eval.modify_index = self.index;
            self.woken.extend([
                WatchKey::Evals,
                WatchKey::Eval(eval.id),
                WatchKey::JobEvals(eval.job_key.clone()),
            ]);
            self.state.evals.put(Arc::new(eval), self.index);
        }
    }

    /// Derives anew the status of every job whose allocations or evaluations a command has touched.
    fn derive_statuses(&mut self) {
        let touched: Vec<JobKey> = self
            .woken
            .iter()
            .filter_map(|key| match key {
                WatchKey::JobAllocs(job) | WatchKey::JobEvals(job) => Some(job.clone()),
                _ => None,
            })
            .collect();
        for job in touched {
            self.derive_status(&job);
        }
    }

    fn derive_status(&mut self, key: &JobKey) {
        let Some(known) = self.state.jobs.get(key) else { return };
        let status = status_of(self.state, known);
        if status != known.status {
            let mut job = (**known).clone();
            job.status = status;
            job.modify_index = self.index;
            self.put_job(job);
        }
    }
}

/// Derives a job's status: running while an allocation is not terminal, pending while an evaluation is not, dead
/// when stopped or finished. Source: Nomad `nomad/state/state_store.go`, `getJobStatus`.
fn status_of(state: &Snapshot, job: &Job) -> JobStatus {
    let key = job.key();
    if state.allocs_by_job(&key).any(|alloc| !alloc.is_terminal()) {
        return JobStatus::Running;
    }
    let mut evals = state.evals_by_job(&key).peekable();
    let any_eval = evals.peek().is_some();
    if evals.any(|eval| !eval.is_terminal()) {
        return JobStatus::Pending;
    }
    match job.job_type {
        _ if job.stop => JobStatus::Dead,
        JobType::System | JobType::SysBatch => JobStatus::Running,
        JobType::Service | JobType::Batch if any_eval => JobStatus::Dead,
        JobType::Service | JobType::Batch => JobStatus::Pending,
    }
}
