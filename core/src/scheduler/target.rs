//! What a constraint's side means on a node.

use std::borrow::Cow;

use crate::model::Node;

/// Returns the value of a constraint's side on `node`, or `None` when it names a fact the node does not have.
///
/// `${attr.kernel.name}` and the 2016 spelling `$attr.kernel.name` name facts; anything else is a literal. Source:
/// Nomad `scheduler/feasible/feasible.go`, `resolveTarget`, and `scheduler/feasible.go@v0.2.3`.
pub fn resolve<'a>(node: &'a Node, text: &'a str) -> Option<Cow<'a, str>> {
    let Some(name) = fact_name(text) else { return Some(Cow::Borrowed(text)) };
    match name {
        "node.unique.id" | "node.id" => Some(Cow::Owned(node.id.to_string())),
        "node.unique.name" | "node.name" => Some(Cow::Borrowed(&node.name)),
        "node.datacenter" => Some(Cow::Borrowed(&node.datacenter)),
        "node.class" => Some(Cow::Borrowed(&node.class)),
        "node.pool" => Some(Cow::Borrowed(&node.pool)),
        _ => {
            let value = match name.split_once('.') {
                Some(("attr", key)) => node.attributes.get(key),
                Some(("meta", key)) => node.meta.get(key),
                _ => None,
            };
            value.map(|value| Cow::Borrowed(value.as_str()))
        }
    }
}

/// Tells whether a side names a fact that can differ between nodes of one class.
pub fn is_unique(text: &str) -> bool {
    let Some(name) = fact_name(text) else { return false };
    name == "node.id"
        || name == "node.name"
        || ["node.unique.", "attr.unique.", "meta.unique."].iter().any(|prefix| name.starts_with(prefix))
}

fn fact_name(text: &str) -> Option<&str> {
    if let Some(inner) = text.strip_prefix("${") {
        return inner.strip_suffix('}').map(str::trim);
    }
    let bare = text.strip_prefix('$')?;
    ["node.", "attr.", "meta."].iter().any(|prefix| bare.starts_with(prefix)).then_some(bare)
}
