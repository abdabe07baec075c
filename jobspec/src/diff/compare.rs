//! Compares two values along a shape.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::shape::{Kind, Part, Shape};
use super::{DiffType, FieldDiff, ObjectDiff};

/// What differs in an object.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub fields: Vec<FieldDiff>,
    pub objects: Vec<ObjectDiff>,
    /// Whether anything does.
    pub differs: bool,
}

/// Takes away what says nothing: `null`, and lists and maps without content, wherever they are values of a key.
pub(super) fn prune(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept: Map<String, Value> = fields
                .into_iter()
                .map(|(key, value)| (key, prune(value)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(members) if members.is_empty() => Value::Null,
        Value::Array(members) => members.into_iter().map(prune).collect(),
        other => other,
    }
}

/// Takes a list out of both objects and pairs its members by their names; `null` where there is no counterpart.
pub(super) fn take_pairs(old: &mut Value, new: &mut Value, key: &str) -> Vec<(String, Value, Value)> {
    let mut pairs: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    let mut take = |from: &mut Value, into: fn(&mut (Value, Value)) -> &mut Value| {
        let list = from.as_object_mut().and_then(|fields| fields.remove(key));
        for member in list.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let name = member.get("Name").and_then(Value::as_str).unwrap_or_default();
            *into(pairs.entry(name.to_owned()).or_default()) = member.clone();
        }
    };
    take(old, |pair| &mut pair.0);
    take(new, |pair| &mut pair.1);
    pairs.into_iter().map(|(name, (old, new))| (name, old, new)).collect()
}

/// Says what has become of something that may be `null`, which is not there.
pub(super) fn diff_type(old: &Value, new: &Value, differs: bool) -> DiffType {
    match (old.is_null(), new.is_null()) {
        (true, false) => DiffType::Added,
        (false, true) => DiffType::Deleted,
        _ if differs => DiffType::Edited,
        _ => DiffType::None,
    }
}

/// Compares two objects; with `contextual`, objects in them tell what is the same too.
pub(super) fn parts(shape: &Shape, old: &Value, new: &Value, contextual: bool) -> Parts {
    let fields = fields(&own_fields(shape, old), &own_fields(shape, new), false);
    let mut objects = Vec::new();
    for part in shape.parts {
        let of = |value: &Value| value.get(part.key).cloned().unwrap_or(Value::Null);
        part_diffs(part, &of(old), &of(new), contextual, &mut objects);
    }
    objects.sort();
    let differs = !objects.is_empty() || fields.iter().any(|field| field.diff_type != DiffType::None);
    Parts { fields, objects, differs }
}

fn part_diffs(part: &Part, old: &Value, new: &Value, contextual: bool, found: &mut Vec<ObjectDiff>) {
    match part.kind {
        Kind::One(shape) => found.extend(object(part.name, shape, old, new, contextual)),
        Kind::Many(shape) if are_objects(old) && are_objects(new) => {
            for (old, new) in counterparts(shape, members(old), members(new)) {
                found.extend(object(part.name, shape, old, new, contextual));
            }
        }
        Kind::Named(shape) => {
            for key in keys(old).union(&keys(new)) {
                let of = |value: &Value| value.get(key).cloned().unwrap_or(Value::Null);
                found.extend(object(part.name, shape, &of(old), &of(new), contextual));
            }
        }
        Kind::Texts => found.extend(texts(part.name, old, new, contextual)),
        Kind::Many(_) | Kind::Free => found.extend(free(part.name, old, new, contextual)),
    }
}

/// Compares two objects that may be `null`; nothing when they are the same.
fn object(name: &str, shape: &Shape, old: &Value, new: &Value, contextual: bool) -> Option<ObjectDiff> {
    let inner = parts(shape, old, new, contextual);
    let fields = fields(&own_fields(shape, old), &own_fields(shape, new), contextual);
    let diff_type = diff_type(old, new, inner.differs);
    (diff_type != DiffType::None).then(|| ObjectDiff {
        name: name.to_owned(),
        diff_type,
        fields,
        objects: inner.objects,
    })
}

/// Compares two values whose keys nobody knows.
fn free(name: &str, old: &Value, new: &Value, contextual: bool) -> Option<ObjectDiff> {
    let flat = |value: &Value| {
        let mut flat = BTreeMap::new();
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(key, value, &mut flat)),
            other => flatten(name, other, &mut flat),
        }
        flat
    };
    let fields = fields(&flat(old), &flat(new), contextual);
    let differs = fields.iter().any(|field| field.diff_type != DiffType::None);
    let diff_type = diff_type(old, new, differs);
    (diff_type != DiffType::None).then(|| ObjectDiff {
        name: name.to_owned(),
        diff_type,
        fields,
        objects: Vec::new(),
    })
}

/// Compares two sets of texts: one object with a field for each text.
fn texts(name: &str, old: &Value, new: &Value, contextual: bool) -> Option<ObjectDiff> {
    let set = |value: &Value| -> BTreeSet<String> { members(value).iter().map(text).collect() };
    let (old_texts, new_texts) = (set(old), set(new));
    let field = |text: &String| {
        let (is_old, is_new) = (old_texts.contains(text), new_texts.contains(text));
        let side = |is_there: bool| is_there.then(|| text.clone());
        field(name, side(is_old), side(is_new))
    };
    let fields: Vec<FieldDiff> = old_texts
        .union(&new_texts)
        .map(field)
        .filter(|field| contextual || field.diff_type != DiffType::None)
        .collect();
    let diff_type = diff_type(old, new, old_texts != new_texts);
    (diff_type != DiffType::None).then(|| ObjectDiff {
        name: name.to_owned(),
        diff_type,
        fields,
        objects: Vec::new(),
    })
}

/// Returns the fields of an object itself, flattened.
fn own_fields(shape: &Shape, value: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    let is_field = |key: &str| !shape.hidden.contains(&key) && shape.parts.iter().all(|part| part.key != key);
    for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| is_field(key)) {
        // In an object of known keys an empty text is one that was not given; in a map of the user's it may be meant.
        if value.as_str() != Some("") {
            flatten(key, value, &mut flat);
        }
    }
    flat
}

/// Writes keys and positions below `path` in brackets behind it.
fn flatten(path: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(&format!("{path}[{key}]"), value, flat));
        }
        Value::Array(members) => {
            for (position, value) in members.iter().enumerate() {
                flatten(&format!("{path}[{position}]"), value, flat);
            }
        }
        other => {
            flat.insert(path.to_owned(), text(other));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Compares fields by name.
fn fields(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    contextual: bool,
) -> Vec<FieldDiff> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let all = names.into_iter().map(|name| field(name, old.get(name).cloned(), new.get(name).cloned()));
    all.filter(|field| contextual || field.diff_type != DiffType::None).collect()
}

fn field(name: &str, old: Option<String>, new: Option<String>) -> FieldDiff {
    let diff_type = match (&old, &new) {
        (None, Some(_)) => DiffType::Added,
        (Some(_), None) => DiffType::Deleted,
        _ if old == new => DiffType::None,
        _ => DiffType::Edited,
    };
    FieldDiff {
        name: name.to_owned(),
        diff_type,
        old: old.unwrap_or_default(),
        new: new.unwrap_or_default(),
        annotations: Vec::new(),
    }
}

fn members(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn are_objects(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|members| members.iter().all(Value::is_object))
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// Pairs the members of two lists; `null` where there is no counterpart.
fn counterparts<'a>(shape: &Shape, old: &'a [Value], new: &'a [Value]) -> Vec<(&'a Value, &'a Value)> {
    let mut pairing = Pairing {
        old,
        new,
        old_done: vec![false; old.len()],
        new_done: vec![false; new.len()],
        pairs: Vec::new(),
    };
    pairing.pair_by(Value::to_string);
    for keys in shape.matched_by {
        pairing.pair_by(|member| {
            keys.iter().map(|key| format!("{};", member.get(key).unwrap_or(&Value::Null))).collect()
        });
    }
    if shape.lone && old.len() == 1 && new.len() == 1 {
        pairing.pair_by(|_| String::new());
    }
    pairing.finish()
}

struct Pairing<'a> {
    old: &'a [Value],
    new: &'a [Value],
    old_done: Vec<bool>,
    new_done: Vec<bool>,
    pairs: Vec<(&'a Value, &'a Value)>,
}

impl<'a> Pairing<'a> {
    /// Pairs members without a counterpart that have the same key, in the order of the lists.
    fn pair_by(&mut self, key: impl Fn(&Value) -> String) {
        let mut waiting: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
        for (at, member) in self.new.iter().enumerate().filter(|(at, _)| !self.new_done[*at]) {
            waiting.entry(key(member)).or_default().push_back(at);
        }
        for (at, member) in self.old.iter().enumerate() {
            if self.old_done[at] {
                continue;
            }
            if let Some(other) = waiting.get_mut(&key(member)).and_then(VecDeque::pop_front) {
                self.old_done[at] = true;
                self.new_done[other] = true;
                self.pairs.push((member, &self.new[other]));
            }
        }
    }

    fn finish(mut self) -> Vec<(&'a Value, &'a Value)> {
        let left = |members: &'a [Value], done: Vec<bool>| {
            members.iter().zip(done).filter(|(_, done)| !done).map(|(member, _)| member)
        };
        self.pairs.extend(left(self.old, self.old_done).map(|member| (member, &Value::Null)));
        self.pairs.extend(left(self.new, self.new_done).map(|member| (&Value::Null, member)));
        self.pairs
    }
}
