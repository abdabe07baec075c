//! A client on this machine against servers that say what the test wants.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::watch;

use super::driver::raw_exec::RawExec;
use super::{Client, ClientConfig};
use crate::env::spawn::AbortOnDrop;
use crate::env::{Env, real};
use crate::model::{AllocId, Allocation, ClientStatus, DesiredStatus, NodeStatus, TaskRunState};
use crate::rpc::messages::{
    AllocUpdate, Heartbeat, HeartbeatReply, IndexReply, Message, NodeAllocs, NodeAllocsReply, RegisterNode,
    UpdateAllocs,
};
use crate::rpc::{self, RpcError, decode, encode};
use crate::testing;

const SOON: Duration = Duration::from_secs(20);

/// What a cluster of one server knows, settable by the test.
#[derive(Clone, Default)]
struct Cluster {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct State {
    index: u64,
    allocs: BTreeMap<AllocId, Allocation>,
    updates: BTreeMap<AllocId, AllocUpdate>,
    registrations: u32,
    heartbeats: u32,
    said_goodbye: bool,
    /// Answer nothing but this.
    refusal: Option<RpcError>,
    /// Where clients are sent to; the server itself when empty.
    servers: Vec<String>,
}

impl Cluster {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.state.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        value
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    /// Tells the client what shall become of an allocation.
    fn put(&self, mut alloc: Allocation) {
        self.change(|state| {
            state.index += 1;
            alloc.alloc_modify_index = state.index;
            state.allocs.insert(alloc.id, alloc);
        });
    }

    /// Waits until the state is as wanted.
    async fn until(&self, what: &str, mut is_so: impl FnMut(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !self.look(&mut is_so) {
                changed.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(SOON, wait).await;
        assert!(waited.is_ok(), "never {what}; last seen {:?}", self.look(|state| state.updates.clone()));
    }

    async fn until_status(&self, id: AllocId, status: ClientStatus) -> AllocUpdate {
        let is_so =
            |state: &State| state.updates.get(&id).is_some_and(|update| update.client_status == status);
        self.until(status.as_str(), is_so).await;
        self.look(|state| state.updates[&id].clone())
    }

    /// Serves on a free port of this machine.
    async fn serve(&self, env: &Env) -> (String, AbortOnDrop) {
        let listener = env.net.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().to_string();
        let serving = rpc::serve(env.clone(), listener, Arc::new(self.clone()));
        (address, env.spawn("fake-server", serving).abort_on_drop())
    }

    fn heartbeat_reply(&self) -> HeartbeatReply {
        let servers = self.look(|state| state.servers.clone());
        HeartbeatReply { ttl: Duration::from_millis(400), index: 1, servers }
    }
}

impl rpc::Service for Cluster {
    fn call(
        &self,
        method: String,
        body: Bytes,
        _: SocketAddr,
    ) -> BoxFuture<'static, Result<Vec<u8>, RpcError>> {
        let cluster = self.clone();
        Box::pin(async move {
            if let Some(refusal) = cluster.look(|state| state.refusal.clone()) {
                return Err(refusal);
            }
            match method.as_str() {
                RegisterNode::METHOD => {
                    let request: RegisterNode = decode(&body)?;
                    assert!(request.node.has_driver("raw_exec"));
                    cluster.change(|state| state.registrations += 1);
                    encode(&cluster.heartbeat_reply())
                }
                Heartbeat::METHOD => {
                    let request: Heartbeat = decode(&body)?;
                    cluster.change(|state| {
                        state.heartbeats += 1;
                        state.said_goodbye |= request.status == NodeStatus::Down;
                    });
                    encode(&cluster.heartbeat_reply())
                }
                NodeAllocs::METHOD => {
                    let request: NodeAllocs = decode(&body)?;
                    let mut changed = cluster.changed.subscribe();
                    while cluster.look(|state| state.index <= request.min_index) {
                        changed.changed().await.unwrap();
                    }
                    encode(&cluster.look(|state| NodeAllocsReply {
                        index: state.index,
                        allocs: state.allocs.values().cloned().collect(),
                    }))
                }
                UpdateAllocs::METHOD => {
                    let request: UpdateAllocs = decode(&body)?;
                    cluster
                        .change(|state| state.updates.extend(request.updates.into_iter().map(|u| (u.id, u))));
                    encode(&IndexReply { index: 1 })
                }
                _ => Err(RpcError::UnknownMethod(method)),
            }
        })
    }
}

fn alloc(number: u128, script: &str) -> Allocation {
    let mut alloc = testing::alloc("web", "raw_exec");
    alloc.id = AllocId(uuid::Uuid::from_u128(number));
    edit(&mut alloc, |job| {
        let group = &mut job.groups[0];
        group.restart.delay = Duration::from_millis(20);
        group.tasks[0].config = json!({"command": "sh", "args": ["-c", script]}).as_object().unwrap().clone();
    });
    alloc
}

fn edit(alloc: &mut Allocation, edit: impl FnOnce(&mut crate::model::Job)) {
    edit(Arc::make_mut(&mut alloc.job));
}

async fn client(env: &Env, folder: &Path, servers: Vec<String>) -> Client {
    let config = ClientConfig {
        data_dir: folder.to_owned(),
        servers,
        name: "node-1".to_owned(),
        drivers: vec![Arc::new(RawExec::new(true, BTreeMap::new()))],
        ..ClientConfig::default()
    };
    Client::start(env.clone(), config, rpc::Client::new(env.clone())).await.unwrap()
}

fn kinds(update: &AllocUpdate) -> Vec<&str> {
    update.task_states["web"].events.iter().map(|event| event.kind.as_str()).collect()
}

/// Returns what the task has written, once it has written anything.
async fn output(client: &Client, id: AllocId, lines: usize) -> String {
    let path = client.alloc_dir(id).logs().join("web.stdout.0");
    let env = real::env();
    let read = async {
        loop {
            let text = String::from_utf8(env.disk.read(&path).unwrap_or_default()).unwrap();
            if text.lines().count() >= lines {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, read).await.expect("the task writes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_what_the_servers_say_and_stops_it_when_they_say_so() {
    let (env, cluster, folder) = (real::env(), Cluster::default(), tempfile::tempdir().unwrap());
    let (address, _serving) = cluster.serve(&env).await;
    let client = client(&env, folder.path(), vec![address]).await;
    let mut wanted = alloc(1, "echo $NOMAD_ALLOC_NAME; exec sleep 60");
    cluster.put(wanted.clone());
    let update = cluster.until_status(wanted.id, ClientStatus::Running).await;
    assert_eq!(kinds(&update), ["Received", "Task Setup", "Started"]);
    assert_eq!(output(&client, wanted.id, 1).await, "web.web[0]\n");
    assert_eq!(client.stats().allocs_running, 1);

    wanted.desired_status = DesiredStatus::Stop;
    cluster.put(wanted.clone());
    let update = cluster.until_status(wanted.id, ClientStatus::Complete).await;
    assert_eq!(kinds(&update)[3..], ["Killing", "Terminated", "Killed"]);
    let state = &update.task_states["web"];
    assert_eq!((state.state, state.failed), (TaskRunState::Dead, false));

    // Once the servers have forgotten it, nothing is kept.
    let kept = client.alloc_dir(wanted.id).root().to_owned();
    assert!(kept.exists());
    cluster.change(|state| {
        state.allocs.clear();
        state.index += 1;
    });
    tokio::time::timeout(SOON, async {
        while kept.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("its folder goes");
    assert_eq!(client.stats().allocs_total, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_by_policy_and_then_fails() {
    let (env, cluster, folder) = (real::env(), Cluster::default(), tempfile::tempdir().unwrap());
    let (address, _serving) = cluster.serve(&env).await;
    let client = client(&env, folder.path(), vec![address]).await;
    let mut crashing = alloc(1, "echo once; exit 3");
    edit(&mut crashing, |job| job.groups[0].restart.attempts = 1);
    let mut elsewhere = alloc(2, "true");
    edit(&mut elsewhere, |job| job.groups[0].tasks[0].driver = "exec".to_owned());
    let mut strange = alloc(3, "true");
    strange.group = "none".to_owned();
    for wanted in [&crashing, &elsewhere, &strange] {
        cluster.put(wanted.clone());
    }
    let update = cluster.until_status(crashing.id, ClientStatus::Failed).await;
    let expected = [
        "Received",
        "Task Setup",
        "Started",
        "Terminated",
        "Restarting",
        "Started",
        "Terminated",
        "Not Restarting",
    ];
    assert_eq!(kinds(&update), expected);
    let state = &update.task_states["web"];
    assert_eq!((state.restarts, state.failed), (1, true));
    assert_eq!(state.events[3].details["exit_code"], "3");
    assert_eq!(output(&client, crashing.id, 2).await, "once\nonce\n");

    let update = cluster.until_status(elsewhere.id, ClientStatus::Failed).await;
    assert_eq!(kinds(&update)[2..], ["Driver Failure", "Not Restarting"]);
    assert!(update.task_states["web"].events[2].message.contains("it has: raw_exec"));
    let update = cluster.until_status(strange.id, ClientStatus::Failed).await;
    assert!(update.client_description.contains("no group"), "{update:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_agent_finds_its_tasks() {
    let (env, cluster, folder) = (real::env(), Cluster::default(), tempfile::tempdir().unwrap());
    let (address, _serving) = cluster.serve(&env).await;
    let first = client(&env, folder.path(), vec![address.clone()]).await;
    let (lasting, ending) = (alloc(1, "echo up; exec sleep 60"), alloc(2, "echo up; exec sleep 0.3"));
    for wanted in [&lasting, &ending] {
        cluster.put(wanted.clone());
    }
    for wanted in [&lasting, &ending] {
        cluster.until_status(wanted.id, ClientStatus::Running).await;
    }
    let node_id = first.node_id();
    first.shutdown(false).await;
    drop(first);
    tokio::time::sleep(Duration::from_millis(500)).await;

    // While the servers are silent, what still runs is taken up, and what has ended is not started.
    cluster.change(|state| {
        state.updates.clear();
        state.refusal = Some(RpcError::NoLeader);
    });
    let second = client(&env, folder.path(), vec![address]).await;
    assert_eq!(second.node_id(), node_id);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let status = |id| second.allocs().into_iter().find(|(alloc, _)| alloc.id == id).unwrap().1;
    assert_eq!(status(lasting.id), ClientStatus::Running);
    assert_eq!(status(ending.id), ClientStatus::Pending);
    assert_eq!(output(&second, ending.id, 1).await, "up\n");

    cluster.change(|state| state.refusal = None);
    let update = cluster.until_status(lasting.id, ClientStatus::Running).await;
    assert_eq!(kinds(&update), ["Received", "Task Setup", "Started"]);
    assert_eq!(output(&second, ending.id, 2).await, "up\nup\n");
    let update = cluster.until_status(ending.id, ClientStatus::Running).await;
    assert_eq!(kinds(&update)[3..6], ["Terminated", "Restarting", "Started"]);
    assert_eq!(output(&second, lasting.id, 1).await, "up\n", "it was not started again");

    second.shutdown(true).await;
    assert!(cluster.look(|state| state.said_goodbye));
    assert_eq!(cluster.look(|state| state.updates[&lasting.id].client_status), ClientStatus::Complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_to_another_server_and_keeps_tasks_running_without_any() {
    let (env, cluster, folder) = (real::env(), Cluster::default(), tempfile::tempdir().unwrap());
    let (one, serving_one) = cluster.serve(&env).await;
    let (two, serving_two) = cluster.serve(&env).await;
    cluster.change(|state| state.servers = vec![one.clone(), two.clone()]);
    let client = client(&env, folder.path(), vec![one]).await;
    let wanted = alloc(1, "exec sleep 60");
    cluster.put(wanted.clone());
    cluster.until_status(wanted.id, ClientStatus::Running).await;

    drop(serving_one);
    let before = cluster.look(|state| state.heartbeats);
    cluster.until("heard from at the other server", |state| state.heartbeats > before + 1).await;
    assert_eq!(client.stats().known_servers[0], two);
    // It still hears what shall run.
    let more = alloc(2, "exec sleep 60");
    cluster.put(more.clone());
    cluster.until_status(more.id, ClientStatus::Running).await;

    drop(serving_two);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(client.stats().allocs_running, 2, "no servers is no reason to stop anything");
    client.shutdown(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn introduces_itself_to_servers_that_have_never_heard_of_it() {
    let (env, cluster, folder) = (real::env(), Cluster::default(), tempfile::tempdir().unwrap());
    let (address, _serving) = cluster.serve(&env).await;
    let _client = client(&env, folder.path(), vec![address]).await;
    cluster.until("heard from", |state| state.heartbeats > 0).await;
    assert_eq!(cluster.look(|state| state.registrations), 1);
    cluster.change(|state| state.refusal = Some(RpcError::NotFound("no such node".to_owned())));
    tokio::time::sleep(Duration::from_millis(700)).await;
    cluster.change(|state| state.refusal = None);
    cluster.until("registered again", |state| state.registrations > 1).await;
}
