//! How the HTTP API reaches this agent's server, and the server the HTTP API.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::api::forward::RpcHandler;
use crate::api::servers::{DeploymentChange, Leadership, Servers};
use crate::model::{DeploymentId, Eligibility, EvalId, Job, JobKey, NodeId};
use crate::rpc::messages::{HttpReply, HttpRequest};
use crate::server::error::ServerError;
use crate::server::{DeploymentChanged, HttpHandler, Registered, Server, ServerMember};
use crate::state::Store;

impl Servers for Server {
    fn store(&self) -> &Store {
        self.store()
    }

    fn leadership(&self) -> Leadership {
        let now = self.leadership();
        Leadership { is_leader: now.is_leader, leader: now.leader.map(|member| member.address) }
    }

    fn barrier(&self) -> BoxFuture<'_, Result<u64, ServerError>> {
        self.barrier().boxed()
    }

    fn members(&self) -> BoxFuture<'_, Vec<ServerMember>> {
        self.members().boxed()
    }

    fn register_job(
        &self,
        job: Job,
        enforce_index: Option<u64>,
    ) -> BoxFuture<'_, Result<Registered, ServerError>> {
        self.register_job(job, enforce_index).boxed()
    }

    fn deregister_job(&self, key: JobKey, purge: bool) -> BoxFuture<'_, Result<Registered, ServerError>> {
        async move { self.deregister_job(&key, purge).await }.boxed()
    }

    fn evaluate_job(&self, key: JobKey) -> BoxFuture<'_, Result<Registered, ServerError>> {
        async move { self.evaluate_job(&key).await }.boxed()
    }

    fn scale_job(
        &self,
        key: JobKey,
        group: String,
        count: u32,
    ) -> BoxFuture<'_, Result<Registered, ServerError>> {
        async move { self.scale_job(&key, &group, count).await }.boxed()
    }

    fn revert_job(
        &self,
        key: JobKey,
        version: u64,
        enforce_prior: Option<u64>,
    ) -> BoxFuture<'_, Result<Registered, ServerError>> {
        async move { self.revert_job(&key, version, enforce_prior).await }.boxed()
    }

    fn set_job_stability(
        &self,
        key: JobKey,
        version: u64,
        stable: bool,
    ) -> BoxFuture<'_, Result<u64, ServerError>> {
        async move { self.set_job_stability(&key, version, stable).await }.boxed()
    }

    fn change_deployment(
        &self,
        id: DeploymentId,
        change: DeploymentChange,
    ) -> BoxFuture<'_, Result<DeploymentChanged, ServerError>> {
        async move {
            match change {
                DeploymentChange::Promote { groups } => self.promote_deployment(id, groups).await,
                DeploymentChange::Fail => self.fail_deployment(id).await,
                DeploymentChange::Pause(pause) => self.pause_deployment(id, pause).await,
                DeploymentChange::Health { healthy, unhealthy } => {
                    self.set_alloc_health(id, healthy, unhealthy).await
                }
            }
        }
        .boxed()
    }

    fn set_eligibility(
        &self,
        id: NodeId,
        eligibility: Eligibility,
    ) -> BoxFuture<'_, Result<u64, ServerError>> {
        self.set_eligibility(id, eligibility).boxed()
    }

    fn evaluate_node(&self, id: NodeId) -> BoxFuture<'_, Result<(Vec<EvalId>, u64), ServerError>> {
        self.evaluate_node(id).boxed()
    }

    fn forward_http(
        &self,
        request: HttpRequest,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>> {
        self.forward_http(request, timeout).boxed()
    }

    fn stats(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let raft = self.raft_metrics();
        let leadership = self.leadership();
        let (ready, unacked, waiting, blocked) = self.eval_counts();
        let part = |facts: &[(&str, String)]| -> BTreeMap<String, String> {
            facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let index = |index: Option<u64>| index.unwrap_or(0).to_string();
        let nomad = part(&[
            ("bootstrap", (self.config().bootstrap_expect == 1).to_string()),
            ("known_regions", "1".to_owned()),
            ("leader", leadership.is_leader.to_string()),
            ("leader_addr", leadership.leader.map(|member| member.address).unwrap_or_default()),
            ("server", "true".to_owned()),
        ]);
        let raft = part(&[
            ("applied_index", index(raft.applied_index)),
            ("commit_index", index(raft.committed_index)),
            ("last_log_index", index(raft.last_log_index)),
            ("last_snapshot_index", index(raft.snapshot_index)),
            ("state", if leadership.is_leader { "Leader" } else { "Follower" }.to_owned()),
            ("term", raft.term.to_string()),
        ]);
        let broker = part(&[
            ("ready", ready.to_string()),
            ("unacked", unacked.to_string()),
            ("waiting", waiting.to_string()),
            ("blocked", blocked.to_string()),
        ]);
        BTreeMap::from([
            ("nomad".to_owned(), nomad),
            ("raft".to_owned(), raft),
            ("broker".to_owned(), broker),
        ])
    }
}

impl HttpHandler for RpcHandler {
    fn handle(&self, request: HttpRequest) -> BoxFuture<'static, HttpReply> {
        self.handle(request)
    }
}
