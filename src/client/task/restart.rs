//! Whether a task that has ended starts again, and when.
//!
//! The count of restarts belongs to an interval: when that has run out, both begin anew. A start that failed counts
//! like an exit. Source: Nomad `client/allocrunner/taskrunner/restarts/restarts.go`, and for `on_success` the
//! dialect of 2016.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::model::{JobType, RestartMode, RestartPolicy, Timestamp, duration};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ran and exited.
    Exit {
        /// With code 0 and no signal.
        success: bool,
    },
    /// Its driver could not start it.
    StartError {
        /// Another try may go better.
        recoverable: bool,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it again.
    Restart {
        /// How long to wait before.
        after: Duration,
        /// Why, for people.
        reason: String,
    },
    /// It has ended for good.
    Stop {
        /// Whether that counts as failure.
        failed: bool,
        /// Why, for people.
        reason: String,
    },
}

/// Counts one task's restarts. Holds no timer: the caller says what time it is.
#[derive(Debug, Default)]
pub struct RestartTracker {
    /// When the running interval began; `None` before the first end.
    interval_start: Option<Timestamp>,
    /// Ends seen in that interval.
    count: u32,
}

impl RestartTracker {
    /// Decides about an end at `now`. The job type matters where the policy says nothing about success.
    pub fn ended(
        &mut self,
        now: Timestamp,
        policy: &RestartPolicy,
        job_type: JobType,
        ended: Ended,
        rng: &mut dyn Rng,
    ) -> Decision {
        match ended {
            Ended::Exit { success: true } if !restarts_on_success(policy, job_type) => {
                return stop(false, "it has run to its end");
            }
            Ended::StartError { recoverable: false } => {
                return stop(true, "the error will not go away by itself");
            }
            _ => {}
        }
        let failed = ended != Ended::Exit { success: true };
        if policy.attempts == 0 {
            return stop(failed, "its policy allows no restart");
        }
        let left = self.count_in(now, policy.interval);
        if self.count <= policy.attempts {
            let reason =
                format!("restart {} of {} in {}", self.count, policy.attempts, text(policy.interval));
            return Decision::Restart { after: jittered(policy.delay, rng), reason };
        }
        match policy.mode {
            RestartMode::Fail => {
                let attempts = policy.attempts;
                stop(
                    true,
                    format!(
                        "{attempts} restarts in {} are used up and the mode is fail",
                        text(policy.interval)
                    ),
                )
            }
            RestartMode::Delay => Decision::Restart {
                // A delay longer than what is left of the interval still holds: it is what keeps a crash loop slow.
                after: left.max(jittered(policy.delay, rng)),
                reason: format!("{} restarts are used up: waits for the next interval", policy.attempts),
            },
        }
    }

    /// Counts an end and returns how much of its interval is left.
    fn count_in(&mut self, now: Timestamp, interval: Duration) -> Duration {
        let start = match self.interval_start {
            Some(start) if now.since(start) < interval => start,
            _ => {
                self.count = 0;
                now
            }
        };
        self.interval_start = Some(start);
        self.count = self.count.saturating_add(1);
        interval.saturating_sub(now.since(start))
    }
}

/// Tells whether an exit with code 0 is followed by a restart.
fn restarts_on_success(policy: &RestartPolicy, job_type: JobType) -> bool {
    policy.on_success.unwrap_or(matches!(job_type, JobType::Service | JobType::System))
}

fn stop(failed: bool, reason: impl Into<String>) -> Decision {
    Decision::Stop { failed, reason: reason.into() }
}

/// Spreads restarts, so that tasks that fell together do not rise together: `delay` times 1 to 1.25.
fn jittered(delay: Duration, rng: &mut dyn Rng) -> Duration {
    delay + delay / 1_000 * rng.random_range(0..=250)
}

fn text(interval: Duration) -> String {
    duration::format(interval)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const OK: Ended = Ended::Exit { success: true };
    const BAD: Ended = Ended::Exit { success: false };
    const NO_START: Ended = Ended::StartError { recoverable: true };
    const HOPELESS: Ended = Ended::StartError { recoverable: false };

    fn policy(attempts: u32, mode: RestartMode, on_success: Option<bool>) -> RestartPolicy {
        let (interval, delay) = (Duration::from_secs(60), Duration::from_secs(10));
        RestartPolicy { attempts, interval, delay, mode, on_success, render_templates: false }
    }

    /// Feeds ends at seconds into one tracker and writes the decisions, one a word: `r` restart after the delay, `w`
    /// restart when the interval is over, `c` complete, `f` failed.
    #[track_caller]
    fn check(policy: &RestartPolicy, job_type: JobType, ends: &[(u64, Ended)], expected: &str) {
        let (mut tracker, mut rng) = (RestartTracker::default(), ChaCha8Rng::seed_from_u64(1));
        let words: Vec<&str> = ends
            .iter()
            .map(|&(second, ended)| {
                let now = Timestamp(1) + Duration::from_secs(second);
                match tracker.ended(now, policy, job_type, ended, &mut rng) {
                    Decision::Restart { after, .. }
                        if (policy.delay..=policy.delay.mul_f64(1.25)).contains(&after) =>
                    {
                        "r"
                    }
                    Decision::Restart { after, .. } => {
                        assert!(after > policy.delay && after <= policy.interval, "{after:?}");
                        "w"
                    }
                    Decision::Stop { failed: false, .. } => "c",
                    Decision::Stop { failed: true, .. } => "f",
                }
            })
            .collect();
        assert_eq!(words.join(" "), expected, "{policy:?} {job_type:?} {ends:?}");
    }

    #[test]
    fn policies() {
        use JobType::{Batch, Service, SysBatch, System};
        use RestartMode::{Delay, Fail};
        let fail = policy(2, Fail, None);

        // Within the limit it restarts, over it the mode decides.
        check(&fail, Service, &[(0, BAD), (12, BAD), (24, BAD)], "r r f");
        check(&policy(2, Delay, None), Service, &[(0, BAD), (12, BAD), (24, BAD)], "r r w");
        // After the interval the count starts again.
        check(&fail, Service, &[(0, BAD), (12, BAD), (60, BAD), (72, BAD), (84, BAD)], "r r r r f");
        check(&policy(1, Delay, None), Service, &[(0, BAD), (12, BAD), (60, BAD)], "r w r");
        // A delay longer than the rest of the interval is kept.
        check(&policy(1, Delay, None), Service, &[(0, BAD), (55, BAD)], "r r");
        // No attempts, no restart.
        check(&policy(0, Fail, None), Service, &[(0, BAD)], "f");
        check(&policy(0, Delay, None), Service, &[(0, BAD)], "f");
        check(&policy(0, Fail, None), Service, &[(0, OK)], "c");

        // Success restarts in services and counts like any other end; batch work is done.
        check(&fail, Service, &[(0, OK), (12, OK), (24, OK)], "r r f");
        check(&fail, System, &[(0, OK)], "r");
        check(&fail, Batch, &[(0, OK)], "c");
        check(&fail, SysBatch, &[(0, BAD), (12, OK)], "r c");
        // What the job says about success wins over its type.
        check(&policy(2, Fail, Some(false)), Service, &[(0, OK)], "c");
        check(&policy(2, Fail, Some(true)), Batch, &[(0, OK), (12, OK), (24, OK)], "r r f");

        // A failed start is an end like any other, unless there is no hope.
        check(&fail, Batch, &[(0, NO_START), (12, BAD), (24, NO_START)], "r r f");
        check(&fail, Service, &[(0, HOPELESS)], "f");
    }
}
