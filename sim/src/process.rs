//! Processes and their tasks.
//!
//! A task's future lives in the world's table, not in the runtime: what the runtime polls is a [`Scoped`] that takes
//! the future out, polls it with its host as the current one, and puts it back. So a kill can drop the futures of a
//! process at once and in the order of their creation, whatever the runtime is doing.

use std::any::Any;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::host::{Exit, HostId};
use crate::net::SocketId;
use crate::room::RoomError;
use crate::slots::Key;
use crate::world::{Shared, World};

/// What a wake-up of a task on a host that is `k` times slower waits: `k - 1` times this.
const SLOW_QUANTUM: Duration = Duration::from_millis(1);

thread_local! {
    static CURRENT: Cell<Option<(HostId, u32)>> = const { Cell::new(None) };
    static POLLED: Cell<Option<HostId>> = const { Cell::new(None) };
}

/// Returns the host and process id whose task runs on this thread, if one does.
pub fn current() -> Option<(HostId, u32)> {
    CURRENT.get()
}

/// A running process.
pub(crate) struct Process {
    pub name: Arc<str>,
    pub life: Arc<Life>,
    pub paused: bool,
    /// Tasks by number, which is the order of their creation.
    pub tasks: BTreeMap<u64, Key>,
    /// Number of the task whose end is the end of the process.
    main: Option<u64>,
    /// Tasks that woke while the process was paused.
    pub parked: Vec<Waker>,
    /// Sockets to close when it ends.
    pub sockets: BTreeSet<SocketId>,
    next_task: u64,
}

/// What outlives a process: whether and how it ended.
pub(crate) struct Life {
    alive: AtomicBool,
    exit: OnceLock<Exit>,
    ended: Notify,
}

/// One task.
pub(crate) struct TaskSlot {
    host: HostId,
    pid: u32,
    number: u64,
    name: &'static str,
    /// Taken out while it is polled.
    future: Option<BoxFuture<'static, ()>>,
    /// Aborted or killed while it was polled; dropped when that poll returns.
    doomed: bool,
    /// On a slow host: when the pending wake-up gets through.
    slow_until: Option<Duration>,
    runtime: Option<AbortHandle>,
}

impl Life {
    pub fn new() -> Arc<Life> {
        Arc::new(Life { alive: AtomicBool::new(true), exit: OnceLock::new(), ended: Notify::new() })
    }

    /// A process that never ran.
    pub fn dead() -> Arc<Life> {
        let life = Life::new();
        life.end(Exit::Killed);
        life
    }

    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub async fn wait(&self) -> Exit {
        loop {
            let ended = self.ended.notified();
            if let Some(exit) = self.exit.get() {
                return *exit;
            }
            ended.await;
        }
    }

    fn end(&self, exit: Exit) {
        self.alive.store(false, Ordering::Relaxed);
        // A process ends once; a second call changes nothing.
        let _ = self.exit.set(exit);
    }
}

/// Returns the host whose task the runtime polls; a drop on behalf of another host does not change that.
pub(crate) fn polled_host() -> Option<HostId> {
    POLLED.get()
}

/// Marks a host and process as current until dropped.
struct Current(Option<(HostId, u32)>);

impl Current {
    fn enter(host: HostId, pid: u32) -> Current {
        Current(CURRENT.replace(Some((host, pid))))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Ends a poll when dropped; polls of the runtime do not nest.
struct Polled;

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(None);
    }
}

impl World {
    /// Adds a process without tasks; `None` when the host is off or gone.
    pub fn add_process(&mut self, host: HostId, name: &str) -> Option<(u32, u32, Arc<Life>)> {
        let state = self.host_mut(host)?;
        if !state.powered {
            return None;
        }
        let pid = state.next_pid;
        state.next_pid += 1;
        let start = state.starts.entry(name.to_owned()).or_default();
        *start += 1;
        let start = *start;
        state.killed.remove(name);
        let life = Life::new();
        let process = Process {
            name: name.into(),
            life: life.clone(),
            paused: false,
            tasks: BTreeMap::new(),
            main: None,
            parked: Vec::new(),
            sockets: BTreeSet::new(),
            next_task: 0,
        };
        state.processes.insert(pid, process);
        let host_name = state.name.clone();
        self.record(format_args!("start {host_name} {name} {pid}"));
        Some((pid, start, life))
    }

    pub fn process_mut(&mut self, host: HostId, pid: u32) -> Option<&mut Process> {
        self.host_mut(host)?.processes.get_mut(&pid)
    }
}

/// Starts a task of a process. On a process that has ended the future is dropped at once.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    host: HostId,
    pid: u32,
    name: &'static str,
    future: BoxFuture<'static, ()>,
    is_main: bool,
) -> Option<Key> {
    let refused = {
        let mut world = shared.lock();
        let world = &mut *world;
        let runtime = world.host(host).and_then(|state| state.runtime.clone());
        match (world.process_mut(host, pid), runtime) {
            (Some(process), Some(runtime)) => {
                let number = process.next_task;
                process.next_task += 1;
                if is_main {
                    process.main = Some(number);
                }
                let slot = TaskSlot {
                    host,
                    pid,
                    number,
                    name,
                    future: Some(future),
                    doomed: false,
                    slow_until: None,
                    runtime: None,
                };
                let key = world.tasks.insert(slot);
                world.process_mut(host, pid).expect("found above").tasks.insert(number, key);
                let task = runtime.spawn(Scoped { shared: shared.clone(), key });
                world.tasks.get_mut(key).expect("just added").runtime = Some(task.abort_handle());
                return Some(key);
            }
            _ => future,
        }
    };
    let _scope = Current::enter(host, pid);
    drop(refused);
    None
}

/// Drops a task's future now, or when its present poll returns.
pub(crate) fn abort(shared: &Shared, key: Key) {
    let Some((host, pid, future)) = take_task(&mut shared.lock(), key) else { return };
    let _scope = Current::enter(host, pid);
    drop(future);
}

/// Tells whether a task has ended.
pub(crate) fn is_finished(shared: &Shared, key: Key) -> bool {
    shared.lock().tasks.get(key).is_none_or(|slot| slot.doomed)
}

/// Ends a process: its tasks are dropped in the order of their creation, then its kernel closes what is left open.
///
/// Files keep what was written. Returns whether there was such a process.
pub(crate) fn end_process(shared: &Shared, host: HostId, pid: u32, exit: Exit) -> bool {
    let life = {
        let mut world = shared.lock();
        let Some(process) = world.process_mut(host, pid) else { return false };
        if process.life.exit.get().is_some() {
            return false;
        }
        let (life, name) = (process.life.clone(), process.name.clone());
        life.end(exit);
        let host_name = world.name_of(host);
        world.record(format_args!("exit {host_name} {name} {pid} {exit}"));
        life
    };
    // Dropping one task may spawn or abort others of the same process, so look again each time.
    loop {
        let next = {
            let mut world = shared.lock();
            let Some(process) = world.process_mut(host, pid) else { break };
            let Some((_, key)) = process.tasks.pop_first() else { break };
            take_task(&mut world, key)
        };
        if let Some((host, pid, future)) = next {
            let _scope = Current::enter(host, pid);
            drop(future);
        }
    }
    let parked = shared.with(|world| {
        let process = world.host_mut(host).and_then(|state| state.processes.remove(&pid));
        let Some(process) = process else { return Vec::new() };
        for socket in process.sockets {
            world.close_socket(socket);
        }
        process.parked
    });
    drop(parked);
    life.ended.notify_waiters();
    true
}

/// Takes a task's future out for dropping. One that is being polled is only marked.
fn take_task(world: &mut World, key: Key) -> Option<(HostId, u32, BoxFuture<'static, ()>)> {
    let slot = world.tasks.get_mut(key)?;
    let (host, pid, number) = (slot.host, slot.pid, slot.number);
    let Some(future) = slot.future.take() else {
        slot.doomed = true;
        return None;
    };
    let slot = world.tasks.remove(key).expect("found above");
    if let Some(process) = world.process_mut(host, pid) {
        process.tasks.remove(&number);
    }
    if let Some(runtime) = slot.runtime {
        runtime.abort();
    }
    Some((host, pid, future))
}

/// What the runtime polls in place of a task's future.
struct Scoped {
    shared: Arc<Shared>,
    key: Key,
}

enum Begin {
    Run(BoxFuture<'static, ()>, HostId, u32),
    Wait,
    Gone,
}

impl Future for Scoped {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (mut future, host, pid) = match self.begin(cx) {
            Begin::Run(future, host, pid) => (future, host, pid),
            Begin::Wait => return Poll::Pending,
            Begin::Gone => return Poll::Ready(()),
        };
        let _scope = Current::enter(host, pid);
        POLLED.set(Some(host));
        let _polled = Polled;
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => match self.put_back(future) {
                None => Poll::Pending,
                Some(doomed) => {
                    drop(doomed);
                    Poll::Ready(())
                }
            },
            Ok(Poll::Ready(())) => {
                drop(future);
                self.finish(host, pid);
                Poll::Ready(())
            }
            Err(panic) => {
                self.panicked(host, &panic);
                // Its destructors may rely on what the panic broke; the run is over anyway.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
                self.finish(host, pid);
                Poll::Ready(())
            }
        }
    }
}

impl Scoped {
    /// Takes the future out if the task may run now.
    fn begin(&self, cx: &Context<'_>) -> Begin {
        let mut guard = self.shared.lock();
        let world = &mut *guard;
        let Some(slot) = world.tasks.get(self.key) else { return Begin::Gone };
        let (host, pid, name) = (slot.host, slot.pid, slot.name);
        if world.failure.is_some() || world.closed {
            return Begin::Wait;
        }
        if let Some(polls) = world.count_poll(self.shared.polls_per_instant_max) {
            let host = world.name_of(host).to_string();
            drop(guard);
            self.shared.fail(RoomError::Spinning { host, task: name, polls });
            return Begin::Wait;
        }
        let Some(state) = world.hosts.get_mut(host.0 as usize).and_then(Option::as_mut) else {
            return Begin::Wait;
        };
        if state.frozen {
            state.parked.push(cx.waker().clone());
            return Begin::Wait;
        }
        let slow = state.slow;
        if let Some(process) = state.processes.get_mut(&pid)
            && process.paused
        {
            process.parked.push(cx.waker().clone());
            return Begin::Wait;
        }
        if slow > 1 && world.delay_wake_up(self.key, slow, cx.waker()) {
            let wakers = std::mem::take(&mut world.wakers);
            drop(guard);
            wakers.into_iter().for_each(Waker::wake);
            return Begin::Wait;
        }
        let slot = world.tasks.get_mut(self.key).expect("found above");
        match slot.future.take() {
            Some(future) => Begin::Run(future, host, pid),
            None => Begin::Wait,
        }
    }

    /// Puts the future back, or returns it for dropping if the task was aborted meanwhile.
    fn put_back(&self, future: BoxFuture<'static, ()>) -> Option<BoxFuture<'static, ()>> {
        let mut world = self.shared.lock();
        let Some(slot) = world.tasks.get_mut(self.key) else { return Some(future) };
        if !slot.doomed {
            slot.future = Some(future);
            return None;
        }
        let (host, pid, number) = (slot.host, slot.pid, slot.number);
        world.tasks.remove(self.key);
        if let Some(process) = world.process_mut(host, pid) {
            process.tasks.remove(&number);
        }
        Some(future)
    }

    /// Forgets a task that has ended; the end of the main task is the end of the process.
    fn finish(&self, host: HostId, pid: u32) {
        let is_main = {
            let mut world = self.shared.lock();
            let Some(slot) = world.tasks.remove(self.key) else { return };
            match world.process_mut(host, pid) {
                Some(process) => {
                    process.tasks.remove(&slot.number);
                    process.main == Some(slot.number)
                }
                None => false,
            }
        };
        if is_main {
            end_process(&self.shared, host, pid, Exit::Finished);
        }
    }

    fn panicked(&self, host: HostId, panic: &Box<dyn Any + Send>) {
        let (host, task) = {
            let world = self.shared.lock();
            (world.name_of(host).to_string(), world.tasks.get(self.key).map_or("", |slot| slot.name))
        };
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        self.shared.fail(RoomError::Panicked { host, task, message });
    }
}

impl World {
    /// On a slow host: tells whether this wake-up has to wait, and arranges for it to come again.
    fn delay_wake_up(&mut self, key: Key, slow: u32, waker: &Waker) -> bool {
        let now = self.now();
        let slot = self.tasks.get_mut(key).expect("caller has looked it up");
        match slot.slow_until {
            Some(due) if due <= now => {
                slot.slow_until = None;
                false
            }
            Some(_) => true,
            None => {
                let due = now + SLOW_QUANTUM * (slow - 1);
                slot.slow_until = Some(due);
                self.wake_at(due, waker.clone());
                true
            }
        }
    }
}

impl World {
    /// Stops or continues one process; its parked tasks are woken when it goes on.
    pub fn pause_process(&mut self, host: HostId, pid: u32, paused: bool) {
        let Some(process) = self.process_mut(host, pid) else { return };
        process.paused = paused;
        if !paused {
            let parked = std::mem::take(&mut process.parked);
            self.wakers.extend(parked);
        }
    }
}
