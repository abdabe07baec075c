//! Whole cores for one task alone.
//!
//! A task with `cores` gets so many of the node's reservable cores; its CPU is what they come to. Tasks without share the
//! rest. Source: Nomad `scheduler/feasible/rank.go`, `nomad/structs/structs.go`.

use std::collections::BTreeMap;

use crate::model::{Node, Numbers, TaskGroup};

/// Returns how many whole cores a group asks for.
pub fn asked(group: &TaskGroup) -> u64 {
    group.tasks.iter().map(|task| u64::from(task.resources.cores)).sum()
}

/// Returns how many of a node's reservable cores are free.
pub fn free(node: &Node, taken: &Numbers) -> u64 {
    unused(node, taken).len() as u64
}

/// Gives each task of a group its cores, the lowest free ids first, by task name; `None` when there are too few.
pub fn assign(group: &TaskGroup, node: &Node, taken: &Numbers) -> Option<BTreeMap<String, Vec<u16>>> {
    let free = unused(node, taken);
    let mut free = free.into_iter();
    let wanting = group.tasks.iter().filter(|task| task.resources.cores > 0);
    let given = wanting.map(|task| {
        let cores: Vec<u16> = free.by_ref().take(task.resources.cores as usize).collect();
        (cores.len() == task.resources.cores as usize).then(|| (task.name.clone(), cores))
    });
    given.collect()
}

fn unused(node: &Node, taken: &Numbers) -> Vec<u16> {
    let mut free: Vec<u16> =
        node.resources.cores.iter().copied().filter(|core| !taken.contains(*core)).collect();
    free.sort_unstable();
    free.dedup();
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn cores_are_given_from_the_lowest_free() {
        let mut node = testing::node();
        node.resources.cores = vec![0, 1, 2, 3];
        node.resources.cpu_mhz = 8000;
        assert_eq!(node.resources.mhz_per_core(), 2000);
        let mut group = testing::job("app", "docker").groups.remove(0);
        let mut second = group.tasks[0].clone();
        second.name = "side".to_owned();
        group.tasks.push(second);
        for (cores, taken, expected) in [
            ([2, 1], &[][..], Some("0 1|2")),
            ([2, 1], &[1], Some("0 2|3")),
            ([2, 1], &[1, 3], None),
            ([0, 1], &[0, 1, 2], Some("|3")),
            ([0, 0], &[0, 1, 2, 3], Some("|")),
        ] {
            for (task, cores) in group.tasks.iter_mut().zip(cores) {
                task.resources.cores = cores;
            }
            let taken: Numbers = taken.iter().copied().collect();
            let text = assign(&group, &node, &taken).map(|given| {
                let of = |name: &str| {
                    given
                        .get(name)
                        .map(|cores| cores.iter().map(u16::to_string).collect::<Vec<_>>().join(" "))
                };
                format!("{}|{}", of("app").unwrap_or_default(), of("side").unwrap_or_default())
            });
            assert_eq!(text.as_deref(), expected, "{cores:?} with {taken:?} taken");
        }
    }
}
