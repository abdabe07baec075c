//! The tables: every block of the job language with what may stand in it.

mod connect;
mod group;
mod job;
mod service;
mod task;

pub use job::{CONSTRAINT, JOB};

use super::{Attribute, BlockType, Holds, Kind, Nested, Unset};

const NONE: &[Nested] = &[];

const U16: Kind = Kind::Int(0, 65_535);
const U32: Kind = Kind::Int(0, 4_294_967_295);
const I64: Kind = Kind::Int(i64::MIN, i64::MAX);
const U64: Kind = Kind::Int(0, i64::MAX);

const HEALTH_CHECK: Kind = Kind::Word("health check", &["checks", "task_states", "manual"]);

const fn attribute(name: &'static str, field: &'static str, kind: Kind) -> Attribute {
    Attribute { name, field, kind, unset: Unset::Empty, required: false }
}

/// An attribute that only the API has.
const fn api(field: &'static str, kind: Kind) -> Attribute {
    attribute("", field, kind)
}

const fn text(name: &'static str, field: &'static str) -> Attribute {
    attribute(name, field, Kind::Text)
}

const fn texts(name: &'static str, field: &'static str) -> Attribute {
    attribute(name, field, Kind::Texts)
}

const fn flag(name: &'static str, field: &'static str) -> Attribute {
    attribute(name, field, Kind::Bool)
}

const fn int(name: &'static str, field: &'static str) -> Attribute {
    attribute(name, field, U32)
}

const fn duration(name: &'static str, field: &'static str) -> Attribute {
    attribute(name, field, Kind::Duration)
}

/// An attribute that a rule turns into something else; its field is its name after `$`.
const fn raw(name: &'static str, field: &'static str, kind: Kind) -> Attribute {
    attribute(name, field, kind).or_absent()
}

const fn block(name: &'static str, field: &'static str, holds: Holds) -> Nested {
    Nested { name, field, holds, absent: false }
}

const fn one(name: &'static str, field: &'static str, of: &'static BlockType) -> Nested {
    block(name, field, Holds::One(of))
}

const fn list(name: &'static str, field: &'static str, of: &'static BlockType) -> Nested {
    block(name, field, Holds::List(of))
}

/// Blocks whose label is the field `Name`.
const fn named(name: &'static str, field: &'static str, of: &'static BlockType) -> Nested {
    block(name, field, Holds::Labelled(of, "Name"))
}

const fn text_map(name: &'static str, field: &'static str) -> Nested {
    block(name, field, Holds::TextMap { as_attribute: false })
}

/// A map of texts that may be written as block or attribute.
const fn free_text_map(name: &'static str, field: &'static str) -> Nested {
    block(name, field, Holds::TextMap { as_attribute: true })
}

const fn any_map(name: &'static str, field: &'static str) -> Nested {
    block(name, field, Holds::AnyMap)
}

/// A block that is a `$` field until a rule has moved it.
const fn moved(mut nested: Nested) -> Nested {
    nested.absent = true;
    nested
}

/// A type of block that the model knows.
const fn known(name: &'static str, attributes: &'static [Attribute], blocks: &'static [Nested]) -> BlockType {
    BlockType { name, attributes, blocks, rule: None, kept: false }
}

/// A type of block that the model carries as submitted.
const fn kept(name: &'static str, attributes: &'static [Attribute], blocks: &'static [Nested]) -> BlockType {
    BlockType { name, attributes, blocks, rule: None, kept: true }
}

/// Adds a rule.
const fn ruled(mut of: BlockType, rule: super::Rule) -> BlockType {
    of.rule = Some(rule);
    of
}

/// Returns the type of task groups, for those that are made rather than read.
pub(super) fn group() -> &'static BlockType {
    &group::GROUP
}
