//! Jobs: submitting, changing, stopping, looking at again.

use super::Server;
use super::error::ServerError;
use crate::jobspec;
use crate::model::{EvalId, Evaluation, Job, JobKey, JobStatus, Trigger};
use crate::state::Command;

/// The most allocations one job may ask for.
pub const COUNT_MAX: u64 = 50_000;

/// What became of a job submitted, stopped or looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The evaluation that looks at it.
    pub eval_id: Option<EvalId>,
    /// Log index of the write.
    pub index: u64,
    /// Log index of the last submission that changed the job.
    pub job_modify_index: u64,
}

impl Server {
    /// Takes in a job, or a new version of one.
    ///
    /// With `enforce_index` the job must not have been changed since that index; 0 means that it must not exist.
    ///
    /// # Errors
    /// [`ServerError::Invalid`] with all problems of the job, [`ServerError::JobModifyIndex`], and what a write can meet.
    pub async fn register_job(
        &self,
        job: Job,
        enforce_index: Option<u64>,
    ) -> Result<Registered, ServerError> {
        self.register(job, enforce_index, Trigger::JobRegister).await
    }

    /// Changes the count of one group.
    ///
    /// # Errors
    /// [`ServerError::JobNotFound`], [`ServerError::GroupNotFound`], and what a write can meet.
    pub async fn scale_job(&self, key: &JobKey, group: &str, count: u32) -> Result<Registered, ServerError> {
        let mut job = self.job(key)?;
        let seen = job.job_modify_index;
        if job.stop {
            return Err(ServerError::Invalid(format!("job {key} is stopped; run it again to scale it")));
        }
        let Some(found) = job.groups.iter_mut().find(|candidate| candidate.name == group) else {
            let known: Vec<&str> = job.groups.iter().map(|group| group.name.as_str()).collect();
            let (group, known) = (group.to_owned(), known.join(", "));
            return Err(ServerError::GroupNotFound { job: key.clone(), group, known });
        };
        found.count = count;
        self.register(job, Some(seen), Trigger::JobScaling).await
    }

    /// Tells a job to stop; with `purge` it is forgotten as well.
    ///
    /// # Errors
    /// [`ServerError::JobNotFound`], and what a write can meet.
    pub async fn deregister_job(&self, key: &JobKey, purge: bool) -> Result<Registered, ServerError> {
        let job = self.job(key)?;
        let eval = self.eval_of(&job, Trigger::JobDeregister);
        let eval_id = Some(eval.id);
        let command =
            Command::JobDeregister { key: key.clone(), purge, time: self.env().now(), eval: Some(eval) };
        let index = self.propose(&command).await?;
        Ok(Registered { eval_id, index, job_modify_index: index })
    }

    /// Makes the scheduler look at a job again.
    ///
    /// # Errors
    /// [`ServerError::JobNotFound`], [`ServerError::Invalid`] for a job that waits to be launched, and what a write can meet.
    pub async fn evaluate_job(&self, key: &JobKey) -> Result<Registered, ServerError> {
        let job = self.job(key)?;
        if job.waits_for_launch() {
            let kind = if job.periodic.is_some() { "periodic" } else { "parameterized" };
            return Err(ServerError::Invalid(format!("can't evaluate {kind} job")));
        }
        let eval = self.eval_of(&job, Trigger::JobRegister);
        let eval_id = Some(eval.id);
        let index = self.propose(&Command::EvalUpdate { evals: vec![eval] }).await?;
        Ok(Registered { eval_id, index, job_modify_index: job.job_modify_index })
    }

    pub(super) async fn register(
        &self,
        mut job: Job,
        enforce_index: Option<u64>,
        trigger: Trigger,
    ) -> Result<Registered, ServerError> {
        jobspec::canonicalize(&mut job);
        jobspec::admit(&mut job);
        check(&job)?;
        let key = job.key();
        job.submit_time = self.env().now();
        job.status = JobStatus::Pending;
        job.stop = false;
        // Nothing is to be placed for a job that runs by what is launched from it.
        let eval = (!job.waits_for_launch()).then(|| self.eval_of(&job, trigger));
        let eval_id = eval.as_ref().map(|eval| eval.id);
        let index = self.propose(&Command::JobRegister { job: job.into(), eval, enforce_index }).await?;
        let job_modify_index = self.store().snapshot().job(&key).map_or(index, |job| job.job_modify_index);
        Ok(Registered { eval_id, index, job_modify_index })
    }

    fn job(&self, key: &JobKey) -> Result<Job, ServerError> {
        let view = self.store().snapshot();
        let job = view.job(key).ok_or_else(|| ServerError::JobNotFound(key.clone()))?;
        Ok((**job).clone())
    }

    fn eval_of(&self, job: &Job, trigger: Trigger) -> Evaluation {
        let now = self.env().now();
        Evaluation::pending(self.new_eval_id(), job.key(), job.job_type, job.priority, trigger, now)
    }
}

/// Refuses a job with anything wrong, naming all of it.
fn check(job: &Job) -> Result<(), ServerError> {
    let mut problems = jobspec::validate(job).err().unwrap_or_default();
    let count: u64 = job.groups.iter().map(|group| u64::from(group.count)).sum();
    if count > COUNT_MAX {
        problems.push(format!("the job asks for {count} allocations; {COUNT_MAX} is the most"));
    }
    if problems.is_empty() { Ok(()) } else { Err(ServerError::Invalid(problems.join("\n"))) }
}
