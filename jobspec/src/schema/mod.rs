//! The schema of the job language, as data: what may stand where, of what type, and under which name the API has it.
//!
//! Everything that reads or writes jobs follows the same [`BlockType`] tables, beginning with [`JOB`]: HCL to the API's
//! JSON (`from_hcl`), JSON of any spelling to the API's JSON (`from_api`), a job back to HCL (`crate::print`). What a
//! table cannot say (ports that split by whether they have a number, tasks that stand in the job itself) is a [`Rule`] of
//! its block type; all rules are in `rules`.
//!
//! # Vocabulary
//! - The *parsed form* is the API's JSON of what was written: every field is there, `null` (or the empty value, where the
//!   API knows no null) when nothing was said. `crate::canonical` fills in what holds then.
//! - A *place* is the span a path of the parsed form came from.
//!
//! # Invariants
//! - A field whose name begins with `$` is not one of the API: a rule moves it to where it belongs, and none is left.
//! - A block that is *kept* is carried as submitted: the model has it as a plain value.
//!
//! Source of the names: Nomad's `api` package and the documentation of its job specification.

pub(crate) mod from_api;
pub(crate) mod from_hcl;
mod json_body;
mod places;
mod rules;
mod table;
mod to_model;
mod value;

pub(crate) use json_body::is_hcl_form;
pub(crate) use places::Places;
pub(crate) use rules::{fill, items};
pub use table::{CONSTRAINT, JOB};
pub(crate) use to_model::{object_to_model, to_model};
pub(crate) use value::says_something;

/// A type of block: what may stand in it.
#[derive(Debug)]
pub struct BlockType {
    /// How it is called in errors: `group`.
    pub name: &'static str,
    /// What is `name = value`.
    pub attributes: &'static [Attribute],
    /// What is `name { ... }`.
    pub blocks: &'static [Nested],
    /// What the tables cannot say.
    pub rule: Option<Rule>,
    /// Whether the model carries it as a plain value.
    pub kept: bool,
}

impl BlockType {
    /// Returns the attribute of that name in HCL.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| !name.is_empty() && attribute.name == name)
    }

    /// Returns the block of that name in HCL.
    pub fn block(&self, name: &str) -> Option<&'static Nested> {
        self.blocks.iter().find(|nested| !name.is_empty() && nested.name == name)
    }
}

/// `name = value`
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name in HCL; empty when only the API has it.
    pub name: &'static str,
    /// Its name in the API.
    pub field: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What the parsed form has when nothing is said.
    pub unset: Unset,
    /// Whether it must be there.
    pub required: bool,
}

impl Attribute {
    /// Makes it `null` when nothing is said.
    const fn or_null(mut self) -> Self {
        self.unset = Unset::Null;
        self
    }

    /// Makes it absent when nothing is said.
    const fn or_absent(mut self) -> Self {
        self.unset = Unset::Absent;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// One of these words: the kind of thing they are, and the words.
    Word(&'static str, &'static [&'static str]),
    /// An IP address, or nothing.
    Address,
    /// A whole number within these limits.
    Int(i64, i64),
    /// True or false.
    Bool,
    /// A duration: `"30s"`, in the API nanoseconds.
    Duration,
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Ints,
    /// A map of texts.
    TextMap,
    /// Anything; only the API has it.
    Any,
}

/// What the parsed form has for an attribute when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// `null`
    Null,
    /// The empty value of its kind, which for lists and maps is `null`.
    Empty,
    /// Nothing at all.
    Absent,
}

/// `name { ... }` within another block.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// Its name in HCL; empty when only the API has it.
    pub name: &'static str,
    /// Its name in the API.
    pub field: &'static str,
    /// How often it stands there, and as what the API has it.
    pub holds: Holds,
    /// Whether it is absent rather than `null` when nothing is said.
    pub absent: bool,
}

/// How a nested block is held.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// At most one, without label: an object.
    One(&'static BlockType),
    /// Any number, without label: a list.
    List(&'static BlockType),
    /// Any number, each with a label that goes to the field: a list.
    Labelled(&'static BlockType, &'static str),
    /// Any number, each with a label that goes to the field: a map by that label.
    ByLabel(&'static BlockType, &'static str),
    /// At most one, with any names in it: a map of texts. Where the flag says so, it may be written as an attribute.
    TextMap {
        /// Whether `name = { ... }` is fine too.
        as_attribute: bool,
    },
    /// At most one, with any names in it: a map of lists of texts.
    TextsMap,
    /// At most one, with anything in it: attributes are their values (a map is a list of one map), a block is a list of
    /// maps in which each label is a level more.
    AnyMap,
}

impl Holds {
    /// Returns the type of the block, if it has one.
    #[cfg(test)]
    pub fn block_type(&self) -> Option<&'static BlockType> {
        match self {
            Self::One(of) | Self::List(of) | Self::Labelled(of, _) | Self::ByLabel(of, _) => Some(of),
            Self::TextMap { .. } | Self::TextsMap | Self::AnyMap => None,
        }
    }
}

/// What the tables cannot say about a type of block; see `rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Name and id come from the label; tasks become groups; vault and secrets are handed down.
    Job,
    /// Vault and secrets are handed down; scaling is horizontal and needs a maximum.
    Group,
    /// Identities are sorted; what a template or vault block says by standing there is filled in; scaling by label.
    Task,
    /// Ports are split by whether they have a number.
    Network,
    /// Shorthands become operators.
    Comparison,
    /// `cron` is the only type of specification.
    Periodic,
    /// The 2016 spelling of `interval`.
    Check,
}

#[cfg(test)]
mod tests;
