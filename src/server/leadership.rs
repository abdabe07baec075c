//! What starts when this server is elected and ends when it is not leader any more.

use std::collections::BTreeMap;

use tracing::{info, warn};

use super::blocked_evals::BlockedEvalsCore;
use super::error::ServerError;
use super::heartbeat::HeartbeatCore;
use super::{LeaderState, Server, deployment_watcher, nodes, plan_apply, worker};
use crate::env::spawn::AbortOnDrop;
use crate::model::class;
use crate::model::{EvalId, EvalStatus, Evaluation, JobKey, NodeStatus, Trigger};
use crate::state::{Command, Snapshot};

/// How long a new leader waits before it tries again to catch up with its own log.
const RETRY_DELAY: std::time::Duration = std::time::Duration::from_millis(250);

/// Follows elections for as long as the server runs.
pub(super) async fn run(server: Server) {
    let mut leadership = server.inner.leadership.clone();
    loop {
        let now = leadership.borrow_and_update().clone();
        if now.is_leader {
            let term = now.term;
            info!(term, "elected");
            let services = tokio::select! {
                biased;
                () = lost(&mut leadership, term) => continue,
                services = establish(&server) => services,
            };
            lost(&mut leadership, term).await;
            info!(term, "not leader any more");
            drop(services);
            server.inner.leader.disable();
        } else if leadership.changed().await.is_err() {
            return;
        }
    }
}

/// Waits until the term in which this server leads is over.
async fn lost(leadership: &mut tokio::sync::watch::Receiver<crate::raft::Leadership>, term: u64) {
    // An error means that the log was shut down, which ends the term as well.
    let _ = leadership.wait_for(|now| !now.is_leader || now.term != term).await;
}

/// Rebuilds the queues from the state and starts what a leader runs.
async fn establish(server: &Server) -> Vec<AbortOnDrop> {
    settle(server).await;
    server.inner.leader.enable();
    restore(server);
    let env = server.env();
    let mut tasks = vec![
        env.spawn("plan-apply", plan_apply::run(server.clone())),
        env.spawn("heartbeats", nodes::watch_heartbeats(server.clone())),
        env.spawn("unblock", unblock(server.clone())),
        env.spawn("broker-deadlines", expire(server.clone())),
        env.spawn("deployments", deployment_watcher::run(server.clone())),
    ];
    for number in 0..server.inner.config.num_schedulers {
        tasks.push(env.spawn("worker", worker::run(server.clone(), number)));
    }
    tasks.into_iter().map(crate::env::TaskHandle::abort_on_drop).collect()
}

/// Waits until everything that stands in the log so far is applied here, committed yet or not: an entry of our own
/// behind it is. A read barrier covers only what was committed, and a plan must not be checked without one that may still
/// come.
pub(super) async fn settle(server: &Server) {
    while let Err(error) = server.propose(&Command::EvalUpdate { evals: Vec::new() }).await {
        warn!(%error, "waiting for the log");
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Fills the queues from the state.
fn restore(server: &Server) {
    let view = server.store().snapshot();
    let now = server.env().now();
    // The previous leader may have died between the appearance of capacity and its record of who has a chance again.
    for (class, index) in capacity(&view) {
        server.inner.leader.unblock(&class, index);
    }
    for eval in view.evals() {
        match eval.status {
            EvalStatus::Pending => server.inner.broker.enqueue(now, (**eval).clone()),
            EvalStatus::Blocked => server.inner.leader.block((**eval).clone()),
            _ => {}
        }
    }
    let mut heartbeats = server.inner.heartbeats.lock().expect("no holder of this lock panics");
    let core = heartbeats.get_or_insert_default();
    for node in view.nodes().filter(|node| node.status != NodeStatus::Down) {
        core.expect(now, node.id);
    }
    server.inner.heartbeats_changed.notify_one();
}

/// Returns when capacity last appeared on the nodes of each class, as far as the state tells: when the node was changed, or
/// an allocation on it was stopped or ended.
fn capacity(view: &Snapshot) -> BTreeMap<String, u64> {
    let mut capacity: BTreeMap<String, u64> = BTreeMap::new();
    for node in view.nodes().filter(|node| node.is_schedulable()) {
        let freed = view.allocs_by_node(&node.id).filter(|alloc| alloc.is_terminal());
        let index = freed.map(|alloc| alloc.modify_index).fold(node.modify_index, u64::max);
        let known = capacity.entry(class::computed_class(node)).or_default();
        *known = index.max(*known);
    }
    capacity
}

/// Writes down as pending what has a chance again.
async fn unblock(server: Server) {
    loop {
        server.inner.unblocked_changed.notified().await;
        let evals =
            std::mem::take(&mut *server.inner.unblocked.lock().expect("no holder of this lock panics"));
        if evals.is_empty() {
            continue;
        }
        let now = server.env().now();
        let pending = evals.into_iter().map(|mut eval| {
            eval.status = EvalStatus::Pending;
            eval.status_description = "capacity has appeared".to_owned();
            eval.trigger = Trigger::QueuedAllocs;
            eval.modify_time = now;
            eval
        });
        let command = Command::EvalUpdate { evals: pending.collect() };
        if let Err(error) = server.propose(&command).await {
            warn!(%error, "blocked evaluations could not be recorded as pending; tried again");
            tokio::time::sleep(RETRY_DELAY).await;
            let Command::EvalUpdate { evals } = command else { continue };
            server.inner.leader.send_on(evals);
        }
    }
}

/// Keeps the broker's deadlines.
async fn expire(server: Server) {
    loop {
        let env = server.env();
        for eval in server.inner.broker.expired(|| env.now()).await {
            worker::fail(&server, eval).await;
        }
    }
}

impl LeaderState {
    fn enable(&self) {
        self.broker.enable();
        self.plans.enable();
        *self.blocked.lock().expect("no holder of this lock panics") = Some(BlockedEvalsCore::default());
        *self.heartbeats.lock().expect("no holder of this lock panics") = Some(HeartbeatCore::default());
        self.unblocked.lock().expect("no holder of this lock panics").clear();
    }

    fn disable(&self) {
        self.broker.disable();
        self.plans.disable();
        *self.blocked.lock().expect("no holder of this lock panics") = None;
        *self.heartbeats.lock().expect("no holder of this lock panics") = None;
    }

    /// Keeps a blocked evaluation, or sends it on when it has a chance already.
    pub(super) fn block(&self, eval: Evaluation) {
        let again = self.with_blocked(|core| core.block(eval)).flatten();
        self.send_on(again.into_iter().collect());
    }

    /// Notes capacity on a node of a class.
    pub(super) fn unblock(&self, class: &str, index: u64) {
        let helped = self.with_blocked(|core| core.unblock(class, index)).unwrap_or_default();
        self.send_on(helped);
    }

    /// Forgets a blocked evaluation that has ended.
    pub(super) fn forget_blocked(&self, job: &JobKey, id: EvalId) {
        self.with_blocked(|core| core.forget(job, id));
    }

    fn with_blocked<T>(&self, act: impl FnOnce(&mut BlockedEvalsCore) -> T) -> Option<T> {
        self.blocked.lock().expect("no holder of this lock panics").as_mut().map(act)
    }

    fn send_on(&self, evals: Vec<Evaluation>) {
        if !evals.is_empty() {
            self.unblocked.lock().expect("no holder of this lock panics").extend(evals);
            self.unblocked_changed.notify_one();
        }
    }
}

/// Makes one pending evaluation for each job, for one reason.
pub(super) fn evals_for(
    server: &Server,
    view: &Snapshot,
    jobs: impl IntoIterator<Item = JobKey>,
    trigger: Trigger,
) -> Vec<Evaluation> {
    let now = server.env().now();
    let known = jobs.into_iter().filter_map(|key| view.job(&key));
    known
        .map(|job| {
            Evaluation::pending(server.new_eval_id(), job.key(), job.job_type, job.priority, trigger, now)
        })
        .collect()
}

/// Refuses what only a leader may do.
pub(super) fn must_lead(server: &Server) -> Result<(), ServerError> {
    if server.leadership().is_leader { Ok(()) } else { Err(ServerError::NoLeader) }
}
