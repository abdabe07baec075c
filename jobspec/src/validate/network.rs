//! Ports: labels and numbers that clash.

use std::collections::{BTreeMap, BTreeSet};

use pasture_core::model::{Network, Port, TaskGroup};

use super::Check;

impl Check {
    /// Port labels are unique in a group, since all its tasks share the node; so are the numbers asked for.
    pub(super) fn ports(&mut self, path: &str, group: &TaskGroup) {
        let mut networks: Vec<(String, &Network)> = Vec::new();
        for (index, network) in group.networks.iter().enumerate() {
            networks.push((format!("{path}.Networks[{index}]"), network));
        }
        for (task_index, task) in group.tasks.iter().enumerate() {
            for (index, network) in task.resources.networks.iter().enumerate() {
                networks.push((format!("{path}.Tasks[{task_index}].Resources.Networks[{index}]"), network));
            }
        }
        let mut labels = BTreeSet::new();
        let mut numbers: BTreeMap<(u16, &str), &str> = BTreeMap::new();
        for (path, network) in &networks {
            for (field, ports) in
                [("ReservedPorts", &network.reserved_ports), ("DynamicPorts", &network.dynamic_ports)]
            {
                for (index, port) in ports.iter().enumerate() {
                    self.port(&format!("{path}.{field}[{index}]"), port, &mut labels);
                }
            }
            for (index, port) in network.reserved_ports.iter().enumerate() {
                if port.value == 0 || port.ignore_collision {
                    continue;
                }
                if let Some(first) = numbers.insert((port.value, &port.host_network), &port.label) {
                    let message = format!(
                        "ports {first:?} and {:?} both ask for number {} on the same node",
                        port.label, port.value
                    );
                    self.problem(format!("{path}.ReservedPorts[{index}]"), message);
                }
            }
        }
    }

    fn port<'a>(&mut self, path: &str, port: &'a Port, labels: &mut BTreeSet<&'a str>) {
        let label = port.label.as_str();
        if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            self.problem(path, format!("port {label:?} may have letters, digits, _ and - only"));
        }
        if !labels.insert(label) {
            self.problem(path, format!("port {label:?} is declared twice in its group"));
        }
        if port.ignore_collision && port.value == 0 {
            self.problem(
                path,
                format!("port {label:?} ignores collisions, which only one with a number can have"),
            );
        }
    }
}
