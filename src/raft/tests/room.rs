//! Servers in the simulation: what was acknowledged survives everything that happens to machines.
//!
//! Planted bug that this catches: entries acknowledged before they were synced (the first seed).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pasture_sim::{Direction, Host, HostId, HostSpec, Room, RoomConfig};
use rand::RngExt;
use tokio::time::Instant;

use super::{RaftService, Recorder, Seen};
use crate::env::sim;
use crate::raft::config::Limits;
use crate::raft::{Config, Member, Raft, Timing};
use crate::rpc;

const SERVERS: u64 = 3;
const PORT: u16 = 4647;

/// What runs on a machine at the moment.
#[derive(Clone)]
struct Running {
    raft: Raft,
    seen: Seen,
}

/// Three servers in a room.
#[derive(Clone)]
struct Cluster {
    room: Room,
    hosts: BTreeMap<u64, HostId>,
    running: Arc<Mutex<BTreeMap<u64, Running>>>,
    /// A machine that stands still, and whose last words do not count.
    frozen: Arc<Mutex<Option<u64>>>,
}

impl Cluster {
    async fn start(room: &Room, limits: Limits) -> Self {
        let address = |id: u64| format!("192.168.0.{id}");
        let members: BTreeMap<u64, Member> = (1..=SERVERS)
            .map(|id| (id, Member { name: format!("s{id}"), address: format!("{}:{PORT}", address(id)) }))
            .collect();
        let mut cluster = Self {
            room: room.clone(),
            hosts: BTreeMap::new(),
            running: Arc::default(),
            frozen: Arc::default(),
        };
        for (id, member) in &members {
            let host = room.add_host(HostSpec::new(&member.name, address(*id).parse().unwrap())).unwrap();
            cluster.hosts.insert(*id, host);
            let (running, member, id) = (cluster.running.clone(), member.clone(), *id);
            let boot = move |host: Host| {
                let (running, member) = (running.clone(), member.clone());
                let env = sim::env(host, sim::Machine::new(BTreeMap::new(), 24));
                async move {
                    let listener = env.net.bind(format!("0.0.0.0:{PORT}").parse().unwrap()).await.unwrap();
                    let config = Config {
                        id,
                        name: member.name,
                        address: member.address,
                        data_dir: "/var/raft".into(),
                        timing: Timing::default(),
                    };
                    let (seen, client) = (Seen::default(), rpc::Client::new(env.clone()));
                    let machine = Box::new(Recorder { seen: seen.clone() });
                    let raft = Raft::start_with(env.clone(), config, limits, client, machine).await.unwrap();
                    running.lock().unwrap().insert(id, Running { raft: raft.clone(), seen });
                    rpc::serve(env.clone(), listener, Arc::new(RaftService { raft })).await;
                }
                .boxed()
            };
            room.install(host, Arc::new(boot));
            room.power_on(host).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let first = cluster.running.lock().unwrap()[&1].clone();
        assert!(first.raft.bootstrap(members).await.unwrap());
        cluster
    }

    /// Returns a server that says it leads; never more than one may.
    fn leader(&self) -> Option<u64> {
        let running = self.running.lock().unwrap();
        let frozen = *self.frozen.lock().unwrap();
        let leads = |id: &u64, one: &Running| {
            let leadership = one.raft.leadership();
            // What a dead process said last is still there to be read.
            let is_alive = leadership.has_changed().is_ok() && Some(*id) != frozen;
            is_alive && leadership.borrow().is_leader
        };
        let leaders: Vec<u64> =
            running.iter().filter(|(id, one)| leads(id, one)).map(|(id, _)| *id).collect();
        assert!(leaders.len() <= 1, "{leaders:?} lead at the same time");
        leaders.first().copied()
    }

    async fn wait_for_leader(&self, not: u64) -> u64 {
        let start = Instant::now();
        loop {
            match self.leader() {
                Some(leader) if leader != not => return leader,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            assert!(start.elapsed() < Duration::from_secs(30), "nobody leads");
        }
    }

    fn raft(&self, id: u64) -> Raft {
        self.running.lock().unwrap()[&id].raft.clone()
    }

    fn seen(&self, id: u64) -> Vec<(u64, Vec<u8>)> {
        self.running.lock().unwrap()[&id].seen.lock().unwrap().clone()
    }

    fn others(&self, id: u64) -> Vec<HostId> {
        self.hosts.iter().filter(|(other, _)| **other != id).map(|(_, host)| *host).collect()
    }

    /// Disturbs one machine for a while, in one of the ways that happen.
    async fn disturb(&self, rng: &mut pasture_sim::Stream) {
        let id = rng.random_range(1..=SERVERS);
        let (host, others) = (self.hosts[&id], self.others(id));
        let length = Duration::from_millis(rng.random_range(100..8_000));
        match rng.random_range(0..6) {
            0 => {
                self.room.power_off(host).await.unwrap();
                tokio::time::sleep(length).await;
                self.room.power_on(host).await.unwrap();
            }
            1 => {
                self.room.kill(host, pasture_sim::INIT).await.unwrap();
                self.room.power_off(host).await.unwrap();
                self.room.power_on(host).await.unwrap();
            }
            2 => {
                self.room.partition(&[host], &others, Direction::Both).unwrap();
                tokio::time::sleep(length).await;
            }
            3 => {
                self.room.partition(&[host], &others, Direction::OneWay).unwrap();
                tokio::time::sleep(length).await;
            }
            4 => {
                self.room.partition(&others, &[host], Direction::OneWay).unwrap();
                tokio::time::sleep(length).await;
            }
            _ => {
                *self.frozen.lock().unwrap() = Some(id);
                self.room.freeze(host).unwrap();
                tokio::time::sleep(length).await;
                self.room.thaw(host).unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                *self.frozen.lock().unwrap() = None;
            }
        }
        self.room.heal(&[host], &others).unwrap();
    }
}

/// Tells a story in a room and returns the hash of all that happened.
fn run(seed: u64, story: impl FnOnce(Room, Host) -> BoxFuture<'static, ()> + Send + 'static) -> u64 {
    let config = RoomConfig { seed, ..RoomConfig::default() };
    let workstation = HostSpec::new("workstation", "192.168.0.9".parse().unwrap());
    pasture_sim::run(config, workstation, story).unwrap().trace_hash
}

/// Writes while machines fail, then compares what is left on all of them with what was acknowledged.
fn disturbed(seed: u64) -> u64 {
    run(seed, move |room: Room, host: Host| {
        async move {
            let limits = Limits { snapshot_entries: 40, kept_entries: 10, snapshot_part_bytes: 512 };
            let cluster = Cluster::start(&room, limits).await;
            let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
            let writer = {
                let (cluster, acknowledged) = (cluster.clone(), acknowledged.clone());
                async move {
                    for n in 0u64.. {
                        tokio::time::sleep(Duration::from_millis(40)).await;
                        let Some(leader) = cluster.leader() else { continue };
                        let command = n.to_string();
                        let raft = cluster.raft(leader);
                        let write = raft.propose(command.clone().into_bytes());
                        // A writer that waits for a machine without power would wait in vain.
                        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(2), write).await {
                            acknowledged.lock().unwrap().push(command);
                        }
                    }
                }
                .boxed()
            };
            let writer = host.spawn("writer", writer);
            let mut rng = host.rng("faults");
            for _ in 0..12 {
                cluster.disturb(&mut rng).await;
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..4_000))).await;
            }
            let healed = Instant::now();
            let leader = cluster.wait_for_leader(0).await;
            assert!(healed.elapsed() < Duration::from_secs(6), "{:?} until a leader", healed.elapsed());
            writer.abort();
            tokio::time::sleep(Duration::from_secs(5)).await;
            let all = cluster.seen(leader);
            for id in 1..=SERVERS {
                assert_eq!(cluster.seen(id).len(), all.len(), "server {id} of seed {seed} is behind");
                assert_eq!(cluster.seen(id), all, "server {id} of seed {seed} has another log");
            }
            let commands: Vec<String> =
                all.iter().map(|(_, command)| String::from_utf8(command.clone()).unwrap()).collect();
            let acknowledged = acknowledged.lock().unwrap();
            assert!(acknowledged.len() > 100, "only {} writes in seed {seed}", acknowledged.len());
            for command in acknowledged.iter() {
                let times = commands.iter().filter(|one| *one == command).count();
                assert_eq!(times, 1, "write {command} of seed {seed} was acknowledged");
            }
        }
        .boxed()
    })
}

#[test]
fn what_was_acknowledged_survives_failing_machines() {
    let mut hashes: Vec<u64> = (1..=8).map(disturbed).collect();
    assert_eq!(disturbed(1), hashes[0], "a seed is a run");
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 8, "another seed is another run");
}

#[test]
fn a_leader_without_power_is_replaced_within_three_seconds() {
    for seed in 1..=5 {
        run(seed, |room: Room, _| {
            async move {
                let cluster = Cluster::start(&room, Limits::default()).await;
                for round in 0..4 {
                    let old = cluster.wait_for_leader(0).await;
                    tokio::time::sleep(Duration::from_millis(3_000 + 170 * round)).await;
                    room.power_off(cluster.hosts[&old]).await.unwrap();
                    let off = Instant::now();
                    let new = cluster.wait_for_leader(old).await;
                    cluster.raft(new).propose(b"next".to_vec()).await.unwrap();
                    assert!(off.elapsed() <= Duration::from_secs(3), "{:?} in round {round}", off.elapsed());
                    room.power_on(cluster.hosts[&old]).await.unwrap();
                }
            }
            .boxed()
        });
    }
}

#[test]
fn a_leader_that_hears_nobody_is_replaced() {
    run(1, |room: Room, _| {
        async move {
            let cluster = Cluster::start(&room, Limits::default()).await;
            let old = cluster.wait_for_leader(0).await;
            let others = cluster.others(old);
            // Its heartbeats arrive, the answers do not.
            room.partition(&others, &[cluster.hosts[&old]], Direction::OneWay).unwrap();
            let new = cluster.wait_for_leader(old).await;
            cluster.raft(new).propose(b"next".to_vec()).await.unwrap();
            room.heal(&others, &[cluster.hosts[&old]]).unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(cluster.leader(), Some(new));
            assert_eq!(cluster.seen(old), cluster.seen(new));
        }
        .boxed()
    });
}
