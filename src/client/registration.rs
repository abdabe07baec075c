//! Introduces the node to the servers.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tracing::{info, warn};

use super::link::{Backoff, CALL_TIMEOUT, Link};
use crate::env::rng::BoxRng;
use crate::model::Node;
use crate::rpc::messages::{HeartbeatReply, RegisterNode};

/// The first registration waits up to this long, so that machines switched on together do not call together.
const START_SPREAD: Duration = Duration::from_millis(200);

/// The time before a second try: short, because an agent that is its own server has one elected by then.
const RETRY_FIRST: Duration = Duration::from_millis(250);

/// The most time between tries.
const RETRY_MOST: Duration = Duration::from_secs(15);

/// Introduces one node, as often as it takes.
pub struct Registration {
    link: Arc<Link>,
    node: Arc<Node>,
    rng: BoxRng,
}

impl Registration {
    /// Makes ready to introduce `node`.
    pub fn new(link: Arc<Link>, node: Arc<Node>) -> Self {
        let rng = link.env.random.stream("registration");
        Self { link, node, rng }
    }

    /// Waits the random moment before the first registration.
    pub async fn spread(&mut self) {
        let spread = START_SPREAD / 1_000 * self.rng.random_range(0..=1_000);
        tokio::time::sleep(spread).await;
    }

    /// Registers the node, trying until a leader accepts it.
    pub async fn register(&mut self) -> HeartbeatReply {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        loop {
            let message = RegisterNode { node: (*self.node).clone() };
            match self.link.call(&message, CALL_TIMEOUT).await {
                Ok(reply) => {
                    info!(node = %self.node.id, name = %self.node.name, "registered");
                    self.link.servers.learn(reply.servers.clone());
                    return reply;
                }
                Err(error) => warn!(%error, "not registered yet; tried again"),
            }
            tokio::time::sleep(backoff.next(&mut *self.rng)).await;
        }
    }
}
