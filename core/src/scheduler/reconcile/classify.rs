//! What an allocation is to its job, by an ordered table: the first rule that matches decides.
//!
//! The table looks at the allocation and at its node, and at nothing else; counts, versions and policies come later.
//! Source of the order: Nomad `scheduler/reconciler/filters.go`, `filterByTainted`.

use crate::model::{
    Allocation, ClientStatus, DesiredStatus, JobType, Node, NodeStatus, TaskGroup, Timestamp,
};

/// What an allocation is to its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing is the matter with its node: it holds its name, whether it runs or has ended.
    Untainted,
    /// Over and done with; its name is free.
    Ignore,
    /// Has to leave its node.
    Migrate,
    /// Its node vanished.
    Lost,
    /// Its node was cut off just now; it may run on there.
    Disconnecting,
    /// Its node was cut off, and it is heard of again.
    Reconnecting,
    /// Its node was cut off for too long.
    Expiring,
}

/// Something that is or is not the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The last thing recorded was that its node is cut off, and it has neither ended well nor been lost.
    Returning,
    /// Its client status is `failed`.
    Failed,
    /// Its client status is `pending`.
    Pending,
    /// Its client status is `running`.
    Running,
    /// Its client status is `unknown`.
    Unknown,
    /// Its client status is one that stays.
    Finished,
    /// The servers want it to run.
    WantedToRun,
    /// The servers want it to end.
    Stopped,
    /// A batch job's, stopped on its way off a drained node, and nothing shall take its place.
    DrainedForGood,
    /// It runs beside the old version.
    Canary,
    /// Somebody wants it off its node.
    MarkedToMigrate,
    /// It has been unknown for longer than its group allows.
    TooLongUnknown,
    /// Its group allows no time at all.
    NoGrace,
    /// Its group wants no replacement while its node is cut off.
    KeepsItsPlace,
    /// Its node is there and well.
    NodeReady,
    /// Its node missed its heartbeats.
    NodeDown,
    /// Its node missed its heartbeats and has allocations that may be unknown for a while.
    NodeDisconnected,
    /// Its node does not exist any more.
    NodeGone,
}

/// One row of the table.
#[derive(Debug)]
pub struct Rule {
    /// What the row is about.
    pub name: &'static str,
    /// All of these hold.
    when: &'static [Fact],
    /// None of these holds.
    unless: &'static [Fact],
    /// Then the allocation is this.
    class: Class,
}

/// Shortens the table.
const fn rule(name: &'static str, when: &'static [Fact], unless: &'static [Fact], class: Class) -> Rule {
    Rule { name, when, unless, class }
}

/// The table, top to bottom. The last row matches everything.
pub static RULES: &[Rule] = {
    use Fact::*;
    &[
        rule("back, and failed meanwhile", &[Returning, Failed, WantedToRun], &[], Class::Reconnecting),
        rule("drained for good", &[Stopped, DrainedForGood], &[Returning], Class::Untainted),
        rule("stopped", &[Stopped], &[Returning], Class::Ignore),
        rule("finished canary to move", &[Finished, Canary, MarkedToMigrate], &[Returning], Class::Migrate),
        rule("finished", &[Finished], &[Returning], Class::Untainted),
        rule("unknown for too long", &[TooLongUnknown], &[], Class::Expiring),
        rule("back, failed and stopped", &[Returning, Failed, Stopped], &[], Class::Ignore),
        rule("known to be cut off", &[Unknown, NodeDisconnected], &[], Class::Untainted),
        rule("cut off before it started", &[Pending, NodeDisconnected], &[], Class::Lost),
        rule("cut off without grace", &[NoGrace, NodeDisconnected], &[], Class::Lost),
        rule("cut off", &[NodeDisconnected], &[], Class::Disconnecting),
        rule("to move", &[MarkedToMigrate], &[], Class::Migrate),
        rule("back", &[Returning, NodeReady], &[], Class::Reconnecting),
        rule("well", &[NodeReady], &[], Class::Untainted),
        rule("on a node that is gone", &[NodeGone], &[], Class::Lost),
        rule("unknown, and keeps its place", &[KeepsItsPlace, Unknown, NodeDown], &[], Class::Untainted),
        rule("down, and keeps its place", &[KeepsItsPlace, Running, NodeDown], &[], Class::Disconnecting),
        rule("down", &[NodeDown], &[], Class::Lost),
        rule("on a node that is not ready yet", &[], &[], Class::Untainted),
    ]
};

/// An allocation with what the table needs to know.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The allocation.
    pub alloc: &'a Allocation,
    /// Its node, unless that is gone.
    pub node: Option<&'a Node>,
    /// What time it is.
    pub now: Timestamp,
}

impl Fact {
    /// Tells whether it is the case.
    pub fn holds(self, seen: Seen<'_>) -> bool {
        let alloc = seen.alloc;
        let group = alloc.task_group();
        let on_node = |status: NodeStatus| seen.node.is_some_and(|node| node.status == status);
        match self {
            Self::Returning => alloc.is_returning(),
            Self::Failed => alloc.client_status == ClientStatus::Failed,
            Self::Pending => alloc.client_status == ClientStatus::Pending,
            Self::Running => alloc.client_status == ClientStatus::Running,
            Self::Unknown => alloc.client_status == ClientStatus::Unknown,
            Self::Finished => alloc.is_client_terminal(),
            Self::WantedToRun => alloc.desired_status == DesiredStatus::Run,
            Self::Stopped => alloc.desired_status != DesiredStatus::Run,
            Self::DrainedForGood => {
                let transition = alloc.desired_transition;
                alloc.job.job_type == JobType::Batch
                    && transition.should_migrate()
                    && transition.disables_placement()
            }
            Self::Canary => alloc.is_canary(),
            Self::MarkedToMigrate => alloc.desired_transition.should_migrate(),
            Self::TooLongUnknown => {
                let lost_after = group.and_then(TaskGroup::lost_after);
                alloc.client_status == ClientStatus::Unknown
                    && lost_after.is_some_and(|time| alloc.unknown_since() + time <= seen.now)
            }
            Self::NoGrace => group.and_then(TaskGroup::lost_after).is_none(),
            Self::KeepsItsPlace => group.is_some_and(|group| !group.replaces_disconnected()),
            Self::NodeReady => on_node(NodeStatus::Ready),
            Self::NodeDown => on_node(NodeStatus::Down),
            Self::NodeDisconnected => on_node(NodeStatus::Disconnected),
            Self::NodeGone => seen.node.is_none(),
        }
    }
}

impl Rule {
    /// Tells whether the row speaks of an allocation.
    pub fn matches(&self, seen: Seen<'_>) -> bool {
        self.when.iter().all(|fact| fact.holds(seen)) && !self.unless.iter().any(|fact| fact.holds(seen))
    }
}

/// Returns the row that decides about an allocation.
pub fn rule_of(seen: Seen<'_>) -> &'static Rule {
    let last = RULES.len() - 1;
    RULES.iter().find(|rule| rule.matches(seen)).unwrap_or(&RULES[last])
}

/// Classifies an allocation.
pub fn classify(seen: Seen<'_>) -> Class {
    rule_of(seen).class
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::{AllocDeploymentStatus, AllocState, DesiredTransition, DisconnectStrategy};
    use crate::testing;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    /// What an allocation is like, beside running on a ready node and being wanted.
    #[derive(Clone, Copy)]
    struct Like {
        status: ClientStatus,
        node: Option<NodeStatus>,
        /// Since how many seconds it is unknown, or was until its client spoke.
        unknown: Option<u64>,
        stopped: bool,
        batch: bool,
        canary: bool,
        migrate: bool,
        for_good: bool,
        lost_after: Option<u64>,
        replace: Option<bool>,
    }

    const LIKE: Like = Like {
        status: ClientStatus::Running,
        node: Some(NodeStatus::Ready),
        unknown: None,
        stopped: false,
        batch: false,
        canary: false,
        migrate: false,
        for_good: false,
        lost_after: None,
        replace: None,
    };

    fn rule_for(like: Like) -> &'static Rule {
        let mut alloc = testing::alloc("web", "docker");
        alloc.client_status = like.status;
        if like.stopped {
            alloc.desired_status = DesiredStatus::Stop;
        }
        let job = Arc::make_mut(&mut alloc.job);
        if like.batch {
            job.job_type = JobType::Batch;
        }
        job.groups[0].disconnect = Some(DisconnectStrategy {
            lost_after: like.lost_after.map(Duration::from_secs),
            replace: like.replace,
            ..DisconnectStrategy::default()
        });
        alloc.desired_transition = DesiredTransition {
            migrate: Some(like.migrate),
            migrate_disable_placement: Some(like.for_good),
            ..DesiredTransition::default()
        };
        let canary = like.canary;
        alloc.deployment_status = Some(AllocDeploymentStatus { canary, ..AllocDeploymentStatus::default() });
        let unknown = like.unknown.map(|seconds| AllocState {
            client_status: ClientStatus::Unknown,
            time: NOW - Duration::from_secs(seconds),
        });
        alloc.states = unknown.into_iter().collect();
        let node = like.node.map(|status| {
            let mut node = testing::node();
            node.status = status;
            node
        });
        rule_of(Seen { alloc: &alloc, node: node.as_ref(), now: NOW })
    }

    /// Every row with what it speaks of, and with what an earlier row takes.
    fn cases() -> Vec<(Like, &'static str, Class)> {
        use ClientStatus::{Complete, Failed, Lost, Pending, Running, Unknown};
        use NodeStatus::{Disconnected, Down, Initializing, Ready};
        let cut_off = Like { node: Some(Disconnected), lost_after: Some(60), ..LIKE };
        let down = Like { node: Some(Down), ..LIKE };
        let back = Like { unknown: Some(10), lost_after: Some(60), ..LIKE };
        let keeps = Like { replace: Some(false), ..down };
        vec![
            (Like { status: Failed, ..back }, "back, and failed meanwhile", Class::Reconnecting),
            (
                Like { status: Failed, node: Some(Disconnected), ..back },
                "back, and failed meanwhile",
                Class::Reconnecting,
            ),
            (
                Like { stopped: true, batch: true, migrate: true, for_good: true, ..LIKE },
                "drained for good",
                Class::Untainted,
            ),
            (Like { stopped: true, batch: true, migrate: true, ..LIKE }, "stopped", Class::Ignore),
            (Like { stopped: true, migrate: true, for_good: true, ..LIKE }, "stopped", Class::Ignore),
            (Like { stopped: true, ..down }, "stopped", Class::Ignore),
            (Like { stopped: true, status: Complete, ..LIKE }, "stopped", Class::Ignore),
            (
                Like { status: Failed, canary: true, migrate: true, ..LIKE },
                "finished canary to move",
                Class::Migrate,
            ),
            (Like { status: Failed, migrate: true, ..LIKE }, "finished", Class::Untainted),
            (Like { status: Failed, ..LIKE }, "finished", Class::Untainted),
            (Like { status: Complete, ..down }, "finished", Class::Untainted),
            (Like { status: Lost, node: None, ..LIKE }, "finished", Class::Untainted),
            (Like { status: Unknown, unknown: Some(60), ..cut_off }, "unknown for too long", Class::Expiring),
            (Like { status: Unknown, unknown: Some(99), ..back }, "unknown for too long", Class::Expiring),
            (Like { status: Failed, stopped: true, ..back }, "back, failed and stopped", Class::Ignore),
            (Like { status: Unknown, unknown: Some(59), ..cut_off }, "known to be cut off", Class::Untainted),
            (Like { status: Pending, ..cut_off }, "cut off before it started", Class::Lost),
            (Like { lost_after: None, ..cut_off }, "cut off without grace", Class::Lost),
            (Like { lost_after: Some(0), ..cut_off }, "cut off without grace", Class::Lost),
            (cut_off, "cut off", Class::Disconnecting),
            (Like { migrate: true, ..cut_off }, "cut off", Class::Disconnecting),
            (Like { migrate: true, ..LIKE }, "to move", Class::Migrate),
            (Like { migrate: true, ..down }, "to move", Class::Migrate),
            (Like { migrate: true, ..back }, "to move", Class::Migrate),
            (back, "back", Class::Reconnecting),
            (Like { status: Unknown, ..back }, "back", Class::Reconnecting),
            (Like { status: Complete, ..back }, "finished", Class::Untainted),
            (LIKE, "well", Class::Untainted),
            (Like { status: Pending, ..LIKE }, "well", Class::Untainted),
            (Like { node: None, ..LIKE }, "on a node that is gone", Class::Lost),
            (Like { node: None, ..keeps }, "on a node that is gone", Class::Lost),
            (
                Like { status: Unknown, unknown: Some(5), ..keeps },
                "unknown, and keeps its place",
                Class::Untainted,
            ),
            (keeps, "down, and keeps its place", Class::Disconnecting),
            (Like { status: Pending, ..keeps }, "down", Class::Lost),
            (down, "down", Class::Lost),
            (Like { status: Unknown, unknown: Some(5), ..down }, "down", Class::Lost),
            (Like { node: Some(Initializing), ..LIKE }, "on a node that is not ready yet", Class::Untainted),
            (Like { status: Running, node: Some(Ready), ..LIKE }, "well", Class::Untainted),
        ]
    }

    #[test]
    fn every_row_decides_as_it_says() {
        for (number, (like, rule, class)) in cases().into_iter().enumerate() {
            let found = rule_for(like);
            assert_eq!((found.name, found.class), (rule, class), "case {number}");
        }
    }

    #[test]
    fn every_row_is_reached() {
        let reached: BTreeSet<&str> = cases().into_iter().map(|(like, _, _)| rule_for(like).name).collect();
        let rows: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(rows.len(), RULES.len(), "every row has a name of its own");
        assert_eq!(reached, rows);
    }

    #[test]
    fn the_last_row_speaks_of_everything() {
        let last = RULES.last().unwrap();
        assert!(last.when.is_empty() && last.unless.is_empty());
    }
}
