//! Quantities.

use crate::api::wire::{NetworkResource, Port, Resources};
use crate::model;

/// What one task holds.
pub fn resources(from: &model::AllocatedTaskResources) -> Resources {
    Resources {
        cpu: from.cpu_mhz.into(),
        cores: i64::try_from(from.reserved_cores.len()).unwrap_or(i64::MAX),
        memory_mb: from.memory_mb.into(),
        memory_max_mb: from.memory_max_mb.into(),
        disk_mb: from.disk_mb.into(),
        networks: networks(&from.networks),
        ..Resources::default()
    }
}

/// Networks asked for, offered or assigned.
pub fn networks(from: &[model::Network]) -> Vec<NetworkResource> {
    from.iter().map(network).collect()
}

fn network(from: &model::Network) -> NetworkResource {
    NetworkResource {
        mode: from.mode.clone(),
        device: from.device.clone(),
        cidr: from.cidr.clone(),
        ip: from.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        mbits: from.mbits.into(),
        reserved_ports: from.reserved_ports.iter().map(port).collect(),
        dynamic_ports: from.dynamic_ports.iter().map(port).collect(),
        ..NetworkResource::default()
    }
}

fn port(from: &model::Port) -> Port {
    Port { label: from.label.clone(), value: from.value, to: from.to, host_network: "default".to_owned() }
}
