//! One group of a service or batch job: first a look at what is there ([`sort`]), then the decision what changes
//! ([`decide`]).
//!
//! In between, groups paced by `stagger` are told how much of it may change now.

mod decide;
mod sort;

use std::sync::Arc;

use super::classify::Seen;
use super::cluster::Question;
use super::diff::needs_restart;
use super::later::Later;
use super::rollout::Rollout;
use super::{Buckets, StopReason};
use crate::model::{Allocation, DeploymentState, Job, TaskGroup, Timestamp, UpdateStrategy};

type Allocs = Vec<Arc<Allocation>>;

/// A group with its allocations, sorted by what they are to it.
pub struct Group<'a> {
    question: &'a Question<'a>,
    job: &'a Arc<Job>,
    group: &'a TaskGroup,
    /// Hold their names: run, have finished what they were for, or wait for something.
    untainted: Allocs,
    migrate: Allocs,
    /// Stopped, each with what is said of it; replaced as far as the count asks for it.
    lost: Vec<StopReason>,
    /// Failed or cut off, to be replaced now.
    reschedule_now: Allocs,
    /// Failed or cut off, to be replaced at a time.
    reschedule_later: Vec<(Timestamp, Arc<Allocation>)>,
    /// In the order of names.
    destructive: Allocs,
    /// Canaries of the present deployment, among `untainted` too until it is decided what they replace.
    canaries: Allocs,
    /// The version that what is not a canary runs.
    older: Option<Arc<Job>>,
    state: DeploymentState,
    /// Whether the group has allocations of the present version already.
    has_run: bool,
    /// Whether nothing is placed until clients have stopped what they were cut off with.
    held_back: bool,
    /// Changes that `stagger` leaves for later.
    put_off: bool,
    buckets: Buckets,
}

impl<'a> Group<'a> {
    /// Looks at what is there.
    pub fn look(
        question: &'a Question<'a>,
        job: &'a Arc<Job>,
        group: &'a TaskGroup,
        allocs: Allocs,
        rollout: &Rollout,
        later: &mut Later<'_>,
    ) -> Self {
        let mut it = Self {
            question,
            job,
            group,
            untainted: Vec::new(),
            migrate: Vec::new(),
            lost: Vec::new(),
            reschedule_now: Vec::new(),
            reschedule_later: Vec::new(),
            destructive: Vec::new(),
            canaries: Vec::new(),
            older: None,
            state: rollout.state_of(job, group),
            has_run: allocs.iter().any(|alloc| is_present(job, alloc)),
            held_back: false,
            put_off: false,
            buckets: Buckets::default(),
        };
        it.older = it.find_older(&allocs);
        let allocs = it.drop_old_batches(allocs);
        let allocs = it.settle_canaries(allocs, rollout);
        let (reconnecting, disconnecting) = it.sort_by_class(&allocs, later);
        it.settle_reconnecting(reconnecting, &allocs);
        it.split_failed(rollout);
        it.settle_disconnecting(disconnecting, later);
        it.delay_lost(later);
        it.stop_surplus();
        it.sort_by_change();
        it
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.group.name
    }

    /// Returns the update block if it is one of 2016.
    pub fn stagger(&self) -> Option<&'a UpdateStrategy> {
        let update = self.group.update.as_ref();
        update
            .filter(|update| update.paced_by_stagger && update.max_parallel > 0 && !update.stagger.is_zero())
    }

    /// Lets no more than `left` allocations change in one of three stages: those that leave their node, updates,
    /// replacements of what was lost. Returns whether some have to wait.
    pub fn pace(&mut self, stage: u8, left: &mut usize) -> bool {
        let now = |there: usize| there.min(*left);
        let (there, now) = match stage {
            0 => (self.migrate.len(), now(self.migrate.len())),
            1 => (self.destructive.len(), now(self.destructive.len())),
            _ => (self.lost.len(), now(self.lost.len())),
        };
        *left -= now;
        match stage {
            // What has to wait stays as it is, name and all.
            0 => self.untainted.extend(self.migrate.split_off(now)),
            1 => self.untainted.extend(self.destructive.split_off(now)),
            _ => self.untainted.extend(self.lost.split_off(now).into_iter().map(|reason| reason.alloc)),
        }
        self.put_off |= now < there;
        now < there
    }

    fn needs_restart(&self, alloc: &Allocation) -> bool {
        let before = alloc.task_group();
        before.is_none_or(|before| needs_restart(&alloc.job, before, self.job, self.group).is_some())
    }

    fn older_for(&self, downgrade: bool) -> Option<Arc<Job>> {
        self.older.clone().filter(|_| downgrade)
    }

    fn stop(&mut self, reason: StopReason) {
        self.buckets.counts.stop += 1;
        self.buckets.stop.push(reason);
    }

    fn seen<'s>(&'s self, alloc: &'s Allocation) -> Seen<'s> {
        let node = self.question.view.node(&alloc.node_id).map(|node| &**node);
        Seen { alloc, node, now: self.question.now }
    }
}

/// Why an evaluation waits for what failed.
const WHY_RESCHEDULED: &str = "replaces a failed allocation once its delay is over";

/// Tells whether an allocation runs the newest version.
fn is_present(job: &Job, alloc: &Allocation) -> bool {
    alloc.job.version == job.version && alloc.job.create_index == job.create_index
}
