//! How the client talks to the servers.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::servers::Servers;
use super::state_db::Identity;
use crate::env::Env;
use crate::rpc::messages::Message;
use crate::rpc::{self, RpcError};

/// How long an answer may take that needs no waiting. A leader that died is noticed by this.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Calls whichever server is in use.
pub struct Link {
    /// The door to the machine.
    pub env: Env,
    /// The servers.
    pub servers: Servers,
    /// Who calls.
    pub identity: Identity,
    rpc: rpc::Client,
}

impl Link {
    /// Makes the link; connects when first used.
    pub fn new(env: Env, servers: Servers, identity: Identity, rpc: rpc::Client) -> Self {
        Self { env, servers, identity, rpc }
    }

    /// Asks the server in use; goes on to the next one when it does not answer or knows no leader.
    ///
    /// # Errors
    /// As the server, or the way to it, has them; `NoLeader` when no server is known.
    pub async fn call<M: Message>(&self, message: &M, timeout: Duration) -> Result<M::Reply, RpcError> {
        let server = self.servers.current().ok_or(RpcError::NoLeader)?;
        let result = self.rpc.call(&server, message, timeout).await;
        if let Err(
            RpcError::Io(_)
            | RpcError::Unreachable(_)
            | RpcError::TimedOut
            | RpcError::NoLeader
            | RpcError::Internal(_),
        ) = &result
        {
            self.servers.failed(&server);
        }
        result
    }
}

/// Waiting times that grow from try to try, with jitter so that clients do not come back together.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins at `first` and doubles up to `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// Returns how long to wait before the next try: the time due, times 1 to 1.25.
    pub fn next(&mut self, rng: &mut dyn Rng) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.most);
        due + due / 1_000 * rng.random_range(0..=250)
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}
