//! Nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::resources::networks;
use crate::api::wire::Resources;
use crate::api::wire::node::{
    DriverInfo, Node, NodeCpu, NodeDisk, NodeMemory, NodeNetwork, NodeNetworkAddress, NodeReservedNetworks,
    NodeReservedResources, NodeResources, NodeStub,
};
use crate::model;

/// The ports a scheduler picks from. Source: Nomad `nomad/structs/network.go`.
const DYNAMIC_PORTS: (u16, u16) = (20_000, 32_000);

/// A node in full. `computed_class` is the scheduler's name for nodes like it.
pub fn node(from: &model::Node, computed_class: String) -> Node {
    Node {
        id: from.id.to_string(),
        name: from.name.clone(),
        datacenter: from.datacenter.clone(),
        node_class: from.class.clone(),
        node_pool: from.pool.clone(),
        http_addr: from.http_addr.clone(),
        attributes: from.attributes.clone(),
        meta: from.meta.clone(),
        resources: Some(offered_2016(from)),
        reserved: Some(reserved_2016(from)),
        node_resources: offered(from),
        reserved_resources: reserved(from),
        drivers: drivers(from),
        computed_class,
        scheduling_eligibility: from.eligibility.as_str().to_owned(),
        status: from.status.as_str().to_owned(),
        status_description: from.status_description.clone(),
        status_updated_at: from.status_updated_at.nanos() / 1_000_000_000,
        create_index: from.create_index,
        modify_index: from.modify_index,
        ..Node::default()
    }
}

/// A node in a list, with the operating system and the resources if they were asked for.
pub fn stub(from: &model::Node, with_os: bool, with_resources: bool) -> NodeStub {
    let attributes = from.attributes.iter().filter(|(name, _)| with_os && *name == "os.name");
    NodeStub {
        address: address(from),
        id: from.id.to_string(),
        attributes: attributes.map(|(name, value)| (name.clone(), value.clone())).collect(),
        datacenter: from.datacenter.clone(),
        name: from.name.clone(),
        node_class: from.class.clone(),
        node_pool: from.pool.clone(),
        version: from.attributes.get("nomad.version").cloned().unwrap_or_default(),
        scheduling_eligibility: from.eligibility.as_str().to_owned(),
        status: from.status.as_str().to_owned(),
        status_description: from.status_description.clone(),
        drivers: drivers(from),
        node_resources: with_resources.then(|| offered(from)),
        reserved_resources: with_resources.then(|| reserved(from)),
        create_index: from.create_index,
        modify_index: from.modify_index,
        ..NodeStub::default()
    }
}

/// Returns the host of the node's HTTP address, or its first network address.
fn address(from: &model::Node) -> String {
    match from.http_addr.rsplit_once(':') {
        Some((host, _)) => host.to_owned(),
        None => from
            .resources
            .networks
            .iter()
            .find_map(|network| network.ip)
            .map(|ip| ip.to_string())
            .unwrap_or_default(),
    }
}

fn offered_2016(from: &model::Node) -> Resources {
    Resources {
        cpu: from.resources.cpu_mhz.into(),
        memory_mb: from.resources.memory_mb.into(),
        disk_mb: from.resources.disk_mb.into(),
        networks: networks(&from.resources.networks),
        ..Resources::default()
    }
}

fn reserved_2016(from: &model::Node) -> Resources {
    Resources {
        cpu: from.reserved.cpu_mhz.into(),
        memory_mb: from.reserved.memory_mb.into(),
        disk_mb: from.reserved.disk_mb.into(),
        ..Resources::default()
    }
}

fn offered(from: &model::Node) -> NodeResources {
    NodeResources {
        cpu: NodeCpu { cpu_shares: from.resources.cpu_mhz.into() },
        memory: NodeMemory { memory_mb: from.resources.memory_mb.into() },
        disk: NodeDisk { disk_mb: from.resources.disk_mb.into() },
        networks: networks(&from.resources.networks),
        node_networks: from.resources.networks.iter().map(|network| node_network(network, from)).collect(),
        min_dynamic_port: DYNAMIC_PORTS.0,
        max_dynamic_port: DYNAMIC_PORTS.1,
        ..NodeResources::default()
    }
}

fn node_network(network: &model::Network, from: &model::Node) -> NodeNetwork {
    let address = |ip: IpAddr| NodeNetworkAddress {
        family: if ip.is_ipv4() { "ipv4" } else { "ipv6" }.to_owned(),
        alias: "default".to_owned(),
        address: ip.to_string(),
        reserved_ports: port_list(&from.reserved.ports),
        gateway: String::new(),
    };
    NodeNetwork {
        mode: "host".to_owned(),
        device: network.device.clone(),
        speed: network.mbits.into(),
        addresses: network.ip.map(address).into_iter().collect(),
        ..NodeNetwork::default()
    }
}

fn reserved(from: &model::Node) -> NodeReservedResources {
    NodeReservedResources {
        cpu: NodeCpu { cpu_shares: from.reserved.cpu_mhz.into() },
        memory: NodeMemory { memory_mb: from.reserved.memory_mb.into() },
        disk: NodeDisk { disk_mb: from.reserved.disk_mb.into() },
        networks: NodeReservedNetworks { reserved_host_ports: port_list(&from.reserved.ports) },
    }
}

fn drivers(from: &model::Node) -> BTreeMap<String, DriverInfo> {
    let one = |driver: &model::DriverInfo| DriverInfo {
        attributes: driver.attributes.clone(),
        detected: driver.detected,
        healthy: driver.healthy,
        health_description: driver.description.clone(),
        ..DriverInfo::default()
    };
    from.drivers.iter().map(|(name, driver)| (name.clone(), one(driver))).collect()
}

fn port_list(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}
