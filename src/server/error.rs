//! What can go wrong with a request to the servers.

use crate::model::JobKey;
use crate::raft::ProposeError;
use crate::rpc::RpcError;
use crate::state::ApplyError;

/// Why a server did not do what was asked. `api::error` has the table of HTTP statuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServerError {
    /// No leader is known, or none was elected in time. The text is what clients match on.
    #[error("No cluster leader")]
    NoLeader,
    /// The leader did not hear from a quorum in time; the write may still happen.
    #[error(
        "the write was not confirmed by a quorum of servers in time; it may still be applied, look before trying again"
    )]
    Unconfirmed,
    /// There is no such job.
    #[error("job {0:?} not found")]
    JobNotFound(JobKey),
    /// There is no such group in the job.
    #[error("task group {group:?} does not exist in job {job:?}; it has {known}")]
    GroupNotFound {
        /// The job.
        job: JobKey,
        /// The group asked for.
        group: String,
        /// The groups there are.
        known: String,
    },
    /// There is no such node.
    #[error("node {0} not found")]
    NodeNotFound(String),
    /// There is no such deployment.
    #[error("deployment not found")]
    DeploymentNotFound,
    /// Nothing comes of that deployment any more. Clients match on the text.
    #[error("can't {verb} terminal deployment")]
    DeploymentEnded {
        /// What was asked for.
        verb: &'static str,
    },
    /// The job has been changed by somebody else meanwhile.
    #[error("Enforcing job modify index {wanted}: {found}")]
    JobModifyIndex {
        /// What the caller had seen.
        wanted: u64,
        /// What is the case.
        found: String,
    },
    /// What was sent makes no sense; every problem is named.
    #[error("{0}")]
    Invalid(String),
    /// The caller is not who it says it is.
    #[error("{0}")]
    Denied(String),
    /// Something else; a bug, or a machine that fails.
    #[error("{0}")]
    Internal(String),
}

impl From<ApplyError> for ServerError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::JobNotFound(key) => Self::JobNotFound(key),
            ApplyError::NodeNotFound(id) => Self::NodeNotFound(id.to_string()),
            ApplyError::JobModifyIndex { wanted, found, .. } => {
                let found = match (found, wanted) {
                    (None, _) => "job does not exist".to_owned(),
                    (Some(_), 0) => "job already exists".to_owned(),
                    (Some(found), _) => format!("job exists with conflicting job modify index: {found}"),
                };
                Self::JobModifyIndex { wanted, found }
            }
            ApplyError::DeploymentNotFound(_) => Self::DeploymentNotFound,
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<ProposeError> for ServerError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::NotLeader { .. } => Self::NoLeader,
            ProposeError::TimedOut => Self::Unconfirmed,
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<RpcError> for ServerError {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::NoLeader | RpcError::Unreachable(_) => Self::NoLeader,
            // The request may have arrived, only the answer did not.
            RpcError::Io(_) | RpcError::TimedOut => Self::Unconfirmed,
            RpcError::Denied(text) => Self::Denied(text),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<ServerError> for RpcError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::NoLeader => Self::NoLeader,
            ServerError::Unconfirmed => Self::TimedOut,
            ServerError::NodeNotFound(_) | ServerError::JobNotFound(_) => Self::NotFound(error.to_string()),
            ServerError::Denied(text) => Self::Denied(text),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// Why a plan was not applied.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlanError {
    /// The scheduler panicked: a bug, and no reason to stop looking at other jobs.
    #[error("the scheduler panicked: {0}")]
    Panicked(String),
    /// Another server leads by now; the evaluation will be processed there.
    #[error("this server is not the leader")]
    NotLeader,
    /// The log did not take it.
    #[error("the plan could not be committed: {0}")]
    Commit(#[from] ServerError),
}
