//! The agent that was asked.

use std::collections::BTreeMap;

use axum::extract::State;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::agent::Agent;
use crate::api::query::Params;
use crate::api::reply::{Reply, json as reply_json, plain};
use crate::api::servers::ServerMember;
use crate::api::wire::agent::{AgentHealth, AgentSelf, Gauge, Member, Members, Metrics, RoleHealth};

/// The version shown to clients.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `GET /v1/agent/self`
pub async fn about(State(agent): State<Agent>, params: Params) -> Reply {
    let own = agent.info().name.clone();
    let member = match agent.server() {
        Some(server) => server.members().await.into_iter().find(|member| member.name == own),
        None => None,
    };
    let answer = AgentSelf {
        config: config(&agent),
        member: member.map(|member| to_wire(&agent, member)).unwrap_or_default(),
        stats: stats(&agent),
    };
    plain(&params, &answer)
}

fn config(agent: &Agent) -> Map<String, Value> {
    let info = agent.info();
    let value = json!({
        "Region": info.region,
        "Datacenter": info.datacenter,
        "NodeName": info.name,
        "AdvertiseAddrs": { "HTTP": info.http_address.to_string() },
        "Ports": { "HTTP": info.http_address.port() },
        "Client": { "Enabled": agent.node().is_some(), "Servers": info.servers },
        "Server": { "Enabled": agent.server().is_some() },
        "ACL": { "Enabled": false },
        "UI": { "Enabled": false, "ShowCLIHints": false },
        "Version": { "Version": VERSION, "VersionPrerelease": "", "Revision": "" },
    });
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn stats(agent: &Agent) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut stats = BTreeMap::new();
    if let Some(server) = agent.server() {
        stats = server.stats();
        let leadership = server.leadership();
        let nomad = stats.entry("nomad".to_owned()).or_default();
        nomad.insert("server".to_owned(), "true".to_owned());
        nomad.insert("leader".to_owned(), leadership.is_leader.to_string());
        nomad.insert("leader_addr".to_owned(), leadership.leader.unwrap_or_default());
        nomad.insert("known_regions".to_owned(), "1".to_owned());
    }
    if let Some(node) = agent.node() {
        let client = stats.entry("client".to_owned()).or_default();
        client.extend(node.stats());
        client.insert("node_id".to_owned(), node.node_id().to_string());
        client.insert("known_servers".to_owned(), node.known_servers().join(","));
    }
    let runtime = stats.entry("runtime".to_owned()).or_default();
    runtime.insert("arch".to_owned(), std::env::consts::ARCH.to_owned());
    runtime.insert("kernel.name".to_owned(), std::env::consts::OS.to_owned());
    runtime.insert("version".to_owned(), format!("pasture {VERSION}"));
    stats
}

/// `GET /v1/agent/health`: status 500 when a role is not well
pub async fn health(State(agent): State<Agent>, params: Params) -> Reply {
    let ok = || RoleHealth { ok: true, message: "ok".to_owned() };
    let bad = |message: &str| RoleHealth { ok: false, message: message.to_owned() };
    let server = agent.server().map(|_| if agent.knows_leader() { ok() } else { bad("No cluster leader") });
    let client =
        agent.node().map(|_| if agent.known_servers().is_empty() { bad("no known servers") } else { ok() });
    // A role can be asked for by `type`; what is not there is not well.
    let (wanted, absent) = (params.text("type"), || Some(bad("not enabled on this agent")));
    let answer = match wanted {
        "server" => AgentHealth { server: server.or_else(absent), client: None },
        "client" => AgentHealth { client: client.or_else(absent), server: None },
        _ => AgentHealth { client, server },
    };
    let is_well = [&answer.client, &answer.server].into_iter().flatten().all(|role| role.ok);
    let status = if is_well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    reply_json(status, &params, &answer)
}

/// `GET /v1/agent/members`
pub async fn members(State(agent): State<Agent>, params: Params) -> Reply {
    let members = agent.servers()?.members().await;
    let info = agent.info();
    let answer = Members {
        server_name: info.name.clone(),
        server_region: info.region.clone(),
        server_dc: info.datacenter.clone(),
        members: members.into_iter().map(|member| to_wire(&agent, member)).collect(),
    };
    plain(&params, &answer)
}

fn to_wire(agent: &Agent, from: ServerMember) -> Member {
    let (host, port) = from.rpc_address.rsplit_once(':').unwrap_or((&from.rpc_address, ""));
    let tags = [
        ("role", "nomad".to_owned()),
        ("region", agent.info().region.clone()),
        ("dc", agent.info().datacenter.clone()),
        ("build", VERSION.to_owned()),
        ("id", from.id.to_string()),
        ("port", port.to_owned()),
        ("raft_vsn", "3".to_owned()),
        ("rpc_addr", from.rpc_address.clone()),
        ("http_addr", from.http_address.clone()),
    ];
    Member {
        name: format!("{}.{}", from.name, agent.info().region),
        addr: host.trim_matches(['[', ']']).to_owned(),
        port: port.parse().unwrap_or(0),
        tags: tags.map(|(name, value)| (name.to_owned(), value)).into(),
        status: if from.is_alive { "alive" } else { "failed" }.to_owned(),
        protocol_min: 1,
        protocol_max: 5,
        protocol_cur: 2,
        delegate_min: 2,
        delegate_max: 5,
        delegate_cur: 4,
    }
}

/// `GET /v1/agent/servers`: the RPC addresses this agent would ask
pub async fn servers(State(agent): State<Agent>, params: Params) -> Reply {
    plain(&params, &agent.known_servers())
}

/// `GET /v1/metrics`: what is counted anyway
pub async fn metrics(State(agent): State<Agent>, params: Params) -> Reply {
    let mut gauges = Vec::new();
    let mut gauge = |name: String, value: f64| {
        let labels = BTreeMap::from([("host".to_owned(), agent.info().name.clone())]);
        gauges.push(Gauge { name, value, labels });
    };
    if let Some(server) = agent.server() {
        let snapshot = server.store().snapshot();
        #[expect(clippy::cast_precision_loss, reason = "a metric is read by people and graphs")]
        for (name, value) in [
            ("nomad.state.latest_index", snapshot.index()),
            ("nomad.state.jobs", snapshot.jobs().count() as u64),
            ("nomad.state.nodes", snapshot.nodes().count() as u64),
            ("nomad.state.allocs", snapshot.allocs().count() as u64),
            ("nomad.state.evals", snapshot.evals().count() as u64),
        ] {
            gauge(name.to_owned(), value as f64);
        }
    }
    for (part, values) in stats(&agent) {
        for (name, value) in values {
            if let Ok(value) = value.parse::<f64>() {
                gauge(format!("nomad.{part}.{name}"), value);
            }
        }
    }
    plain(&params, &Metrics { timestamp: agent.env().now().to_string(), gauges, ..Metrics::default() })
}
