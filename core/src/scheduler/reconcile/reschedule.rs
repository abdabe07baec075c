//! When a failed allocation is replaced, by its group's own policy.

use std::time::Duration;

use crate::model::{
    Allocation, ClientStatus, DelayFunction, RescheduleEvent, ReschedulePolicy, RescheduleTracker, Timestamp,
};

/// What is due within this time is due now. Source: Nomad, `rescheduleWindowSize`.
pub const NOW_WINDOW: Duration = Duration::from_secs(1);
/// Replacements that are due within this time of each other wait for one evaluation. Source: Nomad,
/// `batchedFailedAllocWindowSize`.
pub const BATCH_WINDOW: Duration = Duration::from_secs(5);

/// Returns the policy that an allocation was placed with; what holds for its kind of job when it says nothing.
pub fn policy_of(alloc: &Allocation) -> Option<ReschedulePolicy> {
    let said = alloc.task_group().and_then(|group| group.reschedule.clone());
    said.or_else(|| ReschedulePolicy::default_for(alloc.job.job_type))
}

/// Returns when a failed allocation may be replaced; `None` when its policy does not allow it any more.
///
/// One whose node was cut off `failed_at` counts as failed then.
pub fn due(alloc: &Allocation, failed_at: Timestamp) -> Option<Timestamp> {
    let policy = policy_of(alloc)?;
    let may = policy.unlimited || attempts_within(alloc, &policy, failed_at) < policy.attempts;
    may.then(|| failed_at + next_delay(alloc, &policy, failed_at))
}

/// Returns how often its predecessors were replaced within the interval that ends with its own failure.
fn attempts_within(alloc: &Allocation, policy: &ReschedulePolicy, failed_at: Timestamp) -> u32 {
    let events = alloc.reschedule_tracker.iter().flat_map(|tracker| &tracker.events);
    let counted = events.filter(|event| failed_at.since(event.time) < policy.interval);
    u32::try_from(counted.count()).unwrap_or(u32::MAX)
}

/// Returns how long its replacement has to wait. Source: Nomad `nomad/structs/alloc.go`, `NextDelay`.
pub fn next_delay(alloc: &Allocation, policy: &ReschedulePolicy, failed_at: Timestamp) -> Duration {
    let events =
        alloc.reschedule_tracker.as_ref().map(|tracker| tracker.events.as_slice()).unwrap_or_default();
    let Some(last) = events.last() else { return policy.delay };
    let delay = match policy.delay_function {
        DelayFunction::Constant => return policy.delay,
        DelayFunction::Exponential => last.delay.saturating_mul(2),
        DelayFunction::Fibonacci => match events.len().checked_sub(2).map(|index| &events[index]) {
            // After a stay at the longest delay the series begins anew.
            Some(before) if before.delay == policy.max_delay && last.delay == policy.delay => last.delay,
            Some(before) => last.delay.saturating_add(before.delay),
            None => policy.delay,
        },
    };
    if policy.max_delay.is_zero() || delay <= policy.max_delay {
        return delay;
    }
    // One that lived for longer than it has to wait has made good.
    match failed_at.since(last.time) > policy.max_delay {
        true => policy.delay,
        false => policy.max_delay,
    }
}

/// Returns what the replacement of an allocation knows of those before it: what still counts, and the newest.
pub fn tracker_of(previous: &Allocation, now: Timestamp) -> RescheduleTracker {
    let failed_at = failed_at(previous, now);
    let policy = policy_of(previous).unwrap_or_default();
    let known = previous.reschedule_tracker.iter().flat_map(|tracker| &tracker.events);
    let mut events: Vec<RescheduleEvent> = match policy.unlimited {
        true => known.cloned().collect(),
        false => known.filter(|event| now.since(event.time) < policy.interval).cloned().collect(),
    };
    if policy.unlimited {
        // The newest comes on top of these.
        let surplus = events.len().saturating_sub(RescheduleTracker::UNLIMITED_EVENTS_MAX - 1);
        events.drain(..surplus);
    }
    events.push(RescheduleEvent {
        time: now,
        previous_alloc: previous.id,
        previous_node: previous.node_id,
        delay: next_delay(previous, &policy, failed_at),
    });
    RescheduleTracker { events }
}

/// Returns when an allocation failed, or when its node was cut off.
pub fn failed_at(alloc: &Allocation, now: Timestamp) -> Timestamp {
    match alloc.client_status {
        ClientStatus::Unknown => alloc.unknown_since(),
        ClientStatus::Failed => alloc.ended_at(),
        // Its node is being found to be cut off.
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{AllocId, NodeId};
    use crate::testing;

    const SECOND: Duration = Duration::from_secs(1);

    /// Times and delays of the events before, in seconds.
    type Before = &'static [(u64, u64)];

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1) + Duration::from_secs(seconds)
    }

    /// Makes a failed allocation whose predecessors were replaced at times after delays, both in seconds.
    fn failed(policy: ReschedulePolicy, before: &[(u64, u64)]) -> Allocation {
        let mut alloc = testing::alloc("web", "docker");
        Arc::make_mut(&mut alloc.job).groups[0].reschedule = Some(policy);
        alloc.client_status = ClientStatus::Failed;
        let events = before.iter().map(|(time, delay)| RescheduleEvent {
            time: at(*time),
            previous_alloc: AllocId(uuid::Uuid::from_u128(u128::from(*time))),
            previous_node: NodeId(uuid::Uuid::from_u128(1)),
            delay: Duration::from_secs(*delay),
        });
        let events: Vec<_> = events.collect();
        alloc.reschedule_tracker = (!events.is_empty()).then_some(RescheduleTracker { events });
        alloc
    }

    fn unlimited(delay_function: DelayFunction) -> ReschedulePolicy {
        ReschedulePolicy {
            delay: 30 * SECOND,
            max_delay: 300 * SECOND,
            delay_function,
            unlimited: true,
            ..ReschedulePolicy::default()
        }
    }

    #[test]
    fn delays_grow_as_the_function_says() {
        use DelayFunction::{Constant, Exponential, Fibonacci};
        // Function, (time, delay) of the events before, time of the failure, delay.
        let cases: &[(DelayFunction, Before, u64, u64)] = &[
            (Constant, &[], 0, 30),
            (Constant, &[(30, 30), (90, 30)], 100, 30),
            (Exponential, &[], 0, 30),
            (Exponential, &[(30, 30)], 40, 60),
            (Exponential, &[(30, 30), (100, 60)], 110, 120),
            (Exponential, &[(30, 240)], 40, 300),
            (Exponential, &[(30, 300)], 330, 300),
            (Exponential, &[(30, 300)], 331, 30),
            (Fibonacci, &[], 0, 30),
            (Fibonacci, &[(30, 30)], 40, 30),
            (Fibonacci, &[(30, 30), (70, 30)], 80, 60),
            (Fibonacci, &[(30, 30), (70, 30), (140, 60)], 150, 90),
            (Fibonacci, &[(30, 180), (70, 270)], 80, 300),
            (Fibonacci, &[(30, 300), (400, 30)], 410, 30),
        ];
        for (function, before, time, delay) in cases {
            let alloc = failed(unlimited(*function), before);
            let found = due(&alloc, at(*time));
            assert_eq!(found, Some(at(*time + *delay)), "{function:?} after {before:?} at {time}");
        }
    }

    #[test]
    fn attempts_are_counted_in_the_interval() {
        let policy = ReschedulePolicy {
            attempts: 2,
            interval: 600 * SECOND,
            delay: 5 * SECOND,
            ..ReschedulePolicy::default()
        };
        let cases: &[(Before, u64, Option<u64>)] = &[
            (&[], 10, Some(15)),
            (&[(10, 5)], 20, Some(25)),
            (&[(10, 5), (20, 5)], 30, None),
            (&[(10, 5), (20, 5)], 610, Some(615)),
        ];
        for (before, time, expected) in cases {
            let found = due(&failed(policy.clone(), before), at(*time));
            assert_eq!(found, expected.map(at), "after {before:?} at {time}");
        }
        let never = ReschedulePolicy { attempts: 0, ..policy };
        assert_eq!(due(&failed(never, &[]), at(1)), None);
    }

    #[test]
    fn five_are_remembered_without_limit_and_those_in_the_interval_with_one() {
        let before: Vec<(u64, u64)> = (1..=5).map(|n| (100 * n, 30)).collect();
        let endless = tracker_of(&failed(unlimited(DelayFunction::Constant), &before), at(600));
        let times: Vec<Timestamp> = endless.events.iter().map(|event| event.time).collect();
        assert_eq!(times, [200, 300, 400, 500, 600].map(at));
        let limited = ReschedulePolicy { attempts: 9, interval: 250 * SECOND, ..ReschedulePolicy::default() };
        let tracker = tracker_of(&failed(limited, &before), at(600));
        let times: Vec<Timestamp> = tracker.events.iter().map(|event| event.time).collect();
        assert_eq!(times, [400, 500, 600].map(at));
    }
}
