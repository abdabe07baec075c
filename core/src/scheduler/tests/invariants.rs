//! What every plan keeps, whatever the cluster and its history: checked after every evaluation of every script, and over
//! random ones.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::World;
use crate::model::plan::{Decision, Plan};
use crate::model::*;
use crate::state::Snapshot;

/// Checks the decision about one evaluation.
pub(super) fn check(view: &Snapshot, eval: &Evaluation, decision: &Decision) -> Result<(), String> {
    let plan = &decision.plan;
    let job = view.job(&eval.job_key).filter(|job| !job.stop);
    let stopped: BTreeSet<AllocId> = plan.stops.iter().map(|stop| stop.alloc_id).collect();
    let fail = |what: &str| Err(format!("{what}: {}", told(view, plan)));
    if stopped.len() != plan.stops.len() {
        return fail("one is stopped twice");
    }
    if plan.marks.iter().any(|mark| stopped.contains(&mark.alloc_id)) {
        return fail("one is stopped and noted as staying");
    }
    let updated: BTreeSet<AllocId> = plan.updates.iter().map(|alloc| alloc.id).collect();
    if !updated.is_disjoint(&stopped) {
        return fail("one is stopped and changed in place");
    }
    let Some(job) = job else {
        return if plan.places.is_empty() && plan.updates.is_empty() {
            Ok(())
        } else {
            fail("a stopped job gets something")
        };
    };
    let current = plan.deployment.as_ref().or_else(|| {
        view.latest_deployment(&eval.job_key).map(|latest| &**latest).filter(|latest| latest.is_of(job))
    });
    for group in &job.groups {
        let counts = plan.annotations.get(&group.name).copied().unwrap_or_default();
        let of_group = |alloc: &&Allocation| alloc.group == group.name;
        let placed: Vec<&Allocation> = plan.places.iter().filter(of_group).collect();
        let is_system = matches!(job.job_type, JobType::System | JobType::SysBatch);
        if group.count == 0 && !placed.is_empty() {
            return fail("a group with count 0 gets something");
        }
        if counts.stop < counts.migrate {
            return fail("more move than stop");
        }
        let canary = group.update.as_ref().map_or(0, |update| update.canary);
        if !is_system {
            if counts.place > group.count + canary {
                return fail("more is placed than the count");
            }
            if counts.place + counts.canary + counts.destructive_update > group.count + canary {
                return fail("more changes than there may be");
            }
            let state = current.and_then(|current| current.groups.get(&group.name));
            let known = state.map_or(0, |state| state.placed_canaries.len());
            let alive = state.into_iter().flat_map(|state| &state.placed_canaries).filter(|id| {
                let stays = |alloc: &std::sync::Arc<Allocation>| !alloc.is_terminal();
                view.alloc(id).is_some_and(stays) && !stopped.contains(id)
            });
            if counts.canary > 0 && alive.count() + counts.canary as usize > canary as usize {
                return Err(format!("more canaries than wanted, {known} known: {}", told(view, plan)));
            }
            check_count(view, group, canary, &placed, &stopped, job)?;
        }
        let failed = current.is_some_and(|current| current.status == DeploymentStatus::Failed);
        if failed && (counts.destructive_update > 0 || counts.canary > 0) {
            return fail("a failed deployment goes on");
        }
    }
    let mut names: BTreeMap<(&str, NodeId), u32> = BTreeMap::new();
    for place in &plan.places {
        *names.entry((&place.name, place.node_id)).or_default() += 1;
    }
    if matches!(job.job_type, JobType::System | JobType::SysBatch) && names.values().any(|count| *count > 1) {
        return fail("a node gets one twice");
    }
    Ok(())
}

/// Tells a plan in one line.
pub(super) fn told(view: &Snapshot, plan: &Plan) -> String {
    let places = plan
        .places
        .iter()
        .map(|place| format!("place {} v{} on {}", place.name, place.job.version, place.node_name));
    let stops = plan.stops.iter().map(|stop| {
        let name = view.alloc(&stop.alloc_id).map_or("?", |alloc| alloc.name.as_str());
        format!("stop {name}: {}", stop.description)
    });
    let lines: Vec<String> = places.chain(stops).collect();
    format!("{}; {:?}", lines.join(", "), plan.annotations)
}

/// Counts what of a group runs once the plan is carried out.
fn check_count(
    view: &Snapshot,
    group: &TaskGroup,
    canary: u32,
    placed: &[&Allocation],
    stopped: &BTreeSet<AllocId>,
    job: &Job,
) -> Result<(), String> {
    let there: Vec<_> = view
        .allocs_by_job(&job.key())
        .filter(|alloc| alloc.group == group.name && !alloc.is_terminal())
        // What is cut off has a stand-in or does not count; it may be there no more.
        .filter(|alloc| alloc.client_status != ClientStatus::Unknown)
        // What its node took along may have to wait for its batch; it does not run.
        .filter(|alloc| view.node(&alloc.node_id).is_none_or(|node| node.status != NodeStatus::Down))
        .collect();
    let before = there.len();
    let stays = there.iter().filter(|alloc| !stopped.contains(&alloc.id)).count();
    let after = stays + placed.len();
    let most = (group.count + canary) as usize;
    // Stand-ins for what is cut off just now come on top of it.
    let stand_ins = placed.iter().filter(|alloc| {
        alloc.previous.is_some_and(|id| {
            view.alloc(&id).is_some_and(|known| !known.is_terminal()) && !stopped.contains(&id)
        })
    });
    let most = most + stand_ins.count();
    if after > most && after > before {
        let names: Vec<&str> = placed.iter().map(|place| place.name.as_str()).collect();
        return Err(format!("{after} of {} would run, {most} may: {names:?}", group.name));
    }
    Ok(())
}

/// One step of a random history.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    which: u8,
    value: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0..20_u8, any::<u8>(), any::<u8>()).prop_map(|(kind, which, value)| Step { kind, which, value });
    prop::collection::vec(step, 1..50)
}

/// The forms a job takes over its life.
const SHAPES: &[&str] = &[
    "count=3",
    "count=2 image=v2",
    "count=4 max_parallel=1",
    "count=4 max_parallel=2 image=v2",
    "count=3 max_parallel=1 canary=2 image=v3",
    "count=3 max_parallel=1 canary=1 image=v4",
    "count=2 stagger=30 max_parallel=1 image=v5",
    "count=3 lost_after=60 reschedule=constant,5,0",
    "count=3 lost_after=60 replace=false image=v2",
    "count=2 stop_after=20",
    "count=0",
    "count=5 reschedule=fibonacci,5,60",
    "count=3 reschedule=constant,5,0,1/60",
];

impl World {
    fn step(&mut self, step: &Step, job_type: &str) {
        let view = self.store.snapshot();
        let key = JobKey::new("default", "web");
        let nodes = ["n0", "n1", "n2"];
        let node = nodes[usize::from(step.which) % nodes.len()];
        let live: Vec<AllocId> = view
            .allocs_by_job(&key)
            .filter(|alloc| !alloc.is_client_terminal())
            .map(|alloc| alloc.id)
            .collect();
        let picked = live.get(usize::from(step.which) % live.len().max(1)).and_then(|id| view.alloc(id));
        let picked = picked.map(|alloc| format!("{}@{}", alloc.name, alloc.node_name));
        let active = view.latest_deployment(&key).is_some_and(|latest| latest.is_active());
        match step.kind {
            0 | 1 => {
                let shape = format!("type={job_type} {}", SHAPES[usize::from(step.value) % SHAPES.len()]);
                let keys: Vec<(&str, &str)> =
                    shape.split(' ').map(|word| word.split_once('=').unwrap()).collect();
                self.job("web", &keys);
            }
            2 if step.value < 60 => self.deregister("web", false),
            3 => self.status(node, NodeStatus::Down),
            4 => self.status(node, NodeStatus::Disconnected),
            5 | 6 => self.status(node, NodeStatus::Ready),
            7 => self.drain(node, step.value < 128),
            8 => self.now = self.now + std::time::Duration::from_secs(u64::from(step.value)),
            9 | 10 => self.run("web"),
            11 => picked.into_iter().for_each(|name| self.end(&name, ClientStatus::Failed)),
            12 => picked.into_iter().for_each(|name| self.end(&name, ClientStatus::Complete)),
            13 => picked.into_iter().for_each(|name| self.end(&name, ClientStatus::Running)),
            14 => picked.into_iter().for_each(|name| self.health(&name, step.value < 200)),
            15 => self.healthy_all("web"),
            16 if active => {
                use DeploymentStatus::{Failed, Paused, Running};
                let status = [Failed, Paused, Running, Running][usize::from(step.value % 4)];
                self.set_deployment("web", status);
            }
            17 if active => self.try_promote("web"),
            18 => picked.into_iter().for_each(|name| {
                let transition = DesiredTransition { reschedule: Some(true), ..DesiredTransition::default() };
                self.want(&name, transition);
            }),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    /// Whatever happens, every plan keeps what [`check`] asks for, the same question gets the same answer, and once nothing
    /// changes any more a second look finds nothing to do.
    #[test]
    fn plans_keep_the_invariants(steps in steps(), deployments: bool, kind in 0..4_usize) {
        let mut world = World::new("random");
        world.options.deployments = deployments;
        for node in ["n0", "n1", "n2"] {
            world.node(node, &[("cpu", "100000"), ("mem", "100000"), ("disk", "1000000")]);
        }
        let job_type = ["service", "batch", "system", "sysbatch"][kind];
        world.job("web", &[("type", job_type), ("count", "2")]);
        for step in &steps {
            world.step(step, job_type);
            world.shown.push_str(&format!("{step:?}\n"));
            let kept = world.decide_twice("web");
            let told = |broken: String| TestCaseError::fail(format!("{}{broken}", world.shown));
            kept.map_err(told)?;
        }
    }
}
