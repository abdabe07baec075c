//! Service mesh: all of it is kept as submitted.

use super::super::{BlockType, Holds, Kind};
use super::service::IDENTITY;
use super::task::{LOGS, RESOURCES, VOLUME_MOUNT};
use super::{
    NONE, U16, U32, any_map, api, attribute, block, duration, flag, kept, list, one, text, text_map, texts,
};

pub(super) static CONNECT: BlockType = kept(
    "connect",
    &[flag("native", "Native")],
    &[
        one("gateway", "Gateway", &GATEWAY),
        one("sidecar_service", "SidecarService", &SIDECAR_SERVICE),
        one("sidecar_task", "SidecarTask", &SIDECAR_TASK),
    ],
);

static SIDECAR_SERVICE: BlockType = kept(
    "sidecar_service",
    &[
        texts("tags", "Tags"),
        text("port", "Port"),
        flag("disable_default_tcp_check", "DisableDefaultTCPCheck"),
    ],
    &[one("proxy", "Proxy", &PROXY), text_map("meta", "Meta")],
);

static SIDECAR_TASK: BlockType = kept(
    "sidecar_task",
    &[
        text("name", "Name"),
        text("driver", "Driver"),
        text("user", "User"),
        duration("kill_timeout", "KillTimeout").or_null(),
        duration("shutdown_delay", "ShutdownDelay").or_null(),
        text("kill_signal", "KillSignal"),
    ],
    &[
        any_map("config", "Config"),
        text_map("env", "Env"),
        one("resources", "Resources", &RESOURCES),
        text_map("meta", "Meta"),
        one("logs", "LogConfig", &LOGS),
        list("volume_mount", "VolumeMounts", &VOLUME_MOUNT),
        list("identity", "Identities", &IDENTITY),
    ],
);

static PROXY: BlockType = kept(
    "proxy",
    &[
        text("local_service_address", "LocalServiceAddress"),
        attribute("local_service_port", "LocalServicePort", U16),
        api("ExposeConfig", Kind::Any),
    ],
    &[
        one("expose", "Expose", &EXPOSE),
        list("upstreams", "Upstreams", &UPSTREAM),
        one("transparent_proxy", "TransparentProxy", &TRANSPARENT_PROXY),
        any_map("config", "Config"),
    ],
);

static EXPOSE: BlockType = kept("expose", &[api("Path", Kind::Any)], &[list("path", "Paths", &EXPOSE_PATH)]);

static EXPOSE_PATH: BlockType = kept(
    "path",
    &[
        text("path", "Path"),
        text("protocol", "Protocol"),
        attribute("local_path_port", "LocalPathPort", U16),
        text("listener_port", "ListenerPort"),
    ],
    NONE,
);

static UPSTREAM: BlockType = kept(
    "upstreams",
    &[
        text("destination_name", "DestinationName"),
        text("destination_namespace", "DestinationNamespace"),
        text("destination_peer", "DestinationPeer"),
        text("destination_partition", "DestinationPartition"),
        text("destination_type", "DestinationType"),
        attribute("local_bind_port", "LocalBindPort", U16),
        text("datacenter", "Datacenter"),
        text("local_bind_address", "LocalBindAddress"),
        text("local_bind_socket_path", "LocalBindSocketPath"),
        text("local_bind_socket_mode", "LocalBindSocketMode"),
    ],
    &[one("mesh_gateway", "MeshGateway", &MESH_GATEWAY), any_map("config", "Config")],
);

static MESH_GATEWAY: BlockType = kept("mesh_gateway", &[text("mode", "Mode")], NONE);

static TRANSPARENT_PROXY: BlockType = kept(
    "transparent_proxy",
    &[
        text("uid", "UID"),
        attribute("outbound_port", "OutboundPort", U16),
        texts("exclude_inbound_ports", "ExcludeInboundPorts"),
        attribute("exclude_outbound_ports", "ExcludeOutboundPorts", Kind::Ints),
        texts("exclude_outbound_cidrs", "ExcludeOutboundCIDRs"),
        texts("exclude_uids", "ExcludeUIDs"),
        flag("no_dns", "NoDNS"),
    ],
    NONE,
);

static GATEWAY: BlockType = kept(
    "gateway",
    &[],
    &[
        one("proxy", "Proxy", &GATEWAY_PROXY),
        one("ingress", "Ingress", &INGRESS),
        one("terminating", "Terminating", &TERMINATING),
        one("mesh", "Mesh", &MESH),
    ],
);

static MESH: BlockType = kept("mesh", &[], NONE);

static GATEWAY_PROXY: BlockType = kept(
    "proxy",
    &[
        duration("connect_timeout", "ConnectTimeout").or_null(),
        flag("envoy_gateway_bind_tagged_addresses", "EnvoyGatewayBindTaggedAddresses"),
        flag("envoy_gateway_no_default_bind", "EnvoyGatewayNoDefaultBind"),
        text("envoy_dns_discovery_type", "EnvoyDNSDiscoveryType"),
    ],
    &[
        block(
            "envoy_gateway_bind_addresses",
            "EnvoyGatewayBindAddresses",
            Holds::ByLabel(&BIND_ADDRESS, "Name"),
        ),
        any_map("config", "Config"),
    ],
);

static BIND_ADDRESS: BlockType =
    kept("envoy_gateway_bind_addresses", &[text("address", "Address"), attribute("port", "Port", U16)], NONE);

static INGRESS: BlockType =
    kept("ingress", &[], &[one("tls", "TLS", &TLS), list("listener", "Listeners", &LISTENER)]);

static TLS: BlockType = kept(
    "tls",
    &[
        flag("enabled", "Enabled"),
        text("tls_min_version", "TLSMinVersion"),
        text("tls_max_version", "TLSMaxVersion"),
        texts("cipher_suites", "CipherSuites"),
    ],
    &[one("sds", "SDS", &SDS)],
);

static SDS: BlockType =
    kept("sds", &[text("cluster_name", "ClusterName"), text("cert_resource", "CertResource")], NONE);

static LISTENER: BlockType = kept(
    "listener",
    &[attribute("port", "Port", U16), text("protocol", "Protocol")],
    &[list("service", "Services", &INGRESS_SERVICE)],
);

static INGRESS_SERVICE: BlockType = kept(
    "service",
    &[
        text("name", "Name"),
        texts("hosts", "Hosts"),
        attribute("max_connections", "MaxConnections", U32).or_null(),
        attribute("max_pending_requests", "MaxPendingRequests", U32).or_null(),
        attribute("max_concurrent_requests", "MaxConcurrentRequests", U32).or_null(),
    ],
    &[
        one("tls", "TLS", &TLS),
        one("request_headers", "RequestHeaders", &HEADER_MODIFIERS),
        one("response_headers", "ResponseHeaders", &HEADER_MODIFIERS),
    ],
);

static HEADER_MODIFIERS: BlockType =
    kept("headers", &[texts("remove", "Remove")], &[text_map("add", "Add"), text_map("set", "Set")]);

static TERMINATING: BlockType = kept("terminating", &[], &[list("service", "Services", &LINKED_SERVICE)]);

static LINKED_SERVICE: BlockType = kept(
    "service",
    &[
        text("name", "Name"),
        text("ca_file", "CAFile"),
        text("cert_file", "CertFile"),
        text("key_file", "KeyFile"),
        text("sni", "SNI"),
    ],
    NONE,
);
