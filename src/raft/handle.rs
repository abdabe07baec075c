//! The handle by which a server uses its log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::error::{ClientWriteError, Fatal, InitializeError, LinearizableReadError, RaftError};
use openraft::{ChangeMembers, Instant, ReadPolicy};
use tokio::sync::watch;
use tracing::warn;

use super::StateMachine;
use super::config::{COMMAND_BYTES_MAX, Config, Limits, Member};
use super::error::{BootstrapError, ProposeError, StartError};
use super::inbound::Inbound;
use super::leadership::{Follower, Leadership};
use super::log_store::LogStore;
use super::machine::Machine;
use super::network::Network;
use super::runtime::{Process, within};
use super::snapshot::SnapshotFile;
use super::types::{Command, Types};
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::rpc;
use crate::rpc::messages::{RaftMessage, RaftReply};

/// How long a command or a read waits for a majority: a lost majority is noticed much earlier, a slow one gets its time.
const PROPOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a new member may take to catch up before it becomes a voter.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a stop may take; afterwards the log is left as after a crash.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A server's log. Cheap to clone; it runs until [`Raft::shutdown`], or until its process ends.
#[derive(Clone)]
pub struct Raft {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    process: Arc<Process>,
    raft: openraft::Raft<Types, Machine>,
    log: LogStore,
    inbound: Inbound,
    leadership: watch::Receiver<Leadership>,
    _follower: AbortOnDrop,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its position in the log.
    pub index: u64,
    /// What the state machine returned.
    pub reply: Vec<u8>,
}

/// How far a server's log has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The latest term it knows of.
    pub term: u64,
    /// The last entry it has on disk.
    pub last_log_index: Option<u64>,
    /// The last entry it knows to be committed.
    pub committed_index: Option<u64>,
    /// The last entry its state machine contains.
    pub applied_index: Option<u64>,
    /// The last entry its snapshot contains.
    pub snapshot_index: Option<u64>,
    /// The last entry it has purged.
    pub purged_index: Option<u64>,
    /// How long ago a majority last confirmed that it leads; `None` unless it leads.
    pub last_quorum_contact: Option<Duration>,
    /// Why the log has stopped, if it has.
    pub stopped: Option<String>,
}

impl Raft {
    /// Opens the log in `config.data_dir` and takes part in its cluster, if it belongs to one.
    ///
    /// What other servers send must reach [`Raft::handle`].
    ///
    /// # Errors
    /// See [`StartError`]; a damaged file is named.
    pub async fn start(
        env: Env,
        config: Config,
        rpc: rpc::Client,
        machine: impl StateMachine,
    ) -> Result<Self, StartError> {
        Self::start_with(env, config, Limits::default(), rpc, Box::new(machine)).await
    }

    pub(super) async fn start_with(
        env: Env,
        config: Config,
        limits: Limits,
        rpc: rpc::Client,
        machine: Box<dyn StateMachine>,
    ) -> Result<Self, StartError> {
        let openraft_config = config.for_openraft(&limits)?;
        let (disk, dir) = (env.disk.clone(), config.data_dir.clone());
        env.blocking(move || disk.make_dir(&dir))
            .await
            .map_err(|source| StartError::Disk { path: config.data_dir.clone(), source })?;
        let log = LogStore::open(&env, config.data_dir.join("log.redb"), config.id).await?;
        let machine = open_machine(&env, &config, machine).await?;
        let process = Process::new(env.clone());
        let network = Network::new(rpc, limits);
        let started =
            openraft::Raft::new(config.id, Arc::new(openraft_config), network, log.clone(), machine);
        let raft = within(&process, started).await.map_err(|error| StartError::Other {
            path: config.data_dir.clone(),
            reason: error.to_string(),
        })?;
        let (heard, heard_at) = watch::channel(None);
        let (leadership_sender, leadership) = watch::channel(Leadership::default());
        let follower =
            Follower::new(config.id, config.timing.election_max, raft.clone(), heard_at, leadership_sender);
        let follower = env.spawn("raft-leadership", follower.run()).abort_on_drop();
        let inbound = Inbound::new(config.id, raft.clone(), heard);
        let inner = Inner { id: config.id, process, raft, log, inbound, leadership, _follower: follower };
        let started = Self { inner: Arc::new(inner) };
        started.lead_if_alone().await;
        Ok(started)
    }

    /// Makes the first cluster out of `members`, of which this server is one. Returns whether it did: one that has a log,
    /// or has heard of a cluster, does nothing.
    ///
    /// # Errors
    /// See [`BootstrapError`].
    pub async fn bootstrap(&self, members: BTreeMap<u64, Member>) -> Result<bool, BootstrapError> {
        match self.within(self.inner.raft.initialize(members)).await {
            Ok(()) => {
                // There is nobody to wait for: with the first vote the others learn that they belong together.
                self.elect().await;
                Ok(true)
            }
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(false),
            Err(RaftError::APIError(InitializeError::NotInMembers(_))) => Err(BootstrapError::NotMember),
            Err(RaftError::Fatal(error)) => Err(BootstrapError::Stopped(error.to_string())),
        }
    }

    /// Tells whether this server has a log, or has heard of a cluster.
    pub async fn is_initialized(&self) -> bool {
        match self.within(self.inner.raft.is_initialized()).await {
            Ok(is) => is,
            // It has stopped; what it has on disk is still there.
            Err(_) => self.metrics().last_log_index.is_some(),
        }
    }

    /// Writes a command to the log and returns when it is applied here; for the leader.
    ///
    /// # Errors
    /// See [`ProposeError`]. A caller that stops waiting does not take the command back.
    pub async fn propose(&self, command: Vec<u8>) -> Result<Applied, ProposeError> {
        if command.len() > COMMAND_BYTES_MAX {
            return Err(ProposeError::TooLarge { bytes: command.len() });
        }
        let write = self.inner.raft.client_write(Command(command.into()));
        match tokio::time::timeout(PROPOSE_TIMEOUT, self.within(write)).await {
            Ok(Ok(written)) => Ok(Applied { index: written.log_id.index, reply: written.data }),
            Ok(Err(error)) => Err(propose_error(error)),
            Err(_) => Err(ProposeError::TimedOut),
        }
    }

    /// Waits until everything that was acknowledged before the call is applied here, and returns up to which entry that
    /// is; for the leader.
    ///
    /// # Errors
    /// `NotLeader` also when no majority answers.
    pub async fn read_barrier(&self) -> Result<u64, ProposeError> {
        let read = self.inner.raft.ensure_linearizable(ReadPolicy::ReadIndex);
        match tokio::time::timeout(PROPOSE_TIMEOUT, self.within(read)).await {
            Ok(Ok(read)) => Ok(read.index()),
            Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => {
                Err(ProposeError::NotLeader { leader: forward.leader_node })
            }
            Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) => {
                Err(ProposeError::NotLeader { leader: None })
            }
            Ok(Err(RaftError::Fatal(error))) => Err(ProposeError::Stopped(error.to_string())),
            Err(_) => Err(ProposeError::TimedOut),
        }
    }

    /// Returns who leads, and tells when that changes. Its sender is gone when the log has stopped.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// Answers a message of another server.
    pub async fn handle(&self, message: RaftMessage) -> RaftReply {
        self.within(self.inner.inbound.handle(message)).await
    }

    /// Returns who belongs to the cluster, by id; nobody before it is made.
    pub fn members(&self) -> BTreeMap<u64, Member> {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.nodes().map(|(id, member)| (*id, member.clone())).collect()
    }

    /// Adds a server, which must be running: first it gets the log, then it has a vote; for the leader.
    ///
    /// # Errors
    /// See [`ProposeError`]; `TimedOut` when it does not catch up in a minute.
    pub async fn add_voter(&self, id: u64, member: Member) -> Result<(), ProposeError> {
        let raft = &self.inner.raft;
        let add = async {
            raft.add_learner(id, member, true).await?;
            raft.change_membership(ChangeMembers::AddVoterIds(BTreeSet::from([id])), false).await
        };
        self.change_members(add).await
    }

    /// Removes a server, whether it is running or not; for the leader.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn remove(&self, id: u64) -> Result<(), ProposeError> {
        let remove =
            self.inner.raft.change_membership(ChangeMembers::RemoveVoters(BTreeSet::from([id])), false);
        self.change_members(remove).await
    }

    /// Returns how far the log has come here.
    pub fn metrics(&self) -> Metrics {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        Metrics {
            term: metrics.current_term,
            last_log_index: metrics.last_log_index,
            committed_index: metrics.local_committed.map(|id| id.index),
            applied_index: metrics.last_applied.map(|id| id.index),
            snapshot_index: metrics.snapshot.map(|id| id.index),
            purged_index: metrics.purged.map(|id| id.index),
            last_quorum_contact: metrics.last_quorum_acked.map(|at| at.elapsed()),
            stopped: metrics.running_state.as_ref().err().map(Fatal::to_string),
        }
    }

    /// Stops in order: all is written, the file is closed. Further calls fail with `Stopped`.
    pub async fn shutdown(&self) {
        let stop = async {
            if let Err(error) = self.within(self.inner.raft.shutdown()).await {
                warn!(%error, "the log did not stop as it should");
            }
            self.inner.log.close().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, stop).await.is_err() {
            warn!("the log did not stop in {SHUTDOWN_TIMEOUT:?}; it is repaired at the next start");
        }
    }

    async fn within<F: Future>(&self, call: F) -> F::Output {
        within(&self.inner.process, call).await
    }

    /// Calls an election that this server wins at once if it has the only vote.
    async fn lead_if_alone(&self) {
        let id = self.inner.id;
        let is_alone = self.inner.raft.with_raft_state(move |state| {
            state.membership_state.effective().membership().voter_ids().eq([id])
        });
        // It fails only when the log has stopped, which the next call will tell.
        let is_alone = self.within(is_alone).await.unwrap_or(false);
        if is_alone {
            self.elect().await;
        }
    }

    async fn elect(&self) {
        let _ = self.within(self.inner.raft.trigger().elect(false)).await;
    }

    async fn change_members<T>(
        &self,
        change: impl Future<Output = Result<T, RaftError<Types, ClientWriteError<Types>>>>,
    ) -> Result<(), ProposeError> {
        match tokio::time::timeout(CATCH_UP_TIMEOUT, self.within(change)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(propose_error(error)),
            Err(_) => Err(ProposeError::TimedOut),
        }
    }
}

/// Reads the snapshot, so that damage is told before anything runs.
async fn open_machine(
    env: &Env,
    config: &Config,
    machine: Box<dyn StateMachine>,
) -> Result<Machine, StartError> {
    let snapshots = SnapshotFile::new(env.clone(), config.data_dir.join("snapshot"));
    let saved = snapshots.load().await.map_err(|source| {
        let path = snapshots.path().clone();
        match source.kind() {
            std::io::ErrorKind::InvalidData => StartError::Damaged { path, reason: source.to_string() },
            _ => StartError::Disk { path, source },
        }
    })?;
    Ok(Machine::new(env.clone(), machine, snapshots, saved.map(|(meta, _)| meta)))
}

fn propose_error(error: RaftError<Types, ClientWriteError<Types>>) -> ProposeError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ProposeError::NotLeader { leader: forward.leader_node }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => ProposeError::TimedOut,
        RaftError::APIError(other) => ProposeError::Membership(other.to_string()),
        RaftError::Fatal(error) => ProposeError::Stopped(error.to_string()),
    }
}
