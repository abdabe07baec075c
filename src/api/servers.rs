//! What the HTTP API needs of the servers, so that it can be tested without any.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::model::{AllocId, DeploymentId, Eligibility, EvalId, Job, JobKey, NodeId};
use crate::rpc::messages::{HttpReply, HttpRequest};
use crate::state::Store;

pub use crate::server::error::ServerError;
pub use crate::server::{DeploymentChanged, Registered, ServerMember};

/// The server of this agent.
pub trait Servers: Send + Sync {
    /// Returns the replicated state, as far as this server has applied it.
    fn store(&self) -> &Store;

    /// Returns who leads, as far as this server knows.
    fn leadership(&self) -> Leadership;

    /// Waits until this server, the leader, has applied all that was acknowledged before; refused when it does not lead.
    fn barrier(&self) -> BoxFuture<'_, Result<u64, ServerError>>;

    /// Returns all servers, each asked whether it answers.
    fn members(&self) -> BoxFuture<'_, Vec<ServerMember>>;

    /// Takes in a job; with `enforce_index` it must not have changed since, 0 meaning that it must not exist.
    fn register_job(
        &self,
        job: Job,
        enforce_index: Option<u64>,
    ) -> BoxFuture<'_, Result<Registered, ServerError>>;

    /// Tells a job to stop; with `purge` it is forgotten as well.
    fn deregister_job(&self, key: JobKey, purge: bool) -> BoxFuture<'_, Result<Registered, ServerError>>;

    /// Makes the scheduler look at a job again.
    fn evaluate_job(&self, key: JobKey) -> BoxFuture<'_, Result<Registered, ServerError>>;

    /// Changes the count of one group.
    fn scale_job(
        &self,
        key: JobKey,
        group: String,
        count: u32,
    ) -> BoxFuture<'_, Result<Registered, ServerError>>;

    /// Submits an older version of a job anew; with `enforce_prior` its current version must be that one.
    fn revert_job(
        &self,
        key: JobKey,
        version: u64,
        enforce_prior: Option<u64>,
    ) -> BoxFuture<'_, Result<Registered, ServerError>>;

    /// Says of a version of a job whether it is stable; returns the log index.
    fn set_job_stability(
        &self,
        key: JobKey,
        version: u64,
        stable: bool,
    ) -> BoxFuture<'_, Result<u64, ServerError>>;

    /// Does to a deployment what a person asks for.
    fn change_deployment(
        &self,
        id: DeploymentId,
        change: DeploymentChange,
    ) -> BoxFuture<'_, Result<DeploymentChanged, ServerError>>;

    /// Sets whether new allocations may go to a node; returns the log index.
    fn set_eligibility(
        &self,
        id: NodeId,
        eligibility: Eligibility,
    ) -> BoxFuture<'_, Result<u64, ServerError>>;

    /// Makes the scheduler look again at the jobs of a node; returns the evaluations and their log index.
    fn evaluate_node(&self, id: NodeId) -> BoxFuture<'_, Result<(Vec<EvalId>, u64), ServerError>>;

    /// Passes a request on to the leader, waiting a few seconds for one to be elected.
    fn forward_http(
        &self,
        request: HttpRequest,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>>;

    /// Returns numbers for `/v1/agent/self` and `/v1/metrics`, by part: `nomad`, `raft`, `broker`.
    fn stats(&self) -> BTreeMap<String, BTreeMap<String, String>>;
}

/// What a person asks for about a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentChange {
    /// Go on from its canaries.
    Promote {
        /// Of these groups; of all when nothing is said.
        groups: Option<Vec<String>>,
    },
    /// Give it up.
    Fail,
    /// Wait, or go on.
    Pause(bool),
    /// Take a person's word on how well allocations are.
    Health {
        /// These are.
        healthy: Vec<AllocId>,
        /// These are not.
        unhealthy: Vec<AllocId>,
    },
}

/// Who leads, as far as a server knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// Whether it is this server.
    pub is_leader: bool,
    /// `host:port` of the leader's RPC, if one is known.
    pub leader: Option<String>,
}
