//! What allocations count for in their deployment, promotion, and how a deployment ends.

use std::time::Duration;

use uuid::Uuid;

use crate::model::*;
use crate::state::{ApplyError, Command, PlanCommit, Store};
use crate::testing;

const DEADLINE: Duration = Duration::from_secs(600);

struct World {
    store: Store,
    deployment: DeploymentId,
    job: JobKey,
}

impl World {
    /// Has a job whose second version is rolled out with `canaries` and two more allocations.
    fn new(canaries: u32) -> Self {
        let store = Store::new();
        let deployment = DeploymentId(Uuid::from_u128(1));
        let mut world = Self { store, deployment, job: JobKey::new("default", "web") };
        let mut job = testing::job("web", "docker");
        world.ok(Command::JobRegister { job: job.clone().into(), eval: None, enforce_index: None });
        job.groups[0].count = 3;
        world.ok(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
        let job = world.store.snapshot().job(&world.job).unwrap().clone();
        let mut begun = Deployment::new(deployment, &job, 50, Timestamp(1));
        let group = DeploymentState {
            desired_canaries: canaries,
            desired_total: 3,
            progress_deadline: DEADLINE,
            ..DeploymentState::default()
        };
        begun.groups.insert("web".to_owned(), group);
        let places = (0..3).map(|n| {
            let canary = n < canaries;
            let mut alloc = testing::alloc("web", "docker");
            (alloc.id, alloc.job) = (alloc_id(n), job.clone());
            alloc.deployment_id = Some(deployment);
            alloc.deployment_status =
                canary.then(|| AllocDeploymentStatus { canary, ..AllocDeploymentStatus::default() });
            alloc
        });
        let places = places.collect();
        let commit =
            PlanCommit { places, deployment: Some(begun), time: Timestamp(10), ..PlanCommit::default() };
        world.ok(Command::ApplyPlan(commit));
        world
    }

    fn ok(&mut self, command: Command) {
        self.try_apply(&command).unwrap();
    }

    fn try_apply(&mut self, command: &Command) -> Result<(), ApplyError> {
        self.store.apply(self.store.snapshot().index() + 1, command).result
    }

    fn report(&mut self, n: u32, healthy: bool, time: i64) {
        let time = Timestamp(time);
        let update = AllocUpdate {
            id: alloc_id(n),
            client_status: ClientStatus::Running,
            client_description: String::new(),
            task_states: Default::default(),
            health: Some(AllocHealth { healthy, time }),
            time,
        };
        let node_id = testing::node().id;
        self.ok(Command::ClientUpdate { node_id, updates: vec![update], time, evals: Vec::new() });
    }

    fn promote(&mut self) -> Result<(), ApplyError> {
        let deployment_id = self.deployment;
        self.try_apply(&Command::DeploymentPromote {
            deployment_id,
            groups: None,
            time: Timestamp(50),
            eval: None,
        })
    }

    fn end(&mut self, status: DeploymentStatus) -> Result<(), ApplyError> {
        let update = DeploymentUpdate { deployment_id: self.deployment, status, description: String::new() };
        self.try_apply(&Command::DeploymentStatusUpdate {
            update,
            revert: None,
            time: Timestamp(60),
            eval: None,
        })
    }

    fn group(&self) -> DeploymentState {
        self.store.snapshot().deployment(&self.deployment).unwrap().groups["web"].clone()
    }
}

fn alloc_id(n: u32) -> AllocId {
    AllocId(Uuid::from_u128(u128::from(n) + 1))
}

#[test]
fn what_is_placed_and_what_clients_say_is_counted() {
    let mut world = World::new(0);
    let group = world.group();
    assert_eq!((group.placed, group.healthy, group.unhealthy), (3, 0, 0));
    assert_eq!(
        group.require_progress_by,
        Timestamp(10) + DEADLINE,
        "the clock runs from the first placement"
    );
    world.report(0, true, 100);
    world.report(1, false, 200);
    let group = world.group();
    assert_eq!((group.placed, group.healthy, group.unhealthy), (3, 1, 1));
    assert_eq!(group.require_progress_by, Timestamp(100) + DEADLINE, "only a healthy one gives more time");
    world.report(1, true, 300);
    world.report(1, true, 400);
    let group = world.group();
    assert_eq!((group.healthy, group.unhealthy), (2, 0), "the last word counts, and counts once");
    assert_eq!(group.require_progress_by, Timestamp(300) + DEADLINE);
}

#[test]
fn canaries_are_promoted_once_all_are_healthy() {
    let mut world = World::new(2);
    assert_eq!(world.group().placed_canaries, [alloc_id(0), alloc_id(1)]);
    world.report(0, true, 20);
    let too_few = ApplyError::CanariesUnhealthy { group: "web".to_owned(), healthy: 1, wanted: 2 };
    assert_eq!(world.promote(), Err(too_few));
    assert!(!world.group().promoted);
    world.report(1, true, 30);
    world.promote().unwrap();
    assert!(world.group().promoted);
    let view = world.store.snapshot();
    assert!(view.allocs().all(|alloc| !alloc.is_canary()), "they are like the others now");
    assert_eq!(view.alloc(&alloc_id(0)).unwrap().health(), Some(true));
}

#[test]
fn a_deployment_without_canaries_has_nothing_to_promote() {
    let mut world = World::new(0);
    assert_eq!(world.promote(), Err(ApplyError::NoCanaries(world.deployment)));
}

#[test]
fn success_makes_the_version_stable_and_the_end_is_final() {
    let mut world = World::new(0);
    world.end(DeploymentStatus::Successful).unwrap();
    let view = world.store.snapshot();
    let stable: Vec<(u64, bool)> =
        view.job_versions(&world.job).map(|job| (job.version, job.stable)).collect();
    assert_eq!(stable, [(1, true), (0, false)]);
    let ended = ApplyError::DeploymentEnded { id: world.deployment, status: DeploymentStatus::Successful };
    assert_eq!(world.end(DeploymentStatus::Failed), Err(ended));
    world.report(0, true, 100);
    assert_eq!(world.group().healthy, 0, "nothing counts any more");
}

#[test]
fn a_submission_that_changes_nothing_keeps_the_stable_version() {
    let mut world = World::new(0);
    world.end(DeploymentStatus::Successful).unwrap();
    let mut job = testing::job("web", "docker");
    job.groups[0].count = 3;
    world.ok(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
    let view = world.store.snapshot();
    let job = view.job(&world.job).unwrap();
    assert_eq!((job.version, job.stable), (1, true));
}

#[test]
fn health_said_by_hand_counts_for_allocations_of_that_deployment_only() {
    let mut world = World::new(0);
    let say = |deployment_id, healthy: Vec<AllocId>| Command::DeploymentAllocHealth {
        deployment_id,
        healthy,
        unhealthy: Vec::new(),
        update: None,
        revert: None,
        time: Timestamp(70),
        eval: None,
    };
    let deployment = world.deployment;
    world.ok(say(deployment, vec![alloc_id(0), alloc_id(2)]));
    assert_eq!(world.group().healthy, 2);
    let unknown = AllocId(Uuid::from_u128(99));
    assert_eq!(world.try_apply(&say(deployment, vec![unknown])), Err(ApplyError::AllocNotFound(unknown)));
    let other = DeploymentId(Uuid::from_u128(9));
    assert_eq!(world.try_apply(&say(other, Vec::new())), Err(ApplyError::DeploymentNotFound(other)));
}
