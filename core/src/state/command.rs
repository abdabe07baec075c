//! Log entries.
//!
//! Encoded as one byte of format version and MessagePack with field names, so that fields can be added. A change that
//! an older server would read wrongly needs a new version.

use serde::{Deserialize, Serialize};

use crate::model::plan::{Mark, Stop};
use crate::model::{
    AllocId, AllocUpdate, Allocation, Deployment, DeploymentId, DeploymentUpdate, DesiredTransition,
    DrainStrategy, Eligibility, Evaluation, Job, JobKey, Node, NodeId, NodeStatus, Timestamp,
};

/// The version of the encoding.
const FORMAT: u8 = 1;

/// Everything that can happen to the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A job, or a new version of it, and the evaluation that looks at it.
    JobRegister {
        /// Canonical and valid; its indexes and version are filled in by applying.
        job: Box<Job>,
        /// The evaluation.
        eval: Option<Evaluation>,
        /// The modify index the job must have, 0 for no such job; any when nothing is said.
        #[serde(default)]
        enforce_index: Option<u64>,
    },
    /// A job is told to stop.
    JobDeregister {
        /// Which.
        key: JobKey,
        /// Forget it, too.
        purge: bool,
        /// When.
        time: Timestamp,
        /// The evaluation that stops its allocations.
        eval: Option<Evaluation>,
    },
    /// A node, or what has changed about it.
    NodeRegister {
        /// The node; its indexes are filled in by applying.
        node: Node,
        /// When.
        time: Timestamp,
        /// Evaluations of the jobs this concerns.
        evals: Vec<Evaluation>,
    },
    /// A node is heard from or not.
    NodeStatus {
        /// Which.
        node_id: NodeId,
        /// Its status from now on.
        status: NodeStatus,
        /// Why.
        description: String,
        /// When.
        time: Timestamp,
        /// Evaluations of the jobs this concerns.
        evals: Vec<Evaluation>,
    },
    /// New allocations may go to a node or not.
    NodeEligibility {
        /// Which.
        node_id: NodeId,
        /// Whether they may.
        eligibility: Eligibility,
        /// When.
        time: Timestamp,
        /// Evaluations of the jobs this concerns.
        evals: Vec<Evaluation>,
    },
    /// Evaluations, new or changed.
    EvalUpdate {
        /// In full.
        evals: Vec<Evaluation>,
    },
    /// A plan, as far as it fits.
    ApplyPlan(PlanCommit),
    /// What a client saw of its allocations.
    ClientUpdate {
        /// Whose client.
        node_id: NodeId,
        /// In id order.
        updates: Vec<AllocUpdate>,
        /// When it arrived.
        time: Timestamp,
        /// Evaluations of jobs whose allocations failed.
        evals: Vec<Evaluation>,
    },
    /// A node is to be emptied, or not any more.
    NodeDrain {
        /// Which.
        node_id: NodeId,
        /// How; `None` ends it.
        drain: Option<DrainStrategy>,
        /// Whether new allocations may go there once it is not emptied any more.
        mark_eligible: bool,
        /// When.
        time: Timestamp,
        /// Evaluations of the jobs this concerns.
        evals: Vec<Evaluation>,
    },
    /// What is wanted of allocations beside running or stopping.
    AllocDesiredTransition {
        /// For each what is new about it; what is not spoken of stays.
        transitions: Vec<(AllocId, DesiredTransition)>,
        /// When.
        time: Timestamp,
        /// Evaluations of their jobs.
        evals: Vec<Evaluation>,
    },
    /// A deployment gets another status.
    DeploymentStatusUpdate {
        /// Which and how.
        update: DeploymentUpdate,
        /// The version the job goes back to, submitted anew.
        revert: Option<Box<Job>>,
        /// When.
        time: Timestamp,
        /// The evaluation that goes on from there.
        eval: Option<Evaluation>,
    },
    /// Canaries are promoted.
    DeploymentPromote {
        /// Of which deployment.
        deployment_id: DeploymentId,
        /// Of which groups; of all when nothing is said.
        groups: Option<Vec<String>>,
        /// When.
        time: Timestamp,
        /// The evaluation that goes on from there.
        eval: Option<Evaluation>,
    },
    /// Somebody says how well allocations are.
    DeploymentAllocHealth {
        /// Of which deployment.
        deployment_id: DeploymentId,
        /// These are.
        healthy: Vec<AllocId>,
        /// These are not.
        unhealthy: Vec<AllocId>,
        /// What follows for the deployment.
        update: Option<DeploymentUpdate>,
        /// The version the job goes back to, submitted anew.
        revert: Option<Box<Job>>,
        /// When.
        time: Timestamp,
        /// The evaluation that goes on from there.
        eval: Option<Evaluation>,
    },
    /// A version of a job is known to be good, or not any more.
    JobStability {
        /// The job.
        key: JobKey,
        /// Its version.
        version: u64,
        /// Whether it is.
        stable: bool,
    },
}

/// A plan, as far as it fits: what is committed of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanCommit {
    /// Allocations to stop.
    pub stops: Vec<Stop>,
    /// New allocations.
    pub places: Vec<Allocation>,
    /// Allocations that run on under a newer version of their job.
    pub updates: Vec<Allocation>,
    /// What is noted on others.
    pub marks: Vec<Mark>,
    /// The deployment that begins or gets more groups.
    pub deployment: Option<Deployment>,
    /// Deployments that have come to their end.
    pub deployment_updates: Vec<DeploymentUpdate>,
    /// Evaluations of the jobs that lost allocations to more important ones.
    pub evals: Vec<Evaluation>,
    /// When.
    pub time: Timestamp,
}

/// Why a log entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Nothing there.
    #[error("the entry is empty")]
    Empty,
    /// Another format.
    #[error("format {found} is not known; this version reads format {FORMAT}")]
    Format {
        /// The version found.
        found: u8,
    },
    /// Not what the format says.
    #[error("{0}")]
    Content(#[from] rmp_serde::decode::Error),
}

impl Command {
    /// Writes the log entry.
    ///
    /// # Panics
    /// Never: every field has an encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        rmp_serde::encode::write_named(&mut bytes, self).expect("a command can be encoded");
        bytes
    }

    /// Reads a log entry.
    ///
    /// # Errors
    /// When it was written by an incompatible version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Empty),
            Some((&FORMAT, content)) => Ok(rmp_serde::from_slice(content)?),
            Some((&found, _)) => Err(DecodeError::Format { found }),
        }
    }
}
