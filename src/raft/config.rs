//! What a server is told about its log.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::StartError;

/// The largest command in bytes. Well below a frame, and small enough that a leader can send it between two heartbeats.
pub const COMMAND_BYTES_MAX: usize = 16 << 20;

/// Where a server's log is and who it is to the others.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its id, never used by another server of this cluster and never changed.
    pub id: u64,
    /// Its name, for people.
    pub name: String,
    /// `host:port` of its RPC, as the others reach it.
    pub address: String,
    /// A folder of its own.
    pub data_dir: PathBuf,
    /// Heartbeats and elections.
    pub timing: Timing,
}

/// Who takes part in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, for people.
    pub name: String,
    /// `host:port` of its RPC.
    pub address: String,
}

/// How fast a leader's silence is noticed. Must be the same on all servers of a cluster.
///
/// Followers trust a leader for `election_max` after its last heartbeat, and one of them asks for votes when a time
/// between `election_min` and `election_max` has passed after that. So a new leader comes at most
/// `2 * election_max + heartbeat / 5` after the last heartbeat when votes are not split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// The shortest time a follower waits before it asks for votes.
    pub election_min: Duration,
    /// The longest such time, and the length of a leader's lease.
    pub election_max: Duration,
}

impl Default for Timing {
    /// A killed leader is replaced within 3 s. A lease survives one lost heartbeat, trust takes at least three. Faster
    /// heartbeats would cost a simulation time: openraft looks at its timers five times a heartbeat.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(600),
            election_min: Duration::from_millis(900),
            election_max: Duration::from_millis(1_350),
        }
    }
}

/// How much of the log is kept, and how it is sent. Not for users: only tests need small numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Entries after which a snapshot is made. A restart reads at most about as many, which takes well under a second.
    pub(super) snapshot_entries: u64,
    /// Entries kept behind a snapshot, so that a server that was away for a moment needs no snapshot.
    pub(super) kept_entries: u64,
    /// Bytes of a snapshot sent at a time; between two parts there is room for heartbeats.
    pub(super) snapshot_part_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { snapshot_entries: 8_192, kept_entries: 2_048, snapshot_part_bytes: 1 << 20 }
    }
}

/// How long another server may take to store one part of a snapshot, the last one with reading all of it.
const SNAPSHOT_PART_TIMEOUT: Duration = Duration::from_secs(30);

/// Entries sent in one message; `log_store` limits their bytes as well.
const PAYLOAD_ENTRIES_MAX: u64 = 512;

/// Entries purged at a time, so that purging is rare.
const PURGE_ENTRIES: u64 = 256;

/// Waiting times between attempts to reach a server that does not answer: short at first, because it may be restarting.
const BACKOFF: &str = "50ms 100ms 200ms ...500ms";

impl Config {
    /// Returns this configuration as openraft wants it.
    pub(super) fn for_openraft(&self, limits: &Limits) -> Result<openraft::Config, StartError> {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let Timing { heartbeat, election_min, election_max } = self.timing;
        if heartbeat.as_millis() < 5 || heartbeat * 2 > election_max || election_min >= election_max {
            return Err(StartError::Timing(self.timing));
        }
        let config = openraft::Config {
            cluster_name: self.name.clone(),
            heartbeat_interval: ms(heartbeat),
            election_timeout_min: ms(election_min),
            election_timeout_max: ms(election_max),
            install_snapshot_timeout: ms(SNAPSHOT_PART_TIMEOUT),
            max_payload_entries: PAYLOAD_ENTRIES_MAX,
            snapshot_policy: openraft::SnapshotPolicy::LogsSinceLast(limits.snapshot_entries),
            // Must be above the policy, else a snapshot does not end the lag.
            replication_lag_threshold: limits.snapshot_entries * 2,
            max_in_snapshot_log_to_keep: limits.kept_entries,
            purge_batch_size: PURGE_ENTRIES.min(limits.snapshot_entries),
            // Else a server that was cut off comes back with a high term and deposes a leader that works.
            enable_pre_vote: Some(true),
            // A leader that hears no majority falls silent for this long, so that followers who still hear it (a cut in
            // one direction) elect another.
            quorum_loss_probe_interval: Some(ms(election_max) * 3),
            // How far is committed is not always on disk: a restarted leader must hear from the others first.
            enable_leader_restore: Some(false),
            backoff: BACKOFF.to_owned(),
            ..Default::default()
        };
        config.validate().map_err(|_| StartError::Timing(self.timing))
    }
}
