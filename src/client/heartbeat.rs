//! Stays in touch: registers the node, and lets the servers know in time that it is alive.
//!
//! Tasks never depend on it. A node without servers keeps running what it runs; when they answer again it registers anew,
//! and they say what has to stop because it runs elsewhere by now.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::link::{CALL_TIMEOUT, Link};
use super::registration::Registration;
use crate::model::NodeStatus;
use crate::rpc::RpcError;
use crate::rpc::messages::Heartbeat;

/// The time between tries while no server answers.
const RETRY: Duration = Duration::from_secs(1);

/// What to do next to stay known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send a heartbeat after this time.
    Beat(Duration),
    /// Register anew after this time: the servers have given the node up, or never knew it.
    Register(Duration),
}

/// How a heartbeat ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next one has to come within this time.
    Accepted(Duration),
    /// The servers do not know the node.
    Unknown,
    /// No answer, or one that says to come back later.
    Failed,
}

/// Decides when to call. Holds no timer: the caller says how much time has passed since an accepted call.
#[derive(Debug, Default)]
pub struct HeartbeatCore {
    ttl: Duration,
    is_late: bool,
}

impl HeartbeatCore {
    /// Takes how a call ended, `since` the last that was accepted (not counting this one).
    pub fn after(&mut self, outcome: Outcome, since: Duration) -> Next {
        match outcome {
            Outcome::Accepted(_) if self.is_late => {
                // Alive for the servers again, but perhaps they had given the node up: registering settles both.
                self.is_late = false;
                Next::Register(Duration::ZERO)
            }
            Outcome::Accepted(ttl) => {
                self.ttl = ttl;
                // Early enough for a lost call and a second try before the time is over.
                Next::Beat(ttl / 4 * 3)
            }
            Outcome::Unknown => Next::Register(RETRY),
            Outcome::Failed => {
                self.is_late |= since > self.ttl;
                Next::Beat(RETRY)
            }
        }
    }

    /// Tells whether the servers may have given the node up.
    pub fn is_late(&self) -> bool {
        self.is_late
    }
}

/// What others may know of the heartbeats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contact {
    /// When a call was last accepted.
    pub accepted_at: Option<Instant>,
    /// The time the servers last gave.
    pub ttl: Duration,
}

/// Registers the node and keeps it alive; ends never. `introduced` counts how often the servers came to know the node.
pub async fn run(
    link: Arc<Link>,
    mut registration: Registration,
    introduced: watch::Sender<u64>,
    contact: Arc<Mutex<Contact>>,
) {
    let note = |ttl| {
        *contact.lock().expect("no holder of this lock panics") =
            Contact { accepted_at: Some(Instant::now()), ttl };
    };
    registration.spread().await;
    let mut is_known = false;
    loop {
        let reply = registration.register().await;
        note(reply.ttl);
        if !is_known {
            introduced.send_modify(|times| *times += 1);
        }
        is_known = true;
        let mut core = HeartbeatCore::default();
        let mut accepted_at = Instant::now();
        let mut next = core.after(Outcome::Accepted(reply.ttl), Duration::ZERO);
        loop {
            let wait = match next {
                Next::Beat(wait) => wait,
                Next::Register(wait) => {
                    tokio::time::sleep(wait).await;
                    break;
                }
            };
            tokio::time::sleep(wait).await;
            let outcome = beat(&link).await;
            is_known &= outcome != Outcome::Unknown;
            let was_late = core.is_late();
            next = core.after(outcome, accepted_at.elapsed());
            if let Outcome::Accepted(ttl) = outcome {
                accepted_at = Instant::now();
                note(ttl);
            }
            if core.is_late() && !was_late {
                warn!("no server has answered in time; tasks run on");
            }
        }
        info!("registers anew");
    }
}

async fn beat(link: &Link) -> Outcome {
    match link.call(&message(link, NodeStatus::Ready), CALL_TIMEOUT).await {
        Ok(reply) => {
            link.servers.learn(reply.servers);
            Outcome::Accepted(reply.ttl)
        }
        Err(RpcError::NotFound(_)) => Outcome::Unknown,
        Err(error) => {
            warn!(%error, "heartbeat not accepted");
            Outcome::Failed
        }
    }
}

/// Says goodbye: the servers need not wait for the node's silence. Returns whether they heard.
pub async fn goodbye(link: &Link) -> bool {
    link.call(&message(link, NodeStatus::Down), CALL_TIMEOUT).await.is_ok()
}

fn message(link: &Link, status: NodeStatus) -> Heartbeat {
    Heartbeat { node_id: link.identity.node_id, secret_id: link.identity.secret_id.clone(), status }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn beats_in_time_and_registers_after_silence() {
        let mut core = HeartbeatCore::default();
        assert_eq!(core.after(Outcome::Accepted(s(8)), s(0)), Next::Beat(s(6)));
        // A failure in time is made good by the next try.
        assert_eq!(core.after(Outcome::Failed, s(7)), Next::Beat(RETRY));
        assert_eq!(core.after(Outcome::Accepted(s(4)), s(8)), Next::Beat(s(3)));
        // After the time is over the servers may have given the node up.
        assert_eq!(core.after(Outcome::Failed, s(5)), Next::Beat(RETRY));
        assert!(core.is_late());
        assert_eq!(core.after(Outcome::Failed, s(6)), Next::Beat(RETRY));
        assert_eq!(core.after(Outcome::Accepted(s(4)), s(7)), Next::Register(Duration::ZERO));
        assert!(!core.is_late());
        // Servers that never heard of the node have to be introduced to it.
        assert_eq!(core.after(Outcome::Unknown, s(1)), Next::Register(RETRY));
    }
}
