//! The snapshot on disk: one file, replaced as a whole.
//!
//! It holds [`MAGIC`], the length of the sealed [`SnapshotRecord`] as four bytes, big-endian, that record, the state as
//! the state machine encoded it, and a CRC-32 of everything before.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes};

use super::record::{SnapshotRecord, checksum, seal, unseal};
use super::types::{LogId, SnapshotMeta};
use crate::env::Env;

/// What such a file begins with; the digit is the format.
const MAGIC: &[u8] = b"PASTURE SNAPSHOT 1\n";

/// Bytes of the length, and of the checksum.
const WORD_BYTES: usize = 4;

/// The file of a server's latest snapshot.
#[derive(Clone)]
pub(super) struct SnapshotFile {
    env: Env,
    path: PathBuf,
    /// The entry up to which the file goes.
    last: Arc<Mutex<Option<LogId>>>,
}

impl SnapshotFile {
    pub(super) fn new(env: Env, path: PathBuf) -> Self {
        Self { env, path, last: Arc::default() }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Replaces the snapshot unless the one there is newer; when this returns it is on the medium.
    pub(super) async fn save(&self, meta: &SnapshotMeta, state: Bytes) -> io::Result<()> {
        let (record, new) = (seal(&SnapshotRecord::from(meta))?, meta.last_log_id);
        let (disk, path, last) = (self.env.disk.clone(), self.path.clone(), self.last.clone());
        let replace = move || {
            // Held while writing: one built here can be overtaken by one from the leader, whose entries are purged then.
            let mut last = last.lock().expect("no holder of this lock panics");
            if new < *last {
                return Ok(());
            }
            disk.replace(&path, &encode(&record, &state))?;
            *last = new;
            Ok(())
        };
        self.env.blocking(replace).await
    }

    /// Reads the snapshot; `None` when there is none yet.
    ///
    /// # Errors
    /// `InvalidData` when the file is not what was written.
    pub(super) async fn load(&self) -> io::Result<Option<(SnapshotMeta, Bytes)>> {
        let (disk, path, last) = (self.env.disk.clone(), self.path.clone(), self.last.clone());
        let read = move || {
            let mut last = last.lock().expect("no holder of this lock panics");
            let content = match disk.read(&path) {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let (meta, state) = decode(content.into())?;
            *last = meta.last_log_id;
            Ok(Some((meta, state)))
        };
        self.env.blocking(read).await
    }
}

fn encode(record: &[u8], state: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(MAGIC.len() + 2 * WORD_BYTES + record.len() + state.len());
    content.extend_from_slice(MAGIC);
    content.extend_from_slice(&u32::try_from(record.len()).expect("a record is small").to_be_bytes());
    content.extend_from_slice(record);
    content.extend_from_slice(state);
    let checksum = checksum(&content).to_be_bytes();
    content.extend_from_slice(&checksum);
    content
}

fn decode(mut content: Bytes) -> io::Result<(SnapshotMeta, Bytes)> {
    let damaged = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    if !content.starts_with(MAGIC) {
        return Err(damaged("it does not begin as a snapshot of this version does"));
    }
    let Some((covered, expected)) = content.split_last_chunk::<WORD_BYTES>() else {
        return Err(damaged("it is cut short"));
    };
    if u32::from_be_bytes(*expected) != checksum(covered) {
        return Err(damaged("its checksum does not match"));
    }
    content.truncate(content.len() - WORD_BYTES);
    content.advance(MAGIC.len());
    if content.len() < WORD_BYTES {
        return Err(damaged("it is cut short"));
    }
    let length = content.get_u32() as usize;
    if content.len() < length {
        return Err(damaged("it is cut short"));
    }
    let record: SnapshotRecord = unseal(&content.split_to(length))?;
    Ok((record.try_into()?, content))
}

#[cfg(test)]
mod tests {
    use super::super::types::{self, StoredMembership};
    use super::*;

    #[test]
    fn damage_is_noticed() {
        let meta = SnapshotMeta {
            last_log_id: Some(types::log_id(2, 9)),
            last_membership: StoredMembership::default(),
        };
        let content = encode(&seal(&SnapshotRecord::from(&meta)).unwrap(), b"the state");
        let (read, state) = decode(content.clone().into()).unwrap();
        assert_eq!((read, &state[..]), (meta, &b"the state"[..]));
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 0x10;
            assert_eq!(decode(changed.into()).unwrap_err().kind(), io::ErrorKind::InvalidData, "byte {at}");
            assert!(decode(content[..at].to_vec().into()).is_err(), "cut at {at}");
        }
    }
}
