//! The state under random commands: whatever comes, these properties hold.

mod deployments;
mod properties;

use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use uuid::Uuid;

use super::{Command, PlanCommit, Snapshot, Store, WatchKey};
use crate::model::plan::Stop;
use crate::model::*;
use crate::testing;

/// So few of each that commands meet.
const EACH: u8 = 3;

fn key(n: u8) -> JobKey {
    JobKey::new("default", format!("job-{n}"))
}

fn node_id(n: u8) -> NodeId {
    NodeId(Uuid::from_u128(u128::from(n) + 1))
}

fn alloc(n: u8, job: u8, node: u8) -> Allocation {
    let mut alloc = testing::alloc(&key(job).id, "docker");
    alloc.id = AllocId(Uuid::from_u128(u128::from(n)));
    alloc.node_id = node_id(node);
    alloc
}

fn eval(n: u8, job: u8, status: EvalStatus) -> Evaluation {
    let id = EvalId(Uuid::from_u128(u128::from(n)));
    let mut eval =
        Evaluation::pending(id, key(job), JobType::Service, 50, Trigger::JobRegister, Timestamp(1));
    eval.status = status;
    eval
}

fn status() -> impl Strategy<Value = ClientStatus> {
    use ClientStatus::*;
    prop::sample::select(vec![Pending, Running, Complete, Failed, Lost])
}

fn command() -> impl Strategy<Value = Command> {
    let (job, node, id) = (0..EACH, 0..EACH, 0..3 * EACH);
    let evals = prop::sample::select(vec![EvalStatus::Pending, EvalStatus::Blocked, EvalStatus::Complete]);
    prop_oneof![
        (job.clone(), 1..4_u32, any::<bool>()).prop_map(|(n, count, with_eval)| {
            let mut job = testing::job(&key(n).id, "docker");
            job.groups[0].count = count;
            Command::JobRegister {
                job: job.into(),
                eval: with_eval.then(|| eval(n, n, EvalStatus::Pending)),
                enforce_index: None,
            }
        }),
        (job.clone(), any::<bool>()).prop_map(|(n, purge)| Command::JobDeregister {
            key: key(n),
            purge,
            time: Timestamp(2),
            eval: None,
        }),
        node.clone().prop_map(|n| {
            let mut node = testing::node();
            node.id = node_id(n);
            Command::NodeRegister { node, time: Timestamp(3), evals: Vec::new() }
        }),
        (node.clone(), any::<bool>()).prop_map(|(n, ready)| Command::NodeStatus {
            node_id: node_id(n),
            status: if ready { NodeStatus::Ready } else { NodeStatus::Down },
            description: String::new(),
            time: Timestamp(4),
            evals: Vec::new(),
        }),
        (id.clone(), job.clone(), evals)
            .prop_map(|(n, job, status)| Command::EvalUpdate { evals: vec![eval(n, job, status)] }),
        (id.clone(), job, node.clone()).prop_map(|(n, job, node)| Command::ApplyPlan(PlanCommit {
            places: vec![alloc(n, job, node)],
            time: Timestamp(5),
            ..PlanCommit::default()
        })),
        (id.clone(), id.clone()).prop_map(|(n, next)| Command::ApplyPlan(PlanCommit {
            stops: vec![Stop {
                alloc_id: AllocId(Uuid::from_u128(u128::from(n))),
                node_id: node_id(0),
                description: "stop".to_owned(),
                client_status: None,
                next: Some(AllocId(Uuid::from_u128(u128::from(next)))),
                follow_up_eval: None,
                preempted_by: None,
                eval_id: EvalId(Uuid::from_u128(1)),
            }],
            time: Timestamp(6),
            ..PlanCommit::default()
        })),
        (id, node, status()).prop_map(|(n, node, client_status)| Command::ClientUpdate {
            node_id: node_id(node),
            updates: vec![AllocUpdate {
                id: AllocId(Uuid::from_u128(u128::from(n))),
                client_status,
                client_description: String::new(),
                task_states: Default::default(),
                health: None,
                time: Timestamp(7),
            }],
            time: Timestamp(7),
            evals: Vec::new(),
        }),
    ]
}

/// Makes a new allocation keep its node: a plan never moves one.
fn is_sound(view: &Snapshot, command: &Command) -> bool {
    match command {
        Command::ApplyPlan(PlanCommit { places, .. }) => {
            places.iter().all(|place| view.alloc(&place.id).is_none())
        }
        Command::EvalUpdate { evals } => {
            evals.iter().all(|eval| view.eval(&eval.id).is_none_or(|known| known.job_key == eval.job_key))
        }
        Command::JobRegister { eval: Some(eval), .. } => {
            view.eval(&eval.id).is_none_or(|known| known.job_key == eval.job_key)
        }
        _ => true,
    }
}

proptest! {
    #[test]
    fn replicas_agree_and_snapshots_stand(commands in prop::collection::vec(command(), 1..60)) {
        let (one, other) = (Store::new(), Store::new());
        let mut earlier: Vec<(Snapshot, Vec<u8>)> = Vec::new();
        for (number, command) in commands.iter().enumerate() {
            let before = one.snapshot();
            if !is_sound(&before, command) {
                continue;
            }
            let index = 2 * number as u64 + 1;
            let decoded = Command::decode(&command.encode()).expect("what was written can be read");
            prop_assert_eq!(&decoded, command);
            let here = one.apply(index, command).result;
            let there = other.apply(index, &decoded).result;
            prop_assert_eq!(here, there, "an error is the same everywhere");
            prop_assert_eq!(one.snapshot(), other.snapshot());

            let after = one.snapshot();
            prop_assert_eq!(after.index(), index);
            for (before, after) in [
                (before.jobs_index(), after.jobs_index()),
                (before.nodes_index(), after.nodes_index()),
                (before.allocs_index(), after.allocs_index()),
                (before.evals_index(), after.evals_index()),
            ] {
                prop_assert!(before <= after, "indexes only grow");
            }
            for alloc in before.allocs().filter(|alloc| alloc.client_status.is_terminal()) {
                let now = after.alloc(&alloc.id).expect("it stays");
                prop_assert_eq!(now.client_status, alloc.client_status, "an end is an end");
            }
            earlier.push((before.clone(), before.encode()));
        }
        for (snapshot, bytes) in earlier {
            prop_assert_eq!(snapshot.encode(), bytes, "later commands do not show in it");
        }
        let restored = Store::new();
        restored.restore(&one.snapshot().encode()).expect("what was written can be read");
        prop_assert_eq!(restored.snapshot().encode(), one.snapshot().encode());
    }
}

#[test]
fn a_change_wakes_whom_it_concerns_and_nobody_else() {
    let store = Store::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut woken = |keys: &[WatchKey], command: &Command| {
        let mut waits: Vec<_> =
            keys.iter().map(|key| Box::pin(store.watch(std::slice::from_ref(key)).changed())).collect();
        let index = store.snapshot().index() + 1;
        store.apply(index, command).result.expect("it applies");
        waits.iter_mut().map(|wait| wait.as_mut().poll(&mut cx) == Poll::Ready(())).collect::<Vec<bool>>()
    };
    let keys =
        [WatchKey::NodeAllocs(node_id(0)), WatchKey::NodeAllocs(node_id(1)), WatchKey::Jobs, WatchKey::Any];
    let place = Command::ApplyPlan(PlanCommit {
        places: vec![alloc(1, 0, 0)],
        time: Timestamp(1),
        ..PlanCommit::default()
    });
    assert_eq!(woken(&keys, &place), [true, false, false, true]);
    let seen = Command::ClientUpdate {
        node_id: node_id(0),
        updates: vec![AllocUpdate {
            id: AllocId(Uuid::from_u128(1)),
            client_status: ClientStatus::Running,
            client_description: String::new(),
            task_states: Default::default(),
            health: None,
            time: Timestamp(2),
        }],
        time: Timestamp(2),
        evals: Vec::new(),
    };
    assert_eq!(woken(&keys, &seen), [false, false, false, true], "a client need not hear its own words");
}

#[test]
fn a_submission_that_saw_another_state_is_refused_whatever_the_order() {
    let store = Store::new();
    let register = |index: u64, count: u32, enforce_index: Option<u64>| {
        let mut job = testing::job("web", "raw_exec");
        job.groups[0].count = count;
        store.apply(index, &Command::JobRegister { job: job.into(), eval: None, enforce_index }).result
    };
    let refused = |wanted, found| {
        Err(crate::state::ApplyError::JobModifyIndex { key: JobKey::new("default", "web"), wanted, found })
    };
    assert_eq!(register(3, 1, Some(7)), refused(7, None));
    assert_eq!(register(4, 1, Some(0)), Ok(()));
    assert_eq!(register(5, 2, Some(0)), refused(0, Some(4)));
    // Two had seen index 4: the first is taken, the second is not.
    assert_eq!(register(6, 3, Some(4)), Ok(()));
    assert_eq!(register(7, 4, Some(4)), refused(4, Some(6)));
    assert_eq!(store.snapshot().job(&JobKey::new("default", "web")).unwrap().groups[0].count, 3);
    assert_eq!(register(8, 5, None), Ok(()));
}
