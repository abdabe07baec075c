//! Where allocations and their tasks keep files.
//!
//! ```text
//! <data>/alloc/<allocation>/alloc/{data,tmp}      shared by the tasks
//! <data>/alloc/<allocation>/alloc/logs/<task>.stdout.0, .stderr.0
//! <data>/alloc/<allocation>/<task>/{local,secrets,tmp}
//! ```

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::env::Disk;
use crate::model::AllocId;

/// The folders of all allocations.
#[derive(Clone, Debug)]
pub struct AllocDirs {
    root: PathBuf,
}

impl AllocDirs {
    /// Names the folders below an agent's data directory; makes none.
    pub fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.join("alloc") }
    }

    /// Returns the folders of one allocation.
    pub fn alloc(&self, id: AllocId) -> AllocDir {
        AllocDir { root: self.root.join(id.to_string()) }
    }
}

/// The folders of one allocation.
#[derive(Clone, Debug)]
pub struct AllocDir {
    root: PathBuf,
}

impl AllocDir {
    /// Returns the folder that holds the others.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder its tasks share.
    pub fn shared(&self) -> PathBuf {
        self.root.join("alloc")
    }

    /// Returns the folder of its tasks' output.
    pub fn logs(&self) -> PathBuf {
        self.shared().join("logs")
    }

    /// Returns the folders of one task.
    ///
    /// # Errors
    /// If the name is no plain file name: a task may not leave its allocation's folder, nor take the shared one.
    pub fn task(&self, name: &str) -> io::Result<TaskDir> {
        let mut parts = Path::new(name).components();
        let is_plain =
            matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
        if !is_plain || name == "alloc" {
            let message = format!("task name {name:?} can not be the name of a folder; rename the task");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(TaskDir { shared: self.shared(), root: self.root.join(name), name: name.to_owned() })
    }

    /// Makes the shared folders.
    pub fn make(&self, disk: &dyn Disk) -> io::Result<()> {
        ["logs", "data", "tmp"].iter().try_for_each(|name| disk.make_dir(&self.shared().join(name)))
    }
}

/// The folders of one task.
#[derive(Clone, Debug)]
pub struct TaskDir {
    shared: PathBuf,
    root: PathBuf,
    name: String,
}

impl TaskDir {
    /// Returns the folder that holds the task's own.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder shared with the other tasks.
    pub fn shared(&self) -> PathBuf {
        self.shared.clone()
    }

    /// Returns the folder for the task's own files.
    pub fn local(&self) -> PathBuf {
        self.root.join("local")
    }

    /// Returns the folder for what others must not read.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// Returns the file of the task's standard output.
    pub fn stdout(&self) -> PathBuf {
        self.log("stdout")
    }

    /// Returns the file of the task's standard error.
    pub fn stderr(&self) -> PathBuf {
        self.log("stderr")
    }

    /// Makes the task's own folders.
    pub fn make(&self, disk: &dyn Disk) -> io::Result<()> {
        ["local", "secrets", "tmp"].iter().try_for_each(|name| disk.make_dir(&self.root.join(name)))
    }

    fn log(&self, stream: &str) -> PathBuf {
        self.shared.join("logs").join(format!("{}.{stream}.0", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_name_can_not_leave_the_folder() {
        let dir = AllocDirs::new("/data".as_ref()).alloc(AllocId(uuid::Uuid::nil()));
        for bad in ["", ".", "..", "a/b", "/etc", "../x", "a/", "alloc"] {
            assert!(dir.task(bad).is_err(), "{bad:?}");
        }
        assert!(dir.task("web-1.x").unwrap().stdout().ends_with("alloc/logs/web-1.x.stdout.0"));
    }
}
