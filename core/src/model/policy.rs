//! Policies of a task group: what happens when tasks end, nodes vanish and jobs change.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::form::{is_off, nanos, optional_nanos};
use super::job::JobType;

/// What happens when a task ends: the client restarts it in place, within limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// When the count of attempts starts again.
    #[serde(with = "nanos")]
    pub interval: Duration,
    /// How many restarts within `interval`; 0 for none.
    pub attempts: u32,
    /// How long to wait before a restart.
    #[serde(with = "nanos")]
    pub delay: Duration,
    /// What happens when the attempts are used up.
    pub mode: RestartMode,
    /// Whether templates are rendered anew before a restart.
    pub render_templates: bool,
    /// Whether an exit with code 0 is restarted too; the job type decides when nothing is said. A word of 2016.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<bool>,
}

impl Default for RestartPolicy {
    /// That of a service.
    fn default() -> Self {
        Self::default_for(JobType::Service)
    }
}

impl RestartPolicy {
    /// Returns what holds for jobs of that type when nothing is said.
    pub fn default_for(kind: JobType) -> Self {
        let (attempts, interval) = match kind {
            JobType::Service | JobType::System => (2, Duration::from_secs(30 * 60)),
            JobType::Batch | JobType::SysBatch => (3, Duration::from_secs(24 * 3600)),
        };
        Self {
            attempts,
            interval,
            delay: Duration::from_secs(15),
            mode: RestartMode::Fail,
            render_templates: false,
            on_success: None,
        }
    }
}

/// What a restart policy does when its attempts are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartMode {
    /// The task has failed.
    #[default]
    Fail,
    /// The next attempt waits for the interval to end.
    Delay,
}

impl RestartMode {
    /// Returns how the mode is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Delay => "delay",
        }
    }
}

/// What happens when an allocation has failed for good: the servers place it anew, within limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReschedulePolicy {
    /// How often within `interval`, unless `unlimited`.
    pub attempts: u32,
    /// The window that attempts are counted in.
    #[serde(with = "nanos")]
    pub interval: Duration,
    /// How long to wait before the first.
    #[serde(with = "nanos")]
    pub delay: Duration,
    /// How the delay grows.
    pub delay_function: DelayFunction,
    /// How far it grows; 0 for no limit.
    #[serde(with = "nanos")]
    pub max_delay: Duration,
    /// Whether `attempts` and `interval` do not count.
    pub unlimited: bool,
}

impl ReschedulePolicy {
    /// Returns what holds for jobs of that type when nothing is said; system jobs are not rescheduled.
    pub fn default_for(kind: JobType) -> Option<Self> {
        match kind {
            JobType::Service => Some(Self {
                delay: Duration::from_secs(30),
                delay_function: DelayFunction::Exponential,
                max_delay: Duration::from_secs(3600),
                unlimited: true,
                ..Self::default()
            }),
            JobType::Batch => Some(Self {
                attempts: 1,
                interval: Duration::from_secs(24 * 3600),
                delay: Duration::from_secs(5),
                delay_function: DelayFunction::Constant,
                ..Self::default()
            }),
            JobType::System | JobType::SysBatch => None,
        }
    }
}

/// How a delay grows from one attempt to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelayFunction {
    /// It does not.
    #[default]
    Constant,
    /// It doubles.
    Exponential,
    /// It is the sum of the last two.
    Fibonacci,
}

/// How changes of a job roll out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateStrategy {
    /// The time between two batches, as in 2016; see `paced_by_stagger`.
    #[serde(with = "nanos")]
    pub stagger: Duration,
    /// How many allocations change at once; 0 for all.
    pub max_parallel: u32,
    /// What makes an allocation healthy: `checks`, `task_states` or `manual`.
    pub health_check: HealthCheck,
    /// How long an allocation must be well.
    #[serde(with = "nanos")]
    pub min_healthy_time: Duration,
    /// How long it may take to become healthy.
    #[serde(with = "nanos")]
    pub healthy_deadline: Duration,
    /// How long a deployment may go without another healthy allocation; 0 for not failing by time.
    #[serde(with = "nanos")]
    pub progress_deadline: Duration,
    /// How many allocations of the new version run beside the old ones before the rest changes.
    pub canary: u32,
    /// Whether a failed deployment goes back to the last stable version.
    pub auto_revert: bool,
    /// Whether healthy canaries need nobody's word.
    pub auto_promote: bool,
    /// Whether `stagger` paces batches of `max_parallel` as in 2016, and there is no deployment: the block set `stagger`
    /// and none of `min_healthy_time`, `healthy_deadline`, `progress_deadline` and `canary`. Kept apart, since filling in
    /// defaults makes both cases look alike.
    #[serde(skip_serializing_if = "is_off")]
    pub paced_by_stagger: bool,
}

impl Default for UpdateStrategy {
    /// One at a time, healthy for 10 s within 5 min, progress within 10 min. Source: Nomad `structs.go`.
    fn default() -> Self {
        Self {
            stagger: Duration::from_secs(30),
            max_parallel: 1,
            health_check: HealthCheck::Checks,
            min_healthy_time: Duration::from_secs(10),
            healthy_deadline: Duration::from_secs(300),
            progress_deadline: Duration::from_secs(600),
            canary: 0,
            auto_revert: false,
            auto_promote: false,
            paced_by_stagger: false,
        }
    }
}

/// What makes an allocation healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCheck {
    /// Its tasks run and its services' checks pass.
    #[default]
    Checks,
    /// Its tasks run.
    TaskStates,
    /// Somebody says so.
    Manual,
}

/// How allocations leave a node that is drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MigrateStrategy {
    /// How many of a group at once.
    pub max_parallel: u32,
    /// What makes a replacement healthy.
    pub health_check: HealthCheck,
    /// How long it must be well.
    #[serde(with = "nanos")]
    pub min_healthy_time: Duration,
    /// How long it may take to become healthy.
    #[serde(with = "nanos")]
    pub healthy_deadline: Duration,
}

impl Default for MigrateStrategy {
    /// One at a time, healthy for 10 s within 5 min.
    fn default() -> Self {
        Self {
            max_parallel: 1,
            health_check: HealthCheck::Checks,
            min_healthy_time: Duration::from_secs(10),
            healthy_deadline: Duration::from_secs(300),
        }
    }
}

/// What becomes of allocations whose node is cut off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DisconnectStrategy {
    /// How long they count as unknown before they are lost; lost at once when nothing is said.
    #[serde(with = "optional_nanos")]
    pub lost_after: Option<Duration>,
    /// When a client that is cut off stops them by itself.
    #[serde(with = "optional_nanos")]
    pub stop_on_client_after: Option<Duration>,
    /// Whether they are replaced meanwhile; yes when nothing is said.
    pub replace: Option<bool>,
    /// Which one stays when the node is back; the better scored when nothing is said.
    pub reconcile: Option<Reconcile>,
}

/// Which of two allocations stays when the older one's node is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    /// The one with the better score.
    #[default]
    BestScore,
    /// The older.
    KeepOriginal,
    /// The newer.
    KeepReplacement,
    /// The one whose tasks run for longer.
    LongestRunning,
}
