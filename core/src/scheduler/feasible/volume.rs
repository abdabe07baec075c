//! Whether a node has the host volumes that a group asks for.
//!
//! A volume that is only read may be used by everybody; to write it, it must be writable. With `per_alloc` each instance
//! has a source of its own, `source[3]` for the instance with index 3. Source: Nomad `scheduler/feasible/feasible.go`,
//! `HostVolumeChecker`.
//!
//! # Caveats
//! - A node is looked at for a group, not for one of its instances. So with `per_alloc` it needs the sources of all
//!   instances: no instance lands where its source is not, but nodes with one source each are of no use.

use super::Reason;
use crate::model::{Node, TaskGroup, VolumeRequest};

/// The key of a node without the volumes.
const KEY: &str = "missing compatible host volumes";

/// Tells whether a group asks for volumes.
pub fn wants_volumes(group: &TaskGroup) -> bool {
    !group.volumes.is_empty()
}

/// Returns a reason for each volume that an instance of the group could not use.
pub fn check(group: &TaskGroup, node: &Node) -> Vec<Reason> {
    problems(group, node).into_iter().map(|(_, problem)| reason(problem)).collect()
}

/// Returns the same with the group's name for each volume.
pub fn problems(group: &TaskGroup, node: &Node) -> Vec<(String, String)> {
    let problems = group.volumes.iter().filter_map(|(name, volume)| {
        let problem = match volume.per_alloc {
            false => problem(node, volume, &volume.source),
            true => (0..group.count).find_map(|index| problem(node, volume, &source_of(volume, index))),
        };
        problem.map(|problem| (name.clone(), problem))
    });
    problems.collect()
}

fn reason(detail: String) -> Reason {
    Reason { key: KEY.to_owned(), detail }
}

fn source_of(volume: &VolumeRequest, index: u32) -> String {
    format!("{}[{index}]", volume.source)
}

fn problem(node: &Node, volume: &VolumeRequest, source: &str) -> Option<String> {
    if volume.volume_type == "csi" {
        return Some(format!("volume {}: CSI volumes are not supported", volume.name));
    }
    match node.host_volumes.get(source) {
        None => Some(format!("volume {}: the node has no host volume {source:?}", volume.name)),
        Some(offered) if offered.read_only && !volume.read_only => {
            Some(format!("volume {}: host volume {source:?} can only be read", volume.name))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostVolume;
    use crate::testing;

    #[test]
    fn volumes_are_there_and_writable_where_they_must_be() {
        let mut node = testing::node();
        for (name, read_only) in
            [("data", false), ("certs", true), ("shard[1]", false), ("both[0]", false), ("both[1]", false)]
        {
            node.host_volumes.insert(name.to_owned(), HostVolume { path: "/srv".to_owned(), read_only });
        }
        let cases: &[(&str, bool, bool, &str)] = &[
            ("data", false, false, ""),
            ("data", true, false, ""),
            ("certs", true, false, ""),
            ("certs", false, false, "volume v: host volume \"certs\" can only be read"),
            ("logs", false, false, "volume v: the node has no host volume \"logs\""),
            ("both", false, true, ""),
            ("shard", false, true, "volume v: the node has no host volume \"shard[0]\""),
            ("data", false, true, "volume v: the node has no host volume \"data[0]\""),
        ];
        for (source, read_only, per_alloc, expected) in cases {
            let mut group = testing::job("app", "docker").groups.remove(0);
            group.count = 2;
            let volume = VolumeRequest {
                name: "v".to_owned(),
                volume_type: "host".to_owned(),
                source: (*source).to_owned(),
                read_only: *read_only,
                per_alloc: *per_alloc,
                ..VolumeRequest::default()
            };
            group.volumes.insert("v".to_owned(), volume);
            let said = |reasons: Vec<Reason>| reasons.into_iter().map(|one| one.detail).collect::<String>();
            assert_eq!(said(check(&group, &node)), *expected, "{source} {read_only} {per_alloc}");
        }
    }
}
