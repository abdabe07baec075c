//! Servers on machines in memory, with the failures of a cluster.

mod room;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::config::Limits;
use super::{
    BootstrapError, Config, Leadership, Member, ProposeError, Raft, StartError, StateMachine, Timing,
};
use crate::rpc::messages::{Message, RaftMessage};
use crate::rpc::testing::{Machine, Network};
use crate::rpc::{self, RpcError};

/// What a state machine of the tests has applied.
type Seen = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// Keeps all commands, and answers with their number.
struct Recorder {
    seen: Seen,
}

impl StateMachine for Recorder {
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let mut seen = self.seen.lock().unwrap();
        assert!(seen.last().is_none_or(|(last, _)| *last < index), "in order, once");
        seen.push((index, command.to_vec()));
        seen.len().to_string().into_bytes()
    }

    fn snapshot(&self) -> Box<dyn FnOnce() -> Vec<u8> + Send> {
        let frozen = self.seen.lock().unwrap().clone();
        Box::new(move || rmp_serde::to_vec(&frozen).unwrap())
    }

    fn restore(&mut self, index: u64, data: &[u8]) -> Result<(), String> {
        let seen: Vec<(u64, Vec<u8>)> = rmp_serde::from_slice(data).map_err(|error| error.to_string())?;
        assert!(seen.last().is_none_or(|(last, _)| *last <= index));
        *self.seen.lock().unwrap() = seen;
        Ok(())
    }
}

struct RaftService {
    raft: Raft,
}

impl rpc::Service for RaftService {
    fn call(
        &self,
        method: String,
        body: Bytes,
        _: SocketAddr,
    ) -> BoxFuture<'static, Result<Vec<u8>, RpcError>> {
        let raft = self.raft.clone();
        Box::pin(async move {
            assert_eq!(method, RaftMessage::METHOD);
            rpc::encode(&raft.handle(rpc::decode(&body)?).await)
        })
    }
}

/// A machine and the server on it.
struct Node {
    machine: Machine,
    config: Config,
    limits: Limits,
    seen: Seen,
    raft: Option<Raft>,
}

impl Node {
    fn new(network: &Network, number: u8, limits: Limits) -> Self {
        let config = Config {
            id: u64::from(number),
            name: format!("server-{number}"),
            address: format!("10.0.0.{number}:4647"),
            data_dir: PathBuf::from("/data/raft"),
            timing: Timing::default(),
        };
        Self { machine: Machine::new(network, number), config, limits, seen: Seen::default(), raft: None }
    }

    async fn try_start(&mut self) -> Result<(), StartError> {
        let env = self.machine.env();
        self.seen = Seen::default();
        let listener = env.net.bind(self.config.address.parse().unwrap()).await.unwrap();
        let machine = Box::new(Recorder { seen: self.seen.clone() });
        let client = rpc::Client::new(env.clone());
        let raft = Raft::start_with(env.clone(), self.config.clone(), self.limits, client, machine).await?;
        env.spawn("rpc", rpc::serve(env.clone(), listener, Arc::new(RaftService { raft: raft.clone() })));
        self.raft = Some(raft);
        Ok(())
    }

    async fn start(&mut self) {
        self.try_start().await.unwrap();
    }

    fn kill(&mut self) {
        self.machine.kill();
        self.raft = None;
    }

    fn raft(&self) -> &Raft {
        self.raft.as_ref().expect("it runs")
    }

    fn member(&self) -> Member {
        Member { name: self.config.name.clone(), address: self.config.address.clone() }
    }

    fn leadership(&self) -> Leadership {
        self.raft().leadership().borrow().clone()
    }

    fn commands(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, command)| String::from_utf8_lossy(command).into_owned()).collect()
    }
}

struct World {
    network: Network,
    nodes: Vec<Node>,
}

impl World {
    /// Starts `count` servers as one cluster.
    async fn start(count: u8, limits: Limits) -> Self {
        let network = Network::new();
        let mut nodes: Vec<Node> = (1..=count).map(|number| Node::new(&network, number, limits)).collect();
        for node in &mut nodes {
            node.start().await;
        }
        let members: BTreeMap<u64, Member> =
            nodes.iter().map(|node| (node.config.id, node.member())).collect();
        assert!(nodes[0].raft().bootstrap(members.clone()).await.unwrap());
        assert!(!nodes[0].raft().bootstrap(members).await.unwrap(), "once is enough");
        Self { network, nodes }
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.raft.is_some())
    }

    /// Waits for a leader that is none of `not`, and returns its place.
    async fn leader(&self, not: &[usize]) -> usize {
        self.until("a leader", || {
            self.nodes
                .iter()
                .enumerate()
                .position(|(n, node)| !not.contains(&n) && node.raft.is_some() && node.leadership().is_leader)
        })
        .await
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until all running servers have applied `commands`.
    async fn agree(&self, commands: &[&str]) {
        self.until("agreement", || self.running().all(|node| node.commands() == commands).then_some(()))
            .await;
    }
}

async fn propose(node: &Node, command: &str) -> Result<u64, ProposeError> {
    node.raft().propose(command.as_bytes().to_vec()).await.map(|applied| applied.index)
}

#[tokio::test(start_paused = true)]
async fn one_server_leads_at_once_and_finds_its_commands_again() {
    let mut world = World::start(1, Limits::default()).await;
    let start = Instant::now();
    world.leader(&[]).await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    let applied = world.nodes[0].raft().propose(b"a".to_vec()).await.unwrap();
    assert_eq!(applied.reply, b"1");
    assert_eq!(world.nodes[0].raft().read_barrier().await.unwrap(), applied.index);
    world.nodes[0].raft().shutdown().await;
    assert!(matches!(propose(&world.nodes[0], "late").await, Err(ProposeError::Stopped(_))));
    world.nodes[0].kill();
    for again in ["stopped in order", "killed"] {
        let start = Instant::now();
        world.nodes[0].start().await;
        world.leader(&[]).await;
        assert!(start.elapsed() < Duration::from_millis(100), "{again}: {:?}", start.elapsed());
        assert!(world.nodes[0].raft().is_initialized().await);
        world.nodes[0].raft().read_barrier().await.unwrap();
        assert_eq!(world.nodes[0].commands(), ["a"], "{again}");
        world.nodes[0].kill();
    }
}

#[tokio::test(start_paused = true)]
async fn three_servers_agree() {
    let world = World::start(3, Limits::default()).await;
    let start = Instant::now();
    let leader = world.leader(&[]).await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    for command in ["a", "b", "c"] {
        propose(&world.nodes[leader], command).await.unwrap();
    }
    let started = Instant::now();
    world.agree(&["a", "b", "c"]).await;
    assert!(
        started.elapsed() < Duration::from_millis(50),
        "followers are told at once: {:?}",
        started.elapsed()
    );
    let member = world.nodes[leader].member();
    for node in &world.nodes {
        world
            .until("the leader's name", || (node.leadership().leader.as_ref() == Some(&member)).then_some(()))
            .await;
        assert_eq!(node.raft().members().len(), 3);
    }
    let follower = &world.nodes[(leader + 1) % 3];
    assert_eq!(propose(follower, "d").await, Err(ProposeError::NotLeader { leader: Some(member.clone()) }));
    assert_eq!(follower.raft().read_barrier().await, Err(ProposeError::NotLeader { leader: Some(member) }));
    let large = world.nodes[leader].raft().propose(vec![0; super::COMMAND_BYTES_MAX + 1]).await;
    assert!(matches!(large, Err(ProposeError::TooLarge { .. })), "{large:?}");
    let metrics = world.nodes[leader].raft().metrics();
    assert_eq!((metrics.applied_index, metrics.stopped), (metrics.last_log_index, None));
}

#[tokio::test(start_paused = true)]
async fn a_killed_leader_is_replaced_within_three_seconds_and_comes_back() {
    let mut world = World::start(3, Limits::default()).await;
    let first = world.leader(&[]).await;
    propose(&world.nodes[first], "before").await.unwrap();
    // Anywhere between two heartbeats.
    for round in 0..5u64 {
        tokio::time::sleep(Duration::from_millis(2_000 + 130 * round)).await;
        let old = world.leader(&[]).await;
        world.nodes[old].kill();
        let killed = Instant::now();
        let new = world.leader(&[old]).await;
        propose(&world.nodes[new], &round.to_string()).await.unwrap();
        assert!(killed.elapsed() <= Duration::from_secs(3), "round {round}: {:?}", killed.elapsed());
        world.nodes[old].start().await;
        let expected: Vec<String> =
            std::iter::once("before".to_owned()).chain((0..=round).map(|n| n.to_string())).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let back = Instant::now();
        world.agree(&expected).await;
        assert!(back.elapsed() <= Duration::from_secs(2), "round {round}: {:?}", back.elapsed());
        assert_eq!(world.leader(&[]).await, new, "one that comes back does not disturb");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_says_so_and_its_writes_are_lost() {
    let world = World::start(3, Limits::default()).await;
    let old = world.leader(&[]).await;
    propose(&world.nodes[old], "kept").await.unwrap();
    world.network.cut(&world.nodes[old].machine);
    let cut = Instant::now();
    let lost = async {
        let result = propose(&world.nodes[old], "lost").await;
        assert_eq!(result, Err(ProposeError::TimedOut));
    };
    let others = async {
        world
            .until("the old leader gives up", || (!world.nodes[old].leadership().is_leader).then_some(()))
            .await;
        let given_up = cut.elapsed();
        assert!(given_up <= Timing::default().election_max + Duration::from_millis(20), "{given_up:?}");
        assert!(world.running().all(|node| !node.leadership().is_leader), "two never lead at once");
        assert_eq!(
            propose(&world.nodes[old], "refused").await,
            Err(ProposeError::NotLeader { leader: None })
        );
        let refused = world.nodes[old].raft().read_barrier().await;
        assert_eq!(refused, Err(ProposeError::NotLeader { leader: None }));
        let new = world.leader(&[old]).await;
        propose(&world.nodes[new], "new").await.unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        world.network.heal(&world.nodes[old].machine);
        let healed = Instant::now();
        world.agree(&["kept", "new"]).await;
        assert!(healed.elapsed() < Duration::from_secs(3), "{:?}", healed.elapsed());
        assert_eq!(world.leader(&[]).await, new, "one that was cut off does not disturb");
    };
    tokio::join!(lost, others);
}

#[tokio::test(start_paused = true)]
async fn without_a_majority_nobody_leads_until_it_is_back() {
    let mut world = World::start(3, Limits::default()).await;
    let leader = world.leader(&[]).await;
    propose(&world.nodes[leader], "a").await.unwrap();
    let survivor = (leader + 1) % 3;
    for gone in [leader, (leader + 2) % 3] {
        world.nodes[gone].kill();
    }
    world.until("nobody leads", || world.nodes[survivor].leadership().leader.is_none().then_some(())).await;
    let term = world.nodes[survivor].leadership().term;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.nodes[survivor].leadership().term, term, "pre-votes cost no terms");
    world.nodes[leader].start().await;
    let back = Instant::now();
    let new = world.leader(&[]).await;
    propose(&world.nodes[new], "b").await.unwrap();
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
    world.agree(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn all_servers_restart_from_their_disks() {
    let mut world = World::start(3, Limits::default()).await;
    let leader = world.leader(&[]).await;
    for command in ["a", "b"] {
        propose(&world.nodes[leader], command).await.unwrap();
    }
    for node in &mut world.nodes {
        node.kill();
    }
    for node in &mut world.nodes {
        node.start().await;
        assert!(node.raft().is_initialized().await);
        assert!(!node.raft().bootstrap(BTreeMap::from([(node.config.id, node.member())])).await.unwrap());
    }
    let leader = world.leader(&[]).await;
    world.agree(&["a", "b"]).await;
    propose(&world.nodes[leader], "c").await.unwrap();
    world.agree(&["a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_away_too_long_gets_a_snapshot() {
    let limits = Limits { snapshot_entries: 20, kept_entries: 5, snapshot_part_bytes: 64 };
    let mut world = World::start(3, limits).await;
    let leader = world.leader(&[]).await;
    let away = (leader + 1) % 3;
    propose(&world.nodes[leader], "0").await.unwrap();
    world.nodes[away].kill();
    for n in 1..100 {
        propose(&world.nodes[leader], &n.to_string()).await.unwrap();
    }
    let purged = || world.nodes[leader].raft().metrics().purged_index.filter(|index| *index > 50).map(drop);
    world.until("the purge", purged).await;
    world.nodes[away].start().await;
    let all: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    world.agree(&all).await;
    assert!(world.nodes[away].raft().metrics().snapshot_index.is_some());
    for node in &mut world.nodes {
        node.kill();
        node.start().await;
    }
    let leader = world.leader(&[]).await;
    world.agree(&all).await;
    propose(&world.nodes[leader], "more").await.unwrap();
    assert_eq!(world.nodes[leader].commands().len(), 101);
}

#[tokio::test(start_paused = true)]
async fn servers_can_be_added_and_removed() {
    let mut world = World::start(1, Limits::default()).await;
    world.leader(&[]).await;
    propose(&world.nodes[0], "a").await.unwrap();
    for number in [2, 3] {
        let mut node = Node::new(&world.network, number, Limits::default());
        node.start().await;
        world.nodes[0].raft().add_voter(node.config.id, node.member()).await.unwrap();
        world.nodes.push(node);
    }
    world.agree(&["a"]).await;
    world.nodes[0].raft().remove(2).await.unwrap();
    assert_eq!(world.nodes[0].raft().members().into_keys().collect::<Vec<_>>(), [1, 3]);
    world.nodes[0].kill();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!world.nodes[2].leadership().is_leader, "one of two is no majority");
}

#[tokio::test(start_paused = true)]
async fn damaged_files_are_named() {
    let mut world = World::start(1, Limits { snapshot_entries: 5, ..Limits::default() }).await;
    world.leader(&[]).await;
    for n in 0..10 {
        propose(&world.nodes[0], &n.to_string()).await.unwrap();
    }
    world.nodes[0].raft().shutdown().await;
    world.nodes[0].kill();
    let disk = world.nodes[0].machine.env().disk;
    for file in ["/data/raft/snapshot", "/data/raft/log.redb"] {
        let path = Path::new(file);
        let healthy = disk.read(path).unwrap();
        let mut failed = 0;
        for at in (0..healthy.len()).step_by(healthy.len() / 97) {
            let mut damaged = healthy.clone();
            damaged[at] ^= 0x40;
            disk.replace(path, &damaged).unwrap();
            match world.nodes[0].try_start().await {
                Ok(()) => world.nodes[0].raft().shutdown().await,
                Err(error) => {
                    failed += 1;
                    assert!(error.to_string().contains(file), "{error}");
                }
            }
            world.nodes[0].kill();
        }
        assert!(failed > 0, "{file}");
        disk.replace(path, &healthy).unwrap();
    }
    world.nodes[0].start().await;
    world.leader(&[]).await;
    assert_eq!(world.nodes[0].commands().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_work_is_refused_at_the_start() {
    let network = Network::new();
    let mut node = Node::new(&network, 1, Limits::default());
    node.config.timing.heartbeat = Duration::from_millis(700);
    assert!(matches!(node.try_start().await, Err(StartError::Timing(_))));
    node.config.timing = Timing::default();
    node.start().await;
    let stranger = Node::new(&network, 2, Limits::default());
    let members = BTreeMap::from([(2, stranger.member())]);
    assert_eq!(node.raft().bootstrap(members).await, Err(BootstrapError::NotMember));
    node.kill();
    node.config.id = 7;
    assert!(matches!(node.try_start().await, Err(StartError::Foreign { found: 1, expected: 7, .. })));
}
