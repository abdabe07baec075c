//! `unique.network.ip-address`, and the node's network.

use super::{Facts, Fingerprint, Machine};
use crate::env::net::Interface;
use crate::model;

/// Megabits a second where the system does not say. Source: Nomad `client/fingerprint/network.go`.
const MBITS_DEFAULT: u32 = 1_000;

/// The address and bandwidth that tasks get: of the configured interface, or of the first that is not loopback.
pub struct Network;

impl Fingerprint for Network {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let all = machine.env.net.interfaces();
        let Some(interface) = choose(&all, &machine.config.network_interface) else {
            if !machine.config.network_interface.is_empty() {
                let name = &machine.config.network_interface;
                tracing::warn!(interface = %name, "this machine has no such network interface; tasks get no ports");
            }
            return;
        };
        let mbits = match machine.config.network_mbits {
            0 => speed(machine, &interface.name).unwrap_or(MBITS_DEFAULT),
            configured => configured,
        };
        let bits = if interface.address.is_ipv4() { 32 } else { 128 };
        facts.set("unique.network.ip-address", interface.address);
        facts.resources.networks = vec![model::Network {
            mode: "host".to_owned(),
            device: interface.name.clone(),
            cidr: format!("{}/{bits}", interface.address),
            ip: Some(interface.address),
            mbits,
            ..model::Network::default()
        }];
    }
}

/// Chooses by name, or the first that is not loopback; IPv4 before IPv6, loopback where there is nothing else.
fn choose<'a>(all: &'a [Interface], name: &str) -> Option<&'a Interface> {
    let named: Vec<&Interface> =
        all.iter().filter(|interface| name.is_empty() || interface.name == name).collect();
    named.into_iter().min_by_key(|interface| (interface.is_loopback, interface.address.is_ipv6()))
}

fn speed(machine: &Machine<'_>, device: &str) -> Option<u32> {
    let mbits: i64 = machine.system_file(&format!("/sys/class/net/{device}/speed"))?.parse().ok()?;
    // Virtual interfaces say -1.
    u32::try_from(mbits).ok().filter(|mbits| *mbits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_what_tasks_can_be_reached_at() {
        let interface = |name: &str, address: &str| Interface {
            name: name.to_owned(),
            address: address.parse().unwrap(),
            prefix_len: 24,
            is_loopback: name == "lo",
        };
        let all = [
            interface("eth0", "fe80::1"),
            interface("eth0", "10.0.0.5"),
            interface("eth1", "10.1.0.5"),
            interface("lo", "127.0.0.1"),
        ];
        let chosen =
            |all: &[Interface], name| choose(all, name).map(|interface| interface.address.to_string());
        assert_eq!(chosen(&all, "").as_deref(), Some("10.0.0.5"));
        assert_eq!(chosen(&all, "eth1").as_deref(), Some("10.1.0.5"));
        assert_eq!(chosen(&all, "lo").as_deref(), Some("127.0.0.1"));
        assert_eq!(chosen(&all, "eth7"), None);
        assert_eq!(chosen(&all[3..], "").as_deref(), Some("127.0.0.1"));
        assert_eq!(chosen(&[], ""), None);
    }
}
