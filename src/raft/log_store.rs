//! Entries and vote on disk: one redb database per server.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{OptionalSend, RaftTypeConfig};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::backend::{FileBackend, Gate};
use super::error::StartError;
use super::record::{EntryRecord, FORMAT, LogIdRecord, VoteRecord, seal, unseal};
use super::types::{Entry, LogId, Types, Vote};
use crate::env::Env;

/// Sealed entries by index.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Sealed values by name.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

const META_FORMAT: &str = "format";
const META_SERVER: &str = "server";
const META_VOTE: &str = "vote";
const META_COMMITTED: &str = "committed";
const META_PURGED: &str = "purged";

/// Bytes of pages that redb keeps in memory. What is read is mostly what was just written.
const CACHE_BYTES: usize = 2 << 20;

/// Bytes of entries sent in one message, unless a single entry is larger.
const READ_BYTES_MAX: usize = 1 << 20;

/// The log of a server. Clones read and write the same one.
#[derive(Clone)]
pub(super) struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    env: Env,
    path: PathBuf,
    gate: Gate,
    /// `None` once it is closed.
    database: RwLock<Option<Database>>,
    known: Mutex<Known>,
}

/// What is asked for too often to read it each time.
#[derive(Clone, Debug, Default)]
struct Known {
    vote: Option<Vote>,
    /// How far is committed, and whether that is still to be written.
    committed: Option<LogId>,
    is_committed_new: bool,
    purged: Option<LogId>,
    /// The last entry, or the last one purged.
    last: Option<LogId>,
}

impl LogStore {
    /// Opens the log at `path`, or makes an empty one for server `id`.
    pub(super) async fn open(env: &Env, path: PathBuf, id: u64) -> Result<Self, StartError> {
        let (opened, open_env) = (path.clone(), env.clone());
        let (database, gate, known) = env.blocking(move || open(&open_env, &opened, id)).await?;
        let (database, known) = (RwLock::new(Some(database)), Mutex::new(known));
        Ok(Self { shared: Arc::new(Shared { env: env.clone(), path, gate, database, known }) })
    }

    /// Writes the rest and closes the file; all further calls fail.
    pub(super) async fn close(&self) {
        let shared = self.shared.clone();
        let closing = move || {
            // What is not written then is learned from the others.
            let _ = shared.write_now(Durability::Immediate, |_| Ok(()));
            let database = shared.database.write().expect("no holder of this lock panics").take();
            drop(database);
        };
        self.shared.env.blocking(closing).await;
    }

    /// Writes one transaction, along with what waits to be written.
    async fn write(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error> + Send + 'static,
    ) -> io::Result<()> {
        let shared = self.shared.clone();
        self.shared.env.blocking(move || shared.write_now(durability, work)).await
    }

    /// Reads entries in the order of their indexes until `bytes_max` are exceeded, at least one.
    async fn read(&self, range: impl RangeBounds<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        if is_empty(range) {
            return Ok(Vec::new());
        }
        let shared = self.shared.clone();
        self.shared.env.blocking(move || shared.read_now(range, bytes_max)).await
    }

    fn known(&self) -> Known {
        self.shared.known.lock().expect("no holder of this lock panics").clone()
    }

    fn update(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.shared.known.lock().expect("no holder of this lock panics"));
    }
}

/// Tells whether a range is empty; such a range is not for redb.
fn is_empty(range: (Bound<u64>, Bound<u64>)) -> bool {
    match range {
        (Bound::Included(start), Bound::Excluded(end)) => start >= end,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        _ => false,
    }
}

impl Shared {
    fn write_now(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> io::Result<()> {
        let committed = {
            let known = self.known.lock().expect("no holder of this lock panics");
            known.committed.filter(|_| known.is_committed_new)
        };
        let sealed = committed.map(|id| seal(&LogIdRecord::from(id))).transpose()?;
        self.with_database(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(durability)?;
            work(&transaction)?;
            if let Some(sealed) = &sealed {
                transaction.open_table(META)?.insert(META_COMMITTED, sealed.as_slice())?;
            }
            transaction.commit()?;
            Ok(())
        })?;
        let mut known = self.known.lock().expect("no holder of this lock panics");
        known.is_committed_new &= known.committed != committed;
        Ok(())
    }

    fn read_now(&self, range: (Bound<u64>, Bound<u64>), bytes_max: usize) -> io::Result<Vec<Entry>> {
        let sealed = self.with_database(|database| {
            let table = database.begin_read()?.open_table(LOG)?;
            let mut sealed = Vec::new();
            let mut bytes = 0;
            for entry in table.range(range)? {
                let (index, record) = entry?;
                bytes += record.value().len();
                if bytes > bytes_max && !sealed.is_empty() {
                    break;
                }
                sealed.push((index.value(), record.value().to_vec()));
            }
            Ok(sealed)
        })?;
        let unsealed = sealed.into_iter().map(|(index, record)| {
            unseal::<EntryRecord>(&record).and_then(|record| record.into_entry(index)).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: entry {index}: {error}", self.path.display()))
            })
        });
        unsealed.collect()
    }

    /// Uses the database, with the path in all errors.
    fn with_database<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> io::Result<T> {
        let database = self.database.read().expect("no holder of this lock panics");
        let named = |kind, text: String| io::Error::new(kind, format!("{}: {text}", self.path.display()));
        let database =
            database.as_ref().ok_or_else(|| named(io::ErrorKind::NotConnected, "closed".to_owned()))?;
        guarded(|| work(database)).map_err(|error| match error {
            redb::Error::Io(source) => named(source.kind(), source.to_string()),
            other => named(io::ErrorKind::InvalidData, other.to_string()),
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever drops an open log has died or given up: see `Gate`.
        self.gate.shut();
    }
}

/// Turns a panic into an error: redb panics on some damaged files.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(redb::Error::Corrupted("the database cannot make sense of it".to_owned())))
}

fn open(env: &Env, path: &Path, id: u64) -> Result<(Database, Gate, Known), StartError> {
    let disk_error = |source| StartError::Disk { path: path.to_owned(), source };
    let damaged = |reason: String| StartError::Damaged { path: path.to_owned(), reason };
    let file = env.disk.open(path).map_err(disk_error)?;
    let gate = Gate::default();
    let backend = FileBackend::new(file, gate.clone());
    let opened = guarded(|| {
        // Checks the whole file: it is small, and damage is to be found now rather than when an entry is needed.
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(backend)?;
        prepare(&database, id)?;
        Ok(database)
    });
    let database = opened.map_err(|error| {
        gate.shut();
        match error {
            redb::Error::Io(source) => disk_error(source),
            other => damaged(other.to_string()),
        }
    })?;
    let read = guarded(|| Ok(read_known(&database))).map_err(|error| damaged(error.to_string()))?;
    let (format, server, known) = read.map_err(|error| damaged(error.to_string()))?;
    if format != FORMAT {
        return Err(StartError::Version { path: path.to_owned(), found: format, known: FORMAT });
    }
    if server != id {
        return Err(StartError::Foreign { path: path.to_owned(), found: server, expected: id });
    }
    Ok((database, gate, known))
}

/// Makes the tables of a new database.
fn prepare(database: &Database, id: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let is_new = {
        transaction.open_table(LOG)?;
        let mut meta = transaction.open_table(META)?;
        let is_new = meta.get(META_FORMAT)?.is_none();
        if is_new {
            let sealed = |number: u64| seal(&number).map_err(redb::Error::Io);
            meta.insert(META_FORMAT, sealed(FORMAT)?.as_slice())?;
            meta.insert(META_SERVER, sealed(id)?.as_slice())?;
        }
        is_new
    };
    match is_new {
        true => transaction.commit()?,
        false => transaction.abort()?,
    }
    Ok(())
}

/// Reads format, server id, and what a store keeps in memory.
fn read_known(database: &Database) -> io::Result<(u64, u64, Known)> {
    let other = |error: redb::Error| io::Error::other(error.to_string());
    let transaction = database.begin_read().map_err(|error| other(error.into()))?;
    let meta = transaction.open_table(META).map_err(|error| other(error.into()))?;
    let get = |name: &str| -> io::Result<Option<Vec<u8>>> {
        let value = meta.get(name).map_err(|error| other(error.into()))?;
        Ok(value.map(|value| value.value().to_vec()))
    };
    let number = |name: &str| unseal::<u64>(&get(name)?.unwrap_or_default());
    let log_id =
        |name: &str| get(name)?.map(|bytes| unseal::<LogIdRecord>(&bytes).map(LogId::from)).transpose();
    let purged = log_id(META_PURGED)?;
    let log = transaction.open_table(LOG).map_err(|error| other(error.into()))?;
    let last = match log.last().map_err(|error| other(error.into()))? {
        Some((index, record)) => {
            Some(unseal::<EntryRecord>(record.value())?.into_entry(index.value())?.log_id)
        }
        None => purged,
    };
    let known = Known {
        vote: get(META_VOTE)?.map(|bytes| unseal::<VoteRecord>(&bytes).map(Vote::from)).transpose()?,
        committed: log_id(META_COMMITTED)?,
        is_committed_new: false,
        purged,
        last,
    };
    Ok((number(META_FORMAT)?, number(META_SERVER)?, known))
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.read(range, usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start..end, READ_BYTES_MAX).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.known().vote)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let known = self.known();
        Ok(LogState { last_purged_log_id: known.purged, last_log_id: known.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let sealed = seal(&VoteRecord::from(vote))?;
        let work = move |transaction: &WriteTransaction| {
            transaction.open_table(META)?.insert(META_VOTE, sealed.as_slice())?;
            Ok(())
        };
        self.write(Durability::Immediate, work).await?;
        self.update(|known| known.vote = Some(*vote));
        Ok(())
    }

    /// Notes it, to be written with the next entries: a commit of its own would double the writes of a server.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.update(|known| {
            known.committed = committed;
            known.is_committed_new = true;
        });
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.known().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = <Types as RaftTypeConfig>::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut last = None;
        let mut sealed = Vec::new();
        for entry in entries {
            last = Some(entry.log_id);
            sealed.push((entry.log_id.index, seal(&EntryRecord::from(entry))?));
        }
        let work = move |transaction: &WriteTransaction| {
            let mut log = transaction.open_table(LOG)?;
            for (index, record) in &sealed {
                log.insert(index, record.as_slice())?;
            }
            Ok(())
        };
        self.write(Durability::Immediate, work).await?;
        self.update(|known| known.last = last.or(known.last));
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last_kept: Option<LogId>) -> io::Result<()> {
        let first_gone = last_kept.map_or(0, |id| id.index + 1);
        let work = move |transaction: &WriteTransaction| {
            transaction.open_table(LOG)?.retain_in(first_gone.., |_, _| false)?;
            Ok(())
        };
        self.write(Durability::Immediate, work).await?;
        self.update(|known| known.last = last_kept.max(known.purged));
        Ok(())
    }

    /// Forgets the entries in memory's order of events, on disk with the next durable write: what is gone is in a
    /// snapshot that is on disk already.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let sealed = seal(&LogIdRecord::from(upto))?;
        let work = move |transaction: &WriteTransaction| {
            transaction.open_table(LOG)?.retain_in(..=upto.index, |_, _| false)?;
            transaction.open_table(META)?.insert(META_PURGED, sealed.as_slice())?;
            Ok(())
        };
        self.write(Durability::None, work).await?;
        self.update(|known| {
            known.purged = known.purged.max(Some(upto));
            known.last = known.last.max(Some(upto));
        });
        Ok(())
    }
}
