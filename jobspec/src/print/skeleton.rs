//! What a job would have if nothing but names was said in it.
//!
//! Some defaults depend on what another place says: a group's update on its job's, a task's restart on its group's. So
//! there are two skeletons, one that keeps those values and one that does not; and each without and with the blocks of
//! which there is at most one, since a block that stands there at all may fill in more than one that does not.

use serde_json::{Map, Value};

use crate::canonical;
use crate::schema::{BlockType, Holds, JOB};

/// Fields on which defaults elsewhere depend.
const KEPT: &[(&str, &str)] = &[
    ("job", "Name"),
    ("job", "Update"),
    ("job", "Reschedule"),
    ("job", "Migrate"),
    ("group", "Count"),
    ("group", "RestartPolicy"),
    ("service", "OnUpdate"),
    ("service", "CheckRestart"),
    ("resources", "Cores"),
    ("template", "ChangeMode"),
];

/// What holds at one place of a job when nothing is said there.
#[derive(Clone)]
pub(super) struct Defaults {
    of: Option<&'static str>,
    /// Nothing is said anywhere.
    bare: Value,
    /// Only what defaults depend on is said.
    kept: Value,
    /// The same two, with all blocks there.
    bare_with_blocks: Value,
    kept_with_blocks: Value,
}

impl Defaults {
    /// Finds out what holds in a job of these names when nothing is said.
    pub fn of(job: &Value) -> Self {
        let skeleton = |keep, blocks| {
            let map = job.as_object().map(|map| said(&JOB, map, keep, blocks)).unwrap_or_default();
            canonical::shown(Value::Object(map))
        };
        Self {
            of: Some("job"),
            bare: skeleton(false, false),
            kept: skeleton(true, false),
            bare_with_blocks: skeleton(false, true),
            kept_with_blocks: skeleton(true, true),
        }
    }

    fn is_kept(&self, field: &str) -> bool {
        KEPT.iter().any(|(of, kept)| Some(*of) == self.of && *kept == field)
    }

    /// Returns what a field has when the rest of its block is there.
    pub fn field(&self, field: &str) -> Option<&Value> {
        let from = if self.is_kept(field) { &self.bare_with_blocks } else { &self.kept_with_blocks };
        from.get(field)
    }

    /// Returns what a block is when it is not written.
    pub fn whole(&self, field: &str) -> Option<&Value> {
        let from = if self.is_kept(field) { &self.bare } else { &self.kept };
        from.get(field)
    }

    /// Goes into a block.
    pub fn below(&self, field: &str) -> Self {
        let step = |value: &Value| value.get(field).cloned().unwrap_or_default();
        // Within a block that others depend on, that it is said itself must not count.
        if self.is_kept(field) {
            let (whole, with_blocks) = (step(&self.bare), step(&self.bare_with_blocks));
            return Self {
                of: None,
                bare: whole.clone(),
                kept: whole,
                bare_with_blocks: with_blocks.clone(),
                kept_with_blocks: with_blocks,
            };
        }
        self.stepped(block_name(field), step)
    }

    /// Goes into a block of a list.
    pub fn at(&self, field: &str, index: usize) -> Self {
        self.stepped(block_name(field), |value| value[field][index].clone())
    }

    fn stepped(&self, of: Option<&'static str>, step: impl Fn(&Value) -> Value) -> Self {
        Self {
            of,
            bare: step(&self.bare),
            kept: step(&self.kept),
            bare_with_blocks: step(&self.bare_with_blocks),
            kept_with_blocks: step(&self.kept_with_blocks),
        }
    }
}

/// Returns which type of block a field holds, as far as [`KEPT`] asks.
fn block_name(field: &str) -> Option<&'static str> {
    match field {
        "TaskGroups" => Some("group"),
        "Services" => Some("service"),
        "Resources" => Some("resources"),
        "Templates" => Some("template"),
        _ => None,
    }
}

/// Returns an object in which nothing is said but names, and what defaults depend on when `keep`.
fn said(of: &'static BlockType, map: &Map<String, Value>, keep: bool, blocks: bool) -> Map<String, Value> {
    let mut out = of.unset();
    for field in ["ID", "Type"] {
        if of.name == "job"
            && let Some(value) = map.get(field)
        {
            out.insert(field.to_owned(), value.clone());
        }
    }
    for nested in of.blocks {
        let Some(value) = map.get(nested.field).filter(|value| !value.is_null()) else { continue };
        let inner = |value: &Value, inner: &'static BlockType, label: Option<&str>| {
            let map = value.as_object()?;
            let mut out = said(inner, map, keep, blocks);
            if let Some(label) = label.filter(|label| !label.starts_with('$')) {
                out.insert(label.to_owned(), map.get(label).cloned().unwrap_or_default());
            }
            Some(Value::Object(out))
        };
        let said = match nested.holds {
            Holds::One(of) if blocks => inner(value, of, None),
            Holds::List(of) => Some(
                value.as_array().into_iter().flatten().filter_map(|item| inner(item, of, None)).collect(),
            ),
            Holds::Labelled(of, label) => Some(
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|item| inner(item, of, Some(label)))
                    .collect(),
            ),
            Holds::ByLabel(of, label) => {
                let items = value.as_object().into_iter().flatten();
                let items =
                    items.filter_map(|(name, item)| Some((name.clone(), inner(item, of, Some(label))?)));
                Some(Value::Object(items.collect()))
            }
            Holds::One(_) | Holds::TextMap { .. } | Holds::TextsMap | Holds::AnyMap => None,
        };
        if let Some(said) = said {
            out.insert(nested.field.to_owned(), said);
        }
    }
    if keep {
        for (_, field) in KEPT.iter().filter(|(name, _)| *name == of.name) {
            // No cores are as none said.
            if let Some(value) = map.get(*field).filter(|value| *field != "Cores" || **value != 0) {
                out.insert((*field).to_owned(), value.clone());
            }
        }
    }
    out
}
