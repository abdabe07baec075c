//! Who leads, as this server sees it.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use openraft::{Instant as _, ServerState};
use tokio::sync::watch;
use tokio::time::Instant;

use super::config::Member;
use super::machine::Machine;
use super::types::Types;

/// Who leads, as this server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The latest term this server knows of.
    pub term: u64,
    /// Who leads in it; `None` when nobody was heard for the length of a lease.
    pub leader: Option<Member>,
    /// Whether it is this server, and a majority has confirmed that within the length of a lease.
    pub is_leader: bool,
}

/// When something is to be looked at again although nothing was reported.
enum Next {
    /// At this time, when a lease runs out unless it is renewed.
    At(Instant),
    /// When a majority answers this leader.
    Confirmed,
    /// When a leader is heard.
    Heard,
    /// When something is reported.
    Report,
}

/// Follows leadership from openraft's reports and two things it does not report: a lease that ran out, and a leader that
/// fell silent.
pub(super) struct Follower {
    id: u64,
    lease: Duration,
    raft: openraft::Raft<Types, Machine>,
    heard: watch::Receiver<Option<Instant>>,
    leadership: watch::Sender<Leadership>,
}

impl Follower {
    pub(super) fn new(
        id: u64,
        lease: Duration,
        raft: openraft::Raft<Types, Machine>,
        heard: watch::Receiver<Option<Instant>>,
        leadership: watch::Sender<Leadership>,
    ) -> Self {
        Self { id, lease, raft, heard, leadership }
    }

    /// Runs until the log stops; then nobody leads.
    pub(super) async fn run(mut self) {
        // Two watches: changes of the one are rare, those of the other come with each heartbeat.
        let mut reports = self.raft.server_metrics();
        let mut details = self.raft.metrics();
        loop {
            let report = reports.borrow_and_update().clone();
            let confirmed = details.borrow_and_update().last_quorum_acked.map(|at| at.elapsed());
            let (leadership, next) = self.judge(&report, confirmed);
            self.leadership.send_if_modified(|known| {
                let is_new = *known != leadership;
                *known = leadership;
                is_new
            });
            let more = async {
                match next {
                    Next::At(time) => tokio::time::sleep_until(time).await,
                    // The end of either sender is seen by the other branch.
                    Next::Confirmed => drop(details.changed().await),
                    Next::Heard => drop(self.heard.changed().await),
                    Next::Report => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = reports.changed() => if changed.is_err() { break },
                () = more => {}
            }
        }
        self.leadership
            .send_modify(|known| *known = Leadership { term: known.term, ..Leadership::default() });
    }

    fn judge(
        &mut self,
        report: &RaftServerMetrics<Types>,
        confirmed_ago: Option<Duration>,
    ) -> (Leadership, Next) {
        let term = report.vote.leader_id.term;
        let nobody = Leadership { term, leader: None, is_leader: false };
        let membership = report.membership_config.membership();
        let leader = report.current_leader.and_then(|id| membership.get_node(&id)).cloned();
        let now = Instant::now();
        if report.state == ServerState::Leader {
            let led = Leadership { term, leader, is_leader: true };
            if membership.voter_ids().eq([self.id]) {
                return (led, Next::Report);
            }
            return match confirmed_ago {
                Some(ago) if ago < self.lease => (led, Next::At(now + (self.lease - ago))),
                _ => (nobody, Next::Confirmed),
            };
        }
        let heard = *self.heard.borrow_and_update();
        match (leader, heard.map(|at| at + self.lease)) {
            (Some(leader), Some(end)) if now < end => {
                (Leadership { term, leader: Some(leader), is_leader: false }, Next::At(end))
            }
            (Some(_), _) => (nobody, Next::Heard),
            (None, _) => (nobody, Next::Report),
        }
    }
}
