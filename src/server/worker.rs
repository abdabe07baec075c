//! Runs schedulers: takes an evaluation, lets the scheduler look at a snapshot, submits its plan, records the end.
//!
//! Workers run on the leader. A follower's state lags and every plan has to come to the leader anyway.

use rand::Rng;
use tracing::{debug, error, warn};

use super::Server;
use super::error::{PlanError, ServerError};
use super::eval_broker::Delivery;
use crate::env::rng::BoxRng;
use crate::model::plan::Decision;
use crate::model::{EvalId, EvalStatus, Evaluation, Trigger};
use crate::scheduler;
use crate::state::Command;

/// How often a plan is made anew when part of it was refused, before the rest waits as a blocked evaluation.
const ATTEMPTS_MAX: u32 = 5;

/// Processes evaluations for as long as this server leads.
pub(super) async fn run(server: Server, number: usize) {
    let mut rng = server.env().random.stream(&format!("worker-{number}"));
    loop {
        let env = server.env();
        let delivery = server.inner.broker.dequeue(|| env.now()).await;
        match process(&server, &delivery.eval, &mut rng).await {
            Ok(()) => finish(&server, &delivery).await,
            Err(error) => {
                if let PlanError::Panicked(text) = &error {
                    error!(eval = %delivery.eval.id, job = %delivery.eval.job_key, "the scheduler panicked: {text}");
                }
                debug!(eval = %delivery.eval.id, %error, "evaluation is tried again");
                if let Some(failed) = server.inner.broker.nack(env.now(), &delivery) {
                    fail(&server, failed).await;
                }
            }
        }
    }
}

/// Looks at one evaluation until its plan is committed in full or the attempts are used up.
async fn process(server: &Server, eval: &Evaluation, rng: &mut BoxRng) -> Result<(), PlanError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let decision = decide(server, eval, rng).await?;
        let mut refused = 0;
        if !decision.plan.is_empty() {
            let result = server.inner.plans.submit(eval.id, eval.priority, decision.plan).await?;
            refused = result.refused_nodes.len();
        }
        if refused == 0 {
            return Ok(record(server, decision.eval, decision.blocked, decision.follow_ups).await?);
        }
        debug!(eval = %eval.id, attempt, refused, "part of the plan was refused");
        if attempt == ATTEMPTS_MAX {
            let mut ended = decision.eval;
            ended.status = EvalStatus::Failed;
            ended.status_description = format!(
                "{refused} nodes had filled up in each of {ATTEMPTS_MAX} attempts; it waits for capacity"
            );
            let blocked = decision.blocked.unwrap_or_else(|| retry_of(eval, EvalId::random(rng.as_mut())));
            return Ok(record(server, ended, Some(blocked), decision.follow_ups).await?);
        }
    }
}

/// Runs the scheduler on the state as it is.
///
/// # Errors
/// When the scheduler panics: the evaluation is tried again, and after that has failed, while others are looked at.
async fn decide(server: &Server, eval: &Evaluation, rng: &mut BoxRng) -> Result<Decision, PlanError> {
    let view = server.store().snapshot();
    let now = server.env().now();
    let mut seed = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::Seed::default();
    rng.fill_bytes(&mut seed);
    let eval = eval.clone();
    // The generator goes along to the thread that computes, so it is one of its own.
    server
        .env()
        .blocking(move || {
            let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::from_seed(seed);
            let process = || scheduler::process(&view, &eval, now, &mut rng, &scheduler::Options::default());
            // Only what was given to it is lost with a panic; nothing shared is left half changed.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(process))
        })
        .await
        .map_err(|panic| PlanError::Panicked(panic_text(&*panic)))
}

/// Returns what a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

/// Records how an evaluation ended, with the one that waits on its behalf; older ones of its job wait in vain.
async fn record(
    server: &Server,
    mut eval: Evaluation,
    blocked: Option<Evaluation>,
    follow_ups: Vec<Evaluation>,
) -> Result<(), ServerError> {
    let now = server.env().now();
    eval.modify_time = now;
    let job = eval.job_key.clone();
    let mut evals = vec![eval];
    let kept = blocked.as_ref().map(|eval| eval.id);
    evals.extend(blocked);
    evals.extend(follow_ups);
    let view = server.store().snapshot();
    let outdated = view.evals_by_job(&job).filter(|other| {
        other.status == EvalStatus::Blocked && Some(other.id) != kept && other.id != evals[0].id
    });
    let canceled: Vec<Evaluation> = outdated
        .map(|other| canceled(other, &format!("evaluation {} looked at the job since", evals[0].id), now))
        .collect();
    evals.extend(canceled);
    server.propose(&Command::EvalUpdate { evals }).await?;
    Ok(())
}

/// Acknowledges an evaluation and records what that made pointless.
async fn finish(server: &Server, delivery: &Delivery) {
    let pointless = server.inner.broker.ack(delivery);
    if pointless.is_empty() {
        return;
    }
    let now = server.env().now();
    let evals =
        pointless.iter().map(|eval| canceled(eval, "a newer evaluation looks at the job", now)).collect();
    if let Err(error) = server.propose(&Command::EvalUpdate { evals }).await {
        // The next leader finds them pending and looks at the job once more, which does no harm.
        warn!(%error, "pointless evaluations were not recorded as canceled");
    }
}

/// Records that an evaluation failed for good.
pub(super) async fn fail(server: &Server, mut eval: Evaluation) {
    eval.status = EvalStatus::Failed;
    eval.status_description = "the servers tried to process it too often".to_owned();
    eval.modify_time = server.env().now();
    warn!(eval = %eval.id, job = %eval.job_key, "evaluation failed for good");
    if let Err(error) = server.propose(&Command::EvalUpdate { evals: vec![eval] }).await {
        warn!(%error, "a failed evaluation was not recorded; the next leader tries it again");
    }
}

fn canceled(eval: &Evaluation, why: &str, now: crate::model::Timestamp) -> Evaluation {
    let mut eval = eval.clone();
    eval.status = EvalStatus::Canceled;
    eval.status_description = why.to_owned();
    eval.modify_time = now;
    eval
}

/// Makes the evaluation that waits for capacity after a plan was refused too often.
fn retry_of(eval: &Evaluation, id: EvalId) -> Evaluation {
    let mut retry = Evaluation::pending(
        id,
        eval.job_key.clone(),
        eval.job_type,
        eval.priority,
        Trigger::MaxPlanAttempts,
        eval.modify_time,
    );
    retry.status = EvalStatus::Blocked;
    retry.escaped = true;
    retry.previous_eval = Some(eval.id);
    retry
}
