//! What agents say to servers and servers to each other, one type a question.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{Allocation, Node, NodeId, NodeStatus};

pub use crate::model::AllocUpdate;

/// A question with the type of its answer. Its name travels, so it is never changed.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// What the receiver dispatches on.
    const METHOD: &'static str;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

/// A client introduces itself, or says what has changed about it. Answered by the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterNode {
    /// The node as fingerprinted; its indexes and times are filled in by the servers.
    pub node: Node,
}
impl Message for RegisterNode {
    const METHOD: &'static str = "Node.Register";
    type Reply = HeartbeatReply;
}

/// A client is alive. Answered by the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who.
    pub node_id: NodeId,
    /// Its secret.
    pub secret_id: String,
    /// What it says of itself: `Ready`, or `Down` when it says goodbye.
    pub status: NodeStatus,
}
impl Message for Heartbeat {
    const METHOD: &'static str = "Node.UpdateStatus";
    type Reply = HeartbeatReply;
}

/// When to call again, and whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HeartbeatReply {
    /// The next heartbeat must come within this time.
    pub ttl: Duration,
    /// Log index of the answer.
    pub index: u64,
    /// `host:port` of the RPC of all servers, the leader first.
    pub servers: Vec<String>,
}

/// What shall run here? Waits until the answer differs from `min_index`. Answered by any server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeAllocs {
    /// Who asks.
    pub node_id: NodeId,
    /// Its secret.
    pub secret_id: String,
    /// The index of the last answer; 0 for an answer at once.
    pub min_index: u64,
    /// The longest wait.
    pub wait: Duration,
}
impl Message for NodeAllocs {
    const METHOD: &'static str = "Node.GetClientAllocs";
    type Reply = NodeAllocsReply;
}

/// All allocations of a node that are not forgotten yet, those to stop included.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeAllocsReply {
    /// Give this back as `min_index`.
    pub index: u64,
    /// In id order.
    pub allocs: Vec<Allocation>,
}

/// What a client saw of its allocations. Answered by the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateAllocs {
    /// Who.
    pub node_id: NodeId,
    /// Its secret.
    pub secret_id: String,
    /// The latest of each, in id order.
    pub updates: Vec<AllocUpdate>,
}
impl Message for UpdateAllocs {
    const METHOD: &'static str = "Node.UpdateAlloc";
    type Reply = IndexReply;
}

/// The log index at which something was done.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct IndexReply {
    /// That index.
    pub index: u64,
}

/// An HTTP request that another agent has to answer: a write or a consistent read for the leader, or anything at all
/// from an agent that is no server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// Path and query, as received.
    pub path_and_query: String,
    /// The body.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
    /// Set when a server passes it on to the leader: one that does not lead refuses it, so it goes on once only.
    #[serde(default)]
    pub to_leader: bool,
}
impl Message for HttpRequest {
    const METHOD: &'static str = "Http";
    type Reply = HttpReply;
}

/// The answer to a forwarded HTTP request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}

/// A message of the consensus layer, opaque to all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RaftMessage {
    /// Which of its calls.
    pub call: String,
    /// Encoded by the consensus layer.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}
impl Message for RaftMessage {
    const METHOD: &'static str = "Raft";
    type Reply = RaftReply;
}

/// The consensus layer's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RaftReply {
    /// Encoded by the consensus layer.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}

/// Who are you? Asked by servers of each other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Hello {}
impl Message for Hello {
    const METHOD: &'static str = "Server.Hello";
    type Reply = HelloReply;
}

/// What a server says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HelloReply {
    /// Its id in the log.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `host:port` of its RPC.
    pub rpc_address: String,
    /// `host:port` of its HTTP API.
    pub http_address: String,
    /// Whether it belongs to a cluster already.
    pub initialized: bool,
}

/// A question that a follower passes on to the leader. One that does not lead refuses it, so it goes on once only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forwarded {
    /// The question's method.
    pub method: String,
    /// The question.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}
impl Message for Forwarded {
    const METHOD: &'static str = "Forwarded";
    type Reply = RawReply;
}

/// The answer to a forwarded question, still encoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawReply {
    /// The answer.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}

/// Writes bytes as one binary value instead of a list of numbers.
mod serde_bytes_vec {
    use serde::de::{Deserializer, SeqAccess, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
