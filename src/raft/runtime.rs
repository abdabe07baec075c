//! openraft's runtime over the seam.
//!
//! openraft spawns tasks and draws random numbers by static functions, so the process they belong to travels in a
//! task-local variable: [`within`] sets it, and every task spawned inside inherits it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::TokioRuntime;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;

use crate::env::Env;
use crate::env::rng::BoxRng;

tokio::task_local! {
    static PROCESS: Arc<Process>;
}

/// The process that a task of openraft belongs to.
pub(super) struct Process {
    pub(super) env: Env,
    random: Mutex<BoxRng>,
}

impl Process {
    pub(super) fn new(env: Env) -> Arc<Self> {
        let random = Mutex::new(env.random.stream("raft"));
        Arc::new(Self { env, random })
    }
}

/// Runs a call of openraft for a process. Each call goes through here, whether it spawns something today or not.
pub(super) async fn within<F: Future>(process: &Arc<Process>, call: F) -> F::Output {
    PROCESS.scope(process.clone(), call).await
}

/// Returns the process that the running task belongs to.
fn process() -> Arc<Process> {
    PROCESS
        .try_with(Arc::clone)
        .expect("openraft is only called by `within` and by tasks that were spawned inside")
}

/// The runtime: tasks, randomness and blocking work from the seam, time and channels from tokio.
#[derive(Debug)]
pub(super) enum SeamRuntime {}

impl AsyncRuntime for SeamRuntime {
    type JoinError = Lost;
    type JoinHandle<T: OptionalSend + 'static> = Joined<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = ChaCha8Rng;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = <TokioRuntime as AsyncRuntime>::Watch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Joined<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let process = process();
        let (done, value) = oneshot::channel();
        let task = PROCESS.scope(process.clone(), async move {
            // Nobody may be waiting for it.
            let _ = done.send(future.await);
        });
        process.env.spawn("raft", task);
        Joined { value }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(_: &Lost) -> bool {
        // Tasks of openraft are not stopped singly: one that is gone while others live has panicked.
        true
    }

    fn thread_rng() -> ChaCha8Rng {
        let process = process();
        let mut random = process.random.lock().expect("no holder of this lock panics");
        ChaCha8Rng::seed_from_u64(random.next_u64())
    }

    fn new(_threads: usize) -> Self {
        unreachable!("the process has a runtime already; openraft makes one in its own tests only")
    }

    fn block_on<F, T>(&mut self, _future: F) -> T
    where
        F: Future<Output = T>,
    {
        match *self {}
    }

    fn spawn_blocking<F, T>(work: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let process = process();
        async move { Ok(process.env.blocking(work).await) }
    }
}

/// Waits for a task and its value.
pub(super) struct Joined<T> {
    value: oneshot::Receiver<T>,
}

impl<T> Future for Joined<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.value).poll(context).map_err(|_| Lost)
    }
}

/// A task that ended without a value.
#[derive(Debug)]
pub(super) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task ended before its time")
    }
}
