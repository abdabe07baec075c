//! The only door to the machine.
//!
//! Everything that a run could see differently the next time comes through an [`Env`]: sockets, the wall clock,
//! random numbers, ids, disks, tasks and processes. `real` opens the door on the machine Pasture runs on, `sim` on a
//! simulated host. Product code holds an `Env`, names neither, and has no `#[cfg]` for the simulation; clippy bans
//! what would go around it.
//!
//! Monotonic time is not here: it is `tokio::time`, whose clock a simulation pauses and moves.
//!
//! # Invariants
//! - A task is spawned by [`Env::spawn`] only, so that it belongs to its host and dies with it.
//! - Work that would block a thread (a database commit) goes through [`Env::blocking`]: a thread on real machines,
//!   inline in a simulation.
//! - Random streams are named by purpose: a draw more here does not shift the ids there.
//! - Every connect has a timeout.

pub mod clock;
pub mod disk;
pub mod net;
pub mod process;
pub mod real;
pub mod rng;
pub mod sim;
pub mod spawn;

use std::future::Future;
use std::sync::Arc;

pub use clock::Clock;
pub use disk::Disk;
pub use net::Net;
pub use process::Processes;
pub use rng::Random;
pub use spawn::{Spawn, TaskHandle};

use crate::model::Timestamp;

/// One process's view of its machine. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Sockets and the machine's addresses.
    pub net: Arc<dyn Net>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Random streams, by purpose.
    pub random: Arc<dyn Random>,
    /// Tasks of this process.
    pub tasks: Arc<dyn Spawn>,
    /// Other processes of this machine.
    pub processes: Arc<dyn Processes>,
}

impl Env {
    /// Returns the time of day, as this machine believes it to be.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs `future` as a task of this process. `name` appears in traces and logs.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.tasks.spawn(name, Box::pin(future))
    }

    /// Runs work that may block its thread (disk, long computation) and returns its value.
    ///
    /// # Panics
    /// If `work` panics.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, value) = tokio::sync::oneshot::channel();
        self.tasks
            .blocking(Box::new(move || {
                // The receiver is gone only when the caller was dropped, and then nobody wants the value.
                let _ = done.send(work());
            }))
            .await;
        value.await.expect("blocking work ran to its end")
    }
}
