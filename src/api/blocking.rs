//! Blocking queries: reads that wait for something new.
//!
//! A reader gives back the index of the last answer. While what it asks for has not changed since, the answer waits; when
//! the wait is over it is told the same again, with status 200. Source: Nomad `nomad/rpc.go`, `blockingRPC`.

use tokio::time::{Instant, timeout_at};

use super::agent::Agent;
use super::error::ApiError;
use super::query::Params;
use crate::state::{Snapshot, WatchKey};

/// The state an answer is taken from.
pub struct View {
    /// The state.
    pub snapshot: Snapshot,
    /// Log index of the last change of what was asked for, at least 1.
    pub index: u64,
}

/// Returns the state to answer from: at once, or for a blocking query when one of `keys` has changed since.
pub async fn view(agent: &Agent, params: &Params, keys: &[WatchKey]) -> Result<View, ApiError> {
    let store = agent.servers()?.store();
    let deadline = (params.index > 0).then(|| Instant::now() + params.wait + agent.draw_jitter(params.wait));
    loop {
        // Watching before looking: a change in between wakes the watcher instead of being missed.
        let watcher = deadline.map(|_| store.watch(keys));
        let snapshot = store.snapshot();
        let index = index_of(&snapshot, keys);
        let (Some(deadline), Some(watcher)) = (deadline, watcher) else {
            return Ok(View { snapshot, index });
        };
        if index > params.index || Instant::now() >= deadline {
            return Ok(View { snapshot, index });
        }
        // Changed or not, the next round looks again.
        let _ = timeout_at(deadline, watcher.changed()).await;
    }
}

fn index_of(snapshot: &Snapshot, keys: &[WatchKey]) -> u64 {
    keys.iter().map(|key| index_of_key(snapshot, key)).max().unwrap_or(0).max(1)
}

/// Returns the log index of the last change of what `key` names. For what is not there it is that of its table, so that
/// whoever waits for it to appear, or saw it vanish, is told something newer than before.
fn index_of_key(snapshot: &Snapshot, key: &WatchKey) -> u64 {
    let latest_alloc =
        |indexes: &mut dyn Iterator<Item = u64>| indexes.max().unwrap_or(snapshot.allocs_index());
    match key {
        WatchKey::Any => snapshot.index(),
        WatchKey::Jobs => snapshot.jobs_index(),
        WatchKey::Job(key) => snapshot.job(key).map_or(snapshot.jobs_index(), |job| job.modify_index),
        WatchKey::Nodes => snapshot.nodes_index(),
        WatchKey::Node(id) => snapshot.node(id).map_or(snapshot.nodes_index(), |node| node.modify_index),
        WatchKey::Allocs => snapshot.allocs_index(),
        WatchKey::Alloc(id) => snapshot.alloc(id).map_or(snapshot.allocs_index(), |alloc| alloc.modify_index),
        WatchKey::JobAllocs(key) => {
            latest_alloc(&mut snapshot.allocs_by_job(key).map(|alloc| alloc.modify_index))
        }
        WatchKey::NodeAllocs(id) => snapshot.node_allocs_index(id),
        WatchKey::NodeAllocsSeen(id) => {
            latest_alloc(&mut snapshot.allocs_by_node(id).map(|alloc| alloc.modify_index))
        }
        WatchKey::Evals => snapshot.evals_index(),
        WatchKey::Eval(id) => snapshot.eval(id).map_or(snapshot.evals_index(), |eval| eval.modify_index),
        WatchKey::JobEvals(key) => {
            let indexes = snapshot.evals_by_job(key).map(|eval| eval.modify_index);
            indexes.max().unwrap_or(snapshot.evals_index())
        }
        WatchKey::Deployments => snapshot.deployments_index(),
        WatchKey::Deployment(id) => {
            let known = snapshot.deployment(id);
            known.map_or(snapshot.deployments_index(), |deployment| deployment.modify_index)
        }
        WatchKey::JobDeployments(key) => {
            let indexes = snapshot.deployments_by_job(key).map(|deployment| deployment.modify_index);
            indexes.max().unwrap_or(snapshot.deployments_index())
        }
    }
}
