//! Conditions on the node an allocation may run on.

use std::fmt;
use std::str::FromStr;

use super::form::null_when_empty;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One condition: `left operator right`, both sides interpolated on each node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraint {
    /// The left side, such as `${attr.kernel.name}` or the 2016 spelling `$attr.kernel.name`.
    #[serde(rename = "LTarget")]
    pub left: String,
    /// The right side; empty for operators that need none.
    #[serde(rename = "RTarget")]
    pub right: String,
    /// How they are compared.
    #[serde(rename = "Operand")]
    pub operator: Operator,
}

/// A wish: nodes that meet it are better, or worse when its weight is negative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Affinity {
    /// The left side, interpolated on each node.
    #[serde(rename = "LTarget")]
    pub left: String,
    /// The right side.
    #[serde(rename = "RTarget")]
    pub right: String,
    /// How they are compared.
    #[serde(rename = "Operand")]
    pub operator: Operator,
    /// From -100 to 100, not 0.
    #[serde(rename = "Weight")]
    pub weight: i8,
}

/// Spreads allocations over the values of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Spread {
    /// The attribute, such as `${meta.rack}`.
    pub attribute: String,
    /// From 1 to 100: how much it counts beside other spreads.
    pub weight: i8,
    /// What share each value gets; evenly over all values when empty.
    #[serde(rename = "SpreadTarget", with = "null_when_empty")]
    pub targets: Vec<SpreadTarget>,
}

/// The share of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SpreadTarget {
    /// The value.
    pub value: String,
    /// Its share of all allocations, in percent.
    pub percent: u8,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.left.as_str(), self.operator.as_str(), self.right.as_str()];
        let mut first = true;
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            if !first {
                f.write_str(" ")?;
            }
            f.write_str(part)?;
            first = false;
        }
        Ok(())
    }
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $alias:literal)*,)*) => {
        /// How a constraint compares its sides.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operator { $($(#[$doc])* $name,)* }

        impl Operator {
            /// All operators, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns how the operator is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for Operator {
            type Err = UnknownOperator;
            fn from_str(text: &str) -> Result<Self, UnknownOperator> {
                match text {
                    $($text $(| $alias)* => Ok(Self::$name),)*
                    _ => Err(UnknownOperator(text.to_owned())),
                }
            }
        }
    };
}

operators! {
    /// Equal, as text.
    #[default]
    Equal = "=" | "==" | "is",
    /// Not equal; true when the attribute is missing.
    NotEqual = "!=" | "not",
    /// Less: as integers if both are, else as numbers, else as text.
    Less = "<",
    /// Less or equal.
    LessOrEqual = "<=",
    /// Greater.
    Greater = ">",
    /// Greater or equal.
    GreaterOrEqual = ">=",
    /// The right side, a regular expression, is found in the left.
    Regexp = "regexp",
    /// The left version fulfils the right requirement.
    Version = "version",
    /// The same, by the rules of Semantic Versioning.
    Semver = "semver",
    /// All of the right list are in the left list.
    SetContainsAll = "set_contains" | "set_contains_all",
    /// At least one of the right list is in the left list.
    SetContainsAny = "set_contains_any",
    /// The attribute exists.
    IsSet = "is_set",
    /// The attribute does not exist.
    IsNotSet = "is_not_set",
    /// No two allocations of the job or group on one node.
    DistinctHosts = "distinct_hosts",
    /// No more than so many allocations for each value of a property.
    DistinctProperty = "distinct_property",
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An operator that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operator {0:?}")]
pub struct UnknownOperator(pub String);
