//! What has changed between two versions of a job, in the form of Nomad's `JobDiff`.
//!
//! Both jobs are compared in the form they are posted and kept in. `shape` is a table: what each object of a job is
//! called in a diff, which parts of it are objects of their own, how members of lists find their counterparts, and what
//! does not count. `compare` walks two values along that table; it knows nothing of jobs.
//!
//! - A *field* is a value with a name. What no shape knows is flattened into fields, keys and positions in brackets:
//!   `Meta[owner]`, `args[0]`, `Vault[Policies][0]`. So no change goes unseen.
//! - An *object* is a nested block: `Constraint`, `RestartPolicy`, `Network`. It is told only when it differs.
//! - *Groups* and *tasks* are told always, with the type `None` when they are alike.
//!
//! # Invariants
//! - A job read, stored by the servers and compared with the same file read again has no difference.
//! - What is not said, what is empty and what is `null` are the same.
//! - The order is that of names, so the same two jobs give the same text.
//!
//! # Caveats
//! - Services, checks and networks have no id. They are matched by name, then by port; the only one of
//!   each version is the same one.
//! - The blocks `update`, `reschedule` and `migrate` of the job itself count only where a group has none of its own.

mod annotate;
mod compare;
mod shape;

pub use annotate::{Updates, annotate};

use std::collections::BTreeMap;

use pasture_core::model::Job;
use pasture_core::model::form::null_when_empty;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether something was added, deleted or changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DiffType {
    /// In both, but not the same.
    Edited,
    /// In the new one only.
    Added,
    /// In the old one only.
    Deleted,
    /// The same in both.
    #[default]
    None,
}

/// How two versions of a job differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobDiff {
    /// What has become of the job.
    #[serde(rename = "Type")]
    pub diff_type: DiffType,
    /// The job.
    #[serde(rename = "ID")]
    pub id: String,
    /// Values of the job itself.
    #[serde(with = "null_when_empty")]
    pub fields: Vec<FieldDiff>,
    /// Blocks of the job itself.
    #[serde(with = "null_when_empty")]
    pub objects: Vec<ObjectDiff>,
    /// All task groups of either version.
    #[serde(with = "null_when_empty")]
    pub task_groups: Vec<TaskGroupDiff>,
}

/// How two versions of a task group differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskGroupDiff {
    /// What has become of the group.
    #[serde(rename = "Type")]
    pub diff_type: DiffType,
    /// Its name.
    pub name: String,
    /// Values of the group itself.
    #[serde(with = "null_when_empty")]
    pub fields: Vec<FieldDiff>,
    /// Blocks of the group itself.
    #[serde(with = "null_when_empty")]
    pub objects: Vec<ObjectDiff>,
    /// All tasks of either version.
    #[serde(with = "null_when_empty")]
    pub tasks: Vec<TaskDiff>,
    /// How many allocations see which change; known to a plan only.
    #[serde(with = "null_when_empty")]
    pub updates: BTreeMap<String, u64>,
}

/// How two versions of a task differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskDiff {
    /// What has become of the task.
    #[serde(rename = "Type")]
    pub diff_type: DiffType,
    /// Its name.
    pub name: String,
    /// Values of the task itself.
    #[serde(with = "null_when_empty")]
    pub fields: Vec<FieldDiff>,
    /// Blocks of the task.
    #[serde(with = "null_when_empty")]
    pub objects: Vec<ObjectDiff>,
    /// What the change leads to, such as `forces create/destroy update`; known to a plan only.
    #[serde(with = "null_when_empty")]
    pub annotations: Vec<String>,
}

/// How two versions of a block differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ObjectDiff {
    /// What it is, such as `Constraint`.
    pub name: String,
    /// What has become of it.
    #[serde(rename = "Type")]
    pub diff_type: DiffType,
    /// Its values.
    #[serde(with = "null_when_empty")]
    pub fields: Vec<FieldDiff>,
    /// Blocks in it.
    #[serde(with = "null_when_empty")]
    pub objects: Vec<ObjectDiff>,
}

/// How two versions of a value differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FieldDiff {
    /// What it is, such as `Count` or `Meta[owner]`.
    pub name: String,
    /// What has become of it.
    #[serde(rename = "Type")]
    pub diff_type: DiffType,
    /// What it was; empty when there was none.
    pub old: String,
    /// What it is; empty when there is none.
    pub new: String,
    /// What the change leads to, such as `forces create`; known to a plan only.
    #[serde(with = "null_when_empty")]
    pub annotations: Vec<String>,
}

/// What a diff tells beside the changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Values that are the same are told beside those that differ, within blocks that differ.
    pub contextual: bool,
}

/// Compares two versions of a job; `None` where there is none. The id is taken from the newer one.
pub fn diff(old: Option<&Job>, new: Option<&Job>, options: Options) -> JobDiff {
    let id = new.or(old).map(|job| job.id.to_string()).unwrap_or_default();
    let own_defaults = [old, new].into_iter().flatten().all(has_own_policies);
    let value = |job: Option<&Job>| {
        let mut value = job.and_then(|job| serde_json::to_value(job).ok()).unwrap_or(Value::Null);
        if let Some(fields) = value.as_object_mut().filter(|_| own_defaults) {
            for name in ["Update", "Reschedule", "Migrate"] {
                fields.remove(name);
            }
        }
        compare::prune(value)
    };
    let (mut old_job, mut new_job) = (value(old), value(new));
    let groups = compare::take_pairs(&mut old_job, &mut new_job, "TaskGroups");
    let task_groups: Vec<TaskGroupDiff> =
        groups.into_iter().map(|(name, old, new)| group_diff(name, old, new, options)).collect();
    let parts = compare::parts(&shape::JOB, &old_job, &new_job, options.contextual);
    let differs = parts.differs || task_groups.iter().any(|group| group.diff_type != DiffType::None);
    let diff_type = match (old, new) {
        (None, None) => DiffType::None,
        (None, Some(_)) => DiffType::Added,
        (Some(_), None) => DiffType::Deleted,
        (Some(_), Some(_)) if differs => DiffType::Edited,
        (Some(_), Some(_)) => DiffType::None,
    };
    JobDiff { diff_type, id, fields: parts.fields, objects: parts.objects, task_groups }
}

/// Tells whether each group says itself how it is updated, rescheduled and migrated.
fn has_own_policies(job: &Job) -> bool {
    job.groups.iter().all(|group| {
        (job.update.is_none() || group.update.is_some())
            && (job.reschedule.is_none() || group.reschedule.is_some())
            && (job.migrate.is_none() || group.migrate.is_some())
    })
}

fn group_diff(name: String, mut old: Value, mut new: Value, options: Options) -> TaskGroupDiff {
    let tasks = compare::take_pairs(&mut old, &mut new, "Tasks");
    let tasks: Vec<TaskDiff> =
        tasks.into_iter().map(|(name, old, new)| task_diff(name, &old, &new, options)).collect();
    let parts = compare::parts(&shape::GROUP, &old, &new, options.contextual);
    let differs = parts.differs || tasks.iter().any(|task| task.diff_type != DiffType::None);
    TaskGroupDiff {
        diff_type: compare::diff_type(&old, &new, differs),
        name,
        fields: parts.fields,
        objects: parts.objects,
        tasks,
        updates: BTreeMap::new(),
    }
}

fn task_diff(name: String, old: &Value, new: &Value, options: Options) -> TaskDiff {
    let parts = compare::parts(&shape::TASK, old, new, options.contextual);
    TaskDiff {
        diff_type: compare::diff_type(old, new, parts.differs),
        name,
        fields: parts.fields,
        objects: parts.objects,
        annotations: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
