//! The machine Pasture runs on.
//!
//! The one place of the product that touches real sockets, files, clocks, entropy, threads and processes; everything
//! else gets an [`Env`]. [`env()`] needs to be used within a tokio runtime that has IO and time enabled.
//!
//! # Caveats
//! - Processes need a Unix system. Finding them again after a restart of the agent needs Linux (`/proc`); elsewhere
//!   [`Processes::attach`](super::Processes::attach) answers `Unsupported`.
//! - A process that was found again is no child of ours any more: its end is seen within [`process::POLL`], its exit
//!   code is lost, and waiting for it ends with an error that says so.
//! - `Disk` means POSIX durability: `fsync` of the file and of its folder. What a drive's cache loses is lost.

#![expect(clippy::disallowed_methods, reason = "this is the door to the machine that the bans point at")]

pub mod disk;
pub mod net;
pub mod process;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use rand::SeedableRng;
use rand::TryRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha12Rng;

use super::rng::BoxRng;
use super::{Clock, Env, Random, Spawn, TaskHandle};
use crate::model::Timestamp;

/// Opens the door to this machine.
pub fn env() -> Env {
    Env {
        net: Arc::new(net::RealNet),
        disk: Arc::new(disk::RealDisk::new()),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        tasks: Arc::new(TokioTasks),
        processes: Arc::new(process::RealProcesses),
    }
}

/// The machine's wall clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as "never"; nothing measures durations by it.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Generators seeded by the operating system, each on its own.
struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// If the operating system has no entropy to give, without which no id would be unique.
    fn stream(&self, _purpose: &str) -> BoxRng {
        let mut seed = <ChaCha12Rng as SeedableRng>::Seed::default();
        SysRng.try_fill_bytes(&mut seed).expect("the operating system provides random numbers");
        Box::new(ChaCha12Rng::from_seed(seed))
    }
}

/// Tasks and blocking threads of the tokio runtime.
struct TokioTasks;

impl Spawn for TokioTasks {
    fn spawn(&self, _name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        let abort = tokio::spawn(future).abort_handle();
        TaskHandle::new(move || abort.abort())
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let running = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            // A panic inside has printed its message; the waiting side notices that no value came.
            let _ = running.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clock_random_and_blocking_come_from_the_machine() {
        let env = env();
        assert!(env.now() > Timestamp(1_600_000_000_000_000_000), "{}", env.now());
        let (mut one, mut two) = (env.random.stream("ids"), env.random.stream("ids"));
        assert_ne!((one.next_u64(), one.next_u64()), (two.next_u64(), two.next_u64()));
        assert_eq!(env.blocking(|| 41 + 1).await, 42);
    }
}
