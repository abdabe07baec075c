//! Runs the tasks of one allocation and keeps servers and disk informed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

use super::core::{Action, AllocCore};
use super::health::{HealthCore, Verdict};
use crate::client::dir::AllocDirs;
use crate::client::driver::{Driver, DriverError};
use crate::client::state_db::{SavedTasks, StateDb, StateError};
use crate::client::task::runner::{Change, Past, Report, TaskRunner};
use crate::client::updates::Updates;
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::model::{
    AllocHealth, Allocation, ClientStatus, DeploymentId, DesiredStatus, Node, Task, TaskGroup, TaskRunState,
    Timestamp,
};

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
        let run = Run::new(shared, alloc_receiver, stop_receiver, status_sender, saved);
        let handle = env.spawn("allocation", run.run());
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
    /// Whether no earlier life of the agent knew the allocation.
    is_new: bool,
    core: AllocCore,
    /// Whether it is well, while its deployment wants to know.
    health: Option<HealthCore>,
    /// The deployment that wants to know, or has been told.
    deployment: Option<DeploymentId>,
    saved: SavedTasks,
    /// The tasks that had not ended when the loop began.
    tasks: BTreeMap<String, Running>,
}

/// A running task.
struct Running {
    stop: watch::Sender<Option<String>>,
    _run: AbortOnDrop,
}

impl Run {
    fn new(
        shared: Arc<Shared>,
        mut alloc: watch::Receiver<Arc<Allocation>>,
        stop: watch::Receiver<Option<String>>,
        status: watch::Sender<ClientStatus>,
        saved: Option<SavedTasks>,
    ) -> Self {
        let is_new = saved.is_none();
        let saved = saved.unwrap_or_default();
        let (core, health, deployment) = {
            let alloc = alloc.borrow_and_update();
            let tasks = alloc.task_group().into_iter().flat_map(|group| &group.tasks);
            let core = AllocCore::new(alloc.id, tasks.map(|task| task.name.clone()), saved.states.clone());
            (core, HealthCore::of(&alloc, shared.env.now()), alloc.deployment_id)
        };
        Self { shared, alloc, stop, status, is_new, core, health, deployment, saved, tasks: BTreeMap::new() }
    }

    async fn run(mut self) {
        let (reports, mut heard) = mpsc::channel(REPORTS_MAX);
        match self.prepare().await {
            Ok(group) => self.start_tasks(&group, &reports),
            Err(reason) => self.core.fail(self.shared.env.now(), &reason),
        }
        drop(reports);
        self.act();
        // Of tasks that an earlier life of the agent started nothing is said before they have been looked for.
        if self.is_new || self.tasks.is_empty() {
            self.publish().await;
        }
        while !self.status.borrow().is_terminal() {
            let health_due = health_due(self.shared.env.now(), self.health_look());
            tokio::select! {
                biased;
                changed = self.alloc.changed() => {
                    if changed.is_err() { return }
                    if let Err(error) = self.keep_alloc().await {
                        warn!(%error, "what the servers say of an allocation can not be kept");
                    }
                    self.follow_deployment();
                    self.act();
                }
                changed = self.stop.changed() => {
                    if changed.is_err() { return }
                    self.act();
                }
                report = heard.recv() => {
                    // All tasks have ended without all being dead: a bug, but no reason to spin.
                    let Some(report) = report else { error!("an allocation's tasks vanished"); return };
                    self.take(report);
                    while let Ok(report) = heard.try_recv() {
                        self.take(report);
                    }
                    self.look_at_health();
                    self.publish().await;
                }
                () = health_due => {
                    if self.look_at_health() {
                        self.publish().await;
                    }
                }
            }
        }
    }

    /// Does what has to be done before any task starts, and returns the group to run.
    async fn prepare(&mut self) -> Result<TaskGroup, String> {
        let group = {
            let alloc = self.alloc.borrow();
            alloc.task_group().cloned().ok_or_else(|| format!("its job has no group {:?}", alloc.group))?
        };
        match self.keep_alloc().await {
            Ok(()) => Ok(group),
            // Nothing has started yet, and what starts now would be lost with the agent.
            Err(error) if self.is_new => Err(error.to_string()),
            Err(error) => {
                warn!(%error, "what the servers say of an allocation can not be kept");
                Ok(group)
            }
        }
    }

    fn start_tasks(&mut self, group: &TaskGroup, reports: &mpsc::Sender<Report>) {
        for task in &group.tasks {
            if self.core.states().get(&task.name).is_some_and(|state| state.state == TaskRunState::Dead) {
                continue;
            }
            let past = match self.saved.handles.get(&task.name) {
                Some(handle) => Past::Ran(handle.clone()),
                None if self.is_new => Past::None,
                None => Past::Seen,
            };
            let running = self.start_task(group, task, past, reports.clone());
            self.tasks.insert(task.name.clone(), running);
        }
    }

    /// Writes down the allocation as the servers now describe it, and makes its folders.
    async fn keep_alloc(&mut self) -> Result<(), StateError> {
        let alloc = self.alloc.borrow_and_update().clone();
        let (state, disk) = (self.shared.state.clone(), self.shared.env.disk.clone());
        let dir = self.shared.dirs.alloc(alloc.id);
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
    fn act(&mut self) {
        let asked = self.stop.borrow_and_update().clone();
        let Some(reason) = asked.or_else(|| unwanted(&self.alloc.borrow())) else { return };
        // What is asked to end is not unwell when it does.
        self.health = self.health.take().filter(|health| health.verdict().is_some());
        let actions = self.core.stop(&reason);
        self.carry_out(&actions);
    }

    /// Begins to look after its health when it has become part of another deployment where it is.
    fn follow_deployment(&mut self) {
        let alloc = self.alloc.borrow().clone();
        if self.deployment != alloc.deployment_id {
            self.deployment = alloc.deployment_id;
            self.health = HealthCore::of(&alloc, self.shared.env.now());
        }
    }

    /// Returns when its health has to be looked at, whatever happens.
    fn health_look(&self) -> Option<Timestamp> {
        self.health.as_ref()?.next_look(self.core.states())
    }

    /// Looks whether it is well; tells whether that was found out just now.
    fn look_at_health(&mut self) -> bool {
        let now = self.shared.env.now();
        let Some(health) = &mut self.health else { return false };
        let Some(Verdict { health, reason }) = health.look(now, self.core.states()).cloned() else {
            return false;
        };
        if !health.healthy {
            self.core.note_unhealthy(now, &reason);
        }
        true
    }

    /// Returns what to tell of its health: nothing once the servers know, so that a person's word stands.
    fn health(&self) -> Option<AllocHealth> {
        let verdict = self.health.as_ref()?.verdict()?;
        self.alloc.borrow().health().is_none().then_some(verdict.health)
    }

    fn take(&mut self, report: Report) {
        match &report.change {
            Change::Started { handle, .. } => {
                self.saved.handles.insert(report.task.clone(), handle.clone());
            }
            Change::Vanished(_) | Change::Restarting(_) | Change::Finished { .. } => {
                self.saved.handles.remove(&report.task);
            }
            Change::Event(_) | Change::Recovered => {}
        }
        let time = report.change.time(self.shared.env.now());
        let actions = self.core.apply(time, &report.task, report.change);
        self.carry_out(&actions);
    }

    fn carry_out(&self, actions: &[Action]) {
        for Action::Stop { task, reason } in actions {
            if let Some(running) = self.tasks.get(task) {
                running.stop.send_replace(Some(reason.clone()));
            }
        }
    }

    /// Writes down where things stand, then tells the servers.
    async fn publish(&mut self) {
        self.saved.states = self.core.states().clone();
        let (state, copy) = (self.shared.state.clone(), self.saved.clone());
        let mut update = self.core.update(self.shared.env.now());
        update.health = self.health();
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

/// Waits until `look`, for ever if there is none.
async fn health_due(now: Timestamp, look: Option<Timestamp>) {
    match look {
        Some(look) => tokio::time::sleep(look.since(now)).await,
        None => std::future::pending().await,
    }
}

/// Returns why the servers do not want an allocation to run, if they do not.
fn unwanted(alloc: &Allocation) -> Option<String> {
    let fallback = match alloc.desired_status {
        DesiredStatus::Run => return None,
        DesiredStatus::Stop => "the servers want it stopped",
        DesiredStatus::Evict => "it makes room for something more important",
    };
    let given = &alloc.desired_description;
    Some(if given.is_empty() { fallback.to_owned() } else { given.clone() })
}
