//! The types that openraft is instantiated with, in this one place.

use std::fmt;

use bytes::Bytes;
use openraft::OptionalSend;
use openraft::vote::leader_id_std;
use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::config::Member;
use super::runtime::SeamRuntime;

/// One leader a term, ids as numbers, opaque commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Types {}

impl openraft::RaftTypeConfig for Types {
    type D = Command;
    type R = Vec<u8>;
    type NodeId = u64;
    type Node = Member;
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, u64>;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = SeamRuntime;
    type Responder<T: OptionalSend + 'static> = openraft::impls::OneshotResponder<Self, T>;
    type Batch<T: OptionalSend + 'static> = openraft::impls::InlineBatch<T>;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

type CommittedLeaderId = leader_id_std::CommittedLeaderId<u64>;

pub(super) type Entry = openraft::Entry<CommittedLeaderId, Payload>;
pub(super) type LogId = openraft::LogId<CommittedLeaderId>;
pub(super) type Membership = openraft::Membership<u64, Member>;
pub(super) type Payload = openraft::EntryPayload<Command, u64, Member>;
pub(super) type Snapshot = openraft::Snapshot<CommittedLeaderId, u64, Member, Bytes>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<CommittedLeaderId, u64, Member>;
pub(super) type StoredMembership = openraft::StoredMembership<CommittedLeaderId, u64, Member>;
pub(super) type Vote = openraft::Vote<leader_id_std::LeaderId<u64, u64>>;

/// Returns the id of the entry that a leader of `term` wrote at `index`.
pub(super) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term), index)
}

/// A command, or any other bytes, written as one binary value.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Command(pub(super) Bytes);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Command;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Command, E> {
                Ok(Command(Bytes::copy_from_slice(bytes)))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Command, E> {
                Ok(Command(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Whole)
    }
}
