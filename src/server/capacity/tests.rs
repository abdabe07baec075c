//! Capacity as a table, and against a sum over all allocations.

use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::plan::Stop;
use crate::model::{
    AllocId, AllocUpdate, Allocation, ClientStatus, Eligibility, EvalId, Node, NodeStatus, Timestamp,
};
use crate::state::command::PlanCommit;
use crate::testing;

const NODES: u8 = 3;
const ALLOCS: u8 = 6;

fn node_id(n: u8) -> NodeId {
    NodeId(Uuid::from_u128(u128::from(n) + 1))
}

fn alloc_id(n: u8) -> AllocId {
    AllocId(Uuid::from_u128(u128::from(n) + 100))
}

/// Every node has a class of its own, so that classes tell nodes apart.
fn node(n: u8, memory: u32) -> Node {
    let mut node = testing::node();
    (node.id, node.name) = (node_id(n), format!("node-{n}"));
    node.class = format!("class-{n}");
    node.resources.memory_mb = memory;
    node
}

fn alloc(n: u8) -> Allocation {
    let mut alloc = testing::alloc("web", "docker");
    (alloc.id, alloc.node_id) = (alloc_id(n), node_id(n % NODES));
    alloc
}

fn command() -> impl Strategy<Value = Command> {
    let time = Timestamp(1);
    let node_at = 0..NODES;
    let alloc_at = 0..ALLOCS;
    prop_oneof![
        (node_at.clone(), 1_u32..4).prop_map(move |(n, memory)| Command::NodeRegister {
            node: node(n, memory * 1000),
            time,
            evals: Vec::new()
        }),
        (node_at.clone(), any::<bool>()).prop_map(move |(n, ready)| Command::NodeStatus {
            node_id: node_id(n),
            status: if ready { NodeStatus::Ready } else { NodeStatus::Down },
            description: String::new(),
            time,
            evals: Vec::new(),
        }),
        (node_at, any::<bool>()).prop_map(move |(n, eligible)| Command::NodeEligibility {
            node_id: node_id(n),
            eligibility: if eligible { Eligibility::Eligible } else { Eligibility::Ineligible },
            time,
            evals: Vec::new(),
        }),
        alloc_at.clone().prop_map(move |n| Command::ApplyPlan(PlanCommit {
            places: vec![alloc(n)],
            time,
            ..PlanCommit::default()
        })),
        alloc_at.clone().prop_map(move |n| Command::ApplyPlan(PlanCommit {
            stops: vec![Stop {
                alloc_id: alloc_id(n),
                node_id: node_id(n % NODES),
                description: String::new(),
                client_status: None,
                next: None,
                preempted_by: None,
                follow_up_eval: None,
                eval_id: EvalId(Uuid::from_u128(1)),
            }],
            time,
            ..PlanCommit::default()
        })),
        (alloc_at.clone(), 100_u32..400).prop_map(move |(n, memory)| {
            let mut update = alloc(n);
            Arc::make_mut(&mut update.resources).tasks.get_mut("web").unwrap().memory_mb = memory;
            Command::ApplyPlan(PlanCommit { updates: vec![update], time, ..PlanCommit::default() })
        }),
        (alloc_at, any::<bool>()).prop_map(move |(n, ends)| Command::ClientUpdate {
            node_id: node_id(n % NODES),
            updates: vec![AllocUpdate {
                id: alloc_id(n),
                client_status: if ends { ClientStatus::Complete } else { ClientStatus::Running },
                client_description: String::new(),
                task_states: Default::default(),
                health: None,
                time,
            }],
            time,
            evals: Vec::new(),
        }),
    ]
}

/// How much of a node is free for new allocations: nothing while it takes none.
fn free(view: &Snapshot, id: NodeId) -> Option<i64> {
    let node = view.node(&id).filter(|node| node.is_schedulable())?;
    let held = view.allocs_by_node(&id).filter(|alloc| !alloc.is_terminal());
    let held: u64 = held.map(|alloc: &Arc<Allocation>| alloc.resources.memory_mb()).sum();
    Some(i64::from(node.resources.memory_mb) - i64::try_from(held).unwrap())
}

proptest! {
    #[test]
    fn capacity_that_appears_is_noticed_and_nothing_else_is(
        commands in prop::collection::vec(command(), 1..60),
    ) {
        let mut view = Snapshot::default();
        for command in commands {
            let Ok(after) = view.after(&command) else { continue };
            let noticed = appeared(&view, &after, &command);
            for n in 0..NODES {
                let (was, is) = (free(&view, node_id(n)), free(&after, node_id(n)));
                let class = after.node(&node_id(n)).map(|node| computed_class(node));
                let is_noticed = class.is_some_and(|class| noticed.contains(&class));
                let grew = is.is_some() && is > was;
                // A node that is described anew may help whatever became of its memory.
                let described = matches!(&command, Command::NodeRegister { node, .. } if node.id == node_id(n))
                    && is.is_some() && was != is;
                prop_assert_eq!(is_noticed, grew || described, "node {} by {:?}: {:?} to {:?}", n, command, was, is);
            }
            view = after;
        }
    }
}
