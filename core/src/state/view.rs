//! The state at one index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::{self, ApplyError};
use super::command::Command;
use super::shared::Shared;
use super::tables::nodes::Roster;
use super::tables::{allocs::Allocs, deployments::Deployments, evals::Evals, jobs::Jobs, nodes::Nodes};
use crate::model::{
    AllocId, Allocation, Deployment, DeploymentId, EvalId, Evaluation, Job, JobKey, Node, NodeId, Usage,
};

/// The version of the encoding of a whole state.
const FORMAT: u8 = 1;

/// The state at one index, never changed afterwards. Cloning costs O(1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub(super) index: u64,
    pub(super) jobs: Jobs,
    pub(super) nodes: Nodes,
    pub(super) allocs: Allocs,
    pub(super) evals: Evals,
    pub(super) deployments: Deployments,
}

/// A whole state as it is written down.
#[derive(Serialize, Deserialize)]
struct Image {
    index: u64,
    /// Log index of the last change of jobs, nodes, allocations and evaluations.
    table_indexes: [u64; 4],
    /// The versions of each job, newest first.
    jobs: Vec<Vec<Job>>,
    nodes: Vec<Node>,
    allocs: Vec<Allocation>,
    evals: Vec<Evaluation>,
    /// Log index of the last change of a deployment.
    #[serde(default)]
    deployments_index: u64,
    #[serde(default)]
    deployments: Vec<Deployment>,
}

/// Why a state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Another format.
    #[error("the snapshot has format {0:?}; this version reads format {FORMAT}")]
    Format(Option<u8>),
    /// Not what the format says.
    #[error("the snapshot is damaged: {0}")]
    Content(#[from] rmp_serde::decode::Error),
}

impl Snapshot {
    /// Returns the index of the last log entry applied.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the log index of the last change of any job.
    pub fn jobs_index(&self) -> u64 {
        self.jobs.index
    }

    /// Returns the log index of the last change of any node.
    pub fn nodes_index(&self) -> u64 {
        self.nodes.index
    }

    /// Returns the log index of the last change of any allocation.
    pub fn allocs_index(&self) -> u64 {
        self.allocs.index
    }

    /// Returns the log index of the last change of any evaluation.
    pub fn evals_index(&self) -> u64 {
        self.evals.index
    }

    /// Returns the log index of the last change of any deployment.
    pub fn deployments_index(&self) -> u64 {
        self.deployments.index
    }

    /// Returns the log index of the servers' last change of a node's allocations; 0 when there was none.
    pub fn node_allocs_index(&self, id: &NodeId) -> u64 {
        self.allocs.node_index(id)
    }

    /// Returns all jobs in key order.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.iter()
    }

    /// Returns a job.
    pub fn job(&self, key: &JobKey) -> Option<&Arc<Job>> {
        self.jobs.get(key)
    }

    /// Returns the versions kept of a job, newest first.
    pub fn job_versions(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.versions(key)
    }

    /// Returns all nodes in id order.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.iter()
    }

    /// Returns a node.
    pub fn node(&self, id: &NodeId) -> Option<&Arc<Node>> {
        self.nodes.get(id)
    }

    /// Returns the computed class of a node: equal for nodes that no constraint on non-unique facts can tell apart.
    pub fn node_class(&self, id: &NodeId) -> Option<&str> {
        self.nodes.class(id).map(|class| &**class)
    }

    /// Returns all nodes in name order, with what every evaluation asks of them. Made once for a state of the nodes.
    pub fn roster(&self) -> &Roster {
        self.nodes.roster()
    }

    /// Returns what the allocations of a node hold together that are not terminal; `None` for nothing.
    pub fn usage(&self, id: &NodeId) -> Option<&Arc<Usage>> {
        self.allocs.usage(id)
    }

    /// Returns all allocations in id order.
    pub fn allocs(&self) -> impl Iterator<Item = &Arc<Allocation>> {
        self.allocs.iter()
    }

    /// Returns an allocation.
    pub fn alloc(&self, id: &AllocId) -> Option<&Arc<Allocation>> {
        self.allocs.get(id)
    }

    /// Returns a job's allocations in id order.
    pub fn allocs_by_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Allocation>> {
        self.allocs.of_job(key)
    }

    /// Returns a node's allocations in id order.
    pub fn allocs_by_node(&self, id: &NodeId) -> impl Iterator<Item = &Arc<Allocation>> {
        self.allocs.of_node(id)
    }

    /// Returns all evaluations in id order.
    pub fn evals(&self) -> impl Iterator<Item = &Arc<Evaluation>> {
        self.evals.iter()
    }

    /// Returns an evaluation.
    pub fn eval(&self, id: &EvalId) -> Option<&Arc<Evaluation>> {
        self.evals.get(id)
    }

    /// Returns a job's evaluations in id order.
    pub fn evals_by_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Evaluation>> {
        self.evals.of_job(key)
    }

    /// Returns the state as it would be after `command`: a what-if, which costs no more than applying it does and
    /// leaves this state as it is.
    ///
    /// # Errors
    /// Those that applying it as the next log entry would meet.
    pub fn after(&self, command: &Command) -> Result<Self, ApplyError> {
        let mut next = self.clone();
        next.index += 1;
        let index = next.index;
        apply::apply(&mut next, index, command)?;
        Ok(next)
    }

    /// Returns one version of a job, if it is kept.
    pub fn job_version(&self, key: &JobKey, version: u64) -> Option<&Arc<Job>> {
        self.jobs.version(key, version)
    }

    /// Returns all deployments in id order.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.iter()
    }

    /// Returns a deployment.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Arc<Deployment>> {
        self.deployments.get(id)
    }

    /// Returns a job's deployments in id order.
    pub fn deployments_by_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.of_job(key)
    }

    /// Returns the deployment of a job that began last.
    pub fn latest_deployment(&self, key: &JobKey) -> Option<&Arc<Deployment>> {
        self.deployments_by_job(key).max_by_key(|deployment| deployment.create_index)
    }

    /// Writes the whole state.
    ///
    /// # Panics
    /// Never: every field has an encoding.
    pub fn encode(&self) -> Vec<u8> {
        let owned = |job: &Arc<Job>| (**job).clone();
        let image = Image {
            index: self.index,
            table_indexes: [self.jobs.index, self.nodes.index, self.allocs.index, self.evals.index],
            jobs: self.jobs().map(|job| self.job_versions(&job.key()).map(owned).collect()).collect(),
            nodes: self.nodes().map(|node| (**node).clone()).collect(),
            allocs: self.allocs().map(|alloc| (**alloc).clone()).collect(),
            evals: self.evals().map(|eval| (**eval).clone()).collect(),
            deployments_index: self.deployments.index,
            deployments: self.deployments().map(|deployment| (**deployment).clone()).collect(),
        };
        let mut bytes = vec![FORMAT];
        rmp_serde::encode::write_named(&mut bytes, &image).expect("a state can be encoded");
        bytes
    }

    /// Reads a whole state.
    ///
    /// # Errors
    /// When it is damaged or was written by an incompatible version.
    pub fn decode(bytes: &[u8]) -> Result<Self, RestoreError> {
        let (format, content) = match bytes.split_first() {
            Some((&format, content)) => (Some(format), content),
            None => (None, bytes),
        };
        if format != Some(FORMAT) {
            return Err(RestoreError::Format(format));
        }
        let image: Image = rmp_serde::from_slice(content)?;
        let mut view = Self { index: image.index, ..Self::default() };
        let (mut shared, mut shared_parts) = (SharedJobs::default(), Shared::default());
        for versions in image.jobs {
            view.jobs.restore(versions);
        }
        for job in view.jobs() {
            shared.offer(view.job_versions(&job.key()));
        }
        for node in image.nodes {
            view.nodes.put(Arc::new(node), image.index);
        }
        for mut alloc in image.allocs {
            alloc.job = shared.share(alloc.job);
            shared_parts.share(&mut alloc);
            view.allocs.put(Arc::new(alloc), image.index);
        }
        for eval in image.evals {
            view.evals.put(Arc::new(eval), image.index);
        }
        for deployment in image.deployments {
            view.deployments.put(Arc::new(deployment), image.index);
        }
        view.deployments.index = image.deployments_index;
        [view.jobs.index, view.nodes.index, view.allocs.index, view.evals.index] = image.table_indexes;
        Ok(view)
    }

    /// Lets an allocation share the job that the jobs table holds, instead of a copy that came with it.
    pub(super) fn share_job(&self, mut alloc: Allocation) -> Allocation {
        let known = self.jobs.version(&alloc.job_key, alloc.job.version);
        if let Some(job) = known.filter(|job| job.create_index == alloc.job.create_index) {
            alloc.job = job.clone();
        }
        alloc
    }
}

/// The jobs met while a state is read, each once.
///
/// Only equal ones are shared: an allocation keeps its job with the status it had when it was placed, so that a server
/// that read the state shows the same as one that lived through it.
#[derive(Default)]
struct SharedJobs(BTreeMap<(JobKey, u64), Vec<Arc<Job>>>);

impl SharedJobs {
    fn offer<'a>(&mut self, jobs: impl Iterator<Item = &'a Arc<Job>>) {
        for job in jobs {
            self.0.entry((job.key(), job.version)).or_default().push(job.clone());
        }
    }

    fn share(&mut self, job: Arc<Job>) -> Arc<Job> {
        let alike = self.0.entry((job.key(), job.version)).or_default();
        if let Some(known) = alike.iter().find(|known| **known == job) {
            return known.clone();
        }
        alike.push(job.clone());
        job
    }
}
