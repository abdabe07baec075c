//! What can be done to machines, links, disks and clocks, and undone.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::host::{Exit, Host, HostId, INIT, ProcessHandle};
use crate::net::LinkChange;
use crate::process;
use crate::room::{Engine, Room, end_all_processes};
use crate::world::{Shared, World};

/// Which way a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing passes.
    Both,
    /// Nothing passes from the first group to the second; the way back is open.
    OneWay,
}

/// Why a fault was not injected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// The engine cannot do it.
    #[error("the {engine} engine cannot do {fault}; use the engine `sim`")]
    Unsupported {
        /// The engine that runs.
        engine: Engine,
        /// What was asked.
        fault: &'static str,
    },
    /// The host was removed.
    #[error("host {} does not exist any more", .0.0)]
    NoSuchHost(HostId),
    /// No process of that name runs there.
    #[error("no process `{process}` runs on {host}")]
    NoSuchProcess {
        /// The host.
        host: String,
        /// The name asked for.
        process: String,
    },
    /// A process cannot run there now.
    #[error("{0} is powered off; power it on first")]
    PoweredOff(String),
    /// The workstation runs the program that injects faults.
    #[error(
        "the workstation cannot be switched off, removed, frozen or killed: it runs the program that would do so"
    )]
    Workstation,
    /// A number out of range.
    #[error("{what} cannot be {value}; use {use_instead}")]
    OutOfRange {
        /// What it is.
        what: &'static str,
        /// The number given.
        value: String,
        /// What is allowed.
        use_instead: &'static str,
    },
}

impl Room {
    /// Switches a machine on and runs what is installed as its first process. Does nothing when it is on.
    pub async fn power_on(&self, host: HostId) -> Result<(), FaultError> {
        self.ready(host).await?;
        let boot = self.shared.with(|world| {
            if !world.switch_on(host) {
                return None;
            }
            world.host(host).and_then(|state| state.boot.clone())
        });
        if let Some(boot) = boot {
            Host::start(&self.shared, host, INIT, |host| boot(host));
        }
        Ok(())
    }

    /// Cuts a machine's power: silence on the network, and what was not synced is gone. Does nothing when it is off.
    pub async fn power_off(&self, host: HostId) -> Result<(), FaultError> {
        self.ready(host).await?;
        self.not_workstation(host)?;
        switch_off(&self.shared, host);
        Ok(())
    }

    /// Removes a machine, switching it off first. Its name and addresses are free again.
    pub fn remove_host(&self, host: HostId) -> Result<(), FaultError> {
        self.exists(host)?;
        self.not_workstation(host)?;
        if self.engine() == Engine::Turmoil {
            return Err(self.unsupported("remove_host"));
        }
        switch_off(&self.shared, host);
        let removed = self.shared.with(|world| {
            let state = world.hosts[host.0 as usize].take()?;
            world.by_name.remove(&*state.name);
            for address in state.addresses.iter() {
                world.by_addr.remove(address);
            }
            world.forget_host(host, &state.addresses);
            world.record(format_args!("remove {}", state.name));
            Some(state)
        });
        drop(removed);
        Ok(())
    }

    /// Kills the processes of a name as SIGKILL does; the others live, files keep what was written.
    pub async fn kill(&self, host: HostId, name: &str) -> Result<(), FaultError> {
        self.ready(host).await?;
        if name == INIT {
            self.not_workstation(host)?;
        }
        let pids = self.named(host, name)?;
        self.shared.with(|world| {
            let host_name = world.name_of(host);
            world.record(format_args!("kill {host_name} {name}"));
            if let Some(state) = world.host_mut(host) {
                state.killed.insert(name.to_owned());
            }
        });
        for pid in pids {
            process::end_process(&self.shared, host, pid, Exit::Killed);
        }
        Ok(())
    }

    /// Starts a process on a powered machine.
    pub async fn start_process(
        &self,
        host: HostId,
        name: &str,
        main: impl FnOnce(Host) -> BoxFuture<'static, ()>,
    ) -> Result<ProcessHandle, FaultError> {
        self.ready(host).await?;
        let started = Host::start(&self.shared, host, name, main);
        started.ok_or_else(|| FaultError::PoweredOff(self.shared.lock().name_of(host).to_string()))
    }

    /// Stops the processes of a name as SIGSTOP does: connects to them succeed, reads hang, time goes on.
    pub fn pause(&self, host: HostId, name: &str) -> Result<(), FaultError> {
        self.set_paused(host, name, true)
    }

    /// Lets paused processes go on; timers that came due meanwhile fire at once.
    pub fn resume(&self, host: HostId, name: &str) -> Result<(), FaultError> {
        match self.set_paused(host, name, false) {
            // Healing something that died in between is not an error.
            Err(FaultError::NoSuchProcess { .. }) => Ok(()),
            done => done,
        }
    }

    /// Freezes a whole machine, as pausing a virtual machine does: no task runs, no packet gets in.
    pub fn freeze(&self, host: HostId) -> Result<(), FaultError> {
        self.own_engine("freeze")?;
        self.not_workstation(host)?;
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.frozen = true;
            }
            world.record(format_args!("freeze {name}"));
        })
    }

    /// Lets a frozen machine go on.
    pub fn thaw(&self, host: HostId) -> Result<(), FaultError> {
        self.own_engine("freeze")?;
        self.change(host, |world, name| {
            world.thaw(host);
            world.record(format_args!("thaw {name}"));
        })
    }

    /// Cuts the links between two groups: nothing is refused or reset, packets are sent again after the heal.
    pub fn partition(&self, from: &[HostId], to: &[HostId], direction: Direction) -> Result<(), FaultError> {
        if direction == Direction::OneWay && self.engine() == Engine::Turmoil {
            return Err(self.unsupported("a partition in one direction"));
        }
        self.set_cut(from, to, direction, true)
    }

    /// Heals all cuts between two groups, in both directions.
    pub fn heal(&self, a: &[HostId], b: &[HostId]) -> Result<(), FaultError> {
        self.set_cut(a, b, Direction::Both, false)
    }

    /// Ends every fault but power and kills, whose end is [`power_on`](Room::power_on) and
    /// [`start_process`](Room::start_process).
    pub fn heal_all(&self) {
        self.shared.with(|world| {
            world.reset_links();
            for index in 0..world.hosts.len() {
                let id = HostId(u32::try_from(index).expect("host numbers fit"));
                world.heal_host(id);
            }
            world.record(format_args!("heal all"));
        });
    }

    /// Sets the one-way latency between two machines, both ways; `None` goes back to the room's.
    pub fn latency(
        &self,
        a: HostId,
        b: HostId,
        latency: impl Into<Option<RangeInclusive<Duration>>>,
    ) -> Result<(), FaultError> {
        let latency = latency.into();
        if latency.as_ref().is_some_and(|range| range.is_empty() || *range.end() > Duration::from_secs(3_600))
        {
            return Err(out_of_range(
                "a latency",
                format!("{latency:?}"),
                "a range up to one hour, lower end first",
            ));
        }
        self.change_link(a, b, "latency", &LinkChange::Latency(latency))
    }

    /// Loses packets between two machines, both ways, with probability `p` below 1: streams get slower, datagrams
    /// vanish. 0 ends it.
    pub fn loss(&self, a: HostId, b: HostId, p: f64) -> Result<(), FaultError> {
        if !(0.0..1.0).contains(&p) {
            return Err(out_of_range("a loss", p.to_string(), "0 or more, below 1, or a partition"));
        }
        self.change_link(a, b, "loss", &LinkChange::Loss(p))
    }

    /// Limits each direction between two machines; `None` ends it.
    pub fn rate(&self, a: HostId, b: HostId, bytes_per_s: impl Into<Option<u64>>) -> Result<(), FaultError> {
        let rate = bytes_per_s.into();
        if rate == Some(0) {
            return Err(out_of_range("a rate", "0".to_owned(), "1 byte per second or more, or a partition"));
        }
        self.change_link(a, b, "rate", &LinkChange::Rate(rate))
    }

    /// Makes every write fail for want of space, or ends that.
    pub fn disk_full(&self, host: HostId, full: bool) -> Result<(), FaultError> {
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.disk.full = full;
            }
            world.record(format_args!("disk {name} full {full}"));
        })
    }

    /// Makes every operation of a disk take this much longer; zero ends it.
    pub fn disk_delay(&self, host: HostId, delay: Duration) -> Result<(), FaultError> {
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.disk.delay = delay;
            }
            world.record(format_args!("disk {name} delay {delay:?}"));
        })
    }

    /// Makes operations of a disk fail with an I/O error, with probability `p`; zero ends it.
    pub fn disk_errors(&self, host: HostId, p: f64) -> Result<(), FaultError> {
        if !(0.0..=1.0).contains(&p) {
            return Err(out_of_range("a probability", p.to_string(), "0 to 1"));
        }
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.disk.errors = p;
            }
            world.record(format_args!("disk {name} errors {p}"));
        })
    }

    /// Steps a machine's wall clock by so many milliseconds from where it would be; 0 sets it right.
    pub fn clock_step(&self, host: HostId, step_ms: i64) -> Result<(), FaultError> {
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.clock_step_ms = step_ms;
            }
            world.record(format_args!("clock {name} {step_ms} ms"));
        })
    }

    /// Makes a machine slow: each wake-up of a task comes `factor - 1` ms late, disk delays are `factor` times as
    /// long. 1 ends it.
    pub fn slow(&self, host: HostId, factor: u32) -> Result<(), FaultError> {
        if !(1..=100_000).contains(&factor) {
            return Err(out_of_range("a slow-down", factor.to_string(), "1 to 100000"));
        }
        self.own_engine("slow")?;
        self.change(host, |world, name| {
            if let Some(state) = world.host_mut(host) {
                state.slow = factor;
            }
            world.record(format_args!("slow {name} {factor}"));
        })
    }

    /// Returns the faults that are not healed, as text, by host and then by link.
    pub fn faults(&self) -> Vec<String> {
        let world = self.shared.lock();
        let mut found = Vec::new();
        for state in world.hosts.iter().flatten() {
            state.describe_faults(&mut found);
        }
        world.describe_link_faults(&mut found);
        found
    }

    /// Waits until the engine has taken the host in.
    async fn ready(&self, host: HostId) -> Result<(), FaultError> {
        std::future::poll_fn(|cx| {
            self.shared.with(|world| match world.host_mut(host) {
                None => std::task::Poll::Ready(Err(FaultError::NoSuchHost(host))),
                Some(state) if state.runtime.is_some() => std::task::Poll::Ready(Ok(())),
                Some(state) => {
                    state.ready_wakers.push(cx.waker().clone());
                    std::task::Poll::Pending
                }
            })
        })
        .await
    }

    fn exists(&self, host: HostId) -> Result<(), FaultError> {
        self.shared.lock().host(host).map(|_| ()).ok_or(FaultError::NoSuchHost(host))
    }

    fn not_workstation(&self, host: HostId) -> Result<(), FaultError> {
        if host == HostId(0) { Err(FaultError::Workstation) } else { Ok(()) }
    }

    fn unsupported(&self, fault: &'static str) -> FaultError {
        FaultError::Unsupported { engine: self.engine(), fault }
    }

    fn own_engine(&self, fault: &'static str) -> Result<(), FaultError> {
        if self.engine() == Engine::Own { Ok(()) } else { Err(self.unsupported(fault)) }
    }

    /// Applies a change to a host that exists, handing over its name for the trace.
    fn change(&self, host: HostId, change: impl FnOnce(&mut World, Arc<str>)) -> Result<(), FaultError> {
        self.exists(host)?;
        self.shared.with(|world| {
            let name = world.name_of(host);
            change(world, name);
        });
        Ok(())
    }

    fn change_link(
        &self,
        a: HostId,
        b: HostId,
        fault: &'static str,
        change: &LinkChange,
    ) -> Result<(), FaultError> {
        self.own_engine(fault)?;
        self.exists(a)?;
        self.exists(b)?;
        self.shared.with(|world| {
            let (from, to) = (world.name_of(a), world.name_of(b));
            world.record(format_args!("link {from} {to} {change:?}"));
            world.change_link(a, b, change);
            world.change_link(b, a, change);
        });
        Ok(())
    }

    fn set_cut(&self, a: &[HostId], b: &[HostId], direction: Direction, cut: bool) -> Result<(), FaultError> {
        if cut {
            for host in a.iter().chain(b) {
                self.exists(*host)?;
            }
        }
        self.shared.with(|world| {
            let names = |world: &World, hosts: &[HostId]| -> Vec<String> {
                hosts.iter().map(|host| world.name_of(*host).to_string()).collect()
            };
            let (from, to) = (names(world, a).join(","), names(world, b).join(","));
            let verb = if cut { "cut" } else { "heal" };
            world.record(format_args!("{verb} {from} {to} {direction:?}"));
            world.set_cuts(a, b, direction == Direction::Both, cut);
        });
        Ok(())
    }

    fn named(&self, host: HostId, name: &str) -> Result<Vec<u32>, FaultError> {
        let world = self.shared.lock();
        let state = world.host(host).ok_or(FaultError::NoSuchHost(host))?;
        let found: Vec<u32> = state
            .processes
            .iter()
            .filter(|(_, process)| &*process.name == name)
            .map(|(pid, _)| *pid)
            .collect();
        if found.is_empty() {
            return Err(FaultError::NoSuchProcess { host: state.name.to_string(), process: name.to_owned() });
        }
        Ok(found)
    }

    fn set_paused(&self, host: HostId, name: &str, paused: bool) -> Result<(), FaultError> {
        self.own_engine("pause")?;
        if name == INIT && paused {
            self.not_workstation(host)?;
        }
        let pids = self.named(host, name)?;
        self.change(host, |world, host_name| {
            for pid in pids {
                world.pause_process(host, pid, paused);
            }
            let verb = if paused { "pause" } else { "resume" };
            world.record(format_args!("{verb} {host_name} {name}"));
        })
    }
}

/// Takes a machine's power: from that moment nothing it drops says goodbye.
fn switch_off(shared: &Arc<Shared>, host: HostId) {
    let was_on = shared.with(|world| {
        let Some(state) = world.host_mut(host) else { return false };
        if !std::mem::replace(&mut state.powered, false) {
            return false;
        }
        let name = state.name.clone();
        world.record(format_args!("off {name}"));
        world.turmoil_links_changed(host);
        true
    });
    if !was_on {
        return;
    }
    end_all_processes(shared, host);
    let dropped = shared.with(|world| {
        if let Some(state) = world.host_mut(host) {
            state.frozen = false;
            state.killed.clear();
            state.disk.power_off();
        }
        world.clear_host_net(host)
    });
    drop(dropped);
}

impl World {
    /// Switches a machine on, its kernel empty; tells whether it was off.
    pub fn switch_on(&mut self, host: HostId) -> bool {
        let Some(state) = self.host_mut(host) else { return false };
        if std::mem::replace(&mut state.powered, true) {
            return false;
        }
        state.was_on = true;
        let name = state.name.clone();
        self.record(format_args!("on {name}"));
        self.turmoil_links_changed(host);
        self.release_held();
        true
    }

    fn thaw(&mut self, host: HostId) {
        let Some(state) = self.host_mut(host) else { return };
        if !std::mem::replace(&mut state.frozen, false) {
            return;
        }
        let parked = std::mem::take(&mut state.parked);
        self.wakers.extend(parked);
        self.release_held();
    }

    fn heal_host(&mut self, host: HostId) {
        let Some(state) = self.host_mut(host) else { return };
        state.slow = 1;
        state.clock_step_ms = 0;
        state.disk.full = false;
        state.disk.delay = Duration::ZERO;
        state.disk.errors = 0.0;
        let paused: Vec<u32> =
            state.processes.iter().filter(|(_, process)| process.paused).map(|(pid, _)| *pid).collect();
        for pid in paused {
            self.pause_process(host, pid, false);
        }
        self.thaw(host);
    }
}

impl crate::world::HostState {
    fn describe_faults(&self, found: &mut Vec<String>) {
        let name = &self.name;
        if self.was_on && !self.powered {
            found.push(format!("{name} is powered off"));
        }
        found.extend(self.killed.iter().map(|process| format!("{process} on {name} was killed")));
        for process in self.processes.values().filter(|process| process.paused) {
            found.push(format!("{} on {name} is paused", process.name));
        }
        if self.frozen {
            found.push(format!("{name} is frozen"));
        }
        if self.slow > 1 {
            found.push(format!("{name} is {} times slower", self.slow));
        }
        if self.clock_step_ms != 0 {
            found.push(format!("the clock of {name} is {} ms off", self.clock_step_ms));
        }
        if self.disk.full {
            found.push(format!("the disk of {name} is full"));
        }
        if !self.disk.delay.is_zero() {
            found.push(format!("the disk of {name} is {:?} slow", self.disk.delay));
        }
        if self.disk.errors > 0.0 {
            found.push(format!("the disk of {name} fails with probability {}", self.disk.errors));
        }
    }
}

fn out_of_range(what: &'static str, value: String, use_instead: &'static str) -> FaultError {
    FaultError::OutOfRange { what, value, use_instead }
}
