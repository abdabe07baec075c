//! Where log entries become state, and where a leader hears of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::ServerError;
use super::{LeaderState, capacity};
use crate::env::Env;
use crate::model::{EvalId, EvalStatus, Evaluation};
use crate::raft::StateMachine;
use crate::state::{ApplyError, Command, Snapshot, Store};

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
                let before = self.store.snapshot();
                let applied = self.store.apply(index, &command);
                if applied.result.is_ok() {
                    notice(&self.leader, &self.env, &before, &self.store.snapshot(), &command);
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
fn notice(leader: &LeaderState, env: &Env, before: &Snapshot, after: &Snapshot, command: &Command) {
    if leader.blocked.lock().expect("no holder of this lock panics").is_none() {
        return;
    }
    for eval in evals_of(command).iter().filter_map(|id| after.eval(id)) {
        match eval.status {
            EvalStatus::Pending => leader.broker.enqueue(env.now(), (**eval).clone()),
            EvalStatus::Blocked => leader.block((**eval).clone()),
            _ => leader.forget_blocked(&eval.job_key, eval.id),
        }
    }
    for class in capacity::appeared(before, after, command) {
        leader.unblock(&class, after.index());
    }
}

/// Returns the evaluations that a command brings or changes.
fn evals_of(command: &Command) -> Vec<EvalId> {
    let evals: Vec<&Evaluation> = match command {
        Command::JobRegister { eval, .. }
        | Command::JobDeregister { eval, .. }
        | Command::DeploymentStatusUpdate { eval, .. }
        | Command::DeploymentPromote { eval, .. }
        | Command::DeploymentAllocHealth { eval, .. } => eval.iter().collect(),
        Command::NodeRegister { evals, .. }
        | Command::NodeStatus { evals, .. }
        | Command::NodeEligibility { evals, .. }
        | Command::NodeDrain { evals, .. }
        | Command::AllocDesiredTransition { evals, .. }
        | Command::ClientUpdate { evals, .. }
        | Command::EvalUpdate { evals } => evals.iter().collect(),
        Command::ApplyPlan(commit) => commit.evals.iter().collect(),
        Command::JobStability { .. } => Vec::new(),
    };
    evals.into_iter().map(|eval| eval.id).collect()
}
