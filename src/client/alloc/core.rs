//! What the states of tasks say about their allocation, and what one task's end means for the others.

use std::collections::BTreeMap;

use crate::client::task::event;
use crate::client::task::runner::Change;
use crate::model::{AllocId, ClientStatus, TaskEvent, TaskRunState, TaskState, Timestamp};
use crate::rpc::messages::AllocUpdate;

/// What the runner has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask a task to end.
    Stop {
        /// Which.
        task: String,
        /// Why, for people.
        reason: String,
    },
}

/// The state of one allocation as its client sees it. Does nothing itself: its caller carries out the actions.
#[derive(Debug)]
pub struct AllocCore {
    id: AllocId,
    /// One entry for each task of the group; no task is added or removed later.
    states: BTreeMap<String, TaskState>,
    /// Why nothing shall run any more.
    stopping: Option<String>,
    /// Why nothing could run at all.
    failure: Option<String>,
}

impl AllocCore {
    /// Starts with every task pending, or with the states an earlier life of the agent wrote down.
    pub fn new(
        id: AllocId,
        tasks: impl IntoIterator<Item = String>,
        saved: BTreeMap<String, TaskState>,
    ) -> Self {
        let states = tasks
            .into_iter()
            .map(|task| {
                let state = saved.get(&task).cloned().unwrap_or_default();
                (task, state)
            })
            .collect();
        Self { id, states, stopping: None, failure: None }
    }

    /// Returns the state of each task.
    pub fn states(&self) -> &BTreeMap<String, TaskState> {
        &self.states
    }

    /// Takes note that the servers want it to end; asks every task that has not ended to do so, once.
    pub fn stop(&mut self, reason: &str) -> Vec<Action> {
        if self.stopping.is_some() {
            return Vec::new();
        }
        self.stopping = Some(reason.to_owned());
        self.stop_living(reason)
    }

    /// Takes note that nothing of it can run, at `now`; no task has started.
    pub fn fail(&mut self, now: Timestamp, reason: &str) {
        self.failure = Some(reason.to_owned());
        for state in self.states.values_mut() {
            push(state, event::setup_failure(now, reason));
            (state.state, state.failed, state.finished_at) = (TaskRunState::Dead, true, now);
        }
    }

    /// Takes note of what happened to a task at `now`. A name that is none of the group's changes nothing.
    pub fn apply(&mut self, now: Timestamp, task: &str, change: Change) -> Vec<Action> {
        let Some(state) = self.states.get_mut(task) else { return Vec::new() };
        match change {
            Change::Event(event) => push(state, event),
            Change::Started { event, .. } => {
                push(state, event);
                state.state = TaskRunState::Running;
                state.started_at = now;
            }
            Change::Recovered => state.state = TaskRunState::Running,
            Change::Vanished(event) => {
                push(state, event);
                state.state = TaskRunState::Pending;
            }
            Change::Restarting(event) => {
                push(state, event);
                state.state = TaskRunState::Pending;
                state.restarts = state.restarts.saturating_add(1);
                state.last_restart = now;
            }
            Change::Finished { event, failed } => {
                push(state, event);
                state.state = TaskRunState::Dead;
                state.failed = failed;
                state.finished_at = now;
                if failed {
                    return self.end_siblings(now, task);
                }
            }
        }
        Vec::new()
    }

    /// Takes note that it was found not to be well at `now`.
    pub fn note_unhealthy(&mut self, now: Timestamp, reason: &str) {
        for state in self.states.values_mut() {
            push(state, event::alloc_unhealthy(now, reason));
        }
    }

    /// Returns the allocation's status with a word why.
    pub fn status(&self) -> (ClientStatus, &str) {
        if let Some(failure) = &self.failure {
            return (ClientStatus::Failed, failure);
        }
        let any = |phase| self.states.values().any(|state| state.state == phase);
        let failed = self.states.values().any(|state| state.failed);
        if any(TaskRunState::Running) {
            // Also while the siblings of a failed task still end: they hold their resources until then.
            (
                ClientStatus::Running,
                if failed { "a task failed, the others are ending" } else { "its tasks run" },
            )
        } else if any(TaskRunState::Pending) {
            (ClientStatus::Pending, "waits for its tasks to start")
        } else if failed {
            (ClientStatus::Failed, "a task failed")
        } else {
            (ClientStatus::Complete, "all tasks have ended")
        }
    }

    /// Returns what the servers are told.
    pub fn update(&self, now: Timestamp) -> AllocUpdate {
        let (client_status, description) = self.status();
        AllocUpdate {
            id: self.id,
            client_status,
            client_description: description.to_owned(),
            task_states: self.states.clone(),
            health: None,
            time: now,
        }
    }

    /// The tasks of a group live together: one that failed for good takes the others along.
    fn end_siblings(&mut self, now: Timestamp, failed: &str) -> Vec<Action> {
        if self.stopping.is_some() {
            return Vec::new();
        }
        let reason = format!("task {failed} failed");
        self.stopping = Some(reason.clone());
        for state in self.states.values_mut().filter(|state| state.state != TaskRunState::Dead) {
            push(state, event::sibling_failed(now, failed));
        }
        self.stop_living(&reason)
    }

    fn stop_living(&self, reason: &str) -> Vec<Action> {
        self.states
            .iter()
            .filter(|(_, state)| state.state != TaskRunState::Dead)
            .map(|(task, _)| Action::Stop { task: task.clone(), reason: reason.to_owned() })
            .collect()
    }
}

/// Adds an event and forgets the oldest beyond what is kept.
fn push(state: &mut TaskState, event: TaskEvent) {
    state.events.push(event);
    let excess = state.events.len().saturating_sub(TaskState::EVENTS_MAX);
    state.events.drain(..excess);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::driver::Exit;

    fn core(tasks: &[&str]) -> AllocCore {
        AllocCore::new(AllocId(uuid::Uuid::nil()), tasks.iter().map(|&name| name.to_owned()), BTreeMap::new())
    }

    /// Applies `task change` words and writes status and actions after each.
    #[track_caller]
    fn check(tasks: &[&str], script: &[(&str, &str)], expected: &[&str]) {
        let mut core = core(tasks);
        let mut lines = Vec::new();
        for (index, &(task, word)) in script.iter().enumerate() {
            let now = Timestamp(i64::try_from(index).unwrap() + 1);
            let change = match word {
                "start" => Change::Started { event: event::started(now), handle: Vec::new() },
                "exit" => Change::Event(event::terminated(now, &Exit::default())),
                "restart" => Change::Restarting(event::restarting(now, Duration::from_secs(1), "why")),
                "complete" => {
                    Change::Finished { event: event::not_restarting(now, false, "why"), failed: false }
                }
                "fail" => Change::Finished { event: event::not_restarting(now, true, "why"), failed: true },
                "stop" => {
                    lines.push(line(&core.stop("unwanted"), &core));
                    continue;
                }
                other => panic!("unknown word {other}"),
            };
            let actions = core.apply(now, task, change);
            lines.push(line(&actions, &core));
        }
        assert_eq!(lines, expected);
    }

    fn line(actions: &[Action], core: &AllocCore) -> String {
        let stops = actions.iter().map(|Action::Stop { task, .. }| format!(" stop {task}"));
        format!("{}{}", core.status().0.as_str(), stops.collect::<String>())
    }

    #[test]
    fn one_task() {
        check(
            &["web"],
            &[("web", "start"), ("web", "exit"), ("web", "complete")],
            &["running", "running", "complete"],
        );
        check(
            &["web"],
            &[("web", "start"), ("web", "restart"), ("web", "start"), ("web", "fail")],
            &["running", "pending", "running", "failed"],
        );
        check(&["web"], &[("web", "fail")], &["failed"]);
    }

    #[test]
    fn a_failed_task_takes_its_siblings_along_and_they_are_waited_for() {
        check(
            &["a", "b", "c"],
            &[("a", "start"), ("b", "start"), ("c", "complete"), ("a", "fail"), ("b", "complete")],
            &["running", "running", "running", "running stop b", "failed"],
        );
    }

    #[test]
    fn a_stop_is_passed_on_once_and_only_to_the_living() {
        check(
            &["a", "b"],
            &[("a", "start"), ("b", "complete"), ("", "stop"), ("", "stop"), ("a", "complete")],
            &["running", "running", "running stop a", "running", "complete"],
        );
        // Failing while being stopped stops nobody again.
        check(
            &["a", "b"],
            &[("a", "start"), ("", "stop"), ("a", "fail"), ("b", "complete")],
            &["running", "running stop a stop b", "pending", "failed"],
        );
    }

    #[test]
    fn counts_and_times_are_kept_and_old_events_forgotten() {
        let mut core = core(&["web"]);
        for second in 1..=20 {
            let now = Timestamp(second);
            core.apply(now, "web", Change::Started { event: event::started(now), handle: Vec::new() });
            core.apply(now, "web", Change::Restarting(event::restarting(now, Duration::ZERO, "why")));
        }
        core.apply(Timestamp(99), "nobody", Change::Recovered);
        let state = &core.states()["web"];
        assert_eq!(
            (state.restarts, state.last_restart, state.started_at),
            (20, Timestamp(20), Timestamp(20))
        );
        assert_eq!(state.events.len(), TaskState::EVENTS_MAX);
        assert_eq!(core.states().len(), 1);
    }
}
