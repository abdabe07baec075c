//! Plays a scenario's steps on a running lab and records what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, is_running};
use super::convergence::{self, Jobs};
use super::disturbance::Disturbances;
use super::facts::{Baseline, Observer, Seen, restarts};
use super::invariants::{self, Observation};
use super::outcome::Outcome;
use super::prober::{self, Counts};
use super::spec::{Action, Condition, Direction, Run, ScenarioSpec, Selection, SelectionPart, Step, Verb};
use crate::api::client::ClientError;
use crate::env::spawn::AbortOnDrop;
use crate::jobspec::diagnostic::{Diagnostic, Span};
use crate::lab::backend::Backend;

/// The time between two looks at something that is awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How long the cluster may take to come to rest once everything is mended.
const CONVERGENCE_MAX: Duration = Duration::from_secs(180);

/// How long a submission's evaluation is followed.
const EVALUATION_MAX: Duration = Duration::from_secs(30);

/// How a scenario went.
#[derive(Clone, Debug)]
pub struct Played {
    /// What was recorded, up to the failure if there was one.
    pub outcome: Outcome,
    /// What went wrong, if anything.
    pub failure: Option<Failure>,
}

/// What went wrong.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Something demanded was not so, or could not be done.
    Safety(Box<Diagnostic>),
    /// The cluster did not come to rest after everything was mended.
    Liveness(String),
}

/// Plays all steps, mends everything, and waits until the cluster has come to rest.
pub async fn play(backend: Arc<dyn Backend>, spec: Arc<ScenarioSpec>) -> Played {
    let mut engine = Engine::new(backend, spec.clone());
    for step in &spec.steps {
        if let Err(diagnostic) = engine.step(step).await {
            let failure = Some(Failure::Safety(Box::new(diagnostic)));
            return Played { outcome: engine.outcome, failure };
        }
    }
    let failure = engine.converge().await.err();
    Played { outcome: engine.outcome, failure }
}

struct Engine {
    backend: Arc<dyn Backend>,
    spec: Arc<ScenarioSpec>,
    cluster: Cluster,
    counts: Counts,
    _prober: AbortOnDrop,
    outcome: Outcome,
    baseline: Baseline,
    /// Machines chosen under a label.
    labels: BTreeMap<String, Vec<String>>,
    /// What is broken, by the scenario's doing.
    disturbances: Disturbances,
    jobs: Jobs,
}

impl Engine {
    fn new(backend: Arc<dyn Backend>, spec: Arc<ScenarioSpec>) -> Self {
        let cluster = Cluster::new(backend.clone());
        let counts = Counts::default();
        let prober = prober::start(backend.workstation(), cluster.clone(), counts.clone());
        Self {
            outcome: Outcome::new(&spec.question),
            backend,
            spec,
            cluster,
            counts,
            _prober: prober,
            baseline: Baseline::default(),
            labels: BTreeMap::new(),
            disturbances: Disturbances::default(),
            jobs: Jobs::default(),
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Diagnostic> {
        self.outcome.portable(0, &format!("step: {}", step.name));
        self.at(&format!("step: {}", step.name));
        self.counts.begin_step();
        self.baseline = self.look_around().await;
        for action in &step.actions {
            self.act(action).await?;
        }
        self.record_placements().await;
        self.check_invariants().await.map_err(|what| self.spec.error(&step.span, what))
    }

    async fn act(&mut self, action: &Action) -> Result<(), Diagnostic> {
        let span = &action.span;
        match &action.verb {
            Verb::Run(run) => self.run(run, span).await,
            Verb::Stop { job, purge } => {
                self.say(&format!("stop {job}"));
                let stopped = self.cluster.deregister(job, *purge).await;
                stopped.map_err(|error| self.refused(span, &error))?;
                self.jobs.wanted.remove(job);
                self.jobs.stopped.insert(job.clone());
                Ok(())
            }
            Verb::Scale { job, group, count } => {
                self.say(&format!("scale {job} to {count}"));
                let scaled = self.cluster.scale(job, group, *count).await;
                let eval = scaled.map_err(|error| self.refused(span, &error))?.eval_id;
                self.follow(job, &eval).await;
                Ok(())
            }
            Verb::PowerOff(selection) => {
                for machine in self.choose(selection).await? {
                    self.done(&format!("power off {machine}"));
                    let off = self.disturbances.power_off(self.backend.as_ref(), &machine).await;
                    off.map_err(|error| self.spec.error(span, error.to_string()))?;
                }
                self.say(&format!("power off {}", describe(selection)));
                Ok(())
            }
            Verb::PowerOn(selection) => {
                for machine in self.choose(selection).await? {
                    self.done(&format!("power on {machine}"));
                    let on = self.disturbances.power_on(self.backend.as_ref(), &machine).await;
                    on.map_err(|error| self.spec.error(span, error.to_string()))?;
                }
                self.say(&format!("power on {}", describe(selection)));
                Ok(())
            }
            Verb::Kill { machines, process } => {
                for machine in self.choose(machines).await? {
                    self.done(&format!("kill {process} on {machine}"));
                    let killed = self.disturbances.kill(self.backend.as_ref(), &machine, process).await;
                    killed.map_err(|error| self.spec.error(span, error.to_string()))?;
                }
                self.say(&format!("kill {process} on {}", describe(machines)));
                Ok(())
            }
            Verb::Start { machines, process } => {
                for machine in self.choose(machines).await? {
                    self.done(&format!("start {process} on {machine}"));
                    let started = self.disturbances.start(self.backend.as_ref(), &machine, process).await;
                    started.map_err(|error| self.spec.error(span, error.to_string()))?;
                }
                self.say(&format!("start {process} on {}", describe(machines)));
                Ok(())
            }
            Verb::Partition { a, b, direction } => self.partition(a, b.as_ref(), *direction, span).await,
            Verb::Heal => {
                self.say("heal");
                self.done("heal");
                let healed = self.disturbances.heal(self.backend.as_ref());
                healed.map_err(|error| self.spec.error(span, error.to_string()))
            }
            Verb::Await { text, condition, within } => self.wait_for(text, condition, *within).await,
            Verb::Expect { text, condition } => {
                let seen = self.look(condition).await;
                self.judge(&format!("expect {text:?}"), condition, &seen)
            }
            Verb::Hold { text, condition, during } => self.hold(text, condition, *during).await,
        }
    }

    async fn run(&mut self, run: &Run, span: &Span) -> Result<(), Diagnostic> {
        self.done(&format!("run {}", run.file));
        let submitted = self.cluster.register(&run.job).await;
        match (&run.refused, submitted) {
            (None, Ok(response)) => {
                self.jobs.stopped.remove(&run.job.id);
                self.jobs.wanted.insert(run.job.id.clone());
                self.counts.watch(&run.job.id, self.backend.now());
                let ended = self.follow(&run.job.id, &response.eval_id).await;
                self.say(&format!("run {} as {:?}: evaluation {ended}", run.file, run.job.id));
                Ok(())
            }
            (None, Err(error)) => Err(self.refused(span, &error)),
            (Some(_), Ok(_)) => {
                Err(self.spec.error(span, "the job was accepted, where the scenario says that it is refused"))
            }
            (Some(wanted), Err(error)) => {
                let said = error.text().map_or_else(|| error.to_string(), str::to_owned);
                let said = said.trim();
                if !said.to_lowercase().contains(&wanted.to_lowercase()) {
                    let message = format!("the job was refused, but with another error: {said}");
                    return Err(self.spec.error(span, message));
                }
                self.say(&format!("run {} as {:?}: refused: {said}", run.file, run.job.id));
                Ok(())
            }
        }
    }

    /// Follows an evaluation to its end and returns its status.
    async fn follow(&self, job: &str, eval_id: &str) -> String {
        let deadline = self.backend.now() + EVALUATION_MAX;
        loop {
            let evals = self.cluster.evaluations(job).await.unwrap_or_default();
            let status = evals.iter().find(|eval| eval.id == eval_id).map(|eval| eval.status.clone());
            match status {
                Some(status) if status != "pending" => return status,
                _ if self.backend.now() > deadline => return "pending".to_owned(),
                _ => tokio::time::sleep(LOOK_INTERVAL).await,
            }
        }
    }

    async fn partition(
        &mut self,
        a: &Selection,
        b: Option<&Selection>,
        direction: Direction,
        span: &Span,
    ) -> Result<(), Diagnostic> {
        let one = self.choose(a).await?;
        let other = match b {
            Some(selection) => self.choose(selection).await?,
            None => {
                let machines = self.backend.spec().machines().into_iter().map(|machine| machine.name);
                machines.filter(|name| !one.contains(name)).collect()
            }
        };
        self.done(&format!("partition {} from {}", one.join(", "), other.join(", ")));
        let (from, to) = if direction == Direction::BToA { (&other, &one) } else { (&one, &other) };
        let both = direction == Direction::Both;
        let cut = self.disturbances.partition(self.backend.as_ref(), from, to, both);
        self.say(&format!("partition {} from {}", describe(a), b.map_or("all others".to_owned(), describe)));
        cut.map_err(|error| self.spec.error(span, error.to_string()))
    }

    async fn wait_for(
        &mut self,
        text: &str,
        condition: &Condition,
        within: Duration,
    ) -> Result<(), Diagnostic> {
        let start = self.backend.now();
        loop {
            let seen = self.look(condition).await;
            let waited = self.backend.now().saturating_sub(start);
            if seen.iter().all(|one| one.holds) || waited > within {
                if seen.iter().all(|one| one.holds) {
                    self.done(&format!("await {text:?}: after {:.3} s", waited.as_secs_f64()));
                }
                return self.judge(&format!("await {text:?}"), condition, &seen);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn hold(&mut self, text: &str, condition: &Condition, during: Duration) -> Result<(), Diagnostic> {
        let end = self.backend.now() + during;
        loop {
            let seen = self.look(condition).await;
            let broken = seen.iter().any(|one| !one.holds);
            if broken || self.backend.now() >= end {
                return self.judge(&format!("hold {text:?}"), condition, &seen);
            }
            tokio::time::sleep(LOOK_INTERVAL * 4).await;
        }
    }

    async fn look(&self, condition: &Condition) -> Vec<Seen> {
        let observer = Observer {
            backend: self.backend.as_ref(),
            cluster: &self.cluster,
            counts: &self.counts,
            baseline: &self.baseline,
        };
        observer.look(condition).await
    }

    /// Records what was seen, and fails when something is not as demanded.
    fn judge(&mut self, what: &str, condition: &Condition, seen: &[Seen]) -> Result<(), Diagnostic> {
        let texts: Vec<&str> = seen.iter().map(|one| one.text.as_str()).collect();
        let all = seen.iter().all(|one| one.holds);
        let verdict = if all { "yes" } else { "NO" };
        let (short, long): (Vec<&str>, Vec<&str>) = texts.iter().partition(|text| !text.contains('\n'));
        let short = if short.is_empty() { String::new() } else { format!(": {}", short.join(", ")) };
        self.outcome.portable(1, &format!("{what}: {verdict}{short}"));
        for text in long {
            self.outcome.portable(2, text);
        }
        if all {
            return Ok(());
        }
        let not: Vec<&str> = seen.iter().filter(|one| !one.holds).map(|one| one.text.as_str()).collect();
        let at = self.backend.now().as_secs_f64();
        Err(self.spec.error(&condition.span, format!("{what} at {at:.3} s; last seen: {}", not.join(", "))))
    }

    /// Returns the machines a selection chooses now.
    async fn choose(&mut self, selection: &Selection) -> Result<Vec<String>, Diagnostic> {
        let mut chosen: Vec<String> = Vec::new();
        for part in &selection.parts {
            let found =
                self.choose_part(part).await.map_err(|what| self.spec.error(&selection.span, what))?;
            for machine in found {
                if !chosen.contains(&machine) {
                    chosen.push(machine);
                }
            }
        }
        if let Some(label) = &selection.label {
            self.labels.insert(label.clone(), chosen.clone());
        }
        Ok(chosen)
    }

    async fn choose_part(&self, part: &SelectionPart) -> Result<Vec<String>, String> {
        match part {
            SelectionPart::Machines(names) => Ok(names.clone()),
            SelectionPart::Group(group) => {
                let machines = self.backend.spec().machines().into_iter();
                Ok(machines.filter(|one| one.group == *group).map(|one| one.name).collect())
            }
            SelectionPart::NodeOf { job, group, index } => {
                let allocs = self.cluster.allocs(job).await.map_err(|error| error.to_string())?;
                let found = allocs.iter().find(|alloc| {
                    is_running(alloc)
                        && group.as_ref().is_none_or(|group| alloc.task_group == *group)
                        && alloc.name.ends_with(&format!("[{index}]"))
                });
                match found {
                    Some(alloc) => Ok(vec![alloc.node_name.clone()]),
                    None => Err(format!("instance {index} of {job} does not run, so it has no node")),
                }
            }
            SelectionPart::Leader => match self.cluster.leader().await {
                Some(leader) => Ok(vec![leader]),
                None => Err("no server leads at the moment".to_owned()),
            },
            SelectionPart::Followers(wanted) => {
                let leader = self.cluster.leader().await;
                let servers = self.cluster.server_machines().into_iter();
                let followers = servers.filter(|one| Some(one) != leader.as_ref() && self.backend.is_on(one));
                let followers: Vec<String> = followers.take(*wanted as usize).collect();
                match followers.len() == *wanted as usize {
                    true => Ok(followers),
                    false => Err(format!("only {} servers follow at the moment", followers.len())),
                }
            }
            SelectionPart::SameAs(label) => match self.labels.get(label) {
                Some(machines) => Ok(machines.clone()),
                None => Err(format!("nothing was chosen as {label:?} so far")),
            },
        }
    }

    /// Mends everything and waits until the cluster has come to rest.
    async fn converge(&mut self) -> Result<(), Failure> {
        self.outcome.portable(0, "at rest");
        self.at("everything is mended");
        let mended = self.disturbances.mend(self.backend.as_ref()).await;
        let mended = mended.map_err(|error| Failure::Liveness(format!("cannot mend: {error}")))?;
        mended.iter().for_each(|what| self.done(what));
        let start = self.backend.now();
        while let Some(what) = convergence::unrest(self.backend.as_ref(), &self.cluster, &self.jobs).await {
            if self.backend.now().saturating_sub(start) > CONVERGENCE_MAX {
                let limit = CONVERGENCE_MAX.as_secs();
                let what = format!("not at rest {limit} s after everything was mended: {what}");
                return Err(Failure::Liveness(what));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        let rested = self.backend.now().saturating_sub(start).as_secs_f64();
        self.done(&format!("at rest after {rested:.3} s"));
        self.record_placements().await;
        let whole = 0..self.spec.source.text().len().min(1);
        self.check_invariants().await.map_err(|what| Failure::Safety(Box::new(self.spec.error(&whole, what))))
    }

    async fn look_around(&self) -> Baseline {
        let mut running = BTreeMap::new();
        for job in &self.jobs.wanted {
            for alloc in
                self.cluster.allocs(job).await.unwrap_or_default().iter().filter(|one| is_running(one))
            {
                running.insert(alloc.id.clone(), restarts(alloc));
            }
        }
        Baseline { running, leader: self.cluster.leader().await }
    }

    /// Records where every job runs, and what became of its other allocations.
    async fn record_placements(&mut self) {
        for id in self.jobs.wanted.clone() {
            let Ok(allocs) = self.cluster.allocs(&id).await else { continue };
            let machines = self.backend.spec().machines();
            let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            let mut running = 0;
            for alloc in allocs.iter().filter(|alloc| is_running(alloc)) {
                running += 1;
                let machine = machines.iter().find(|machine| machine.name == alloc.node_name);
                let place =
                    machine.map_or("elsewhere".to_owned(), |one| format!("{}/{}", one.datacenter, one.class));
                places.entry(place).or_default().insert(alloc.node_name.clone());
                self.at(&format!("{} runs on {}", alloc.name, alloc.node_name));
            }
            let nodes = places.iter().map(|(place, nodes)| match nodes.len() {
                1 => format!("1 node of {place}"),
                count => format!("{count} nodes of {place}"),
            });
            let nodes: Vec<String> = nodes.collect();
            let place = if nodes.is_empty() { String::new() } else { format!(" on {}", nodes.join(", ")) };
            let evals = self.cluster.evaluations(&id).await.unwrap_or_default();
            let waiting = match convergence::waiting(&evals).values().sum::<u32>() {
                0 => String::new(),
                1 => ", 1 waits for capacity".to_owned(),
                count => format!(", {count} wait for capacity"),
            };
            self.outcome.portable(1, &format!("{id}: {running} running{place}{waiting}"));
        }
    }

    async fn check_invariants(&self) -> Result<(), String> {
        // Without a leader nothing can be placed, so there is nothing new to check.
        let Ok(seen) = self.observe().await else { return Ok(()) };
        match invariants::violations(&seen).as_slice() {
            [] => Ok(()),
            violated => Err(violated.join("; ")),
        }
    }

    async fn observe(&self) -> Result<Observation, ClientError> {
        let mut jobs = Vec::new();
        for stub in self.cluster.jobs().await? {
            jobs.push(self.cluster.job(&stub.id).await?);
        }
        let (nodes, allocs) = (self.cluster.nodes().await?, self.cluster.all_allocs().await?);
        Ok(Observation { nodes, allocs, jobs, servers: self.cluster.server_views().await })
    }

    fn refused(&self, span: &Span, error: &ClientError) -> Diagnostic {
        self.spec.error(span, format!("the cluster refused: {error}"))
    }

    /// Records a fact that holds anywhere.
    fn say(&mut self, fact: &str) {
        self.outcome.portable(1, fact);
    }

    /// Records what is done at which time, in outcome and trace.
    fn done(&mut self, what: &str) {
        self.backend.note(what);
        self.at(&format!("  {what}"));
    }

    /// Records what happens at this time, after what the prober has seen meanwhile.
    fn at(&mut self, what: &str) {
        for change in self.counts.take_changes() {
            self.outcome.timeline(change.at, &format!("  {change}"));
        }
        self.outcome.timeline(self.backend.now(), what);
    }
}

/// Says which machines a selection means, without naming those that chance decides.
fn describe(selection: &Selection) -> String {
    if let Some(label) = &selection.label {
        return format!("{label:?}");
    }
    let parts = selection.parts.iter().map(|part| match part {
        SelectionPart::Machines(names) => names.join(", "),
        SelectionPart::Group(group) => format!("all of {group}"),
        SelectionPart::NodeOf { job, index, .. } => format!("the node of {job}[{index}]"),
        SelectionPart::Leader => "the leader".to_owned(),
        SelectionPart::Followers(1) => "a follower".to_owned(),
        SelectionPart::Followers(count) => format!("{count} followers"),
        SelectionPart::SameAs(label) => format!("{label:?}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}
