//! What has changed in a job, as `plan` and `job history -p` show it: `+` added, `-` deleted, `+/-` changed.

use super::Style;
use crate::jobspec::diff::{DiffType, FieldDiff, JobDiff, ObjectDiff, TaskDiff, TaskGroupDiff};

/// Columns a level is set in.
const INDENT: usize = 2;

/// Shows a diff. What is in jobs, groups and tasks that are new or gone is shown when verbose.
pub fn job(style: &Style, diff: &JobDiff) -> String {
    let mut writer = Writer { style, text: String::new() };
    let inner = has_content(style, diff.diff_type);
    let width =
        width([diff.diff_type].into_iter().chain(diff.task_groups.iter().map(|group| group.diff_type)));
    writer.line(0, width, diff.diff_type, &format!("Job: {:?}", diff.id), "");
    if inner {
        writer.content(INDENT, &diff.fields, &diff.objects);
    }
    for group in &diff.task_groups {
        writer.group(width, group);
    }
    writer.text.trim_end().to_owned()
}

/// Tells whether the content of something that became `diff_type` is worth showing.
fn has_content(style: &Style, diff_type: DiffType) -> bool {
    style.verbose || diff_type == DiffType::Edited
}

fn sign(diff_type: DiffType) -> &'static str {
    match diff_type {
        DiffType::Added => "+",
        DiffType::Deleted => "-",
        DiffType::Edited => "+/-",
        DiffType::None => "",
    }
}

fn colour(diff_type: DiffType) -> Option<&'static str> {
    match diff_type {
        DiffType::Added => Some("32"),
        DiffType::Deleted => Some("31"),
        DiffType::Edited => Some("33"),
        DiffType::None => None,
    }
}

/// Returns how many columns the signs of neighbours take, with a space behind the widest.
fn width(types: impl IntoIterator<Item = DiffType>) -> usize {
    types
        .into_iter()
        .map(|diff_type| sign(diff_type).len())
        .max()
        .filter(|width| *width > 0)
        .map_or(0, |width| width + 1)
}

struct Writer<'a> {
    style: &'a Style,
    text: String,
}

impl Writer<'_> {
    /// Writes a line: the sign in a column of `width`, the text, and what it leads to.
    fn line(&mut self, indent: usize, width: usize, diff_type: DiffType, text: &str, behind: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        let sign = sign(diff_type);
        match colour(diff_type).filter(|_| self.style.colour) {
            Some(colour) => self.text.push_str(&format!("\x1b[{colour}m{sign}\x1b[0m")),
            None => self.text.push_str(sign),
        }
        self.text.extend(std::iter::repeat_n(' ', width - sign.len()));
        self.text.push_str(text);
        if !behind.is_empty() {
            self.text.push_str(&format!(" ({behind})"));
        }
        self.text.push('\n');
    }

    fn group(&mut self, width: usize, group: &TaskGroupDiff) {
        let updates: Vec<String> =
            group.updates.iter().map(|(word, count)| format!("{count} {word}")).collect();
        self.line(0, width, group.diff_type, &format!("Task Group: {:?}", group.name), &updates.join(", "));
        if has_content(self.style, group.diff_type) {
            self.content(INDENT, &group.fields, &group.objects);
        }
        let tasks = self::width(group.tasks.iter().map(|task| task.diff_type));
        group.tasks.iter().for_each(|task| self.task(tasks, task));
        self.text.push('\n');
    }

    fn task(&mut self, width: usize, task: &TaskDiff) {
        let annotations = task.annotations.join(", ");
        self.line(INDENT, width, task.diff_type, &format!("Task: {:?}", task.name), &annotations);
        if has_content(self.style, task.diff_type) {
            self.content(2 * INDENT, &task.fields, &task.objects);
        }
    }

    /// Writes fields with their values below each other, then blocks.
    fn content(&mut self, indent: usize, fields: &[FieldDiff], objects: &[ObjectDiff]) {
        let types = fields.iter().map(|field| field.diff_type);
        let width = width(types.chain(objects.iter().map(|object| object.diff_type)));
        let names = fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
        for field in fields {
            let (old, new) = (&field.old, &field.new);
            let values = match field.diff_type {
                DiffType::Added => format!("{new:?}"),
                DiffType::Deleted | DiffType::None => format!("{old:?}"),
                DiffType::Edited => format!("{old:?} => {new:?}"),
            };
            let gap = names - field.name.chars().count();
            let text = format!("{}: {:gap$}{values}", field.name, "");
            self.line(indent, width, field.diff_type, &text, &field.annotations.join(", "));
        }
        for object in objects {
            self.line(indent, width, object.diff_type, &format!("{} {{", object.name), "");
            self.content(indent + INDENT, &object.fields, &object.objects);
            self.line(indent + width, 0, DiffType::None, "}", "");
        }
    }
}
