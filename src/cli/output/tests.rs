use std::collections::BTreeMap;

use super::*;
use crate::api::wire::agent::{Member, Members, RaftConfiguration, RaftServer};
use crate::api::wire::alloc::{
    AllocatedCpu, AllocatedMemory, AllocatedResources, AllocatedSharedResources, AllocatedTaskResources,
};
use crate::api::wire::job::{JobDiff, JobStub, TaskGroupSummary};
use crate::api::wire::metric::{NodeScoreMeta, NodeVerdict};
use crate::api::wire::node::DriverInfo;
use crate::api::wire::plan::{
    DesiredUpdates, Explanation, JobPlanResponse, Move, NodeExplanation, NodePlanResponse, PlanAnnotations,
    Reason, Shortfall, WayOut,
};
use crate::api::wire::{
    AllocMetric, AllocStub, Allocation, Evaluation, GoTime, Job, JobSummary, NetworkResource, Node, NodeStub,
    Port, TaskEvent, TaskGroup, TaskState,
};
use crate::cli::golden::Golden;
use crate::model::JobStatus;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_453_888_800_000_000_000);
const ALLOC: &str = "f67a72a4-5a13-4e1f-9d35-0d1a0f4b3c21";
const ALLOC_2: &str = "a2e18ed3-90ac-47d2-9cfe-2b7c1a55a0f3";
const EVAL: &str = "3d823c52-929a-4a8b-850d-1ac4d00cf6b7";
const BLOCKED: &str = "d3d8b3e3-c1ba-4594-8cd6-868e79bb1e2b";
const NODE: &str = "e1191817-2f6d-4c1b-a3c6-5d4f0f4d9a10";
const NODE_2: &str = "954b5b89-4fb1-4b0e-8d0e-7d8a3f6d2b11";

fn ago(seconds: i64) -> i64 {
    NOW.nanos() - seconds * 1_000_000_000
}

fn job() -> Job {
    Job {
        id: "helloworld".to_owned(),
        name: "helloworld".to_owned(),
        namespace: "default".to_owned(),
        node_pool: "default".to_owned(),
        priority: 50,
        datacenters: vec!["dc1".to_owned(), "sys1".to_owned()],
        status: JobStatus::Running,
        submit_time: Timestamp(ago(3_725)),
        version: 1,
        groups: vec![TaskGroup { name: "hello".to_owned(), count: 5, ..TaskGroup::default() }],
        ..Job::default()
    }
}

fn compare(old: Option<&Job>, new: &Job) -> JobDiff {
    crate::jobspec::diff(old, Some(new), crate::jobspec::diff::Options { contextual: true })
}

/// A job of which some is changed, some new and some gone, as a plan sees it.
fn changed() -> JobDiff {
    let old = serde_json::json!({
        "ID": "helloworld", "Datacenters": ["dc1", "sys1"],
        "TaskGroups": [
            {"Name": "hello", "Count": 5, "Tasks": [
                {"Name": "log", "Driver": "docker"},
                {"Name": "web", "Driver": "docker", "Config": {"image": "hello:v1", "port_map": [{"http": 80}]},
                 "Constraints": [{"LTarget": "${node.class}", "RTarget": "docker", "Operand": "="}]},
            ]},
            {"Name": "old", "Tasks": [{"Name": "batch", "Driver": "exec"}]},
        ],
    });
    let mut new = old.clone();
    new["Priority"] = 70.into();
    new["Datacenters"] = serde_json::json!(["dc1"]);
    new["TaskGroups"][0]["Count"] = 7.into();
    new["TaskGroups"][0]["Tasks"][1]["Config"]["image"] = "hello:v2".into();
    new["TaskGroups"][0]["Tasks"][1]["Constraints"] = serde_json::Value::Null;
    new["TaskGroups"][0]["Tasks"][1]["Env"] = serde_json::json!({"TEXT": "two\nlines"});
    new["TaskGroups"][1]["Name"] = "new".into();
    let job = |value| -> Job { serde_json::from_value(value).unwrap() };
    let mut diff = compare(Some(&job(old)), &job(new));
    let counts =
        |words: &[(&str, u64)]| words.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    let updates = [
        ("hello".to_owned(), counts(&[("create", 2), ("create/destroy update", 5)])),
        ("new".to_owned(), counts(&[("create", 1)])),
        ("old".to_owned(), counts(&[("destroy", 1)])),
    ];
    crate::jobspec::diff::annotate(&mut diff, &updates.into());
    diff
}

fn metric() -> AllocMetric {
    let counts = |name: &str, count: u32| BTreeMap::from([(name.to_owned(), count)]);
    let verdict = |node_name: &str, node_id: &str, reason: &str| NodeVerdict {
        node_name: node_name.to_owned(),
        node_id: node_id.to_owned(),
        reasons: vec![reason.to_owned()],
    };
    AllocMetric {
        nodes_evaluated: 2,
        nodes_filtered: 1,
        nodes_exhausted: 1,
        nodes_available: counts("dc1", 2),
        constraint_filtered: counts("${node.class} = docker", 1),
        dimension_exhausted: counts("memory", 1),
        coalesced_failures: 2,
        node_verdicts: vec![
            verdict("farm-01-jmja", NODE, "memory: 104 MB free, 200 MB asked"),
            verdict("nomad-01", NODE_2, "${node.class} = docker: it is system"),
        ],
        ..AllocMetric::default()
    }
}

fn eval() -> Evaluation {
    Evaluation {
        id: EVAL.to_owned(),
        namespace: "default".to_owned(),
        priority: 50,
        eval_type: "service".to_owned(),
        triggered_by: "job-register".to_owned(),
        job_id: "helloworld".to_owned(),
        status: "complete".to_owned(),
        blocked_eval: BLOCKED.to_owned(),
        failed_tg_allocs: BTreeMap::from([("hello".to_owned(), metric())]),
        create_index: 10,
        modify_index: 12,
        create_time: ago(65),
        modify_time: ago(64),
        ..Evaluation::default()
    }
}

fn blocked() -> Evaluation {
    Evaluation {
        id: BLOCKED.to_owned(),
        triggered_by: "queued-allocs".to_owned(),
        status: "blocked".to_owned(),
        blocked_eval: String::new(),
        create_index: 12,
        ..eval()
    }
}

fn stub(id: &str, client_status: &str, desired_status: &str, created: i64) -> AllocStub {
    AllocStub {
        id: id.to_owned(),
        eval_id: EVAL.to_owned(),
        node_id: NODE.to_owned(),
        node_name: "farm-01-jmja".to_owned(),
        task_group: "hello".to_owned(),
        job_version: 1,
        client_status: client_status.to_owned(),
        desired_status: desired_status.to_owned(),
        create_index: u64::try_from(10_000 - created).unwrap(),
        create_time: ago(created),
        modify_time: ago(created - 5),
        ..AllocStub::default()
    }
}

fn alloc() -> Allocation {
    let port = |label: &str, value, to| Port { label: label.to_owned(), value, to, ..Port::default() };
    let network = NetworkResource {
        ip: "10.20.30.8".to_owned(),
        mbits: 10,
        dynamic_ports: vec![port("http", 25_957, 80)],
        reserved_ports: vec![port("db", 3_306, 0)],
        ..NetworkResource::default()
    };
    let task = AllocatedTaskResources {
        cpu: AllocatedCpu { cpu_shares: 100, ..AllocatedCpu::default() },
        memory: AllocatedMemory { memory_mb: 200, ..AllocatedMemory::default() },
        networks: vec![network],
        ..AllocatedTaskResources::default()
    };
    let event = |kind: &str, seconds: i64, message: &str| TaskEvent {
        event_type: kind.to_owned(),
        time: ago(seconds),
        display_message: message.to_owned(),
        ..TaskEvent::default()
    };
    let state = TaskState {
        state: "running".to_owned(),
        restarts: 1,
        started_at: GoTime(Timestamp(ago(30))),
        events: vec![
            event("Received", 60, "the client has the task"),
            event("Terminated", 45, "exit code 1"),
            event("Started", 30, "the task runs"),
        ],
        ..TaskState::default()
    };
    let score = NodeScoreMeta {
        node_id: NODE.to_owned(),
        scores: BTreeMap::from([("binpack".to_owned(), 0.25), ("job-anti-affinity".to_owned(), -0.5)]),
        norm_score: -0.125,
    };
    Allocation {
        id: ALLOC.to_owned(),
        eval_id: EVAL.to_owned(),
        name: "helloworld.hello[0]".to_owned(),
        node_id: NODE.to_owned(),
        node_name: "farm-01-jmja".to_owned(),
        job_id: "helloworld".to_owned(),
        job: Some(Arc::new(job())),
        task_group: "hello".to_owned(),
        allocated_resources: Some(AllocatedResources {
            tasks: BTreeMap::from([("hello".to_owned(), task)]),
            shared: AllocatedSharedResources { disk_mb: 300, ..AllocatedSharedResources::default() },
            ..AllocatedResources::default()
        }),
        metrics: Some(AllocMetric {
            nodes_evaluated: 8,
            score_meta_data: vec![score],
            ..AllocMetric::default()
        }),
        desired_status: "run".to_owned(),
        client_status: "running".to_owned(),
        client_description: "its tasks run".to_owned(),
        task_states: BTreeMap::from([("hello".to_owned(), state)]),
        previous_allocation: ALLOC_2.to_owned(),
        create_time: ago(61),
        modify_time: ago(30),
        ..Allocation::default()
    }
}

fn node() -> Node {
    let driver = |healthy| DriverInfo { detected: true, healthy, ..DriverInfo::default() };
    let mut node = Node {
        id: NODE.to_owned(),
        name: "farm-01-jmja".to_owned(),
        datacenter: "dc1".to_owned(),
        node_class: "docker".to_owned(),
        node_pool: "default".to_owned(),
        http_addr: "10.20.30.8:4646".to_owned(),
        attributes: BTreeMap::from([
            ("cpu.arch".to_owned(), "amd64".to_owned()),
            ("kernel.name".to_owned(), "linux".to_owned()),
        ]),
        meta: BTreeMap::from([("rack".to_owned(), "r1".to_owned())]),
        drivers: BTreeMap::from([
            ("docker".to_owned(), driver(true)),
            ("raw_exec".to_owned(), driver(false)),
        ]),
        scheduling_eligibility: "eligible".to_owned(),
        status: "ready".to_owned(),
        status_updated_at: ago(90_000) / 1_000_000_000,
        ..Node::default()
    };
    node.node_resources.cpu.cpu_shares = 2_500;
    node.node_resources.memory.memory_mb = 1_704;
    node.node_resources.disk.disk_mb = 7_493;
    node.reserved_resources.cpu.cpu_shares = 100;
    node
}

fn node_stubs() -> Vec<NodeStub> {
    let stub = |id: &str, datacenter: &str, name: &str, class: &str, status: &str| NodeStub {
        address: "10.20.30.8".to_owned(),
        id: id.to_owned(),
        datacenter: datacenter.to_owned(),
        name: name.to_owned(),
        node_class: class.to_owned(),
        node_pool: "default".to_owned(),
        version: "1.8.4".to_owned(),
        scheduling_eligibility: "eligible".to_owned(),
        status: status.to_owned(),
        ..NodeStub::default()
    };
    vec![stub(NODE, "dc1", "farm-01-jmja", "docker", "ready"), stub(NODE_2, "sys1", "nomad-01", "", "down")]
}

fn job_status(style: &Style, show: job::Show) -> String {
    let counts = TaskGroupSummary { queued: 3, running: 2, failed: 1, ..TaskGroupSummary::default() };
    let status = job::JobStatus {
        job: job(),
        summary: JobSummary {
            summary: BTreeMap::from([("hello".to_owned(), counts)]),
            ..JobSummary::default()
        },
        allocs: vec![stub(ALLOC, "running", "run", 61), stub(ALLOC_2, "failed", "stop", 7_300)],
        evals: vec![eval(), blocked()],
    };
    job::status(style, &status, show)
}

fn members() -> Members {
    let member = |name: &str, address: &str, status: &str| Member {
        name: format!("{name}.global"),
        addr: address.to_owned(),
        port: 4_647,
        status: status.to_owned(),
        tags: [
            ("rpc_addr", format!("{address}:4647")),
            ("build", "0.1.0".to_owned()),
            ("dc", "sys1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        ..Member::default()
    };
    Members {
        members: vec![member("nomad-01", "10.20.30.1", "alive"), member("nomad-02", "10.20.30.2", "failed")],
        ..Members::default()
    }
}

#[test]
fn everything_is_shown_as_kept() {
    let plain = Style { colour: false, verbose: false, now: NOW };
    let verbose = Style { verbose: true, ..plain };
    let colour = Style { colour: true, ..plain };
    let stopped = JobStub {
        id: "batch/periodic-1".to_owned(),
        namespace: "ops".to_owned(),
        job_type: "batch".to_owned(),
        priority: 70,
        status: "dead".to_owned(),
        stop: true,
        submit_time: ago(10),
        ..JobStub::default()
    };
    let running = JobStub {
        id: "helloworld".to_owned(),
        namespace: "default".to_owned(),
        priority: 50,
        job_type: "service".to_owned(),
        status: "running".to_owned(),
        submit_time: ago(3_725),
        ..JobStub::default()
    };
    let jobs = [stopped, running];
    let counts = BTreeMap::from([(NODE.to_owned(), 3)]);
    let peers = RaftConfiguration {
        servers: vec![RaftServer {
            id: "7".to_owned(),
            node: "nomad-01.global".to_owned(),
            address: "10.20.30.1:4647".to_owned(),
            leader: true,
            voter: true,
            raft_protocol: "3".to_owned(),
        }],
        ..RaftConfiguration::default()
    };
    let all = job::Show { short: false, evals: true };
    let mut golden = Golden::new();
    for (name, text) in [
        ("jobs", job::list(&plain, &jobs, false)),
        ("jobs-none", job::list(&plain, &[], false)),
        ("jobs-all-namespaces", job::list(&plain, &jobs, true)),
        ("job", job_status(&plain, job::Show::default())),
        ("job-short", job_status(&plain, job::Show { short: true, ..all })),
        ("job-evals", job_status(&plain, all)),
        ("job-verbose", job_status(&verbose, all)),
        ("job-colour", job_status(&colour, all)),
        ("job-versions", job::versions(&plain, &[job(), Job { version: 0, ..job() }], None)),
        (
            "job-versions-diffs",
            job::versions(&plain, &[job(), Job { version: 0, ..job() }], Some(&[changed()])),
        ),
        ("diff", diff::job(&plain, &changed())),
        ("diff-verbose", diff::job(&verbose, &changed())),
        ("diff-colour", diff::job(&colour, &changed())),
        ("diff-new", diff::job(&plain, &compare(None, &job()))),
        ("diff-none", diff::job(&plain, &compare(Some(&job()), &job()))),
        ("eval", eval::status(&plain, &eval(), &[stub(ALLOC, "running", "run", 61)])),
        ("evals", eval::list(&plain, &[eval(), blocked()])),
        ("alloc", alloc::status(&plain, &alloc(), false)),
        ("alloc-short", alloc::status(&plain, &alloc(), true)),
        ("alloc-verbose", alloc::status(&verbose, &alloc(), false)),
        (
            "alloc-unseen",
            alloc::status(&plain, &Allocation { id: ALLOC.to_owned(), ..Allocation::default() }, false),
        ),
        ("nodes", node::list(&plain, &node_stubs(), None)),
        ("nodes-allocs", node::list(&plain, &node_stubs(), Some(&counts))),
        ("nodes-verbose", node::list(&verbose, &node_stubs(), None)),
        ("node", node::status(&plain, &node(), &[alloc()], false)),
        ("node-verbose", node::status(&verbose, &node(), &[], true)),
        ("members", node::members(&plain, &members(), "10.20.30.1:4647")),
        ("raft-peers", node::raft_peers(&plain, &peers)),
        ("plan", plan::job(&plain, "helloworld.nomad", &job_plan(), true)),
        ("plan-nodes", plan::nodes(&plain, &node_plan())),
        ("why-verbose", plan::explanation(&verbose, &explanation())),
        (
            "failures-no-node",
            metric::explanation(
                &plain,
                &AllocMetric {
                    nodes_available: BTreeMap::from([("dc9".to_owned(), 0)]),
                    ..AllocMetric::default()
                },
            ),
        ),
    ] {
        golden.check(&format!("tests/golden/output/{name}.txt"), &(text + "\n"));
    }
    golden.finish();
}

fn explanation() -> Explanation {
    let node = |name: &str, id: &str, reasons: &[(&str, &str)]| NodeExplanation {
        node_id: id.to_owned(),
        node_name: name.to_owned(),
        fits: reasons.is_empty(),
        reasons: reasons
            .iter()
            .map(|(text, path)| Reason {
                text: (*text).to_owned(),
                path: (*path).to_owned(),
                ..Reason::default()
            })
            .collect(),
        score: reasons.is_empty().then(|| NodeScoreMeta {
            node_id: id.to_owned(),
            scores: BTreeMap::from([("binpack".to_owned(), 0.25)]),
            norm_score: 0.25,
        }),
        ..NodeExplanation::default()
    };
    let way = WayOut {
        text: "fits on farm-02 if memory <= 412 MB (it asks for 600 MB)".to_owned(),
        changes: Vec::new(),
        nodes: vec!["farm-02".to_owned()],
    };
    Explanation {
        job_id: "helloworld".to_owned(),
        namespace: "default".to_owned(),
        task_group: "hello".to_owned(),
        nodes: vec![
            node(
                "farm-01",
                NODE,
                &[
                    ("missing driver docker", "TaskGroups[0].Tasks[0].Driver"),
                    ("${node.class} = docker: it is \"system\"", "Constraints[0]"),
                ],
            ),
            node("farm-02", NODE_2, &[("memory: 412 MB free, 600 MB asked", "")]),
            node("farm-03", NODE_2, &[]),
        ],
        ways_out: vec![way],
    }
}

fn job_plan() -> JobPlanResponse {
    let mut before = job();
    before.groups[0].count = 2;
    let mut diff = crate::jobspec::diff(Some(&before), Some(&job()), Default::default());
    diff.task_groups[0].updates = BTreeMap::from([("create".to_owned(), 3), ("ignore".to_owned(), 2)]);
    let updates = DesiredUpdates { place: 3, ignore: 2, preemptions: 1, ..DesiredUpdates::default() };
    let victim = AllocStub {
        id: ALLOC.to_owned(),
        job_id: "low".to_owned(),
        task_group: "app".to_owned(),
        node_name: "farm-03".to_owned(),
        ..AllocStub::default()
    };
    JobPlanResponse {
        annotations: Some(PlanAnnotations {
            desired_tg_updates: BTreeMap::from([("hello".to_owned(), updates)]),
            preempted_allocs: vec![victim],
        }),
        failed_tg_allocs: BTreeMap::from([("hello".to_owned(), metric())]),
        job_modify_index: 42,
        diff: Some(diff),
        warnings: "the block network belongs to the group".to_owned(),
        explanations: vec![explanation()],
        ..JobPlanResponse::default()
    }
}

fn node_plan() -> NodePlanResponse {
    let moved = |id: &str, name: &str, to: &str, outcome: &str| Move {
        alloc_id: id.to_owned(),
        name: name.to_owned(),
        from: "farm-01".to_owned(),
        to: to.to_owned(),
        outcome: outcome.to_owned(),
        ..Move::default()
    };
    let mut explanation = explanation();
    explanation.nodes.truncate(2);
    NodePlanResponse {
        moves: vec![
            moved(ALLOC, "web.app[0]", "farm-02", "moves"),
            moved(ALLOC_2, "helloworld.hello[1]", "", "no place"),
            moved(ALLOC_2, "report.app[0]", "", "stays"),
        ],
        shortfalls: vec![Shortfall {
            job_id: "helloworld".to_owned(),
            task_group: "hello".to_owned(),
            wanted: 5,
            before: 5,
            after: 4,
            explanation: Some(explanation),
            ..Shortfall::default()
        }],
    }
}
