//! What follows from the state of a deployment, and that it follows once.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::model::{AllocDeploymentStatus, AllocHealth, AllocUpdate, EvalId, JobType, ReschedulePolicy};
use crate::state::{PlanCommit, Store};
use pasture_core::testing;

const DEADLINE: Duration = Duration::from_secs(600);
const SECOND: i64 = 1_000_000_000;

struct World {
    store: Store,
    deployment: DeploymentId,
}

fn alloc_id(n: u32) -> AllocId {
    AllocId(Uuid::from_u128(100 + u128::from(n)))
}

fn at(second: i64) -> Timestamp {
    Timestamp(second * SECOND)
}

impl World {
    /// Has a job whose second version is rolled out with two allocations of three, placed at second 10; `change` sets up
    /// the group of the deployment, `canaries` says how many of the two are such.
    fn new(canaries: u32, change: impl FnOnce(&mut DeploymentState, &mut Job)) -> Self {
        let world = Self { store: Store::new(), deployment: DeploymentId(Uuid::from_u128(1)) };
        let mut job = testing::job("web", "docker");
        job.groups[0].reschedule = ReschedulePolicy::default_for(JobType::Service);
        world.ok(Command::JobRegister { job: job.clone().into(), eval: None, enforce_index: None });
        let mut group = DeploymentState {
            desired_canaries: canaries,
            desired_total: 3,
            progress_deadline: DEADLINE,
            ..DeploymentState::default()
        };
        job.groups[0].count = 3;
        change(&mut group, &mut job);
        world.ok(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
        let job = world.store.snapshot().job(&JobKey::new("default", "web")).unwrap().clone();
        let mut begun = Deployment::new(world.deployment, &job, 50, at(1));
        begun.groups.insert("web".to_owned(), group);
        let places = (0..2).map(|n| {
            let canary = n < canaries;
            let mut alloc = testing::alloc("web", "docker");
            (alloc.id, alloc.job, alloc.deployment_id) = (alloc_id(n), job.clone(), Some(world.deployment));
            alloc.deployment_status =
                canary.then(|| AllocDeploymentStatus { canary, ..AllocDeploymentStatus::default() });
            alloc
        });
        let commit = PlanCommit {
            places: places.collect(),
            deployment: Some(begun),
            time: at(10),
            ..PlanCommit::default()
        };
        world.ok(Command::ApplyPlan(commit));
        world
    }

    fn ok(&self, command: Command) {
        self.store.apply(self.store.snapshot().index() + 1, &command).result.unwrap();
    }

    fn report(&self, n: u32, healthy: bool, second: i64) {
        let update = AllocUpdate {
            id: alloc_id(n),
            client_status: if healthy { ClientStatus::Running } else { ClientStatus::Failed },
            client_description: String::new(),
            task_states: BTreeMap::new(),
            health: Some(AllocHealth { healthy, time: at(second) }),
            time: at(second),
        };
        let node_id = testing::node().id;
        self.ok(Command::ClientUpdate {
            node_id,
            updates: vec![update],
            time: at(second),
            evals: Vec::new(),
        });
    }

    /// Reports a failure of one that has its verdict already.
    fn fails(&self, n: u32, second: i64) {
        let update = AllocUpdate {
            id: alloc_id(n),
            client_status: ClientStatus::Failed,
            client_description: String::new(),
            task_states: BTreeMap::new(),
            health: None,
            time: at(second),
        };
        let (node_id, updates) = (testing::node().id, vec![update]);
        self.ok(Command::ClientUpdate { node_id, updates, time: at(second), evals: Vec::new() });
    }

    fn eval(&self, id: u128, status: EvalStatus) {
        let job = JobKey::new("default", "web");
        let mut eval = Evaluation::pending(
            EvalId(Uuid::from_u128(id)),
            job,
            JobType::Service,
            50,
            Trigger::JobRegister,
            at(1),
        );
        (eval.status, eval.snapshot_index) = (status, self.store.snapshot().index());
        self.ok(Command::EvalUpdate { evals: vec![eval] });
    }

    fn status(&self, status: DeploymentStatus, second: i64) {
        let update = DeploymentUpdate { deployment_id: self.deployment, status, description: String::new() };
        self.ok(Command::DeploymentStatusUpdate { update, revert: None, time: at(second), eval: None });
    }

    fn stable(&self, version: u64) {
        let key = JobKey::new("default", "web");
        self.ok(Command::JobStability { key, version, stable: true });
    }

    /// Writes what follows at `second`: `look 610; evaluate; replace 1; promote; fail WHY; revert 0`.
    #[track_caller]
    fn check(&self, second: i64, expected: &str) {
        let steps = look(&self.store.snapshot(), at(second));
        let mut words = Vec::new();
        words.extend(steps.next_look.map(|next| format!("look {}", next.nanos() / SECOND)));
        words.extend(steps.evaluate.iter().map(|_| "evaluate".to_owned()));
        words.extend(steps.replace.iter().map(|id| format!("replace {}", id.0.as_u128() - 100)));
        words.extend(steps.promote.iter().map(|_| "promote".to_owned()));
        for failure in &steps.fail {
            words.push(format!("fail {}", failure.description));
            words.extend(failure.revert.iter().map(|job| format!("revert {}", job.version)));
        }
        assert_eq!(words.join("; "), expected);
    }
}

#[test]
fn a_healthy_allocation_is_followed_by_one_evaluation() {
    let world = World::new(0, |_, _| {});
    world.eval(1, EvalStatus::Complete);
    world.check(20, "look 610");
    world.report(0, true, 30);
    world.check(30, "look 630; evaluate");
    // One that was looked at before does not count, one that waits for its turn does, and so does what it has seen.
    world.eval(2, EvalStatus::Canceled);
    world.check(31, "look 630; evaluate");
    world.eval(3, EvalStatus::Pending);
    world.check(31, "look 630");
    world.eval(3, EvalStatus::Complete);
    world.check(32, "look 630");
    world.report(1, true, 40);
    world.check(40, "look 640; evaluate");
}

#[test]
fn an_unhealthy_allocation_may_be_replaced_while_its_policy_and_the_deadline_allow() {
    let world = World::new(0, |_, _| {});
    world.report(1, false, 30);
    world.check(30, "look 610; evaluate; replace 1");
    let transition = DesiredTransition { reschedule: Some(true), ..DesiredTransition::default() };
    let transitions = vec![(alloc_id(1), transition)];
    world.ok(Command::AllocDesiredTransition { transitions, time: at(31), evals: Vec::new() });
    world.check(31, "look 610");

    let no_time = World::new(0, |group, _| group.progress_deadline = Duration::ZERO);
    no_time.check(9_999, "");
    no_time.report(1, false, 30);
    no_time.check(30, "fail Failed due to unhealthy allocations");

    let no_attempts = World::new(0, |_, job| job.groups[0].reschedule = None);
    no_attempts.report(1, false, 30);
    no_attempts.check(30, "fail Failed due to unhealthy allocations");
}

#[test]
fn without_progress_it_fails_unless_it_is_paused() {
    let world = World::new(0, |_, _| {});
    world.check(609, "look 610");
    world.check(610, "fail Failed due to progress deadline");
    world.status(DeploymentStatus::Paused, 600);
    world.check(700, "");
    world.status(DeploymentStatus::Running, 700);
    world.check(700, "look 1300");
    world.status(DeploymentStatus::Failed, 701);
    world.check(9_999, "");
}

#[test]
fn canaries_are_promoted_when_all_are_healthy_and_wait_for_a_word_otherwise() {
    let world = World::new(2, |group, _| group.auto_promote = true);
    world.report(0, true, 30);
    world.check(30, "look 630; evaluate");
    world.report(1, true, 40);
    world.check(40, "promote");
    // From there on all of them have to become healthy.
    world.ok(Command::DeploymentPromote {
        deployment_id: world.deployment,
        groups: None,
        time: at(41),
        eval: None,
    });
    world.eval(1, EvalStatus::Complete);
    world.check(42, "look 640");

    let by_hand = World::new(2, |_, _| {});
    by_hand.report(0, true, 30);
    by_hand.report(1, true, 40);
    by_hand.eval(1, EvalStatus::Complete);
    // However long that takes.
    by_hand.check(9_999, "");
}

#[test]
fn a_failed_one_goes_back_to_the_newest_stable_version_that_differs() {
    let world = World::new(0, |group, _| group.auto_revert = true);
    let reason = "fail Failed due to progress deadline";
    world.check(610, &format!("{reason} - no stable job version to auto revert to"));
    world.stable(0);
    world.check(610, &format!("{reason} - rolling back to job version 0; revert 0"));
    let same = World::new(0, |group, job| {
        group.auto_revert = true;
        job.groups[0].count = 2;
    });
    // The first version asks for the same as the third: going back to it would change nothing.
    let mut job = testing::job("web", "docker");
    job.groups[0].reschedule = ReschedulePolicy::default_for(JobType::Service);
    same.stable(0);
    same.ok(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
    // That one is no longer what the deployment rolls out, so the scheduler ends it.
    same.check(610, "");
    let view = same.store.snapshot();
    let mut deployment = (**view.deployment(&same.deployment).unwrap()).clone();
    deployment.job_version = 2;
    assert_eq!(
        fail(&view, &deployment, "Why", true).description,
        "Why - not rolling back to stable job version 0 as current job has same specification"
    );
}

#[test]
fn one_that_was_healthy_and_failed_since_is_replaced_and_fails_nothing() {
    let world = World::new(0, |_, _| {});
    world.report(0, true, 30);
    world.eval(1, EvalStatus::Complete);
    world.check(31, "look 630");
    world.fails(0, 40);
    world.check(40, "look 630; evaluate; replace 0");
    let transition = DesiredTransition { reschedule: Some(true), ..DesiredTransition::default() };
    let transitions = vec![(alloc_id(0), transition)];
    world.ok(Command::AllocDesiredTransition { transitions, time: at(41), evals: Vec::new() });
    world.check(41, "look 630");
    // Without a policy that allows it, it stays as it is.
    let world = World::new(0, |_, job| job.groups[0].reschedule = None);
    world.report(0, true, 30);
    world.eval(1, EvalStatus::Complete);
    world.fails(0, 40);
    world.check(40, "look 630");
}
