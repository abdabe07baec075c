//! `constraint` blocks with all their shorthands.

use std::str::FromStr;

use crate::hcl::{Attribute, Block, Fields, Reader};
use pasture_core::model::{Constraint, Operator};

use super::Places;

/// Shorthands whose value is the right side.
const RIGHT_SIDE: &[(&str, Operator)] = &[
    ("version", Operator::Version),
    ("semver", Operator::Semver),
    ("regexp", Operator::Regexp),
    ("set_contains", Operator::SetContainsAll),
    ("set_contains_all", Operator::SetContainsAll),
    ("set_contains_any", Operator::SetContainsAny),
];

/// Shorthands that are switched on.
const SWITCHES: &[(&str, Operator)] = &[
    ("distinct_hosts", Operator::DistinctHosts),
    ("is_set", Operator::IsSet),
    ("is_not_set", Operator::IsNotSet),
];

/// Lowers the constraints of a job, group or task.
pub(super) fn all(fields: &Fields<'_>, path: &str, places: &mut Places) -> Vec<Constraint> {
    let mut constraints = Vec::new();
    for block in fields.blocks("constraint") {
        if let Some(constraint) = one(fields.reader(), block) {
            places.set(format!("{path}.Constraints[{}]", constraints.len()), &block.span);
            constraints.push(constraint);
        }
    }
    constraints
}

/// Lowers one `constraint` block. Returns `None` for one that is switched off, such as `distinct_hosts = false`.
pub fn one(reader: &Reader, block: &Block) -> Option<Constraint> {
    reader.no_labels(block);
    let fields = Fields::new(reader, &block.body, "constraint");
    let mut left = fields.text("attribute").unwrap_or_default();
    let mut right = fields.text("value").unwrap_or_default();
    let mut operator = explicit_operator(&fields);
    let mut switched_off = false;
    let mut choose = |attribute: &Attribute, shorthand: Operator| {
        if operator.is_some_and(|operator| operator != shorthand) {
            reader.error_with_help(
                &attribute.span,
                format!("{:?} does not go with the constraint's other operator", attribute.name),
                "write one constraint block for each condition",
            );
        }
        operator = Some(shorthand);
    };
    for &(name, shorthand) in RIGHT_SIDE {
        if let Some(attribute) = fields.attribute(name) {
            choose(attribute, shorthand);
            right = reader.text(&attribute.value, name).unwrap_or_default();
        }
    }
    for &(name, shorthand) in SWITCHES {
        if let Some(attribute) = fields.attribute(name) {
            choose(attribute, shorthand);
            switched_off |= reader.flag(&attribute.value, name) == Some(false);
        }
    }
    if let Some(attribute) = fields.attribute("distinct_property") {
        choose(attribute, Operator::DistinctProperty);
        left = reader.text(&attribute.value, "distinct_property").unwrap_or_default();
    }
    for (name, side) in [("attribute", &left), ("value", &right), ("distinct_property", &left)] {
        if let Some(attribute) = fields.attribute(name) {
            warn_unbraced(reader, attribute, side);
        }
    }
    fields.finish();
    (!switched_off).then(|| Constraint { left, operator: operator.unwrap_or(Operator::Equal), right })
}

fn explicit_operator(fields: &Fields<'_>) -> Option<Operator> {
    let attribute = fields.attribute("operator")?;
    let text = fields.reader().text(&attribute.value, "operator")?;
    let operator = Operator::from_str(&text).ok();
    if operator.is_none() {
        let known = Operator::ALL.iter().map(|operator| operator.as_str());
        fields.reader().unknown(&attribute.value.span, "operator", &text, known);
    }
    operator
}

/// Warns of `$node.datacenter`, which Nomad took until 0.3; it is kept as written and interpolated like `${...}`.
fn warn_unbraced(reader: &Reader, attribute: &Attribute, text: &str) {
    let Some(name) = text.strip_prefix('$').filter(|rest| !rest.starts_with('{')) else { return };
    if !["node.", "attr.", "meta."].iter().any(|prefix| name.starts_with(prefix)) {
        return;
    }
    let modern = match name {
        "node.id" => "node.unique.id",
        "node.name" => "node.unique.name",
        other => other,
    };
    reader.warn(
        &attribute.value.span,
        format!("{text:?} is the 2016 spelling of a reference"),
        format!("today it is \"${{{modern}}}\""),
    );
}
