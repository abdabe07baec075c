//! Plans that wait to be applied, the most urgent first, then the oldest.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::{Notify, oneshot};

use super::error::PlanError;
use crate::model::{EvalId, Plan, PlanResult};

/// A plan with the way its result goes back.
pub struct PendingPlan {
    /// What is proposed.
    pub plan: Plan,
    /// For which evaluation.
    pub eval_id: EvalId,
    /// Where the result goes; nobody listens when the worker has gone.
    pub reply: oneshot::Sender<Result<PlanResult, PlanError>>,
}

/// The queue between workers and the one applier; on while its server leads.
#[derive(Default)]
pub struct PlanQueue {
    /// `None` while another server leads.
    plans: Mutex<Option<Plans>>,
    arrived: Notify,
}

#[derive(Default)]
struct Plans {
    waiting: BTreeMap<(Reverse<u8>, u64), PendingPlan>,
    enqueued: u64,
}

impl PlanQueue {
    /// Starts with nothing in it.
    pub fn enable(&self) {
        *self.lock() = Some(Plans::default());
    }

    /// Drops what waits; the workers hear [`PlanError::NotLeader`].
    pub fn disable(&self) {
        *self.lock() = None;
    }

    /// Waits for a plan's result.
    pub async fn submit(&self, eval_id: EvalId, priority: u8, plan: Plan) -> Result<PlanResult, PlanError> {
        let (reply, result) = oneshot::channel();
        {
            let mut plans = self.lock();
            let Some(plans) = plans.as_mut() else { return Err(PlanError::NotLeader) };
            plans.enqueued += 1;
            plans.waiting.insert((Reverse(priority), plans.enqueued), PendingPlan { plan, eval_id, reply });
        }
        self.arrived.notify_one();
        result.await.unwrap_or(Err(PlanError::NotLeader))
    }

    /// Waits for the next plan; for the one applier.
    pub async fn next(&self) -> PendingPlan {
        loop {
            if let Some((_, pending)) = self.lock().as_mut().and_then(|plans| plans.waiting.pop_first()) {
                return pending;
            }
            self.arrived.notified().await;
        }
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.lock().as_ref().map_or(0, |plans| plans.waiting.len())
    }

    /// Tells whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Plans>> {
        self.plans.lock().expect("no holder of this lock panics")
    }
}
