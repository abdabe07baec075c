//! Conditions on the node an allocation may run on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One condition: `left operator right`, both sides interpolated on each node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Constraint {
    /// The left side, such as `${attr.kernel.name}` or the 2016 spelling `$attr.kernel.name`.
    pub left: String,
    /// How they are compared.
    pub operator: Operator,
    /// The right side; empty for operators that need none.
    pub right: String,
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
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// An operator that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operator {0:?}")]
pub struct UnknownOperator(pub String);
