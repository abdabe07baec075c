//! Where log entries become state, and where a leader hears of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LeaderState;
use super::error::ServerError;
use crate::env::Env;
use crate::model::class;
use crate::model::{ClientStatus, EvalId, EvalStatus, NodeId};
use crate::raft::StateMachine;
use crate::state::{ApplyError, Command, Store};

/// Applies commands to the store and tells the leader's queues.
pub(super) struct Machine {
    store: Store,
    leader: Arc<LeaderState>,
    env: Env,
}

impl Machine {
    pub(super) fn new(store: Store, leader: Arc<LeaderState>, env: Env) -> Self {
        Self { store, leader, env }
    }
}

impl StateMachine for Machine {
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let result = match Command::decode(command) {
            Ok(command) => {
                let applied = self.store.apply(index, &command);
                if applied.result.is_ok() {
                    notice(&self.leader, &self.env, &self.store, index, &command);
                }
                applied.result.map_err(Refusal::State)
            }
            Err(error) => {
                let text =
                    format!("log entry {index} was written by another version of this program: {error}");
                Err(Refusal::Unreadable(text))
            }
        };
        rmp_serde::to_vec(&result).expect("a text can be encoded")
    }

    fn snapshot(&self) -> Box<dyn FnOnce() -> Vec<u8> + Send> {
        let frozen = self.store.snapshot();
        Box::new(move || frozen.encode())
    }

    fn restore(&mut self, _index: u64, data: &[u8]) -> Result<(), String> {
        self.store.restore(data).map_err(|error| error.to_string())
    }
}

/// Why a log entry changed nothing.
#[derive(Debug, Serialize, Deserialize)]
enum Refusal {
    /// The state does not allow it.
    State(ApplyError),
    /// It cannot be read.
    Unreadable(String),
}

/// Reads what [`Machine::apply`] returned.
pub(super) fn decode_reply(reply: &[u8]) -> Result<(), ServerError> {
    let result: Result<(), Refusal> =
        rmp_serde::from_slice(reply).map_err(|error| ServerError::Internal(error.to_string()))?;
    result.map_err(|refusal| match refusal {
        Refusal::State(error) => error.into(),
        Refusal::Unreadable(text) => ServerError::Internal(text),
    })
}

/// Tells the leader's queues what a command has changed; does nothing elsewhere, where they are off.
fn notice(leader: &LeaderState, env: &Env, store: &Store, index: u64, command: &Command) {
    if leader.blocked.lock().expect("no holder of this lock panics").is_none() {
        return;
    }
    let effects = Effects::of(command);
    let view = store.snapshot();
    for id in effects.evals {
        let Some(eval) = view.eval(&id) else { continue };
        match eval.status {
            EvalStatus::Pending => leader.broker.enqueue(env.now(), (**eval).clone()),
            EvalStatus::Blocked => leader.block((**eval).clone()),
            _ => leader.forget_blocked(&eval.job_key, eval.id),
        }
    }
    let classes: BTreeSet<String> = effects
        .nodes_with_room
        .iter()
        .filter_map(|id| view.node(id))
        .filter(|node| node.is_schedulable())
        .map(|node| class::computed_class(node))
        .collect();
    for class in classes {
        leader.unblock(&class, index);
    }
}

/// What a command can mean to a leader's queues.
#[derive(Default)]
struct Effects {
    evals: Vec<EvalId>,
    /// Nodes that may have room they did not have before.
    nodes_with_room: BTreeSet<NodeId>,
}

impl Effects {
    fn of(command: &Command) -> Self {
        let mut effects = Self::default();
        match command {
            Command::JobRegister { eval, .. } | Command::JobDeregister { eval, .. } => {
                effects.evals.extend(eval.iter().map(|eval| eval.id));
            }
            Command::NodeRegister { node, evals, .. } => {
                effects.nodes_with_room.insert(node.id);
                effects.evals.extend(evals.iter().map(|eval| eval.id));
            }
            Command::NodeStatus { node_id, evals, .. } | Command::NodeEligibility { node_id, evals, .. } => {
                effects.nodes_with_room.insert(*node_id);
                effects.evals.extend(evals.iter().map(|eval| eval.id));
            }
            Command::EvalUpdate { evals } => effects.evals.extend(evals.iter().map(|eval| eval.id)),
            Command::ApplyPlan(commit) => {
                effects.evals.extend(commit.evals.iter().map(|eval| eval.id));
                effects.nodes_with_room.extend(commit.stops.iter().map(|stop| stop.node_id));
            }
            Command::NodeDrain { node_id, evals, .. } => {
                effects.nodes_with_room.insert(*node_id);
                effects.evals.extend(evals.iter().map(|eval| eval.id));
            }
            Command::AllocDesiredTransition { evals, .. } => {
                effects.evals.extend(evals.iter().map(|eval| eval.id));
            }
            Command::DeploymentStatusUpdate { eval, .. }
            | Command::DeploymentPromote { eval, .. }
            | Command::DeploymentAllocHealth { eval, .. } => {
                effects.evals.extend(eval.iter().map(|eval| eval.id));
            }
            Command::JobStability { .. } => {}
            Command::ClientUpdate { node_id, updates, evals, .. } => {
                let ended = |status: ClientStatus| status.is_terminal();
                if updates.iter().any(|update| ended(update.client_status)) {
                    effects.nodes_with_room.insert(*node_id);
                }
                effects.evals.extend(evals.iter().map(|eval| eval.id));
            }
        }
        effects
    }
}
