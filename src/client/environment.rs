//! The environment of a task: who and where it is, what it may use, which ports are its own.
//!
//! Names and meaning as in Nomad. Characters that no shell allows in a variable become `_`. What the job sets wins over
//! what is derived here.

use std::collections::BTreeMap;

use super::dir::TaskDir;
use super::interpolate::Interpolator;
use crate::model::{Allocation, Network, Node, Task, TaskGroup};

/// One port an allocation holds on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedPort {
    /// The name tasks know it by.
    pub label: String,
    /// The node's address it belongs to; empty when the node has none.
    pub ip: String,
    /// Its number on the node.
    pub value: u16,
    /// Its number inside of the task: `to` of the job, or the same as `value`.
    pub to: u16,
    /// Whether the job said `to`.
    pub is_mapped: bool,
}

/// Returns the ports a task can use: those of its group and its own, by label.
pub fn ports(alloc: &Allocation, task: &str) -> BTreeMap<String, AssignedPort> {
    let own = alloc.resources.tasks.get(task).into_iter().flat_map(|task| &task.networks);
    let assigned = |network: &Network| {
        let ip = network.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let ports: Vec<_> = network.reserved_ports.iter().chain(&network.dynamic_ports).cloned().collect();
        ports.into_iter().map(move |port| AssignedPort {
            label: port.label,
            ip: ip.clone(),
            value: port.value,
            to: if port.to == 0 { port.value } else { port.to },
            is_mapped: port.to != 0,
        })
    };
    let all = alloc.resources.shared_networks.iter().chain(own).flat_map(assigned);
    all.map(|port| (port.label.clone(), port)).collect()
}

/// Where a task sees its folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderView {
    /// Where they are on the node.
    Node,
    /// At the root of a file system of its own: `/alloc`, `/local`, `/secrets`.
    Isolated,
}

/// A task's variables, and the names that its configuration may use.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The variables, complete.
    pub variables: BTreeMap<String, String>,
    /// These and what is known of the node.
    pub names: Interpolator,
}

impl Environment {
    /// Builds the environment of one task of an allocation.
    pub fn new(
        node: &Node,
        alloc: &Allocation,
        group: &TaskGroup,
        task: &Task,
        dir: &TaskDir,
        view: FolderView,
    ) -> Self {
        let mut variables = identity(node, alloc, task);
        folders(&mut variables, dir, view);
        for port in ports(alloc, &task.name).values() {
            add_port(&mut variables, port);
        }
        // The narrower level wins.
        for (name, value) in alloc.job.meta.iter().chain(&group.meta).chain(&task.meta) {
            variables.insert(clean(&format!("NOMAD_META_{name}")), value.clone());
            variables.insert(clean(&format!("NOMAD_META_{}", name.to_uppercase())), value.clone());
        }
        let mut names = Interpolator::for_node(node);
        names.add_variables(&variables);
        let own: BTreeMap<String, String> =
            task.env.iter().map(|(name, value)| (name.clone(), names.text(value))).collect();
        names.add_variables(&own);
        variables.extend(own);
        Self { variables, names }
    }
}

fn identity(node: &Node, alloc: &Allocation, task: &Task) -> BTreeMap<String, String> {
    let held = alloc.resources.tasks.get(&task.name);
    let (cpu_mhz, memory_mb) = held
        .map_or((task.resources.cpu_mhz, task.resources.memory_mb), |held| (held.cpu_mhz, held.memory_mb));
    let index = alloc.index().map(|index| index.to_string()).unwrap_or_default();
    let own = [
        ("NOMAD_ALLOC_ID", alloc.id.to_string()),
        ("NOMAD_SHORT_ALLOC_ID", alloc.id.short()),
        ("NOMAD_ALLOC_NAME", alloc.name.clone()),
        ("NOMAD_ALLOC_INDEX", index),
        ("NOMAD_TASK_NAME", task.name.clone()),
        ("NOMAD_GROUP_NAME", alloc.group.clone()),
        ("NOMAD_JOB_ID", alloc.job.id.clone()),
        ("NOMAD_JOB_NAME", alloc.job.name.clone()),
        ("NOMAD_NAMESPACE", alloc.job.namespace.clone()),
        ("NOMAD_DC", node.datacenter.clone()),
        ("NOMAD_REGION", alloc.job.region.clone()),
        ("NOMAD_CPU_LIMIT", cpu_mhz.to_string()),
        ("NOMAD_MEMORY_LIMIT", memory_mb.to_string()),
    ];
    own.map(|(name, value)| (name.to_owned(), value)).into()
}

fn folders(variables: &mut BTreeMap<String, String>, dir: &TaskDir, view: FolderView) {
    let on_node = [
        ("NOMAD_ALLOC_DIR", dir.shared(), "/alloc"),
        ("NOMAD_TASK_DIR", dir.local(), "/local"),
        ("NOMAD_SECRETS_DIR", dir.secrets(), "/secrets"),
    ];
    for (name, path, isolated) in on_node {
        let value = match view {
            FolderView::Node => path.display().to_string(),
            FolderView::Isolated => isolated.to_owned(),
        };
        variables.insert(name.to_owned(), value);
    }
}

fn add_port(variables: &mut BTreeMap<String, String>, port: &AssignedPort) {
    let address = |number: u16| {
        if port.ip.contains(':') {
            format!("[{}]:{number}", port.ip)
        } else {
            format!("{}:{number}", port.ip)
        }
    };
    let own = [
        ("NOMAD_IP", port.ip.clone()),
        ("NOMAD_PORT", port.to.to_string()),
        ("NOMAD_ADDR", address(port.value)),
        ("NOMAD_HOST_IP", port.ip.clone()),
        ("NOMAD_HOST_PORT", port.value.to_string()),
        ("NOMAD_HOST_ADDR", address(port.value)),
    ];
    variables.extend(own.map(|(name, value)| (clean(&format!("{name}_{}", port.label)), value)));
}

/// Replaces what no shell takes in the name of a variable.
pub fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::dir::AllocDirs;
    use crate::model::Port;
    use crate::testing;

    fn environment(view: FolderView) -> (Environment, Allocation) {
        let node = testing::node();
        let mut alloc = testing::alloc("web", "raw_exec");
        let mut job = (*alloc.job).clone();
        job.meta = [("owner".to_owned(), "job".to_owned()), ("a-b".to_owned(), "job".to_owned())].into();
        job.groups[0].tasks[0].meta = [("owner".to_owned(), "task".to_owned())].into();
        job.groups[0].tasks[0].env = [
            ("WHERE".to_owned(), "${node.datacenter}:$NOMAD_PORT_http".to_owned()),
            ("NOMAD_DC".to_owned(), "mine".to_owned()),
        ]
        .into();
        alloc.job = job.into();
        let network = |label: &str, value, to| Network {
            ip: Some("10.0.0.5".parse().unwrap()),
            dynamic_ports: vec![Port { label: label.to_owned(), value, to, ..Port::default() }],
            ..Network::default()
        };
        let held = Arc::make_mut(&mut alloc.resources);
        held.shared_networks = vec![network("db-main", 23456, 5432)];
        held.tasks.get_mut("web").unwrap().networks = vec![network("http", 20080, 0)];
        let dir = AllocDirs::new("/data".as_ref()).alloc(alloc.id).task("web").unwrap();
        let group = &alloc.job.groups[0];
        (Environment::new(&node, &alloc, group, &group.tasks[0], &dir, view), alloc)
    }

    #[test]
    fn variables_are_nomads() {
        let (environment, alloc) = environment(FolderView::Node);
        let expected = [
            ("NOMAD_ALLOC_NAME", "web.web[0]"),
            ("NOMAD_ALLOC_INDEX", "0"),
            ("NOMAD_TASK_NAME", "web"),
            ("NOMAD_GROUP_NAME", "web"),
            ("NOMAD_JOB_ID", "web"),
            ("NOMAD_REGION", "global"),
            ("NOMAD_CPU_LIMIT", "100"),
            ("NOMAD_MEMORY_LIMIT", "300"),
            ("NOMAD_IP_http", "10.0.0.5"),
            ("NOMAD_PORT_http", "20080"),
            ("NOMAD_ADDR_http", "10.0.0.5:20080"),
            ("NOMAD_PORT_db_main", "5432"),
            ("NOMAD_HOST_PORT_db_main", "23456"),
            ("NOMAD_HOST_ADDR_db_main", "10.0.0.5:23456"),
            ("NOMAD_META_OWNER", "task"),
            ("NOMAD_META_owner", "task"),
            ("NOMAD_META_a_b", "job"),
            ("WHERE", "dc1:20080"),
            ("NOMAD_DC", "mine"),
        ];
        for (name, value) in expected {
            assert_eq!(environment.variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(environment.variables["NOMAD_ALLOC_DIR"], format!("/data/alloc/{}/alloc", alloc.id));
        assert_eq!(environment.names.text("$node.name ${WHERE}"), "node-1 dc1:20080");
    }

    #[test]
    fn an_isolated_task_sees_its_folders_at_the_root() {
        let (environment, _) = environment(FolderView::Isolated);
        assert_eq!(environment.variables["NOMAD_TASK_DIR"], "/local");
        assert_eq!(environment.variables["NOMAD_SECRETS_DIR"], "/secrets");
    }
}
