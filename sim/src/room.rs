//! A run from start to teardown, and the handle by which its software changes the room.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::RngSeed;
use tokio::time::Instant;

use crate::host::{Boot, Exit, Host, HostId, HostSpec, INIT};
use crate::net::Delivery;
use crate::process;
use crate::rng;
use crate::trace::Trace;
use crate::turmoil as second;
use crate::world::{RunClock, Shared};

/// What moves the simulated machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Our own: one paused runtime, a network model on an event heap. All faults.
    #[default]
    Own,
    /// The stock `turmoil` crate: a runtime per host, fixed ticks. Few faults.
    Turmoil,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Own => "sim",
            Engine::Turmoil => "turmoil",
        })
    }
}

/// An engine that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no engine `{0}`; use `sim` or `turmoil`")]
pub struct UnknownEngine(String);

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Engine, UnknownEngine> {
        match text {
            "sim" | "pasture" => Ok(Engine::Own),
            "turmoil" => Ok(Engine::Turmoil),
            other => Err(UnknownEngine(other.to_owned())),
        }
    }
}

/// What a run grows from.
#[derive(Debug)]
pub struct RoomConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// What moves the machines.
    pub engine: Engine,
    /// One-way latency of links without one of their own; each stream draws one value, rounded up to whole
    /// milliseconds.
    pub latency: RangeInclusive<Duration>,
    /// What wall clocks say at the start, in milliseconds since 1970.
    pub epoch_unix_ms: u64,
    /// How much is written down.
    pub trace: Trace,
    /// Length of a turmoil step; our own engine has none.
    pub tick: Duration,
    /// Task polls without time moving before the run is given up as spinning.
    pub polls_per_instant_max: u32,
    /// Simulated time after which a run that is still going is given up.
    pub simulated_max: Duration,
}

impl Default for RoomConfig {
    fn default() -> RoomConfig {
        RoomConfig {
            seed: 1,
            engine: Engine::Own,
            latency: Duration::from_micros(500)..=Duration::from_micros(1_500),
            // 2016-05-12 09:00:00 UTC.
            epoch_unix_ms: 1_463_043_600_000,
            trace: Trace::Hash,
            tick: Duration::from_millis(10),
            polls_per_instant_max: 2_000_000,
            simulated_max: Duration::from_secs(60 * 86_400),
        }
    }
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished<T> {
    /// What `main` returned.
    pub value: T,
    /// Hash of everything that happened.
    pub trace_hash: u64,
    /// Lines of the trace.
    pub events: u64,
    /// Simulated time when `main` returned.
    pub simulated: Duration,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The configuration makes no sense.
    #[error("bad room configuration: {0}")]
    Config(String),
    /// The workstation cannot be added.
    #[error("the workstation cannot be added")]
    Workstation(#[source] TopologyError),
    /// Nothing can happen any more, and `main` still waits.
    #[error("nothing is left to happen after {0:?}, and the program of the workstation still waits")]
    Stalled(Duration),
    /// The run went on for longer than allowed.
    #[error("the run has not finished after {0:?} of simulated time")]
    TooLong(Duration),
    /// A task is woken without end while time stands still.
    #[error("task `{task}` on {host} was polled at one instant when {polls} polls had not moved the clock")]
    Spinning {
        /// Its host.
        host: String,
        /// The task polled last.
        task: &'static str,
        /// Polls at this instant.
        polls: u32,
    },
    /// A task panicked.
    #[error("task `{task}` on {host} panicked: {message}")]
    Panicked {
        /// Its host.
        host: String,
        /// Its name.
        task: &'static str,
        /// What the panic said.
        message: String,
    },
    /// The process of `main` was killed.
    #[error("the program of the workstation was killed before it returned")]
    MainKilled,
    /// The trace could not be written.
    #[error("cannot write the trace")]
    Trace(#[source] io::Error),
    /// The thread or runtime of the run could not be made.
    #[error("cannot start the run")]
    Start(#[source] io::Error),
    /// The second engine gave up.
    #[error("turmoil: {0}")]
    Turmoil(String),
}

/// Why a host cannot be added.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopologyError {
    /// Another host has the name.
    #[error("there is a host named {0} already; choose another name")]
    NameTaken(String),
    /// Another host has the address.
    #[error("the address {0} is taken; choose another")]
    AddressTaken(IpAddr),
    /// The name cannot be one.
    #[error("`{0}` cannot be a host name; use letters, digits and dashes")]
    BadName(String),
    /// The address cannot be a host's.
    #[error("{0} cannot be the address of a host")]
    BadAddress(IpAddr),
    /// The host has no address.
    #[error("{0} has no address; give it one")]
    NoAddress(String),
}

type MainResult<T> = Arc<Mutex<Option<Result<T, Box<dyn Any + Send>>>>>;

/// The software of the workstation, boxed, and where its result goes.
pub(crate) type MainFuture = Box<dyn FnOnce(Room, Host) -> BoxFuture<'static, ()> + Send>;

/// Runs `main` as the software of one host, the workstation, until it returns; then tears everything down.
///
/// A fresh thread runs it, so nothing thread-local is carried from one run to the next.
///
/// # Panics
/// If `main` panics, with its panic.
pub fn run<T, F, Fut>(config: RoomConfig, workstation: HostSpec, main: F) -> Result<Finished<T>, RoomError>
where
    F: FnOnce(Room, Host) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    check(&config)?;
    let result: MainResult<T> = Arc::default();
    let place = result.clone();
    let main: MainFuture = Box::new(move |room, host| {
        Box::pin(async move {
            let value = AssertUnwindSafe(async move { main(room, host).await }).catch_unwind().await;
            *place.lock().expect("held for single statements only") = Some(value);
        })
    });
    let name = format!("room {}", config.seed);
    let body = move || match config.engine {
        Engine::Own => run_own(config, workstation, main),
        Engine::Turmoil => second::run(config, workstation, main),
    };
    let thread =
        std::thread::Builder::new().name(name).stack_size(8 << 20).spawn(body).map_err(RoomError::Start)?;
    let end = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    let value = result.lock().expect("held for single statements only").take();
    match value {
        Some(Err(panic)) => resume_unwind(panic),
        Some(Ok(value)) => {
            let end = end?;
            Ok(Finished { value, trace_hash: end.trace_hash, events: end.events, simulated: end.simulated })
        }
        None => Err(end.err().unwrap_or(RoomError::MainKilled)),
    }
}

/// The end of a run, without its value.
pub(crate) struct End {
    pub trace_hash: u64,
    pub events: u64,
    pub simulated: Duration,
}

fn check(config: &RoomConfig) -> Result<(), RoomError> {
    let bad = |what: &str| Err(RoomError::Config(what.to_owned()));
    if config.latency.is_empty() {
        return bad("the latency range is empty; give its lower end first");
    }
    if *config.latency.end() > Duration::from_secs(3_600) {
        return bad("a latency is above one hour");
    }
    if config.tick < Duration::from_millis(1) {
        return bad("the tick is below one millisecond");
    }
    Ok(())
}

fn run_own(mut config: RoomConfig, workstation: HostSpec, main: MainFuture) -> Result<End, RoomError> {
    let mut seed = rng::stream(config.seed, &["runtime"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&rand::Rng::next_u64(&mut seed).to_le_bytes()))
        .build()
        .map_err(RoomError::Start)?;
    runtime.block_on(async {
        let shared = Shared::new(&mut config, RunClock::Own(Instant::now()));
        let room = Room { shared: shared.clone() };
        let id = shared.lock().add_host(workstation).map_err(RoomError::Workstation)?;
        let life = start_main(&room, id, main);
        let outcome = drive(&shared, config.simulated_max, life).await;
        tear_down(&shared);
        conclude(&shared, outcome)
    })
}

/// Powers the workstation on and starts its software.
pub(crate) fn start_main(room: &Room, id: HostId, main: MainFuture) -> Arc<process::Life> {
    let shared = &room.shared;
    shared.with(|world| world.switch_on(id));
    let in_main = room.clone();
    Host::start(shared, id, INIT, |host| main(in_main, host)).expect("a new host is on and ready").life()
}

/// Moves the network until `main` has ended, the run has failed, or nothing can happen any more.
async fn drive(
    shared: &Arc<Shared>,
    limit: Duration,
    main: Arc<process::Life>,
) -> Result<Duration, RoomError> {
    let start = Instant::now();
    let mut until_limit = std::pin::pin!(tokio::time::sleep(limit));
    let mut next_event = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
    let mut ended = std::pin::pin!(main.wait());
    let mut armed = None;
    let mut delivery = Delivery::default();
    let mut watch = Watch::default();
    let mut checkpoint = std::pin::pin!(tokio::time::sleep(limit / CHECKPOINTS));
    poll_fn(|cx| {
        if ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(shared.now()));
        }
        let next = delivery.deliver_due(shared, cx.waker());
        if let Some(failure) = shared.lock().failure.take() {
            return Poll::Ready(Err(failure));
        }
        if until_limit.as_mut().poll(cx).is_ready() {
            let stalled = watch.quiet_since();
            return Poll::Ready(Err(stalled.map_or(RoomError::TooLong(limit), RoomError::Stalled)));
        }
        while checkpoint.as_mut().poll(cx).is_ready() {
            watch.look(shared);
            checkpoint.as_mut().reset(Instant::now() + limit / CHECKPOINTS);
        }
        if let Some(next) = next {
            if armed.replace(next) != Some(next) {
                next_event.as_mut().reset(start + next);
            }
            // Due already: come again at once rather than after the next park.
            if next_event.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    })
    .await
}

/// How often, in the longest run allowed, it is looked whether anything still happens.
const CHECKPOINTS: u32 = 1_024;

/// Notices when nothing happens any more.
#[derive(Default)]
struct Watch {
    /// Polls and trace lines so far.
    seen: (u32, u64),
    /// When they last grew.
    active_at: Duration,
    quiet_checkpoints: u32,
}

impl Watch {
    fn look(&mut self, shared: &Shared) {
        let world = shared.lock();
        let seen = (world.polls.total(), world.trace.events());
        if seen == self.seen {
            self.quiet_checkpoints += 1;
        } else {
            self.seen = seen;
            self.active_at = world.now();
            self.quiet_checkpoints = 0;
        }
    }

    /// Returns about when things stopped happening, if they had for the last half of the run.
    fn quiet_since(&self) -> Option<Duration> {
        (self.quiet_checkpoints > CHECKPOINTS / 2).then_some(self.active_at)
    }
}

/// Drops all tasks, host by host and in the order of their creation; nothing is sent any more.
pub(crate) fn tear_down(shared: &Shared) {
    let count = {
        let mut world = shared.lock();
        world.closed = true;
        world.hosts.len()
    };
    for host in 0..count {
        let id = HostId(u32::try_from(host).expect("host numbers fit"));
        end_all_processes(shared, id);
        let boot = shared.lock().host_mut(id).and_then(|state| state.boot.take());
        drop(boot);
    }
    let left = shared.lock().net.clear();
    drop(left);
}

pub(crate) fn conclude(shared: &Shared, outcome: Result<Duration, RoomError>) -> Result<End, RoomError> {
    let mut world = shared.lock();
    let simulated = outcome?;
    if let Some(error) = world.trace.finish() {
        return Err(RoomError::Trace(error));
    }
    Ok(End { trace_hash: world.trace.hash(), events: world.trace.events(), simulated })
}

/// Kills the processes of a host, oldest first.
pub(crate) fn end_all_processes(shared: &Shared, id: HostId) {
    loop {
        let pid = shared.lock().host(id).and_then(|state| state.processes.keys().next().copied());
        let Some(pid) = pid else { return };
        if !process::end_process(shared, id, pid, Exit::Killed) {
            return;
        }
    }
}

/// The machines of a run, their cables and their power, as software of the workstation may change them.
#[derive(Clone)]
pub struct Room {
    pub(crate) shared: Arc<Shared>,
}

impl Room {
    /// Returns the engine that runs.
    pub fn engine(&self) -> Engine {
        self.shared.engine
    }

    /// Adds a machine, switched off.
    pub fn add_host(&self, spec: HostSpec) -> Result<HostId, TopologyError> {
        self.shared.with(|world| world.add_host(spec))
    }

    /// Returns the host of a name.
    pub fn host_id(&self, name: &str) -> Option<HostId> {
        self.shared.lock().by_name.get(name).copied()
    }

    /// Returns the name of a host, unless it was removed.
    pub fn host_name(&self, host: HostId) -> Option<String> {
        self.shared.lock().host(host).map(|state| state.name.to_string())
    }

    /// Sets what [`power_on`](Room::power_on) runs as the first process. Without it a host is just a kernel.
    pub fn install(&self, host: HostId, boot: Boot) {
        let replaced = self.shared.lock().host_mut(host).and_then(|state| state.boot.replace(boot));
        drop(replaced);
    }

    /// Returns simulated time since the start of the run.
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Records an event from above in the trace.
    pub fn note(&self, line: &str) {
        // One event is one line, whatever the caller puts into it.
        let line = line.replace('\n', "\\n");
        self.shared.lock().record(format_args!("note {line}"));
    }

    /// Tells whether a host is switched on.
    pub fn is_powered(&self, host: HostId) -> bool {
        self.shared.lock().host(host).is_some_and(|state| state.powered)
    }

    /// Returns the names of a host's processes in the order of their start.
    pub fn processes(&self, host: HostId) -> Vec<String> {
        let world = self.shared.lock();
        let Some(state) = world.host(host) else { return Vec::new() };
        state.processes.values().map(|process| process.name.to_string()).collect()
    }

    /// Returns how many connections and listeners a host's kernel holds, for tests of leaks. Own engine only.
    pub fn sockets(&self, host: HostId) -> Sockets {
        let world = self.shared.lock();
        let Some(state) = world.host(host) else { return Sockets::default() };
        state.net.count()
    }

    /// Returns how many packets wait for a cut to heal or a machine to come back. Own engine only.
    pub fn held_packets(&self) -> usize {
        self.shared.lock().net.held_len()
    }
}

/// What a host's kernel holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Connections in its table.
    pub connections: usize,
    /// Listening sockets.
    pub listeners: usize,
    /// Datagram sockets.
    pub datagrams: usize,
}
