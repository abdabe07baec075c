//! The nouns of a cluster: what users submit, what machines offer, what servers decide.
//!
//! Plain data with the rules that belong to one value alone. Words have Nomad's meaning: a *job* has *task groups* of
//! *tasks*; an *allocation* is a task group placed on a *node*; an *evaluation* asks the scheduler to look at a job; a
//! *plan* is its answer.
//!
//! # Invariants
//! - No IO, no clock, no randomness, no `async`; times and ids are given from outside.
//! - Ids are newtypes; quantities carry their unit in type or name.
//! - Maps are ordered.
//! - These types are stored in log and snapshots and travel between servers and clients, by field name. A field is added
//!   with `#[serde(default)]`, never renamed. A [`Job`] and its parts have the form of Nomad's API, so that a job is posted,
//!   kept, compared and shown in one form; everything else has a shape of its own in HTTP.

pub mod alloc;
pub mod class;
pub mod constraint;
pub mod deployment;
pub mod duration;
pub mod eval;
pub mod form;
pub mod group;
pub mod ids;
pub mod job;
pub mod metric;
pub mod node;
pub mod plan;
pub mod policy;
pub mod resources;
pub mod service;
pub mod task;
pub mod time;
pub mod usage;

pub use alloc::{
    AllocDeploymentStatus, AllocHealth, AllocState, AllocUpdate, Allocation, ClientStatus, DesiredStatus,
    DesiredTransition, RescheduleEvent, RescheduleTracker, TaskEvent, TaskRunState, TaskState,
};
pub use constraint::{Affinity, Constraint, Operator, Spread, SpreadTarget};
pub use deployment::{Deployment, DeploymentState, DeploymentStatus, DeploymentUpdate};
pub use eval::{EvalStatus, Evaluation, Trigger};
pub use group::{EphemeralDisk, TaskGroup, VolumeRequest};
pub use ids::{AllocId, DeploymentId, EvalId, JobId, JobKey, NodeId};
pub use job::{Job, JobStatus, JobType, Parameterized, Periodic};
pub use metric::{AllocMetric, NodeScore, NodeVerdict, NodesSeen, Scorer};
pub use node::{DrainStrategy, DriverInfo, Eligibility, HostVolume, Node, NodeStatus};
pub use plan::{Plan, PlanResult};
pub use policy::{
    DelayFunction, DisconnectStrategy, HealthCheck, MigrateStrategy, Reconcile, ReschedulePolicy,
    RestartMode, RestartPolicy, UpdateStrategy,
};
pub use resources::{
    AllocatedDevice, AllocatedResources, AllocatedTaskResources, DeviceInstance, DeviceRequest, Network,
    NodeDevice, NodeResources, Port, Resources,
};
pub use service::{Check, CheckRestart, Service};
pub use task::{DispatchPayload, Lifecycle, LogConfig, Task};
pub use time::Timestamp;
pub use usage::{Amounts, Instances, Numbers, Usage};
