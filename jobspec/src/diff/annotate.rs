//! What a plan leads to, written beside the changes that lead to it.

use std::collections::BTreeMap;

use super::{DiffType, FieldDiff, JobDiff, TaskDiff, TaskGroupDiff};

/// How many allocations of a group a plan places, stops and leaves alone, by the words a diff has for it: `create`,
/// `destroy`, `migrate`, `canary`, `in-place update`, `create/destroy update`, `ignore`.
pub type Updates = BTreeMap<String, u64>;

/// Parts of a task that can be changed while it runs.
const IN_PLACE_OBJECTS: &[&str] = &["Constraint", "Affinity", "LogConfig", "Service", "Scaling"];

/// Fields of a task that can be changed while it runs.
const IN_PLACE_FIELDS: &[&str] = &["KillTimeout"];

/// Writes what a plan does to each group into a diff: the counts, and at what forces it a word that says so.
pub fn annotate(diff: &mut JobDiff, updates: &BTreeMap<String, Updates>) {
    for group in &mut diff.task_groups {
        if let Some(counts) = updates.get(&group.name) {
            group.updates = counts
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(word, count)| (word.clone(), *count))
                .collect();
        }
        annotate_count(group);
        let group_type = group.diff_type;
        group.tasks.iter_mut().for_each(|task| annotate_task(task, group_type));
    }
}

fn annotate_count(group: &mut TaskGroupDiff) {
    let Some(count) = group.fields.iter_mut().find(|field| field.name == "Count") else { return };
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let word = match number(&count.old).cmp(&number(&count.new)) {
        std::cmp::Ordering::Less => "forces create",
        std::cmp::Ordering::Greater => "forces destroy",
        std::cmp::Ordering::Equal => return,
    };
    count.annotations.push(word.to_owned());
}

fn annotate_task(task: &mut TaskDiff, group: DiffType) {
    let word = match (group, task.diff_type) {
        (_, DiffType::None) => return,
        (DiffType::Added, _) => "forces create",
        (DiffType::Deleted, _) => "forces destroy",
        (_, DiffType::Added | DiffType::Deleted) => "forces create/destroy update",
        (_, DiffType::Edited) if is_in_place(task) => "forces in-place update",
        (_, DiffType::Edited) => "forces create/destroy update",
    };
    task.annotations.push(word.to_owned());
}

fn is_in_place(task: &TaskDiff) -> bool {
    let is_same = |field: &FieldDiff| field.diff_type == DiffType::None;
    task.fields.iter().all(|field| is_same(field) || IN_PLACE_FIELDS.contains(&field.name.as_str()))
        && task.objects.iter().all(|object| IN_PLACE_OBJECTS.contains(&object.name.as_str()))
}
