//! HCL's JSON form: `{"job": {"web": {"group": {"app": {...}}}}}`, where labels are keys.
//!
//! The tree of a JSON file cannot know which keys are labels and which objects are maps; the schema does.

use crate::hcl::{Attribute, Block, Body, Label, Value, ValueKind};

use super::{BlockType, Holds, Kind};

/// Returns the content of a block with labels where the schema has them.
pub(super) fn with_labels(of: &BlockType, body: &Body) -> Body {
    let mut out = Body { head: body.head.clone(), is_json: true, ..Body::default() };
    for attribute in &body.attributes {
        // A block that is null or an empty list is none.
        let is_none = match &attribute.value.kind {
            ValueKind::Null => true,
            ValueKind::List(values) => values.is_empty() && of.block(&attribute.name).is_some(),
            _ => false,
        };
        if !is_none {
            out.attributes.push(attribute.clone());
        }
    }
    for block in &body.blocks {
        if of.attribute(&block.name).is_some_and(|known| known.kind == Kind::TextMap) {
            out.attributes.push(as_attribute(block));
            continue;
        }
        match of.block(&block.name).map(|nested| nested.holds) {
            Some(Holds::Labelled(..) | Holds::ByLabel(..)) => out.blocks.extend(labelled(block)),
            _ => out.blocks.push(block.clone()),
        }
    }
    out
}

/// Makes a block of each key of a block that needs a label; without keys it stays without one.
pub(super) fn labelled(block: &Block) -> Vec<Block> {
    if !block.labels.is_empty() || block.body.blocks.is_empty() {
        return vec![block.clone()];
    }
    let of_key = |inner: &Block| Block {
        name: block.name.clone(),
        span: inner.span.clone(),
        labels: vec![Label { text: inner.name.clone(), span: inner.span.clone() }],
        body: inner.body.clone(),
    };
    block.body.blocks.iter().map(of_key).collect()
}

fn as_attribute(block: &Block) -> Attribute {
    let entries = block
        .body
        .attributes
        .iter()
        .map(|inner| (Label { text: inner.name.clone(), span: inner.span.clone() }, inner.value.clone()));
    let value = Value { kind: ValueKind::Map(entries.collect()), span: block.span.clone() };
    Attribute { name: block.name.clone(), span: block.span.clone(), value }
}

/// Tells whether a JSON text is HCL's form rather than the API's: its `job` has names of jobs as keys, whose values are
/// objects, where the API's has fields such as `ID`.
pub(crate) fn is_hcl_form(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    let named = |job: &Value| match job {
        Value::Object(jobs) => {
            !jobs.is_empty()
                && jobs.values().all(|job| match job {
                    Value::Object(_) => true,
                    Value::Array(list) => !list.is_empty() && list.iter().all(Value::is_object),
                    _ => false,
                })
        }
        _ => false,
    };
    match value.get("job") {
        Some(Value::Array(jobs)) => !jobs.is_empty() && jobs.iter().all(named),
        Some(job) => named(job),
        None => false,
    }
}
