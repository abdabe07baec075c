//! Nodes: registration, heartbeats, and what follows when one falls silent.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{info, warn};

use super::Server;
use super::error::ServerError;
use super::leadership::{evals_for, must_lead};
use crate::model::{
    ClientStatus, Eligibility, JobKey, JobStatus, JobType, Node, NodeId, NodeStatus, Trigger,
};
use crate::rpc::messages::{
    Heartbeat, HeartbeatReply, IndexReply, NodeAllocs, NodeAllocsReply, RegisterNode, UpdateAllocs,
};
use crate::state::{Command, Snapshot, WatchKey};

/// The longest a client's question for its allocations is kept waiting.
const ALLOCS_WAIT_MAX: Duration = Duration::from_secs(300);

/// Gives up nodes whose deadline has passed, for as long as this server leads.
pub(super) async fn watch_heartbeats(server: Server) {
    loop {
        let changed = server.inner.heartbeats_changed.notified();
        let deadline = server
            .inner
            .heartbeats
            .lock()
            .expect("no holder of this lock panics")
            .as_ref()
            .and_then(super::heartbeat::HeartbeatCore::next_deadline);
        match deadline {
            None => changed.await,
            Some(deadline) => {
                let wait = deadline.since(server.env().now());
                tokio::select! {
                    biased;
                    // A later heartbeat moves its own deadline only; waking for it costs a look at the next one.
                    () = changed => {}
                    () = tokio::time::sleep(wait) => give_up_silent(&server).await,
                }
            }
        }
    }
}

async fn give_up_silent(server: &Server) {
    let now = server.env().now();
    let silent = {
        let mut heartbeats = server.inner.heartbeats.lock().expect("no holder of this lock panics");
        heartbeats.as_mut().map(|core| core.expire(now)).unwrap_or_default()
    };
    for node_id in silent {
        info!(node = %node_id, "missed its heartbeats");
        let result = server.set_node_status(node_id, NodeStatus::Down, "missed its heartbeats").await;
        if let Err(error) = result {
            warn!(node = %node_id, %error, "could not be recorded as down; tried again");
            // Stay responsible for it: without this nobody would look at the node again while this server leads.
            if let Some(core) =
                server.inner.heartbeats.lock().expect("no holder of this lock panics").as_mut()
            {
                core.beat(server.env().now(), node_id, Duration::ZERO);
            }
        }
    }
}

impl Server {
    /// Takes in a node, or what has changed about it.
    pub(super) async fn register_node(&self, request: RegisterNode) -> Result<HeartbeatReply, ServerError> {
        must_lead(self)?;
        let mut node = request.node;
        let view = self.store().snapshot();
        let known = view.node(&node.id).cloned();
        if let Some(known) = &known {
            check_secret(known, &node.secret_id)?;
        }
        check_node(&node)?;
        let was_ready = known.as_ref().is_some_and(|known| known.status == NodeStatus::Ready);
        node.status = NodeStatus::Ready;
        node.eligibility = known.as_ref().map_or(Eligibility::Eligible, |known| known.eligibility);
        let changed = known.as_ref().is_none_or(|known| !same_description(known, &node));
        let mut index = view.index();
        if changed || !was_ready {
            let time = self.env().now();
            node.status_updated_at = time;
            // A ready node that has changed may suit jobs that run on every node now, or not any more.
            let jobs = if was_ready { system_jobs(&view) } else { concerned_jobs(&view, node.id) };
            let evals = evals_for(self, &view, jobs, Trigger::NodeUpdate);
            info!(node = %node.id, name = %node.name, "registered");
            index = self.propose(&Command::NodeRegister { node: node.clone(), time, evals }).await?;
        }
        Ok(self.heartbeat_reply(node.id, index))
    }

    /// Notes that a node is alive, or that it says goodbye.
    pub(super) async fn heartbeat(&self, request: Heartbeat) -> Result<HeartbeatReply, ServerError> {
        must_lead(self)?;
        let view = self.store().snapshot();
        let node = view
            .node(&request.node_id)
            .ok_or_else(|| ServerError::NodeNotFound(request.node_id.to_string()))?;
        check_secret(node, &request.secret_id)?;
        let mut index = view.index();
        if request.status == NodeStatus::Down {
            if let Some(core) = self.inner.heartbeats.lock().expect("no holder of this lock panics").as_mut()
            {
                core.forget(request.node_id);
            }
            if node.status != NodeStatus::Down {
                index = self
                    .set_node_status(request.node_id, NodeStatus::Down, "the client said goodbye")
                    .await?;
            }
            return Ok(HeartbeatReply {
                ttl: super::heartbeat::TTL_MIN,
                index,
                servers: self.rpc_addresses(),
            });
        }
        if node.status != NodeStatus::Ready {
            index = self.set_node_status(request.node_id, NodeStatus::Ready, "heard from again").await?;
        }
        Ok(self.heartbeat_reply(request.node_id, index))
    }

    /// Answers what shall run on a node, once that differs from what it knows.
    pub(super) async fn node_allocs(&self, request: NodeAllocs) -> Result<NodeAllocsReply, ServerError> {
        let deadline = tokio::time::Instant::now() + request.wait.min(ALLOCS_WAIT_MAX);
        loop {
            let watcher = self.store().watch(&[WatchKey::NodeAllocs(request.node_id)]);
            let view = self.store().snapshot();
            if let Some(node) = view.node(&request.node_id) {
                check_secret(node, &request.secret_id)?;
            }
            let index = view.node_allocs_index(&request.node_id);
            if index > request.min_index || tokio::time::Instant::now() >= deadline {
                let allocs = view.allocs_by_node(&request.node_id).map(|alloc| (**alloc).clone()).collect();
                return Ok(NodeAllocsReply { index, allocs });
            }
            // Whether it changed or the wait is over, the next round looks at the state.
            let _ = tokio::time::timeout_at(deadline, watcher.changed()).await;
        }
    }

    /// Notes what a client saw of its allocations, and looks again at jobs whose allocations failed.
    pub(super) async fn update_allocs(&self, request: UpdateAllocs) -> Result<IndexReply, ServerError> {
        must_lead(self)?;
        let view = self.store().snapshot();
        let node = view
            .node(&request.node_id)
            .ok_or_else(|| ServerError::NodeNotFound(request.node_id.to_string()))?;
        check_secret(node, &request.secret_id)?;
        let newly_failed = request.updates.iter().filter_map(|update| {
            let known = view.alloc(&update.id)?;
            let failed = update.client_status == ClientStatus::Failed && !known.is_terminal();
            failed.then(|| known.job_key.clone())
        });
        let jobs: BTreeSet<JobKey> = newly_failed.collect();
        let mut evals = evals_for(self, &view, jobs, Trigger::AllocFailure);
        // What was cut off is back: one of it and what took its place has to go.
        let back = request.updates.iter().filter_map(|update| {
            let known = view.alloc(&update.id)?;
            let was_unknown = known.client_status == ClientStatus::Unknown;
            (was_unknown && update.client_status != ClientStatus::Unknown).then(|| known.job_key.clone())
        });
        let back: BTreeSet<JobKey> = back.collect();
        evals.extend(evals_for(self, &view, back, Trigger::Reconnect));
        let command = Command::ClientUpdate {
            node_id: request.node_id,
            updates: request.updates,
            time: self.env().now(),
            evals,
        };
        Ok(IndexReply { index: self.propose(&command).await? })
    }

    /// Sets whether new allocations may go to a node.
    ///
    /// # Errors
    /// [`ServerError::NodeNotFound`], and what a write can meet.
    pub async fn set_eligibility(
        &self,
        node_id: NodeId,
        eligibility: Eligibility,
    ) -> Result<u64, ServerError> {
        let view = self.store().snapshot();
        if view.node(&node_id).is_none() {
            return Err(ServerError::NodeNotFound(node_id.to_string()));
        }
        let jobs = if eligibility == Eligibility::Eligible { system_jobs(&view) } else { BTreeSet::new() };
        let evals = evals_for(self, &view, jobs, Trigger::NodeUpdate);
        let command = Command::NodeEligibility { node_id, eligibility, time: self.env().now(), evals };
        self.propose(&command).await
    }

    /// Makes the servers look again at everything that runs on a node; returns the evaluations' ids.
    ///
    /// # Errors
    /// [`ServerError::NodeNotFound`], and what a write can meet.
    pub async fn evaluate_node(
        &self,
        node_id: NodeId,
    ) -> Result<(Vec<crate::model::EvalId>, u64), ServerError> {
        let view = self.store().snapshot();
        if view.node(&node_id).is_none() {
            return Err(ServerError::NodeNotFound(node_id.to_string()));
        }
        let evals = evals_for(self, &view, concerned_jobs(&view, node_id), Trigger::NodeUpdate);
        let ids = evals.iter().map(|eval| eval.id).collect();
        Ok((ids, self.propose(&Command::EvalUpdate { evals }).await?))
    }

    async fn set_node_status(
        &self,
        node_id: NodeId,
        status: NodeStatus,
        description: &str,
    ) -> Result<u64, ServerError> {
        let view = self.store().snapshot();
        let evals = evals_for(self, &view, concerned_jobs(&view, node_id), Trigger::NodeUpdate);
        let command = Command::NodeStatus {
            node_id,
            status,
            description: description.to_owned(),
            time: self.env().now(),
            evals,
        };
        self.propose(&command).await
    }

    fn heartbeat_reply(&self, node_id: NodeId, index: u64) -> HeartbeatReply {
        HeartbeatReply { ttl: self.beat(node_id), index, servers: self.rpc_addresses() }
    }
}

fn check_secret(node: &Node, secret_id: &str) -> Result<(), ServerError> {
    if node.secret_id == secret_id {
        return Ok(());
    }
    Err(ServerError::Denied(format!(
        "node {} is registered with another secret; give this client a data directory of its own",
        node.id
    )))
}

fn check_node(node: &Node) -> Result<(), ServerError> {
    for (what, value) in [("name", &node.name), ("datacenter", &node.datacenter), ("secret", &node.secret_id)]
    {
        if value.is_empty() {
            return Err(ServerError::Invalid(format!("node {} has no {what}", node.id)));
        }
    }
    Ok(())
}

/// Tells whether a client says of itself what is known already.
fn same_description(known: &Node, node: &Node) -> bool {
    let mut node = node.clone();
    node.status = known.status;
    node.status_description.clone_from(&known.status_description);
    node.drain.clone_from(&known.drain);
    node.status_updated_at = known.status_updated_at;
    node.create_index = known.create_index;
    node.modify_index = known.modify_index;
    *known == node
}

/// Returns the jobs that a node's change concerns: those with allocations there, and all that run everywhere.
fn concerned_jobs(view: &Snapshot, node_id: NodeId) -> BTreeSet<JobKey> {
    let there = view.allocs_by_node(&node_id).filter(|alloc| !alloc.is_terminal());
    there.map(|alloc| alloc.job_key.clone()).chain(system_jobs(view)).collect()
}

fn system_jobs(view: &Snapshot) -> BTreeSet<JobKey> {
    let system = view.jobs().filter(|job| {
        matches!(job.job_type, JobType::System | JobType::SysBatch) && job.status != JobStatus::Dead
    });
    system.map(|job| job.key()).collect()
}
