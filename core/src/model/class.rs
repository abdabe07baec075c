//! Computed classes: nodes alike in everything that feasibility looks at.

use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::node::Node;

/// Returns the class of a node: equal for nodes that no constraint on non-unique facts can tell apart.
///
/// Capacity does not count, facts whose name begins with `unique.` neither. Stored in blocked evaluations, so it is the
/// same on every server.
pub fn computed_class(node: &Node) -> String {
    let mut text = format!("{}\0{}\0{}", node.datacenter, node.class, node.pool);
    for (kind, facts) in [("attr", &node.attributes), ("meta", &node.meta)] {
        for (key, value) in facts.iter().filter(|(key, _)| !key.starts_with("unique.")) {
            write!(text, "\0{kind}.{key}={value}").expect("writing to a string works");
        }
    }
    for (name, driver) in &node.drivers {
        write!(text, "\0driver.{name}={}", driver.detected && driver.healthy)
            .expect("writing to a string works");
    }
    for (name, volume) in &node.host_volumes {
        write!(text, "\0volume.{name}={}", volume.read_only).expect("writing to a string works");
    }
    for device in &node.resources.devices {
        let healthy = device.instances.iter().filter(|one| one.healthy).count();
        write!(text, "\0device.{}/{}/{}={healthy}", device.vendor, device.device_type, device.name)
            .expect("writing to a string works");
        for (key, value) in &device.attributes {
            write!(text, "\0{key}={value}").expect("writing to a string works");
        }
        // Conditions may look at the ids.
        for instance in &device.instances {
            write!(text, "\0{}", instance.id).expect("writing to a string works");
        }
    }
    format!("v1:{:016x}", xxh3_64(text.as_bytes()))
}
