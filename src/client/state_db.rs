//! What a restarted agent needs to know: who it is, which allocations it runs, how to find their tasks.
//!
//! ```text
//! <data>/client/identity              the node's id and secret, made once
//! <data>/client/allocs/<id>.alloc     the allocation as the servers last described it
//! <data>/client/allocs/<id>.tasks     the states of its tasks and the handles of those that run
//! ```
//!
//! Every file is replaced as a whole, so that after `kill -9` or power loss each holds some complete version. Encoded as
//! MessagePack with field names: fields can be added with a default. Calls block.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::env::Disk;
use crate::model::{AllocId, Allocation, NodeId, TaskState};

/// Why the state of an earlier agent can not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The disk refuses.
    #[error("the client's state can not be read or written: {0}")]
    Io(#[from] io::Error),
    /// A file is not what was written there.
    #[error("{path} can not be understood ({reason}); move it away to start without what it knew")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Who the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What identifies it.
    pub node_id: NodeId,
    /// Proves that it is the same.
    pub secret_id: String,
}

/// What is known of the tasks of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedTasks {
    /// By task name.
    pub states: BTreeMap<String, TaskState>,
    /// What the driver of each running task needs to find it.
    pub handles: BTreeMap<String, Vec<u8>>,
}

/// The files. Cheap to clone.
#[derive(Clone)]
pub struct StateDb {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl StateDb {
    /// Opens the files below an agent's data directory, making their folders.
    ///
    /// # Errors
    /// If the folders can not be made.
    pub fn open(disk: Arc<dyn Disk>, data_dir: &Path) -> Result<Self, StateError> {
        let folder = data_dir.join("client");
        disk.make_dir(&folder.join("allocs"))?;
        Ok(Self { disk, folder })
    }

    /// Returns who the node is, deciding it the first time.
    ///
    /// # Errors
    /// If that can not be read, or can not be kept: a node that is another one after each restart leaves dead nodes
    /// behind.
    pub fn identity(&self, rng: &mut dyn Rng) -> Result<Identity, StateError> {
        let path = self.folder.join("identity");
        if let Some(known) = self.read(&path)? {
            return Ok(known);
        }
        // The secret is 16 random bytes like an id, and written like one.
        let new = Identity { node_id: NodeId::random(rng), secret_id: NodeId::random(rng).to_string() };
        self.write(&path, &new)?;
        Ok(new)
    }

    /// Returns all allocations with what is known of their tasks, in id order.
    pub fn load(&self) -> Result<Vec<(Allocation, SavedTasks)>, StateError> {
        let mut found = Vec::new();
        for name in self.disk.list(&self.folder.join("allocs"))? {
            let Some(id) = name.strip_suffix(".alloc") else { continue };
            let folder = self.folder.join("allocs");
            let Some(alloc) = self.read(&folder.join(&name))? else { continue };
            let tasks = self.read(&folder.join(format!("{id}.tasks")))?.unwrap_or_default();
            found.push((alloc, tasks));
        }
        Ok(found)
    }

    /// Keeps an allocation as the servers describe it.
    pub fn put_alloc(&self, alloc: &Allocation) -> Result<(), StateError> {
        self.write(&self.path(alloc.id, "alloc"), alloc)
    }

    /// Keeps what is known of an allocation's tasks.
    pub fn put_tasks(&self, id: AllocId, tasks: &SavedTasks) -> Result<(), StateError> {
        self.write(&self.path(id, "tasks"), tasks)
    }

    /// Forgets an allocation.
    pub fn remove(&self, id: AllocId) -> Result<(), StateError> {
        // In this order: tasks without their allocation are ignored, the other way round they would start anew.
        self.disk.remove(&self.path(id, "alloc"))?;
        self.disk.remove(&self.path(id, "tasks"))?;
        Ok(())
    }

    fn path(&self, id: AllocId, kind: &str) -> PathBuf {
        self.folder.join("allocs").join(format!("{id}.{kind}"))
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StateError> {
        let bytes = match self.disk.read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let content = |error: rmp_serde::decode::Error| StateError::Content {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        rmp_serde::from_slice(&bytes).map(Some).map_err(content)
    }

    fn write<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), StateError> {
        let bytes = rmp_serde::to_vec_named(value).map_err(io::Error::other)?;
        self.disk.replace(path, &bytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_was_put_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let env = crate::env::real::env();
        let open = || StateDb::open(env.disk.clone(), folder.path()).unwrap();
        let identity = open().identity(&mut *env.random.stream("a")).unwrap();
        assert_eq!(open().identity(&mut *env.random.stream("b")).unwrap(), identity);

        let mut alloc = testing::alloc("web", "raw_exec");
        let mut job = (*alloc.job).clone();
        job.groups[0].tasks[0].config =
            serde_json::json!({"command": "sh", "args": ["a", 1, {"b": null}]}).as_object().unwrap().clone();
        alloc.job = job.into();
        let tasks = SavedTasks {
            states: [("web".to_owned(), TaskState::default())].into(),
            handles: [("web".to_owned(), vec![0, 255])].into(),
        };
        open().put_alloc(&alloc).unwrap();
        open().put_tasks(alloc.id, &tasks).unwrap();
        assert_eq!(open().load().unwrap(), [(alloc.clone(), tasks)]);
        open().remove(alloc.id).unwrap();
        assert_eq!(open().load().unwrap(), []);
    }

    #[test]
    fn a_file_that_is_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let env = crate::env::real::env();
        let db = StateDb::open(env.disk.clone(), folder.path()).unwrap();
        env.disk.replace(&folder.path().join("client/identity"), b"nonsense").unwrap();
        let error = db.identity(&mut *env.random.stream("a")).unwrap_err().to_string();
        assert!(error.contains("client/identity") && error.contains("move it away"), "{error}");
    }
}
