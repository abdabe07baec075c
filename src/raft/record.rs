//! What is on disk, independent of openraft's own encodings, which change between its releases.
//!
//! Every record is a CRC-32 of four bytes, big-endian, and then MessagePack with field names. Fields may be added; any
//! other change raises [`FORMAT`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::config::Member;
use super::types::{self, Command, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership, Vote};

/// The version of everything in a server's folder.
pub(super) const FORMAT: u64 = 1;

/// Bytes of the checksum before a record.
const CHECKSUM_BYTES: usize = 4;

/// Encodes a record with its checksum.
pub(super) fn seal<T: Serialize>(record: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; CHECKSUM_BYTES];
    rmp_serde::encode::write_named(&mut bytes, record).map_err(io::Error::other)?;
    let checksum = checksum(&bytes[CHECKSUM_BYTES..]).to_be_bytes();
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum);
    Ok(bytes)
}

/// Decodes what [`seal`] made.
///
/// # Errors
/// `InvalidData` when the bytes are not what was written.
pub(super) fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let damaged = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let (expected, record) = bytes
        .split_first_chunk::<CHECKSUM_BYTES>()
        .ok_or_else(|| damaged("a record is cut short".to_owned()))?;
    if u32::from_be_bytes(*expected) != checksum(record) {
        return Err(damaged("a record's checksum does not match".to_owned()));
    }
    rmp_serde::from_slice(record).map_err(|error| damaged(format!("a record cannot be read: {error}")))
}

/// Continues a CRC-32 (IEEE 802.3, reflected) over `bytes`.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut value = n as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[n] = value;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// A position in the log.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct LogIdRecord {
    term: u64,
    index: u64,
}

impl From<LogId> for LogIdRecord {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, index: id.index }
    }
}

impl From<LogIdRecord> for LogId {
    fn from(record: LogIdRecord) -> Self {
        types::log_id(record.term, record.index)
    }
}

/// Whom this server voted for, or follows when `committed`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VoteRecord {
    term: u64,
    server: u64,
    committed: bool,
}

impl From<&Vote> for VoteRecord {
    fn from(vote: &Vote) -> Self {
        Self { term: vote.leader_id.term, server: vote.leader_id.voted_for, committed: vote.committed }
    }
}

impl From<VoteRecord> for Vote {
    fn from(record: VoteRecord) -> Self {
        match record.committed {
            true => Vote::new_committed(record.term, record.server),
            false => Vote::new(record.term, record.server),
        }
    }
}

/// Who belongs to the cluster; two sets of voters while it changes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MembershipRecord {
    voters: Vec<BTreeSet<u64>>,
    members: BTreeMap<u64, Member>,
}

impl From<&Membership> for MembershipRecord {
    fn from(membership: &Membership) -> Self {
        Self {
            voters: membership.get_joint_config().clone(),
            members: membership.nodes().map(|(id, member)| (*id, member.clone())).collect(),
        }
    }
}

impl TryFrom<MembershipRecord> for Membership {
    type Error = io::Error;

    fn try_from(record: MembershipRecord) -> io::Result<Self> {
        if record.voters.is_empty() && record.members.is_empty() {
            return Ok(Self::default());
        }
        Membership::new(record.voters, record.members).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a membership makes no sense: {error}"))
        })
    }
}

/// An entry of the log; its index is its key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EntryRecord {
    term: u64,
    content: Content,
}

/// What an entry says.
#[derive(Debug, Serialize, Deserialize)]
enum Content {
    Blank,
    Command(Command),
    Membership(MembershipRecord),
}

impl From<Entry> for EntryRecord {
    fn from(entry: Entry) -> Self {
        let content = match entry.payload {
            Payload::Blank => Content::Blank,
            Payload::Normal(command) => Content::Command(command),
            Payload::Membership(membership) => Content::Membership((&membership).into()),
        };
        Self { term: entry.log_id.leader_id.term, content }
    }
}

impl EntryRecord {
    /// Returns the entry at `index` that this is the record of.
    pub(super) fn into_entry(self, index: u64) -> io::Result<Entry> {
        let payload = match self.content {
            Content::Blank => Payload::Blank,
            Content::Command(command) => Payload::Normal(command),
            Content::Membership(record) => Payload::Membership(record.try_into()?),
        };
        Ok(Entry { log_id: types::log_id(self.term, index), payload })
    }
}

/// What a snapshot contains.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SnapshotRecord {
    last: Option<LogIdRecord>,
    membership_at: Option<LogIdRecord>,
    membership: MembershipRecord,
}

impl From<&SnapshotMeta> for SnapshotRecord {
    fn from(meta: &SnapshotMeta) -> Self {
        Self {
            last: meta.last_log_id.map(Into::into),
            membership_at: meta.last_membership.log_id().map(Into::into),
            membership: meta.last_membership.membership().into(),
        }
    }
}

impl TryFrom<SnapshotRecord> for SnapshotMeta {
    type Error = io::Error;

    fn try_from(record: SnapshotRecord) -> io::Result<Self> {
        let membership = record.membership.try_into()?;
        Ok(Self {
            last_log_id: record.last.map(Into::into),
            last_membership: StoredMembership::new(record.membership_at.map(Into::into), membership),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum(b""), 0);
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let entry =
            Entry { log_id: types::log_id(3, 7), payload: Payload::Normal(Command(b"buy milk"[..].into())) };
        let bytes = seal(&EntryRecord::from(entry.clone())).unwrap();
        let read: EntryRecord = unseal(&bytes).unwrap();
        assert_eq!(read.into_entry(7).unwrap(), entry);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = unseal::<EntryRecord>(&flipped).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        assert!(unseal::<EntryRecord>(&bytes[..3]).is_err());
    }

    #[test]
    fn memberships_survive() {
        let members =
            BTreeMap::from([(1, Member::default()), (5, Member { name: "e".into(), address: "f:1".into() })]);
        let membership = Membership::new(vec![BTreeSet::from([1]), BTreeSet::from([1, 5])], members).unwrap();
        let record = MembershipRecord::from(&membership);
        let bytes = seal(&record).unwrap();
        assert_eq!(Membership::try_from(unseal::<MembershipRecord>(&bytes).unwrap()).unwrap(), membership);
        let empty = MembershipRecord::from(&Membership::default());
        assert_eq!(Membership::try_from(empty).unwrap(), Membership::default());
    }
}
