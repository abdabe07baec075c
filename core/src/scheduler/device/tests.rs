//! Requests against nodes, as tables.

use super::*;
use crate::model::{Affinity, AllocatedResources, DeviceInstance, Resources};
use crate::testing;

/// `vendor/type/name attr=value,... id id! ...`; `!` marks an instance that is not healthy.
fn kind(text: &str) -> NodeDevice {
    let mut words = text.split(' ');
    let names: Vec<&str> = words.next().unwrap().split('/').collect();
    let mut device = NodeDevice {
        vendor: names[0].to_owned(),
        device_type: names[1].to_owned(),
        name: names[2].to_owned(),
        ..NodeDevice::default()
    };
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            device.attributes.insert(key.to_owned(), value.replace('_', " "));
        } else {
            let healthy = !word.ends_with('!');
            let id = word.trim_end_matches('!').to_owned();
            device.instances.push(DeviceInstance { id, healthy, ..DeviceInstance::default() });
        }
    }
    device
}

fn node(kinds: &[&str]) -> Node {
    let mut node = testing::node();
    node.resources.devices = kinds.iter().map(|text| kind(text)).collect();
    node
}

/// `name*count left operator right; ...~weight left operator right`, conditions and wishes.
fn request(text: &str) -> DeviceRequest {
    let mut parts = text.split(';').map(str::trim);
    let head = parts.next().unwrap();
    let (name, count) =
        head.split_once('*').map_or((head, None), |(name, n)| (name, Some(n.parse().unwrap())));
    let mut request = DeviceRequest { name: name.to_owned(), count, ..DeviceRequest::default() };
    for part in parts {
        let words: Vec<&str> = part.splitn(4, ' ').collect();
        let side = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
        match part.strip_prefix('~') {
            Some(_) => request.affinities.push(Affinity {
                weight: words[0][1..].parse().unwrap(),
                left: side(1),
                operator: words[2].parse().unwrap(),
                right: side(3),
            }),
            None => {
                let words: Vec<&str> = part.splitn(3, ' ').collect();
                let right = words.get(2).copied().unwrap_or_default().to_owned();
                let (left, operator) = (words[0].to_owned(), words[1].parse().unwrap());
                request.constraints.push(Constraint { left, operator, right });
            }
        }
    }
    request
}

fn group(requests: &[&str]) -> TaskGroup {
    let mut group = testing::job("app", "docker").groups.remove(0);
    let devices = requests.iter().map(|text| request(text)).collect();
    group.tasks[0].resources = Resources { devices, ..Resources::default() };
    group
}

/// Returns what each request gets, or why not, in one line.
fn outcome(kinds: &[&str], requests: &[&str], taken: &Instances) -> String {
    match assign(&wanted(&group(requests)), &node(kinds), taken) {
        Ok(found) => {
            let devices = found.tasks.values().flatten();
            let devices: Vec<String> =
                devices.map(|device| format!("{}:{}", device.name, device.ids.join(","))).collect();
            let score = found.score.map(|score| format!(" score {score:.2}")).unwrap_or_default();
            format!("{}{score}", devices.join(" "))
        }
        Err(lacks) => lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

const GPUS: &[&str] =
    &["nvidia/gpu/1080ti memory=11_GiB a b c!", "nvidia/gpu/k80 memory=12_GiB d", "intel/fpga/f10 e"];

#[test]
fn requests_get_healthy_free_instances_or_a_reason() {
    for (requests, expected) in [
        (&["gpu"][..], "1080ti:a"),
        (&["gpu*2"], "1080ti:a,b"),
        (&["gpu*3"], "device gpu: 2 healthy, 3 asked"),
        (&["gpu", "gpu"], "1080ti:a 1080ti:b"),
        (&["gpu*2", "gpu"], "1080ti:a,b k80:d"),
        (&["gpu*2", "gpu*2"], "device gpu: 1 free, 2 asked"),
        (&["nvidia/gpu/k80"], "k80:d"),
        (&["nvidia/fpga"], "missing device nvidia/fpga"),
        (&["tpu"], "missing device tpu"),
        (&["intel/fpga", "gpu"], "f10:e 1080ti:a"),
        // The modest request does not take the only one that the other can use.
        (&["gpu", "nvidia/gpu/1080ti*2"], "k80:d 1080ti:a,b"),
        (&["gpu; ${device.attr.memory} >= 11500 MiB"], "k80:d"),
        (
            &["gpu; ${device.attr.memory} >= 24 GiB"],
            "device gpu: ${device.attr.memory} >= 24 GiB: it is \"11 GiB\" of nvidia/gpu/1080ti",
        ),
        (
            &["gpu; ${device.attr.cores} > 1"],
            "device gpu: ${device.attr.cores} > 1: nvidia/gpu/1080ti does not have it",
        ),
        // A memory has no order against a number without a unit.
        (
            &["gpu; ${device.attr.memory} > 1"],
            "device gpu: ${device.attr.memory} > 1: it is \"11 GiB\" of nvidia/gpu/1080ti",
        ),
        (&["gpu; ${device.model} regexp ^k"], "k80:d"),
        (&["gpu; ${device.vendor} = nvidia; ${device.type} = gpu; ${device.ids} set_contains d"], "k80:d"),
        (&["gpu; ${device.attr.cores} is_not_set"], "1080ti:a"),
        (&["gpu; ${device.model} != 1080ti"], "k80:d"),
        (&["gpu; ~50 ${device.attr.memory} >= 12 GiB"], "k80:d score 1.00"),
        (
            &["gpu; ~50 ${device.model} = 1080ti; ~-100 ${device.attr.memory} >= 1 GiB"],
            "1080ti:a score -0.33",
        ),
        (&["gpu; ~50 ${device.model} = none"], "1080ti:a score 0.00"),
    ] {
        assert_eq!(outcome(GPUS, requests, &Instances::default()), expected, "{requests:?}");
    }
}

#[test]
fn what_is_taken_is_not_given_again_and_comes_back() {
    let (group, node) = (group(&["gpu*2"]), node(GPUS));
    let held = assign(&wanted(&group), &node, &Instances::default()).unwrap();
    let mut resources = AllocatedResources::default();
    let devices = held.tasks.into_values().flatten().collect();
    resources
        .tasks
        .insert("app".to_owned(), crate::model::AllocatedTaskResources { devices, ..Default::default() });
    let mut taken = Instances::default();
    taken.add(&resources);
    assert_eq!(outcome(GPUS, &["gpu"], &taken), "k80:d");
    assert_eq!(outcome(GPUS, &["nvidia/gpu/1080ti"], &taken), "device nvidia/gpu/1080ti: 0 free, 1 asked");
    assert_eq!(taken.collision(), None);
    taken.add(&resources);
    assert!(taken.collision().is_some(), "two have the same");
    taken.remove(&resources);
    assert_eq!((taken.collision(), taken.is_empty()), (None, false));
    taken.remove(&resources);
    assert!(taken.is_empty());
    assert!(lacks_for_good(&group, &node).is_empty());
    assert_eq!(
        lacks_for_good(&self::group(&["gpu*2", "gpu*2"]), &node)[0].to_string(),
        "device gpu: 1 healthy, 2 asked"
    );
}
