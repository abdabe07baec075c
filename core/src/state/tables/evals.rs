//! Evaluations.

use std::sync::Arc;

use imbl::OrdMap;

use super::Grouped;
use crate::model::{EvalId, Evaluation, JobKey};

/// All evaluations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evals {
    by_id: OrdMap<EvalId, Arc<Evaluation>>,
    by_job: Grouped<JobKey, EvalId, Evaluation>,
    /// Log index of the last change of any evaluation.
    pub(in crate::state) index: u64,
}

impl Evals {
    /// Returns an evaluation.
    pub fn get(&self, id: &EvalId) -> Option<&Arc<Evaluation>> {
        self.by_id.get(id)
    }

    /// Returns all evaluations in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Evaluation>> {
        self.by_id.values()
    }

    /// Returns a job's evaluations in id order.
    pub fn of_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Evaluation>> {
        super::of(&self.by_job, key)
    }

    pub(in crate::state) fn put(&mut self, eval: Arc<Evaluation>, index: u64) {
        super::insert(&mut self.by_job, eval.job_key.clone(), eval.id, eval.clone());
        self.by_id.insert(eval.id, eval);
        self.index = index;
    }
}
