//! The state of a run, shared by all handles: hosts, tasks, network, trace.
//!
//! One thread uses it. The lock only makes the handles `Send`; it is tried, never waited for, so that entering the
//! state twice is a panic with a reason and not a hang. Wakers and values to drop leave the state before they run,
//! since either may come back in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::disk::DiskState;
use crate::host::{Boot, HostId, HostSpec};
use crate::net::{HostNet, Net};
use crate::process::{Process, TaskSlot};
use crate::room::{Engine, RoomConfig, RoomError, TopologyError};
use crate::slots::Slots;
use crate::trace::Tracer;
use crate::turmoil::{Links, TurmoilHost};

/// What every handle points to.
pub(crate) struct Shared {
    world: Mutex<World>,
    pub seed: u64,
    pub engine: Engine,
    pub epoch_unix_ms: u64,
    pub polls_per_instant_max: u32,
}

/// Everything that changes during a run.
pub(crate) struct World {
    pub engine: Engine,
    pub seed: u64,
    pub clock: RunClock,
    pub hosts: Vec<Option<HostState>>,
    pub by_name: BTreeMap<String, HostId>,
    pub by_addr: BTreeMap<IpAddr, HostId>,
    pub tasks: Slots<TaskSlot>,
    pub net: Net,
    pub trace: Tracer,
    /// Why the run cannot go on.
    pub failure: Option<RoomError>,
    /// Set when the run is torn down; from then on nothing is sent or recorded.
    pub closed: bool,
    /// Wakes the future that drives the run.
    pub driver: Option<Waker>,
    /// Tasks to wake once the state is left.
    pub wakers: Vec<Waker>,
    /// Wakers that were replaced; dropping one may run foreign code.
    pub trash: Vec<Waker>,
    pub polls: PollBudget,
    /// Hosts the turmoil engine has yet to register.
    pub newcomers: Vec<HostId>,
    pub second: Links,
}

/// Where simulated time comes from.
pub(crate) enum RunClock {
    /// The paused clock of the one runtime, counted from here.
    Own(Instant),
    /// Turmoil's steps; the time at the start of the present one.
    Turmoil(Duration),
}

/// How many tasks were polled since the clock last moved.
#[derive(Default)]
pub(crate) struct PollBudget {
    total: u32,
    in_instant: u32,
    instant: Duration,
}

/// A machine.
pub(crate) struct HostState {
    pub name: Arc<str>,
    pub addresses: Arc<[IpAddr]>,
    pub powered: bool,
    /// Whether it has ever been switched on; being off is a fault only after that.
    pub was_on: bool,
    pub frozen: bool,
    /// How many times longer everything takes; 1 is normal.
    pub slow: u32,
    pub clock_step_ms: i64,
    pub boot: Option<Boot>,
    pub processes: BTreeMap<u32, Process>,
    pub next_pid: u32,
    /// How often a process of a name was started, so that each start has random streams of its own.
    pub starts: BTreeMap<String, u32>,
    /// Processes that a fault killed and nobody started again.
    pub killed: BTreeSet<String>,
    /// Tasks that woke while the machine was frozen.
    pub parked: Vec<Waker>,
    /// The runtime its tasks run on; set once the host is part of the run.
    pub runtime: Option<Handle>,
    pub net: HostNet,
    pub disk: DiskState,
    pub turmoil: TurmoilHost,
    /// Those who wait for `runtime`.
    pub ready_wakers: Vec<Waker>,
}

impl PollBudget {
    pub fn total(&self) -> u32 {
        self.total
    }
}

impl Shared {
    pub fn new(config: &mut RoomConfig, clock: RunClock) -> Arc<Shared> {
        let world = World {
            engine: config.engine,
            seed: config.seed,
            clock,
            hosts: Vec::new(),
            by_name: BTreeMap::new(),
            by_addr: BTreeMap::new(),
            tasks: Slots::new(),
            net: Net::new(config.latency.clone()),
            trace: Tracer::new(std::mem::take(&mut config.trace)),
            failure: None,
            closed: false,
            driver: None,
            wakers: Vec::new(),
            trash: Vec::new(),
            polls: PollBudget::default(),
            newcomers: Vec::new(),
            second: Links::default(),
        };
        Arc::new(Shared {
            world: Mutex::new(world),
            seed: config.seed,
            engine: config.engine,
            epoch_unix_ms: config.epoch_unix_ms,
            polls_per_instant_max: config.polls_per_instant_max,
        })
    }

    /// Enters the state.
    ///
    /// # Panics
    /// If the state is already entered: on this thread by a drop or wake-up inside it, or from another thread.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        match self.world.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                panic!(
                    "the machine room was entered while in use: its handles belong to the thread of the run"
                )
            }
        }
    }

    /// Enters the state, and wakes after leaving it whom `f` left to wake.
    pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.lock();
        let result = f(&mut world);
        if world.wakers.is_empty() && world.trash.is_empty() {
            return result;
        }
        let wakers = std::mem::take(&mut world.wakers);
        let trash = std::mem::take(&mut world.trash);
        drop(world);
        drop(trash);
        for waker in wakers {
            waker.wake();
        }
        result
    }

    /// Ends the run with an error, the first one given.
    pub fn fail(&self, error: RoomError) {
        self.with(|world| {
            world.failure.get_or_insert(error);
            let driver = world.driver.take();
            world.wakers.extend(driver);
        });
    }

    /// Returns simulated time since the start.
    pub fn now(&self) -> Duration {
        self.lock().now()
    }
}

impl World {
    /// Returns simulated time since the start.
    pub fn now(&self) -> Duration {
        match &self.clock {
            RunClock::Own(start) => Instant::now().saturating_duration_since(*start),
            RunClock::Turmoil(step) => turmoil::sim_elapsed().unwrap_or(*step),
        }
    }

    pub fn host(&self, id: HostId) -> Option<&HostState> {
        self.hosts.get(id.0 as usize)?.as_ref()
    }

    pub fn host_mut(&mut self, id: HostId) -> Option<&mut HostState> {
        self.hosts.get_mut(id.0 as usize)?.as_mut()
    }

    /// Returns the name of a host for a trace or message.
    pub fn name_of(&self, id: HostId) -> Arc<str> {
        self.host(id).map_or_else(|| Arc::from(format!("removed host {}", id.0)), |host| host.name.clone())
    }

    /// Records an event that is described by text.
    pub fn record(&mut self, what: std::fmt::Arguments<'_>) {
        if !self.closed {
            let now = self.now();
            self.trace.line(now, what);
        }
    }

    /// Adds a host, switched off.
    pub fn add_host(&mut self, spec: HostSpec) -> Result<HostId, TopologyError> {
        spec.check()?;
        if self.by_name.contains_key(&spec.name) {
            return Err(TopologyError::NameTaken(spec.name));
        }
        if let Some(taken) = spec.addresses.iter().find(|address| self.by_addr.contains_key(address)) {
            return Err(TopologyError::AddressTaken(*taken));
        }
        let id = HostId(u32::try_from(self.hosts.len()).expect("fewer than four thousand million hosts"));
        self.by_name.insert(spec.name.clone(), id);
        for address in &spec.addresses {
            self.by_addr.insert(*address, id);
        }
        let now = self.now();
        self.trace.line(now, format_args!("add {} {:?}", spec.name, spec.addresses));
        let disk = DiskState::new(self.seed, &spec.name, spec.disk_bytes);
        self.hosts.push(Some(HostState {
            name: spec.name.into(),
            addresses: spec.addresses.into(),
            powered: false,
            was_on: false,
            frozen: false,
            slow: 1,
            clock_step_ms: 0,
            boot: None,
            processes: BTreeMap::new(),
            next_pid: 1,
            starts: BTreeMap::new(),
            killed: BTreeSet::new(),
            parked: Vec::new(),
            runtime: None,
            net: HostNet::new(),
            disk,
            turmoil: TurmoilHost::new(id),
            ready_wakers: Vec::new(),
        }));
        match self.engine {
            Engine::Own => {
                self.hosts[id.0 as usize].as_mut().expect("just added").runtime = Some(Handle::current())
            }
            Engine::Turmoil => {
                self.newcomers.push(id);
                let driver = self.driver.take();
                self.wakers.extend(driver);
            }
        }
        Ok(id)
    }

    /// Counts one poll of a task.
    ///
    /// Returns the number of polls at this instant when they are more than `max`.
    pub fn count_poll(&mut self, max: u32) -> Option<u32> {
        // The clock is read once in so many polls: reading it costs as much as a short task.
        const STRIDE: u32 = 256;
        self.polls.total = self.polls.total.wrapping_add(1);
        if !self.polls.total.is_multiple_of(STRIDE) {
            return None;
        }
        let now = self.now();
        if now != self.polls.instant {
            self.polls.instant = now;
            self.polls.in_instant = 0;
            return None;
        }
        self.polls.in_instant = self.polls.in_instant.saturating_add(STRIDE);
        (self.polls.in_instant > max).then_some(self.polls.in_instant)
    }
}

/// Stores the caller's waker in `place`; the one replaced is dropped outside the state.
pub(crate) fn set_waker(place: &mut Option<Waker>, waker: &Waker, trash: &mut Vec<Waker>) {
    match place {
        Some(old) if old.will_wake(waker) => {}
        _ => trash.extend(place.replace(waker.clone())),
    }
}
