//! Jobs and their versions.

use std::sync::Arc;

use imbl::{OrdMap, Vector};

use crate::model::{Job, JobKey};

/// How many versions of a job are kept. Nomad keeps six as well.
pub const VERSIONS_MAX: usize = 6;

/// All jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jobs {
    by_key: OrdMap<JobKey, Arc<Job>>,
    /// Newest first; the current one is among them.
    versions: OrdMap<JobKey, Vector<Arc<Job>>>,
    /// Log index of the last change of any job.
    pub(in crate::state) index: u64,
}

impl Jobs {
    /// Returns a job.
    pub fn get(&self, key: &JobKey) -> Option<&Arc<Job>> {
        self.by_key.get(key)
    }

    /// Returns all jobs in key order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.by_key.values()
    }

    /// Returns the versions kept of a job, newest first.
    pub fn versions(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Job>> {
        self.versions.get(key).into_iter().flatten()
    }

    /// Returns one version of a job.
    pub fn version(&self, key: &JobKey, version: u64) -> Option<&Arc<Job>> {
        self.versions(key).find(|job| job.version == version)
    }

    /// Puts in a job as its newest version, or in place of the version of that number.
    pub(in crate::state) fn put(&mut self, job: Arc<Job>, index: u64) {
        let key = job.key();
        let versions = self.versions.entry(key.clone()).or_default();
        match versions.iter().position(|known| known.version == job.version) {
            Some(position) => {
                versions.set(position, job.clone());
            }
            None => versions.push_front(job.clone()),
        }
        versions.truncate(VERSIONS_MAX.min(versions.len()));
        self.by_key.insert(key, job);
        self.index = index;
    }

    /// Changes what is known of one version; a version that is not kept any more stays forgotten.
    pub(in crate::state) fn put_version(&mut self, job: Arc<Job>, index: u64) {
        let key = job.key();
        let Some(versions) = self.versions.get_mut(&key) else { return };
        let Some(position) = versions.iter().position(|known| known.version == job.version) else { return };
        versions.set(position, job.clone());
        if self.by_key.get(&key).is_some_and(|current| current.version == job.version) {
            self.by_key.insert(key, job);
        }
        self.index = index;
    }

    /// Forgets a job with all its versions.
    pub(in crate::state) fn remove(&mut self, key: &JobKey, index: u64) {
        self.by_key.remove(key);
        self.versions.remove(key);
        self.index = index;
    }

    /// Puts back the versions of a job, newest first; the first is the current one.
    pub(in crate::state) fn restore(&mut self, versions: Vec<Job>) {
        let versions: Vector<Arc<Job>> = versions.into_iter().map(Arc::new).collect();
        if let Some(current) = versions.front().cloned() {
            self.by_key.insert(current.key(), current.clone());
            self.versions.insert(current.key(), versions);
        }
    }
}
