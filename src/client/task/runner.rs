//! The loop around a driver: start, wait, ask the restart policy, report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::event;
use super::restart::{Decision, Ended, RestartTracker};
use crate::client::dir::AllocDir;
use crate::client::driver::{Driver, DriverError, Exit, TaskContext, TaskHandle};
use crate::client::environment::{self, Environment};
use crate::env::Env;
use crate::env::process::Signal;
use crate::env::rng::BoxRng;
use crate::model::{Allocation, Node, Task, TaskEvent, TaskGroup, Timestamp};

/// How long to wait before a task that would not end is asked again.
const STOP_AGAIN: Duration = Duration::from_secs(10);

/// What happened to a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Something that leaves its phase as it is.
    Event(TaskEvent),
    /// It runs.
    Started {
        /// What to tell.
        event: TaskEvent,
        /// What its driver needs to find it again.
        handle: Vec<u8>,
    },
    /// It was found still running after a restart of the agent.
    Recovered,
    /// It was found ended after a restart of the agent; what follows is decided once the servers have been heard.
    Vanished(TaskEvent),
    /// It has ended and will start again.
    Restarting(TaskEvent),
    /// It has ended for good: the last change.
    Finished {
        /// What to tell.
        event: TaskEvent,
        /// Whether it ended badly.
        failed: bool,
    },
}

/// A change of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which.
    pub task: String,
    /// What happened.
    pub change: Change,
}

/// What an earlier life of the agent knew of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing: it is new here.
    None,
    /// It had been received and was not running.
    Seen,
    /// It was running; here is what finds it again.
    Ran(Vec<u8>),
}

/// Runs one task to its end.
pub struct TaskRunner {
    /// The door to the machine.
    pub env: Env,
    /// Where it runs.
    pub node: Arc<Node>,
    /// Its allocation, as the servers last described it.
    pub alloc: watch::Receiver<Arc<Allocation>>,
    /// The group as it was when the allocation came.
    pub group: TaskGroup,
    /// The task as it was when the allocation came.
    pub task: Task,
    /// What runs it, or why nothing does.
    pub driver: Result<Arc<dyn Driver>, DriverError>,
    /// The allocation's folders.
    pub alloc_dir: AllocDir,
    /// Where its driver keeps what belongs to no task.
    pub driver_dir: PathBuf,
    /// The most a job may ask for between asking a task to end and killing it.
    pub kill_timeout_max: Duration,
    /// What an earlier life of the agent knew.
    pub past: Past,
    /// Turns true when the servers have said what shall run here.
    pub contacted: watch::Receiver<bool>,
    /// Why it shall end, once it shall.
    pub stop: watch::Receiver<Option<String>>,
    /// Where changes go.
    pub reports: mpsc::Sender<Report>,
}

/// Why the loop does not go on.
struct Finish {
    event: TaskEvent,
    failed: bool,
}

impl TaskRunner {
    /// Runs the task until it has ended for good.
    pub async fn run(mut self) {
        let Finish { event, failed } = self.live().await;
        self.report(Change::Finished { event, failed }).await;
    }

    async fn live(&mut self) -> Finish {
        let mut tracker = RestartTracker::default();
        // A stream of its own: other tasks' restarts do not shift this one's.
        let purpose = format!("restart/{}/{}", self.alloc.borrow().id, self.task.name);
        let mut rng = self.env.random.stream(&purpose);
        let mut running = match self.begin().await {
            Ok(running) => running,
            Err(Begin::Finish(finish)) => return finish,
            Err(Begin::Ended(exit)) => match self.after(&mut tracker, &mut rng, exit).await {
                Some(finish) => return finish,
                None => None,
            },
        };
        loop {
            let ended = match self.run_once(running.take()).await {
                Ok(ended) => ended,
                Err(finish) => return finish,
            };
            if let Some(finish) = self.after(&mut tracker, &mut rng, ended).await {
                return finish;
            }
        }
    }

    /// Does what comes before the first start, and looks for what an earlier life of the agent left running.
    async fn begin(&mut self) -> Result<Option<Box<dyn TaskHandle>>, Begin> {
        match std::mem::replace(&mut self.past, Past::None) {
            Past::None => {
                self.report(Change::Event(event::received(self.env.now()))).await;
                self.report(Change::Event(event::setup(self.env.now()))).await;
                self.make_folders().await.map_err(Begin::Finish)?;
                Ok(None)
            }
            Past::Seen => {
                self.make_folders().await.map_err(Begin::Finish)?;
                self.hear_from_servers().await.map_err(Begin::Finish)?;
                Ok(None)
            }
            Past::Ran(saved) => {
                if let Some(handle) = self.recover(&saved) {
                    self.report(Change::Recovered).await;
                    return Ok(Some(handle));
                }
                let error = "it ended while its agent was away; its exit code is not known".to_owned();
                let exit = Exit { error, ..Exit::default() };
                self.report(Change::Vanished(event::terminated(self.env.now(), &exit))).await;
                self.hear_from_servers().await.map_err(Begin::Finish)?;
                Err(Begin::Ended(Ended::Exit { success: false }))
            }
        }
    }

    /// Waits until the servers have said what shall run here. They may have given this task to another node meanwhile,
    /// so nothing starts on an order from before the agent's restart.
    async fn hear_from_servers(&mut self) -> Result<(), Finish> {
        let mut stop = self.stop.clone();
        let mut contacted = self.contacted.clone();
        tokio::select! {
            biased;
            _ = stopped(&mut stop) => Err(self.killed()),
            heard = async { contacted.wait_for(|contacted| *contacted).await.is_ok() } => match heard {
                true => Ok(()),
                // The agent stops; this task is about to be aborted.
                false => std::future::pending().await,
            },
        }
    }

    fn recover(&self, saved: &[u8]) -> Option<Box<dyn TaskHandle>> {
        let driver = self.driver.as_ref().ok()?;
        match driver.recover(&self.env, saved) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(task = %self.task.name, %error, "a task of an earlier agent can not be looked for");
                None
            }
        }
    }

    async fn make_folders(&self) -> Result<(), Finish> {
        let (disk, dir, name) = (self.env.disk.clone(), self.alloc_dir.clone(), self.task.name.clone());
        let made = self.env.blocking(move || dir.task(&name).and_then(|task| task.make(&*disk))).await;
        made.map_err(|error| Finish {
            event: event::setup_failure(
                self.env.now(),
                &format!("the task's folders can not be made: {error}"),
            ),
            failed: true,
        })
    }

    /// Starts the task unless it runs already, and waits for its end.
    async fn run_once(&mut self, running: Option<Box<dyn TaskHandle>>) -> Result<Ended, Finish> {
        let handle = match running {
            Some(handle) => handle,
            None => match self.start().await? {
                Ok(handle) => handle,
                Err(error) => {
                    self.report(Change::Event(event::driver_failure(self.env.now(), &error))).await;
                    return Ok(Ended::StartError { recoverable: error.recoverable });
                }
            },
        };
        let exit = tokio::select! {
            biased;
            reason = stopped(&mut self.stop) => return Err(self.kill(&*handle, &reason).await),
            exit = handle.wait() => exit,
        };
        self.report(Change::Event(event::terminated(self.env.now(), &exit))).await;
        Ok(Ended::Exit { success: exit.is_success() })
    }

    /// Prepares and starts the task.
    async fn start(&mut self) -> Result<Result<Box<dyn TaskHandle>, DriverError>, Finish> {
        let (messages, mut heard) = mpsc::unbounded_channel();
        let driver = match &self.driver {
            Ok(driver) => driver.clone(),
            Err(error) => return Ok(Err(error.clone())),
        };
        let context = match self.context(&*driver, messages) {
            Ok(context) => context,
            Err(error) => return Ok(Err(error)),
        };
        let mut stop = self.stop.clone();
        let mut prepare = driver.prepare(&context);
        let prepared = loop {
            tokio::select! {
                biased;
                _ = stopped(&mut stop) => return Err(self.killed()),
                Some(message) = heard.recv() => self.report(Change::Event(event::driver(self.env.now(), &message))).await,
                prepared = &mut prepare => break prepared,
            }
        };
        drop(prepare);
        let result = match prepared {
            Ok(()) => driver.start(context).await,
            Err(error) => Err(error),
        };
        while let Ok(message) = heard.try_recv() {
            self.report(Change::Event(event::driver(self.env.now(), &message))).await;
        }
        if let Ok(handle) = &result {
            let change = Change::Started { event: event::started(self.env.now()), handle: handle.saved() };
            self.report(change).await;
        }
        Ok(result)
    }

    fn context(
        &self,
        driver: &dyn Driver,
        messages: mpsc::UnboundedSender<String>,
    ) -> Result<TaskContext, DriverError> {
        let alloc = self.alloc.borrow().clone();
        let dir = self
            .alloc_dir
            .task(&self.task.name)
            .map_err(|error| DriverError::permanent(error.to_string()))?;
        let view = driver.folder_view();
        let environment = Environment::new(&self.node, &alloc, &self.group, &self.task, &dir, view);
        Ok(TaskContext {
            env: self.env.clone(),
            alloc_id: alloc.id,
            task: self.task.name.clone(),
            user: self.task.user.clone(),
            config: environment.names.fields(&self.task.config),
            variables: environment.variables,
            ports: environment::ports(&alloc, &self.task.name),
            dir,
            driver_dir: self.driver_dir.clone(),
            messages,
        })
    }

    /// Asks the policy what follows an end and waits as it says; returns why the task does not start again.
    async fn after(
        &mut self,
        tracker: &mut RestartTracker,
        rng: &mut BoxRng,
        ended: Ended,
    ) -> Option<Finish> {
        let now = self.env.now();
        let decision = {
            // The newest version of the job counts: a policy may change while its task runs.
            let alloc = self.alloc.borrow();
            let policy = alloc.task_group().map_or(&self.group.restart, |group| &group.restart);
            tracker.ended(now, policy, alloc.job.job_type, ended, rng)
        };
        match decision {
            Decision::Stop { failed, reason } => {
                Some(Finish { event: event::not_restarting(now, failed, &reason), failed })
            }
            Decision::Restart { after, reason } => {
                self.report(Change::Restarting(event::restarting(now, after, &reason))).await;
                tokio::select! {
                    biased;
                    _ = stopped(&mut self.stop) => Some(self.killed()),
                    () = tokio::time::sleep(after) => None,
                }
            }
        }
    }

    /// Ends a running task because that was asked for.
    async fn kill(&mut self, handle: &dyn TaskHandle, reason: &str) -> Finish {
        let (signal, timeout) = {
            let alloc = self.alloc.borrow();
            let newest = alloc
                .task_group()
                .and_then(|group| group.tasks.iter().find(|task| task.name == self.task.name));
            let task = newest.unwrap_or(&self.task);
            (Signal::from_name(&task.kill_signal), task.kill_timeout.min(self.kill_timeout_max))
        };
        self.report(Change::Event(event::killing(self.env.now(), timeout, reason))).await;
        // As long as it runs it holds its resources, so nothing else is said of it before it has ended.
        while let Err(error) = handle.stop(signal, timeout).await {
            let message = format!("the task does not end: {error}");
            self.report(Change::Event(event::driver(self.env.now(), &message))).await;
            tokio::time::sleep(STOP_AGAIN).await;
        }
        let exit = handle.wait().await;
        self.report(Change::Event(event::terminated(self.env.now(), &exit))).await;
        self.killed()
    }

    fn killed(&self) -> Finish {
        Finish { event: event::killed(self.env.now()), failed: false }
    }

    async fn report(&self, change: Change) {
        // The allocation's runner is gone only when the agent stops, and then this task is about to be aborted.
        let _ = self.reports.send(Report { task: self.task.name.clone(), change }).await;
    }
}

/// How the time before the first start can end otherwise.
enum Begin {
    /// For good.
    Finish(Finish),
    /// With an end to be judged by the restart policy.
    Ended(Ended),
}

/// Waits until the task shall end and returns why.
async fn stopped(stop: &mut watch::Receiver<Option<String>>) -> String {
    match stop.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
        Ok(reason) => reason.unwrap_or_default(),
        // Nobody is left who could ask.
        Err(_) => std::future::pending().await,
    }
}

impl Change {
    /// Returns the event in it, if any.
    pub fn event(&self) -> Option<&TaskEvent> {
        match self {
            Self::Event(event)
            | Self::Vanished(event)
            | Self::Started { event, .. }
            | Self::Restarting(event)
            | Self::Finished { event, .. } => Some(event),
            Self::Recovered => None,
        }
    }

    /// Returns when it happened; `fallback` where that was not noted.
    pub fn time(&self, fallback: Timestamp) -> Timestamp {
        self.event().map_or(fallback, |event| event.time)
    }
}
