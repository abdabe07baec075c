//! What must be true: `await`, `expect` and `hold`.

use crate::jobspec::hcl::{Attribute, Block, Fields, Reader, Value, ValueKind};

use super::read::Known;
use super::{Condition, Count, Fact, Place};

/// Reads the facts of a verb's block.
pub(super) fn condition(known: &Known<'_>, block: &Block, fields: &Fields<'_>) -> Condition {
    let reader = fields.reader();
    let mut facts = Vec::new();
    facts.extend(count(fields, "answering").map(Fact::Answering));
    facts.extend(texts(fields, "answers_with").map(Fact::AnswersWith));
    facts.extend(fields.number("answering_min").map(Fact::AnsweringMin));
    facts.extend(count(fields, "running").map(Fact::Running));
    facts.extend(count(fields, "unplaced").map(Fact::Unplaced));
    facts.extend(count(fields, "lost").map(Fact::Lost));
    facts.extend(count(fields, "kept").map(Fact::Kept));
    facts.extend(fields.flag("blocked").map(Fact::Blocked));
    facts.extend(fields.block("placed_on").map(|block| Fact::PlacedOn(place(known, reader, block))));
    facts.extend(texts(fields, "why").map(Fact::Why));
    facts.extend(one_of(fields, "evaluation", EVALUATIONS).map(Fact::Evaluation));
    facts.extend(one_of(fields, "status", JOB_STATUSES).map(Fact::JobStatus));
    let about_jobs = facts.len();
    facts.extend(fields.flag("leader").map(Fact::Leader));
    facts.extend(fields.flag("new_leader").filter(|flag| *flag).map(|_| Fact::NewLeader));
    facts.extend(count(fields, "nodes_ready").map(Fact::NodesReady));
    facts.extend(count(fields, "nodes_down").map(Fact::NodesDown));
    facts.extend(write(fields));
    if facts.is_empty() {
        reader.error_with_help(
            &block.span,
            format!("{:?} says nothing that could be true", block.name),
            "add a fact, such as answering = 5, running = 5, placed_on { ... }, leader = true or nodes_ready = 9",
        );
    }
    let needs_job = about_jobs > 0 || facts.iter().any(|fact| matches!(fact, Fact::Write { .. }));
    Condition { job: job(known, block, fields, needs_job), facts, span: block.span.clone() }
}

/// Statuses an evaluation can have.
const EVALUATIONS: &[&str] = &["pending", "complete", "blocked", "failed", "canceled"];
/// Statuses a job can have.
const JOB_STATUSES: &[&str] = &["pending", "running", "dead"];

/// Returns the job a condition is about: the one it names, or the only one run so far.
fn job(known: &Known<'_>, block: &Block, fields: &Fields<'_>, needed: bool) -> Option<String> {
    let reader = fields.reader();
    if let Some(name) = fields.text("job") {
        return known.job(reader, fields.span_of("job"), &name).map(|_| name);
    }
    if !needed {
        return None;
    }
    let mut jobs = known.jobs.keys();
    match (jobs.next(), jobs.next()) {
        (Some(only), None) => Some(only.clone()),
        (None, _) => {
            reader.error(&block.span, "no job has been run before this");
            None
        }
        (Some(_), Some(_)) => {
            let message = format!("{:?} does not say which job it is about", block.name);
            let names: Vec<&str> = known.jobs.keys().map(String::as_str).collect();
            reader.error_with_help(
                &block.span,
                message,
                format!("add job = ..., one of: {}", names.join(", ")),
            );
            None
        }
    }
}

/// Reads a number (exactly so many), or a text: `">= 4"`, `"<= 4"`.
fn count(fields: &Fields<'_>, name: &'static str) -> Option<Count> {
    let attribute = fields.attribute(name)?;
    let reader = fields.reader();
    let ValueKind::Text(text) = &attribute.value.kind else {
        return reader.number(&attribute.value, name).map(Count::Exactly);
    };
    let parsed = if let Some(rest) = text.strip_prefix(">=") {
        rest.trim().parse().map(Count::AtLeast)
    } else if let Some(rest) = text.strip_prefix("<=") {
        rest.trim().parse().map(Count::AtMost)
    } else {
        text.trim().parse().map(Count::Exactly)
    };
    if parsed.is_err() {
        let message = format!("{name} cannot be {text:?}");
        reader.error_with_help(&attribute.value.span, message, "write a number, \">= 4\" or \"<= 4\"");
    }
    parsed.ok()
}

/// Reads one text or a list of texts.
fn texts(fields: &Fields<'_>, name: &'static str) -> Option<Vec<String>> {
    let attribute: &Attribute = fields.attribute(name)?;
    one_or_more(fields.reader(), &attribute.value, name)
}

fn one_or_more(reader: &Reader, value: &Value, name: &str) -> Option<Vec<String>> {
    match value.kind {
        ValueKind::List(_) => reader.texts(value, name),
        _ => reader.text(value, name).map(|text| vec![text]),
    }
}

fn one_of(fields: &Fields<'_>, name: &'static str, known: &[&str]) -> Option<String> {
    let text = fields.text(name)?;
    if !known.contains(&text.as_str()) {
        fields.reader().unknown(fields.span_of(name), name, &text, known.iter().copied());
    }
    Some(text)
}

fn place(known: &Known<'_>, reader: &Reader, block: &Block) -> Place {
    let fields = Fields::new(reader, &block.body, "placed_on");
    let place = Place {
        datacenters: texts(&fields, "datacenter").unwrap_or_default(),
        classes: texts(&fields, "class").unwrap_or_default(),
        machines: texts(&fields, "machine").unwrap_or_default(),
        groups: texts(&fields, "group").unwrap_or_default(),
        meta: fields.text_map("meta").unwrap_or_default(),
    };
    for machine in &place.machines {
        known.machine(reader, fields.span_of("machine"), machine);
    }
    for group in &place.groups {
        known.group(reader, fields.span_of("group"), group);
    }
    let of_lab =
        |of: fn(&crate::lab::spec::Machine) -> &str| known.machines.iter().map(of).collect::<Vec<_>>();
    check_values(reader, &fields, "datacenter", &place.datacenters, &of_lab(|machine| &machine.datacenter));
    check_values(reader, &fields, "class", &place.classes, &of_lab(|machine| &machine.class));
    if place == Place::default() {
        reader.error_with_help(
            &block.span,
            "placed_on is empty",
            "add datacenter, class, machine, group or meta",
        );
    }
    fields.finish();
    place
}

/// Complains about a datacenter or class no machine of the lab has.
fn check_values(
    reader: &Reader,
    fields: &Fields<'_>,
    name: &'static str,
    written: &[String],
    of_lab: &[&str],
) {
    for value in written {
        if !of_lab.is_empty() && !of_lab.contains(&value.as_str()) {
            let mut known: Vec<&str> = of_lab.iter().copied().filter(|text| !text.is_empty()).collect();
            known.sort_unstable();
            known.dedup();
            reader.unknown(fields.span_of(name), name, value, known);
        }
    }
}

fn write(fields: &Fields<'_>) -> Option<Fact> {
    let text = fields.text("write_error");
    let accepted = match fields.text("write").as_deref() {
        Some("accepted") => Some(true),
        Some("refused") => Some(false),
        Some(other) => {
            fields.reader().unknown(
                fields.span_of("write"),
                "result of a write",
                other,
                ["accepted", "refused"],
            );
            None
        }
        None => None,
    };
    if text.is_some() && accepted != Some(false) {
        fields.reader().error_with_help(
            fields.span_of("write_error"),
            "write_error is about a write that is refused",
            "add write = \"refused\"",
        );
    }
    accepted.map(|accepted| Fact::Write { accepted, text: text.unwrap_or_default() })
}
