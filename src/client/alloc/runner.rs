//! Runs the tasks of one allocation and keeps servers and disk informed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

use super::core::{Action, AllocCore};
use crate::client::dir::AllocDirs;
use crate::client::driver::{Driver, DriverError};
use crate::client::state_db::{SavedTasks, StateDb, StateError};
use crate::client::task::runner::{Change, Past, Report, TaskRunner};
use crate::client::updates::Updates;
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::model::{Allocation, ClientStatus, DesiredStatus, Node, Task, TaskGroup, TaskRunState};

/// Changes of tasks that may wait for their allocation's runner.
const REPORTS_MAX: usize = 64;

/// What all allocations of a node have in common.
pub struct Shared {
    /// The door to the machine.
    pub env: Env,
    /// The node as fingerprinted.
    pub node: Arc<Node>,
    /// The drivers, by name.
    pub drivers: BTreeMap<String, Arc<dyn Driver>>,
    /// Where allocations keep files.
    pub dirs: AllocDirs,
    /// Where drivers keep what belongs to no task.
    pub drivers_dir: PathBuf,
    /// What a restarted agent needs to know.
    pub state: StateDb,
    /// What the servers have to be told.
    pub updates: Updates,
    /// Turns true when the servers have said what shall run here.
    pub contacted: watch::Sender<bool>,
    /// The most a job may ask for between asking a task to end and killing it.
    pub kill_timeout_max: Duration,
}

/// One allocation on this node. Dropping it leaves its tasks running, unobserved.
pub struct AllocRunner {
    alloc: watch::Sender<Arc<Allocation>>,
    stop: watch::Sender<Option<String>>,
    status: watch::Receiver<ClientStatus>,
    _run: AbortOnDrop,
}

impl AllocRunner {
    /// Starts running an allocation; `saved` is what an earlier life of the agent knew of it.
    pub fn start(shared: Arc<Shared>, alloc: Allocation, saved: Option<SavedTasks>) -> Self {
        let (alloc_sender, alloc_receiver) = watch::channel(Arc::new(alloc));
        let (stop, stop_receiver) = watch::channel(None);
        let (status_sender, status) = watch::channel(ClientStatus::Pending);
        let env = shared.env.clone();
        let run = Run { shared, alloc: alloc_receiver, stop: stop_receiver, status: status_sender };
        let handle = env.spawn("allocation", run.run(saved));
        Self { alloc: alloc_sender, stop, status, _run: handle.abort_on_drop() }
    }

    /// Takes what the servers now say of the allocation.
    pub fn update(&self, alloc: Allocation) {
        self.alloc.send_replace(Arc::new(alloc));
    }

    /// Returns the allocation as the servers last described it.
    pub fn alloc(&self) -> Arc<Allocation> {
        self.alloc.borrow().clone()
    }

    /// Returns what has been seen of it.
    pub fn status(&self) -> ClientStatus {
        *self.status.borrow()
    }

    /// Asks all its tasks to end, for good.
    pub fn stop(&self, reason: &str) {
        self.stop.send_replace(Some(reason.to_owned()));
    }

    /// Returns what waits until none of its tasks runs any more.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut status = self.status.clone();
        async move {
            // An error means that the loop is over, which is an end too.
            let _ = status.wait_for(|status| status.is_terminal()).await;
        }
    }
}

/// The loop of one allocation.
struct Run {
    shared: Arc<Shared>,
    alloc: watch::Receiver<Arc<Allocation>>,
    stop: watch::Receiver<Option<String>>,
    status: watch::Sender<ClientStatus>,
}

/// A running task.
struct Running {
    stop: watch::Sender<Option<String>>,
    _run: AbortOnDrop,
}

impl Run {
    async fn run(mut self, saved: Option<SavedTasks>) {
        let alloc = self.alloc.borrow_and_update().clone();
        let group = alloc.task_group().cloned();
        let names: Vec<String> =
            group.iter().flat_map(|group| &group.tasks).map(|task| task.name.clone()).collect();
        let is_new = saved.is_none();
        let mut saved = saved.unwrap_or_default();
        let mut core = AllocCore::new(alloc.id, names, saved.states.clone());
        let prepared = match &group {
            Some(_) => self.keep_alloc(alloc.clone()).await.map_err(|error| error.to_string()),
            None => Err(format!("its job has no group {:?}", alloc.group)),
        };
        let (reports, mut heard) = mpsc::channel(REPORTS_MAX);
        let mut tasks = BTreeMap::new();
        match (prepared, group) {
            (Ok(()), Some(group)) => {
                let living = |task: &&Task| {
                    core.states().get(&task.name).is_none_or(|s| s.state != TaskRunState::Dead)
                };
                for task in group.tasks.iter().filter(living) {
                    let past = match saved.handles.get(&task.name) {
                        Some(handle) => Past::Ran(handle.clone()),
                        None if is_new => Past::None,
                        None => Past::Seen,
                    };
                    tasks.insert(task.name.clone(), self.start_task(&group, task, past, reports.clone()));
                }
            }
            (Err(reason), _) => core.fail(self.shared.env.now(), &reason),
            (Ok(()), None) => {}
        }
        drop(reports);
        self.act(&mut core, &tasks);
        // Of tasks that an earlier life of the agent started nothing is said before they have been looked for.
        if is_new || tasks.is_empty() {
            self.publish(&core, &mut saved).await;
        }
        while !self.status.borrow().is_terminal() {
            tokio::select! {
                biased;
                changed = self.alloc.changed() => {
                    if changed.is_err() { return }
                    let alloc = self.alloc.borrow_and_update().clone();
                    if let Err(error) = self.keep_alloc(alloc).await {
                        warn!(%error, "what the servers say of an allocation can not be kept");
                    }
                    self.act(&mut core, &tasks);
                }
                changed = self.stop.changed() => {
                    if changed.is_err() { return }
                    self.act(&mut core, &tasks);
                }
                report = heard.recv() => {
                    // All tasks have ended without all being dead: a bug, but no reason to spin.
                    let Some(report) = report else { error!("an allocation's tasks vanished"); return };
                    self.take(&mut core, &tasks, &mut saved, report);
                    while let Ok(report) = heard.try_recv() {
                        self.take(&mut core, &tasks, &mut saved, report);
                    }
                    self.publish(&core, &mut saved).await;
                }
            }
        }
    }

    /// Writes down the allocation and makes its folders.
    async fn keep_alloc(&self, alloc: Arc<Allocation>) -> Result<(), StateError> {
        let (state, disk, dir) =
            (self.shared.state.clone(), self.shared.env.disk.clone(), self.shared.dirs.alloc(alloc.id));
        let kept = self.shared.env.blocking(move || {
            state.put_alloc(&alloc)?;
            dir.make(&*disk)?;
            Ok(())
        });
        kept.await
    }

    fn start_task(
        &self,
        group: &TaskGroup,
        task: &Task,
        past: Past,
        reports: mpsc::Sender<Report>,
    ) -> Running {
        let (stop, stop_receiver) = watch::channel(None);
        let driver = self.shared.drivers.get(&task.driver).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.shared.drivers.keys().map(String::as_str).collect();
            DriverError::permanent(format!(
                "driver {:?} is not on this node; it has: {}",
                task.driver,
                known.join(", ")
            ))
        });
        let runner = TaskRunner {
            env: self.shared.env.clone(),
            node: self.shared.node.clone(),
            alloc: self.alloc.clone(),
            group: group.clone(),
            task: task.clone(),
            driver,
            alloc_dir: self.shared.dirs.alloc(self.alloc.borrow().id),
            driver_dir: self.shared.drivers_dir.join(&task.driver),
            kill_timeout_max: self.shared.kill_timeout_max,
            past,
            contacted: self.shared.contacted.subscribe(),
            stop: stop_receiver,
            reports,
        };
        Running { stop, _run: self.shared.env.spawn("task", runner.run()).abort_on_drop() }
    }

    /// Passes the servers' wish, or ours, on to the tasks.
    fn act(&self, core: &mut AllocCore, tasks: &BTreeMap<String, Running>) {
        let asked = self.stop.borrow().clone();
        let reason = asked.or_else(|| {
            let alloc = self.alloc.borrow();
            let fallback = match alloc.desired_status {
                DesiredStatus::Run => return None,
                DesiredStatus::Stop => "the servers want it stopped",
                DesiredStatus::Evict => "it makes room for something more important",
            };
            let given = alloc.desired_description.clone();
            Some(if given.is_empty() { fallback.to_owned() } else { given })
        });
        if let Some(reason) = reason {
            carry_out(&core.stop(&reason), tasks);
        }
    }

    fn take(
        &self,
        core: &mut AllocCore,
        tasks: &BTreeMap<String, Running>,
        saved: &mut SavedTasks,
        report: Report,
    ) {
        match &report.change {
            Change::Started { handle, .. } => {
                saved.handles.insert(report.task.clone(), handle.clone());
            }
            Change::Vanished(_) | Change::Restarting(_) | Change::Finished { .. } => {
                saved.handles.remove(&report.task);
            }
            Change::Event(_) | Change::Recovered => {}
        }
        let time = report.change.time(self.shared.env.now());
        carry_out(&core.apply(time, &report.task, report.change), tasks);
    }

    /// Writes down where things stand, then tells the servers.
    async fn publish(&self, core: &AllocCore, saved: &mut SavedTasks) {
        saved.states = core.states().clone();
        let (state, copy) = (self.shared.state.clone(), saved.clone());
        let update = core.update(self.shared.env.now());
        let id = update.id;
        if let Err(error) = self.shared.env.blocking(move || state.put_tasks(id, &copy)).await {
            // Worse than not being found after a restart would be not to run, or not to be seen running.
            warn!(alloc = %id, %error, "a restarted agent would not find this allocation's tasks");
        }
        let status = update.client_status;
        self.shared.updates.push(update);
        // Last: whoever waits for the end may count on its update.
        self.status.send_replace(status);
    }
}

fn carry_out(actions: &[Action], tasks: &BTreeMap<String, Running>) {
    for Action::Stop { task, reason } in actions {
        if let Some(running) = tasks.get(task) {
            running.stop.send_replace(Some(reason.clone()));
        }
    }
}
