//! Choosing machines.

use crate::jobspec::diagnostic::Span;
use crate::jobspec::hcl::{Block, Fields, Reader, Value};

use super::read::Known;
use super::{Selection, SelectionPart};

/// Reads the machines a verb is about; the block's name becomes the selection's label.
pub(super) fn selection(known: &mut Known<'_>, block: &Block, fields: &Fields<'_>) -> Selection {
    let reader = fields.reader();
    let label = match block.labels.as_slice() {
        [] => None,
        _ => reader.label(block).map(|label| label.text.clone()),
    };
    let parts = parts(known, fields);
    if parts.is_empty() {
        reader.error_with_help(
            &block.span,
            format!("{:?} chooses no machine", block.name),
            "write machine = \"...\", group = \"...\", node_of = \"job[0]\", leader = true, followers = 1 or same_as = \"...\"",
        );
    }
    if let Some(label) = &label {
        known.labels.push(label.clone());
    }
    Selection { label, parts, span: block.span.clone() }
}

/// Reads one side of a partition: a list of machines and groups, or a block that chooses.
pub(super) fn side(known: &mut Known<'_>, fields: &Fields<'_>, name: &'static str) -> Option<Selection> {
    let reader = fields.reader();
    if let Some(block) = fields.block(name) {
        let inner = Fields::new(reader, &block.body, format!("side {name:?}"));
        let parts = parts(known, &inner);
        inner.finish();
        return Some(Selection { label: None, parts, span: block.span.clone() });
    }
    let attribute = fields.attribute(name)?;
    let names = reader.texts(&attribute.value, name)?;
    let machines = known.machines_of(reader, &attribute.value.span, &names);
    Some(Selection {
        label: None,
        parts: vec![SelectionPart::Machines(machines)],
        span: attribute.value.span.clone(),
    })
}

fn parts(known: &Known<'_>, fields: &Fields<'_>) -> Vec<SelectionPart> {
    let reader = fields.reader();
    let mut parts = Vec::new();
    let mut machines = Vec::new();
    if let Some(name) = fields.text("machine") {
        machines.extend(known.machine(reader, fields.span_of("machine"), &name));
    }
    for name in fields.texts("machines").unwrap_or_default() {
        machines.extend(known.machine(reader, fields.span_of("machines"), &name));
    }
    if !machines.is_empty() {
        parts.push(SelectionPart::Machines(machines));
    }
    if let Some(name) = fields.text("group") {
        parts.extend(known.group(reader, fields.span_of("group"), &name).map(SelectionPart::Group));
    }
    if let Some(attribute) = fields.attribute("node_of") {
        parts.extend(node_of(known, reader, &attribute.value));
    }
    if fields.flag("leader") == Some(true) {
        parts.push(SelectionPart::Leader);
    }
    if let Some(count) = fields.number("followers") {
        parts.push(SelectionPart::Followers(count));
    }
    if let Some(label) = fields.text("same_as") {
        if !known.labels.contains(&label) {
            let labels = known.labels.iter().map(String::as_str);
            reader.unknown(fields.span_of("same_as"), "earlier choice of machines", &label, labels);
        }
        parts.push(SelectionPart::SameAs(label));
    }
    parts
}

/// Reads `"job[0]"` or `"job.group[0]"`.
fn node_of(known: &Known<'_>, reader: &Reader, value: &Value) -> Option<SelectionPart> {
    let text = reader.text(value, "node_of")?;
    let parsed = text.strip_suffix(']').and_then(|rest| {
        let (name, index) = rest.rsplit_once('[')?;
        Some((name, index.parse::<u32>().ok()?))
    });
    let Some((name, index)) = parsed else {
        reader.error_with_help(
            &value.span,
            format!("{text:?} names no instance"),
            "write the job's name and the instance, such as \"helloworld[0]\", or \"job.group[0]\"",
        );
        return None;
    };
    // A job's name may contain dots: the whole of it is tried first.
    let (job, group) = match name.rsplit_once('.') {
        Some((job, group)) if !known.jobs.contains_key(name) => (job, Some(group.to_owned())),
        _ => (name, None),
    };
    known.job(reader, &value.span, job)?;
    if let Some(group) = &group {
        known.job_group(reader, &value.span, job, Some(group))?;
    }
    Some(SelectionPart::NodeOf { job: job.to_owned(), group, index })
}

impl Known<'_> {
    /// Returns a machine's name if there is such a machine; complains if not.
    pub(super) fn machine(&self, reader: &Reader, span: &Span, name: &str) -> Option<String> {
        if self.machines.iter().any(|machine| machine.name == name) {
            return Some(name.to_owned());
        }
        reader.unknown(span, "machine", name, self.machines.iter().map(|machine| machine.name.as_str()));
        None
    }

    /// Returns a group's name if the lab has it; complains if not.
    pub(super) fn group(&self, reader: &Reader, span: &Span, name: &str) -> Option<String> {
        let Some(lab) = &self.lab else { return Some(name.to_owned()) };
        if lab.groups.iter().any(|group| group.name == name) {
            return Some(name.to_owned());
        }
        reader.unknown(span, "group of machines", name, lab.groups.iter().map(|group| group.name.as_str()));
        None
    }

    /// Returns the machines of a list of machines and groups, in the lab's order.
    pub(super) fn machines_of(&self, reader: &Reader, span: &Span, names: &[String]) -> Vec<String> {
        for name in names {
            let is_known =
                self.machines.iter().any(|machine| machine.name == *name || machine.group == *name);
            if !is_known && self.lab.is_some() {
                let mut all: Vec<&str> = self.machines.iter().map(|machine| machine.group.as_str()).collect();
                all.dedup();
                all.extend(self.machines.iter().map(|machine| machine.name.as_str()));
                reader.unknown(span, "machine or group", name, all);
            }
        }
        let chosen = self
            .machines
            .iter()
            .filter(|machine| names.contains(&machine.name) || names.contains(&machine.group));
        chosen.map(|machine| machine.name.clone()).collect()
    }
}
