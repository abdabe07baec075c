//! Whether a node fulfils one constraint.

use std::cmp::Ordering;

use super::{Reason, version};
use crate::model::{Constraint, Job, Node, Operator, TaskGroup};
use crate::scheduler::target;

/// Checks the constraints of a group: those on facts that can differ between nodes of one class, or the others.
pub fn check_all(job: &Job, group: &TaskGroup, node: &Node, unique: bool) -> Vec<Reason> {
    let all = super::constraints(job, group).filter(|one| is_unique(one) == unique);
    all.filter_map(|one| check(one, node).err()).collect()
}

/// Tells whether a constraint looks at a fact that can differ between nodes of one class.
pub fn is_unique(constraint: &Constraint) -> bool {
    target::is_unique(&constraint.left) || target::is_unique(&constraint.right)
}

/// Checks one constraint; the reason says what holds instead.
///
/// A missing fact fails everything but `!=` and `is_not_set`. Source: Nomad `scheduler/feasible/feasible.go`,
/// `checkConstraint`.
pub fn check(constraint: &Constraint, node: &Node) -> Result<(), Reason> {
    let left = target::resolve(node, &constraint.left);
    let right = target::resolve(node, &constraint.right);
    let holds = match (constraint.operator, left.as_deref(), right.as_deref()) {
        (Operator::IsSet, left, _) => Ok(left.is_some()),
        (Operator::IsNotSet, left, _) => Ok(left.is_none()),
        (Operator::NotEqual, left, right) => Ok(left != right),
        (operator, Some(left), Some(right)) => compare(operator, left, right),
        _ => Ok(false),
    };
    let detail = match (&holds, left) {
        (Ok(true), _) => return Ok(()),
        (Err(problem), _) => format!("{constraint}: {problem}"),
        (Ok(false), Some(left)) => format!("{constraint}: it is {left:?}"),
        (Ok(false), None) => format!("{constraint}: the node does not have it"),
    };
    Err(Reason { key: constraint.to_string(), detail })
}

/// Compares two values that are there.
///
/// # Errors
/// When one cannot be read: a version, a regular expression.
pub fn compare(operator: Operator, left: &str, right: &str) -> Result<bool, String> {
    match operator {
        Operator::Equal => Ok(left == right),
        Operator::Less => Ok(order(left, right).is_lt()),
        Operator::LessOrEqual => Ok(order(left, right).is_le()),
        Operator::Greater => Ok(order(left, right).is_gt()),
        Operator::GreaterOrEqual => Ok(order(left, right).is_ge()),
        Operator::Regexp => match regex::RegexBuilder::new(right).size_limit(1 << 20).build() {
            Ok(pattern) => Ok(pattern.is_match(left)),
            Err(error) => {
                // The lines before the last draw a picture that does not fit into one line.
                let text = error.to_string();
                let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("the regular expression is wrong: {what}"))
            }
        },
        Operator::Version => version::fulfils(left, right, version::Style::Loose),
        Operator::Semver => version::fulfils(left, right, version::Style::Semantic),
        Operator::SetContainsAll => Ok(list(right).all(|wanted| list(left).any(|item| item == wanted))),
        Operator::SetContainsAny => Ok(list(right).any(|wanted| list(left).any(|item| item == wanted))),
        // These do not compare two values. An affinity can have any of them, and is not met then.
        Operator::NotEqual
        | Operator::IsSet
        | Operator::IsNotSet
        | Operator::DistinctHosts
        | Operator::DistinctProperty => Ok(false),
    }
}

/// Orders as integers if both are, else as numbers, else as text.
fn order(left: &str, right: &str) -> Ordering {
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        return left.cmp(&right);
    }
    if let (Ok(left), Ok(right)) = (left.parse::<f64>(), right.parse::<f64>()) {
        return left.total_cmp(&right);
    }
    left.cmp(right)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}
