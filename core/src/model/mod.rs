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
//!   with `#[serde(default)]`, never renamed. HTTP has shapes of its own in `api::wire`.

pub mod alloc;
pub mod constraint;
pub mod duration;
pub mod eval;
pub mod ids;
pub mod job;
pub mod metric;
pub mod node;
pub mod plan;
pub mod resources;
pub mod time;

pub use alloc::{AllocUpdate, Allocation, ClientStatus, DesiredStatus, TaskEvent, TaskRunState, TaskState};
pub use constraint::{Constraint, Operator};
pub use eval::{EvalStatus, Evaluation, Trigger};
pub use ids::{AllocId, EvalId, JobId, JobKey, NodeId};
pub use job::{Job, JobStatus, JobType, RestartMode, RestartPolicy, Task, TaskGroup, UpdateStrategy};
pub use metric::{AllocMetric, NodeVerdict};
pub use node::{DriverInfo, Eligibility, Node, NodeStatus};
pub use plan::{Plan, PlanResult};
pub use resources::{AllocatedResources, Network, NodeResources, Port, Resources};
pub use time::Timestamp;
