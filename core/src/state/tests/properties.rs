//! What every single step keeps under any sequence of commands, late and repeated ones among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use proptest::prelude::*;
use uuid::Uuid;

use crate::model::plan::{Mark, Stop};
use crate::model::*;
use crate::state::{Command, PlanCommit, Snapshot, Store, WatchKey, Watcher};
use crate::testing;

/// How many nodes, jobs, allocations and evaluations there are: few, so that commands meet.
const NODES: u8 = 3;
const JOBS: u8 = 2;
const ALLOCS: u8 = 5;
const EVALS: u8 = 4;

/// What a random command is made of; what the numbers mean depends on the kind.
#[derive(Clone, Debug)]
struct Op {
    kind: u8,
    alloc: u8,
    node: u8,
    job: u8,
    eval: u8,
    value: u8,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = (0..18_u8, 0..ALLOCS, 0..NODES, 0..JOBS, 0..EVALS, any::<u8>())
        .prop_map(|(kind, alloc, node, job, eval, value)| Op { kind, alloc, node, job, eval, value });
    prop::collection::vec(op, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_restored_replica_goes_on_like_the_others(ops in ops(), at in 0..60_usize) {
        let (store, restored) = (Store::new(), Store::new());
        for (index, op) in (1..).zip(&ops) {
            let command = op.command(&store.snapshot());
            store.apply(index, &command);
            let position = usize::try_from(index).unwrap() - 1;
            if position == at.min(ops.len() - 1) {
                restored.restore(&store.snapshot().encode()).unwrap();
            } else if position > at {
                restored.apply(index, &command);
            }
        }
        prop_assert_eq!(store.snapshot(), restored.snapshot());
    }

    #[test]
    fn restored_allocations_share_equal_jobs(ops in ops()) {
        let store = play(&ops);
        let restored = Snapshot::decode(&store.snapshot().encode()).unwrap();
        let mut kept: Vec<Arc<Job>> = Vec::new();
        for n in 0..JOBS {
            kept.extend(restored.job_versions(&job_key(n)).cloned());
        }
        for alloc in restored.allocs() {
            match kept.iter().find(|known| **known == alloc.job) {
                Some(known) => prop_assert!(Arc::ptr_eq(known, &alloc.job), "{} has a copy", alloc.id),
                None => kept.push(alloc.job.clone()),
            }
        }
    }

    #[test]
    fn every_step_keeps_the_invariants(ops in ops()) {
        let store = Store::new();
        for (index, op) in (1..).zip(&ops) {
            let before = store.snapshot();
            let command = op.command(&before);
            let applied = store.apply(index, &command);
            let after = store.snapshot();
            prop_assert_eq!(after.index(), index);
            if applied.result.is_err() {
                prop_assert_eq!(Snapshot { index, ..before.clone() }, after.clone());
            }
            check_indexes(&before, &after)?;
            check_groups(&after)?;
            check_jobs(&after)?;
            check_allocs(&before, &after, &command)?;
            check_nodes(&before, &after, &command)?;
            check_deployments(&before, &after)?;
        }
    }

    #[test]
    fn a_change_wakes_whom_it_concerns_and_nobody_else(ops in ops()) {
        let store = Store::new();
        for (index, op) in (1..).zip(&ops) {
            let watchers: Vec<(WatchKey, Watcher)> =
                all_keys().into_iter().map(|key| (key.clone(), store.watch(&[key]))).collect();
            let before = store.snapshot();
            let command = op.command(&before);
            store.apply(index, &command);
            let after = store.snapshot();
            for (key, watcher) in watchers {
                let woken = watcher.changed().now_or_never().is_some();
                prop_assert_eq!(woken, concerns(&key, &before, &after), "{:?} by {:?}", key, command);
            }
        }
    }
}

#[test]
fn a_watcher_of_several_keys_wakes_for_each() {
    let store = Store::new();
    let keys = [WatchKey::Node(node_id(0)), WatchKey::Job(job_key(0))];
    let (first, second) = (store.watch(&keys), store.watch(&keys));
    store.apply(1, &Command::NodeRegister { node: node(0, 0), time: Timestamp(1), evals: Vec::new() });
    assert!(first.changed().now_or_never().is_some());
    assert!(second.changed().now_or_never().is_some(), "both wait for the same");
    let third = store.watch(&keys);
    store.apply(2, &Command::JobRegister { job: job(0, 0).into(), eval: None, enforce_index: None });
    assert!(third.changed().now_or_never().is_some());
    assert!(store.watch(&keys).changed().now_or_never().is_none(), "what was before it does not count");
}

#[test]
fn the_eligibility_an_operator_set_survives_a_registration_that_was_under_way() {
    let store = Store::new();
    let register = Command::NodeRegister { node: node(0, 0), time: Timestamp(1), evals: Vec::new() };
    store.apply(1, &register);
    let set = Command::NodeEligibility {
        node_id: node_id(0),
        eligibility: Eligibility::Ineligible,
        time: Timestamp(2),
        evals: Vec::new(),
    };
    store.apply(2, &set);
    store.apply(3, &register);
    assert_eq!(store.snapshot().node(&node_id(0)).unwrap().eligibility, Eligibility::Ineligible);
}

#[test]
fn a_damaged_or_foreign_encoding_is_an_error_and_changes_nothing() {
    let store = Store::new();
    store.apply(1, &Command::JobRegister { job: job(0, 0).into(), eval: None, enforce_index: None });
    let image = store.snapshot().encode();
    let before = store.snapshot();
    let mut foreign = image.clone();
    foreign[0] = u8::MAX;
    for bytes in [&[][..], &image[..1], &image[..image.len() / 2], &foreign] {
        assert!(store.restore(bytes).is_err());
        assert_eq!(store.snapshot(), before);
    }
    assert!(Command::decode(&[]).is_err());
    assert!(Command::decode(&[u8::MAX, 0]).is_err());
    assert!(Command::decode(&[1, 0xc1]).is_err());
}

#[test]
fn what_instances_have_in_common_is_kept_once_however_it_came() {
    let score = |n: u8, normalized| {
        Arc::new(NodeScore { node_id: node_id(n), scores: vec![(Scorer::Binpack, normalized)], normalized })
    };
    let place = |n: u8, scores: Vec<Arc<NodeScore>>| {
        let seen = Arc::new(NodesSeen { nodes_evaluated: 3, ..NodesSeen::default() });
        let metric = Arc::new(AllocMetric { seen, scores, ..AllocMetric::default() });
        Allocation { id: alloc_id(n), metric, ..testing::alloc("job-0", "docker") }
    };
    let places = vec![
        place(0, vec![score(0, 0.5), score(1, 0.4)]),
        place(1, vec![score(1, 0.4), score(2, 0.3)]),
        Allocation { resources: resources(7).into(), ..place(2, vec![score(2, 0.2)]) },
    ];
    let command = Command::ApplyPlan(PlanCommit { places, time: Timestamp(1), ..PlanCommit::default() });
    let store = Store::new();
    store.apply(1, &Command::decode(&command.encode()).unwrap());
    let restored = Snapshot::decode(&store.snapshot().encode()).unwrap();
    assert_eq!(restored, store.snapshot());
    for view in [store.snapshot(), restored] {
        let alloc = |n| view.alloc(&alloc_id(n)).unwrap();
        assert!(Arc::ptr_eq(&alloc(0).resources, &alloc(1).resources));
        assert_eq!(*alloc(2).resources, resources(7));
        let (first, second, third) = (&alloc(0).metric, &alloc(1).metric, &alloc(2).metric);
        assert!(Arc::ptr_eq(&first.seen, &second.seen) && Arc::ptr_eq(&first.seen, &third.seen));
        assert!(Arc::ptr_eq(&first.scores[1], &second.scores[0]));
        assert_eq!(third.scores[0], score(2, 0.2), "another score of a node stays another");
    }
}

fn play(ops: &[Op]) -> Store {
    let store = Store::new();
    for (index, op) in (1..).zip(ops) {
        store.apply(index, &op.command(&store.snapshot()));
    }
    store
}

impl Op {
    /// Makes the command. Like a leader's it may look at `view`; like a late one it may be about what is not there.
    fn command(&self, view: &Snapshot) -> Command {
        let time = Timestamp(1 + i64::from(self.value));
        let evals = if self.value.is_multiple_of(2) { vec![self.evaluation()] } else { Vec::new() };
        let node_id = node_id(self.node);
        match self.kind {
            0 | 1 => Command::JobRegister {
                job: job(self.job, self.value % 4).into(),
                eval: evals.into_iter().next(),
                enforce_index: None,
            },
            2 => {
                let purge = self.value.is_multiple_of(3);
                Command::JobDeregister { key: job_key(self.job), purge, time, eval: evals.into_iter().next() }
            }
            3 => Command::NodeRegister { node: node(self.node, self.value), time, evals },
            4 => {
                let status = if self.value < 128 { NodeStatus::Ready } else { NodeStatus::Down };
                Command::NodeStatus { node_id, status, description: "seen".to_owned(), time, evals }
            }
            5 => {
                let eligibility =
                    if self.value < 128 { Eligibility::Eligible } else { Eligibility::Ineligible };
                Command::NodeEligibility { node_id, eligibility, time, evals }
            }
            6 => Command::EvalUpdate { evals: vec![self.evaluation()] },
            7 | 8 => Command::ApplyPlan(PlanCommit {
                stops: self.stops(node_id),
                places: self.places(view),
                evals: vec![self.evaluation()],
                deployment: (self.value.is_multiple_of(3)).then(|| deployment(self.job)),
                time,
                ..PlanCommit::default()
            }),
            9 => {
                let updated = view.alloc(&alloc_id(self.alloc)).zip(view.job(&job_key(self.alloc % JOBS)));
                let updates = updated
                    .into_iter()
                    .map(|(alloc, job)| (job.clone(), resources(self.value).into(), (**alloc).clone()))
                    .map(|(job, resources, alloc)| Allocation { job, resources, ..alloc });
                Command::ApplyPlan(PlanCommit { updates: updates.collect(), time, ..PlanCommit::default() })
            }
            10 => Command::ApplyPlan(PlanCommit {
                marks: vec![self.mark(node_id)],
                time,
                ..PlanCommit::default()
            }),
            11 => {
                let drain = (self.value < 128).then(DrainStrategy::default);
                Command::NodeDrain { node_id, drain, mark_eligible: self.value > 200, time, evals }
            }
            12 => {
                let migrate = Some(self.value.is_multiple_of(2));
                let transition = DesiredTransition { migrate, ..DesiredTransition::default() };
                let transitions = vec![(alloc_id(self.alloc), transition)];
                Command::AllocDesiredTransition { transitions, time, evals }
            }
            13 => Command::DeploymentStatusUpdate {
                update: self.deployment_update(),
                revert: self.value.is_multiple_of(4).then(|| job(self.job, 1).into()),
                time,
                eval: evals.into_iter().next(),
            },
            14 => Command::DeploymentPromote {
                deployment_id: deployment(self.job).id,
                groups: (self.value > 100).then(|| vec![job_key(self.job).id.clone()]),
                time,
                eval: evals.into_iter().next(),
            },
            15 => Command::DeploymentAllocHealth {
                deployment_id: deployment(self.alloc % JOBS).id,
                healthy: if self.value > 100 { vec![alloc_id(self.alloc)] } else { Vec::new() },
                unhealthy: if self.value > 200 { Vec::new() } else { vec![alloc_id(self.alloc)] },
                update: (self.value < 20).then(|| self.deployment_update()),
                revert: None,
                time,
                eval: evals.into_iter().next(),
            },
            16 => {
                let (version, stable) = (u64::from(self.value % 4), self.value > 100);
                Command::JobStability { key: job_key(self.job), version, stable }
            }
            _ => {
                let health = self.value > 60;
                let update = AllocUpdate {
                    id: alloc_id(self.alloc),
                    client_status: client_status(self.value),
                    client_description: String::new(),
                    task_states: BTreeMap::new(),
                    health: health.then_some(AllocHealth { healthy: self.value > 150, time }),
                    time,
                };
                Command::ClientUpdate { node_id, updates: vec![update], time, evals }
            }
        }
    }

    /// Makes an evaluation; which job it is of depends on its id only, as with real ones.
    fn evaluation(&self) -> Evaluation {
        let mut eval = Evaluation::pending(
            EvalId(Uuid::from_u128(u128::from(self.eval))),
            job_key(self.eval % JOBS),
            JobType::Service,
            50,
            Trigger::JobRegister,
            Timestamp(1),
        );
        eval.status =
            [EvalStatus::Pending, EvalStatus::Blocked, EvalStatus::Complete][usize::from(self.value % 3)];
        eval
    }

    fn mark(&self, node_id: NodeId) -> Mark {
        let record = [None, Some(ClientStatus::Unknown), Some(ClientStatus::Running)];
        Mark {
            alloc_id: alloc_id(self.alloc),
            node_id,
            record: record[usize::from(self.value % 3)],
            description: "cut off".to_owned(),
            follow_up_eval: self.value.is_multiple_of(2).then_some(EvalId(Uuid::from_u128(0))),
        }
    }

    fn deployment_update(&self) -> DeploymentUpdate {
        use DeploymentStatus::{Failed, Paused, Running, Successful};
        DeploymentUpdate {
            deployment_id: deployment(self.job).id,
            status: [Running, Paused, Running, Successful, Failed][usize::from(self.value % 5)],
            description: "said so".to_owned(),
        }
    }

    fn stops(&self, node_id: NodeId) -> Vec<Stop> {
        let stop = Stop {
            alloc_id: alloc_id(self.value % ALLOCS),
            node_id,
            description: "not needed".to_owned(),
            client_status: self.value.is_multiple_of(5).then_some(ClientStatus::Lost),
            next: self.value.is_multiple_of(2).then(|| alloc_id(self.alloc)),
            preempted_by: self.value.is_multiple_of(3).then(|| alloc_id(self.alloc)),
            follow_up_eval: None,
            eval_id: EvalId(Uuid::from_u128(0)),
        };
        if self.kind == 7 { vec![stop] } else { Vec::new() }
    }

    fn places(&self, view: &Snapshot) -> Vec<Allocation> {
        let Some(job) = view.job(&job_key(self.alloc % JOBS)) else { return Vec::new() };
        // A copy, as what is read from the log is one.
        let job = Arc::new((**job).clone());
        let previous = (self.value % 4 == 1).then(|| alloc_id(self.value % ALLOCS));
        let mut alloc = testing::alloc(&job.id, "docker");
        (alloc.id, alloc.node_id, alloc.job) = (alloc_id(self.alloc), node_id(self.node), job);
        alloc.previous = previous.filter(|id| *id != alloc.id);
        alloc.resources = resources(self.value).into();
        // A plan that places for a deployment has seen it.
        let deployment = view.deployment(&deployment(self.alloc % JOBS).id);
        alloc.deployment_id =
            deployment.filter(|_| !self.value.is_multiple_of(3)).map(|deployment| deployment.id);
        let canary = self.value % 5 > 2;
        alloc.deployment_status = canary.then(|| AllocDeploymentStatus { canary, ..Default::default() });
        vec![alloc]
    }
}

/// Makes what an allocation holds; few ports, so that some are held twice.
fn resources(value: u8) -> AllocatedResources {
    let port = Port { label: "p".to_owned(), value: u16::from(value % 4), ..Port::default() };
    let network = Network { mbits: 10, reserved_ports: vec![port], ..Network::default() };
    let task =
        AllocatedTaskResources { cpu_mhz: u32::from(value), networks: vec![network], ..Default::default() };
    AllocatedResources { tasks: [("task".to_owned(), task)].into(), ..AllocatedResources::default() }
}

fn check_indexes(before: &Snapshot, after: &Snapshot) -> Result<(), TestCaseError> {
    let indexes = |view: &Snapshot| {
        [
            view.jobs_index(),
            view.nodes_index(),
            view.allocs_index(),
            view.evals_index(),
            view.deployments_index(),
        ]
    };
    for (before, now) in indexes(before).into_iter().zip(indexes(after)) {
        prop_assert!(now == before || now == after.index(), "a table's index is that of its last change");
    }
    for n in 0..NODES {
        prop_assert!(after.node_allocs_index(&node_id(n)) >= before.node_allocs_index(&node_id(n)));
    }
    // What differs says so, and what does not say so does not differ.
    for now in after.jobs() {
        prop_assert!(now.create_index <= now.job_modify_index && now.job_modify_index <= now.modify_index);
        prop_assert_eq!(before.job(&now.key()) != Some(now), now.modify_index == after.index());
    }
    for now in after.nodes() {
        prop_assert_eq!(before.node(&now.id) != Some(now), now.modify_index == after.index());
        let created = before.node(&now.id).map_or(after.index(), |known| known.create_index);
        prop_assert_eq!(now.create_index, created);
    }
    for now in after.evals() {
        prop_assert_eq!(before.eval(&now.id) != Some(now), now.modify_index == after.index());
        let created = before.eval(&now.id).map_or(after.index(), |known| known.create_index);
        prop_assert_eq!(now.create_index, created);
    }
    Ok(())
}

fn check_groups(view: &Snapshot) -> Result<(), TestCaseError> {
    for n in 0..NODES {
        let id = node_id(n);
        let scanned: Vec<_> = view.allocs().filter(|alloc| alloc.node_id == id).collect();
        prop_assert_eq!(view.allocs_by_node(&id).collect::<Vec<_>>(), scanned.clone());
        let mut summed = Usage::default();
        for alloc in scanned.iter().filter(|alloc| !alloc.is_terminal()) {
            summed.add(&alloc.resources);
        }
        prop_assert_eq!(view.usage(&id).map(|usage| (**usage).clone()).unwrap_or_default(), summed);
    }
    for n in 0..JOBS {
        let key = job_key(n);
        let scanned: Vec<_> = view.allocs().filter(|alloc| alloc.job_key == key).collect();
        prop_assert_eq!(view.allocs_by_job(&key).collect::<Vec<_>>(), scanned);
        let scanned: Vec<_> = view.evals().filter(|eval| eval.job_key == key).collect();
        prop_assert_eq!(view.evals_by_job(&key).collect::<Vec<_>>(), scanned);
        let scanned: Vec<_> = view.deployments().filter(|one| one.job_key == key).collect();
        prop_assert_eq!(view.deployments_by_job(&key).collect::<Vec<_>>(), scanned);
    }
    Ok(())
}

fn check_jobs(view: &Snapshot) -> Result<(), TestCaseError> {
    for job in view.jobs() {
        let key = job.key();
        let versions: Vec<_> = view.job_versions(&key).collect();
        prop_assert!(versions.len() <= crate::state::tables::jobs::VERSIONS_MAX);
        prop_assert_eq!(versions[0], job);
        prop_assert!(versions.windows(2).all(|pair| pair[0].version == pair[1].version + 1));
        let running = view.allocs_by_job(&key).any(|alloc| !alloc.is_terminal());
        prop_assert_eq!(job.status == JobStatus::Running, running, "a job runs while an allocation does");
        if job.status == JobStatus::Dead {
            prop_assert!(view.evals_by_job(&key).all(|eval| eval.is_terminal()));
        }
    }
    Ok(())
}

fn check_allocs(before: &Snapshot, after: &Snapshot, command: &Command) -> Result<(), TestCaseError> {
    prop_assert!(before.allocs().all(|alloc| after.alloc(&alloc.id).is_some()));
    for now in after.allocs() {
        let Some(known) = before.alloc(&now.id) else {
            prop_assert_eq!(now.create_index, after.index());
            prop_assert_eq!(now.alloc_modify_index, after.index());
            continue;
        };
        prop_assert_eq!(known != now, now.modify_index == after.index());
        prop_assert_eq!(known.create_index, now.create_index);
        prop_assert_eq!((known.node_id, &known.job_key), (now.node_id, &now.job_key));
        if known.client_status.is_terminal() {
            prop_assert_eq!(known.client_status, now.client_status, "what has ended has ended");
        }
        if known.desired_status != DesiredStatus::Run {
            prop_assert_eq!(known.desired_status, now.desired_status, "what was stopped stays stopped");
        }
        if matches!(command, Command::ClientUpdate { .. }) {
            prop_assert_eq!(known.alloc_modify_index, now.alloc_modify_index);
        }
    }
    Ok(())
}

fn check_nodes(before: &Snapshot, after: &Snapshot, command: &Command) -> Result<(), TestCaseError> {
    for now in after.nodes() {
        let Some(known) = before.node(&now.id) else { continue };
        if !matches!(command, Command::NodeEligibility { .. } | Command::NodeDrain { .. }) {
            prop_assert_eq!(known.eligibility, now.eligibility, "eligibility is the operator's");
        }
    }
    Ok(())
}

fn check_deployments(before: &Snapshot, after: &Snapshot) -> Result<(), TestCaseError> {
    for now in after.deployments() {
        prop_assert_eq!(before.deployment(&now.id) != Some(now), now.modify_index == after.index());
        if let Some(known) = before.deployment(&now.id).filter(|known| !known.is_active()) {
            prop_assert_eq!(known, now, "what has ended has ended");
        }
        for group in now.groups.values() {
            prop_assert!(
                group.healthy + group.unhealthy <= group.placed,
                "only what was placed is well or not"
            );
            let canaries = group.placed_canaries.len();
            prop_assert!(canaries <= group.placed as usize, "canaries are counted with the others");
        }
    }
    Ok(())
}

fn all_keys() -> Vec<WatchKey> {
    let mut keys = vec![
        WatchKey::Any,
        WatchKey::Jobs,
        WatchKey::Nodes,
        WatchKey::Allocs,
        WatchKey::Evals,
        WatchKey::Deployments,
    ];
    for n in 0..NODES {
        let id = node_id(n);
        keys.extend([WatchKey::Node(id), WatchKey::NodeAllocs(id), WatchKey::NodeAllocsSeen(id)]);
    }
    for n in 0..JOBS {
        let key = job_key(n);
        keys.extend([WatchKey::Deployment(deployment(n).id), WatchKey::JobDeployments(key.clone())]);
        keys.extend([WatchKey::Job(key.clone()), WatchKey::JobAllocs(key.clone()), WatchKey::JobEvals(key)]);
    }
    keys.extend((0..ALLOCS).map(|n| WatchKey::Alloc(alloc_id(n))));
    keys.extend((0..EVALS).map(|n| WatchKey::Eval(EvalId(Uuid::from_u128(u128::from(n))))));
    keys
}

/// Tells from the states whether what `key` stands for differs between them.
fn concerns(key: &WatchKey, before: &Snapshot, after: &Snapshot) -> bool {
    let allocs_differ = |of: &dyn Fn(&Allocation) -> bool| {
        after.allocs().any(|alloc| of(alloc) && before.alloc(&alloc.id) != Some(alloc))
    };
    match key {
        WatchKey::Any => true,
        WatchKey::Jobs => {
            (0..JOBS).map(job_key).any(|key| !before.job_versions(&key).eq(after.job_versions(&key)))
        }
        // A word on an older version concerns who looks at the job, too.
        WatchKey::Job(key) => !before.job_versions(key).eq(after.job_versions(key)),
        WatchKey::Nodes => !before.nodes().eq(after.nodes()),
        WatchKey::Node(id) => before.node(id) != after.node(id),
        WatchKey::Allocs => allocs_differ(&|_| true),
        WatchKey::Alloc(id) => before.alloc(id) != after.alloc(id),
        WatchKey::JobAllocs(key) => allocs_differ(&|alloc| alloc.job_key == *key),
        WatchKey::NodeAllocs(id) => before.node_allocs_index(id) != after.node_allocs_index(id),
        WatchKey::NodeAllocsSeen(id) => allocs_differ(&|alloc| alloc.node_id == *id),
        WatchKey::Evals => !before.evals().eq(after.evals()),
        WatchKey::Eval(id) => before.eval(id) != after.eval(id),
        WatchKey::Deployments => !before.deployments().eq(after.deployments()),
        WatchKey::Deployment(id) => before.deployment(id) != after.deployment(id),
        WatchKey::JobDeployments(key) => !before.deployments_by_job(key).eq(after.deployments_by_job(key)),
        WatchKey::JobEvals(key) => !before.evals_by_job(key).eq(after.evals_by_job(key)),
    }
}

fn client_status(value: u8) -> ClientStatus {
    use ClientStatus::{Complete, Failed, Lost, Pending, Running, Unknown};
    [Pending, Running, Complete, Failed, Lost, Unknown][usize::from(value % 6)]
}

fn node_id(n: u8) -> NodeId {
    NodeId(Uuid::from_u128(u128::from(n) + 1))
}

fn alloc_id(n: u8) -> AllocId {
    AllocId(Uuid::from_u128(u128::from(n) + 1))
}

fn job_key(n: u8) -> JobKey {
    JobKey::new("default", format!("job-{n}"))
}

/// Makes the deployment of job `n`; each job has one.
fn deployment(n: u8) -> Deployment {
    let mut job = job(n, 1);
    job.create_index = 1;
    let id = DeploymentId(Uuid::from_u128(u128::from(n) + 1));
    let mut deployment = Deployment::new(id, &job, 50, Timestamp(1));
    let group = DeploymentState { desired_canaries: 1, desired_total: 2, ..DeploymentState::default() };
    deployment.groups.insert(job.groups[0].name.clone(), group);
    deployment
}

/// Makes job `n`; equal `shape`s are equal specifications.
fn job(n: u8, shape: u8) -> Job {
    let mut job = testing::job(&job_key(n).id, "docker");
    job.groups[0].count = u32::from(shape);
    job
}

fn node(n: u8, value: u8) -> Node {
    let mut node = testing::node();
    node.id = node_id(n);
    node.meta.insert("value".to_owned(), value.to_string());
    node
}
