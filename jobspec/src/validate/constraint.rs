//! Constraints, affinities and spreads.

use std::sync::LazyLock;

use pasture_core::model::{Affinity, Constraint, JobType, Operator, Spread};
use regex::Regex;

use super::Check;

/// The heaviest an affinity may be, either way.
const WEIGHT_MAX: i8 = 100;

/// Where a constraint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Job,
    Group,
    Task,
}

impl Check {
    pub(super) fn constraints(&mut self, path: &str, constraints: &[Constraint], level: Level) {
        for (index, constraint) in constraints.iter().enumerate() {
            let path = format!("{path}.Constraints[{index}]");
            let operator = constraint.operator;
            if level == Level::Task
                && matches!(operator, Operator::DistinctHosts | Operator::DistinctProperty)
            {
                let message =
                    format!("{:?} is for jobs and groups: tasks of a group share a node", operator.as_str());
                self.problem(path, message);
            } else if let Some(message) = comparison_problem(operator, &constraint.left, &constraint.right) {
                self.problem(path, message);
            }
        }
    }

    pub(super) fn wishes(&mut self, path: &str, affinities: &[Affinity], spreads: &[Spread], kind: JobType) {
        for (what, field, is_there) in
            [("affinity", "Affinities", !affinities.is_empty()), ("spread", "Spreads", !spreads.is_empty())]
        {
            if kind == JobType::System && is_there {
                let message = format!("a system job runs on every node, so that no {what} can choose one");
                self.problem(format!("{path}.{field}[0]"), message);
            }
        }
        for (index, affinity) in affinities.iter().enumerate() {
            self.affinity(&format!("{path}.Affinities[{index}]"), affinity);
        }
        for (index, spread) in spreads.iter().enumerate() {
            self.spread(&format!("{path}.Spreads[{index}]"), spread);
        }
    }

    pub(super) fn affinity(&mut self, path: &str, affinity: &Affinity) {
        if matches!(affinity.operator, Operator::DistinctHosts | Operator::DistinctProperty) {
            let message = format!("{:?} is for constraints only", affinity.operator.as_str());
            self.problem(path, message);
        } else if let Some(message) = comparison_problem(affinity.operator, &affinity.left, &affinity.right) {
            self.problem(path, message);
        }
        if affinity.weight == 0 || affinity.weight < -WEIGHT_MAX || affinity.weight > WEIGHT_MAX {
            let message =
                format!("weight {} is not within -{WEIGHT_MAX} and {WEIGHT_MAX} and not 0", affinity.weight);
            self.problem(format!("{path}.Weight"), message);
        }
    }

    fn spread(&mut self, path: &str, spread: &Spread) {
        if spread.attribute.is_empty() {
            self.problem(
                path,
                "a spread needs an attribute; add attribute = \"${node.datacenter}\" or another",
            );
        }
        if spread.weight <= 0 || spread.weight > WEIGHT_MAX {
            let message = format!("weight {} is not within 1 and {WEIGHT_MAX}", spread.weight);
            self.problem(format!("{path}.Weight"), message);
        }
        let mut seen = std::collections::BTreeSet::new();
        for (index, target) in spread.targets.iter().enumerate() {
            let path = format!("{path}.SpreadTarget[{index}]");
            if target.percent > 100 {
                self.problem(format!("{path}.Percent"), format!("percent {} is above 100", target.percent));
            }
            if !seen.insert(target.value.as_str()) {
                self.problem(path, format!("there is another target {:?}", target.value));
            }
        }
        let sum: u32 = spread.targets.iter().map(|target| u32::from(target.percent)).sum();
        if sum > 100 {
            self.problem(path, format!("the targets ask for {sum} percent in all; 100 is the most"));
        }
    }
}

/// Returns what is wrong with a comparison, if anything.
fn comparison_problem(operator: Operator, left: &str, right: &str) -> Option<String> {
    let name = operator.as_str();
    if left.is_empty() && operator != Operator::DistinctHosts {
        return Some(format!("a constraint with operator {name:?} needs an attribute"));
    }
    // What is interpolated on each node cannot be judged here.
    let is_known = !right.contains("${");
    match operator {
        Operator::DistinctHosts => (!matches!(right, "" | "true" | "false"))
            .then(|| format!("distinct_hosts is true or false, not {right:?}")),
        Operator::IsSet | Operator::IsNotSet => None,
        Operator::DistinctProperty => (!right.is_empty()
            && !right.parse::<u32>().is_ok_and(|count| count > 0))
        .then(|| format!("distinct_property allows a number of at least 1 per value, not {right:?}")),
        Operator::Regexp if is_known => Regex::new(right)
            .err()
            .map(|error| format!("{right:?} is no regular expression: {}", last_line(&error.to_string()))),
        // An empty text is a value one may compare with.
        Operator::Equal | Operator::NotEqual => None,
        _ if right.is_empty() => Some(format!("a constraint with operator {name:?} needs a value")),
        Operator::Version | Operator::Semver if is_known && !is_requirement(right) => {
            Some(format!("{right:?} is no version requirement; write one such as \">= 1.2, < 2.0\""))
        }
        _ => None,
    }
}

/// Tells whether a text is a list of version requirements such as `>= 1.2, < 2.0`.
fn is_requirement(text: &str) -> bool {
    static REQUIREMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*(=|!=|>|<|>=|<=|~>)?\s*v?\d+(\.\d+)*([-+.~][0-9A-Za-z.+~-]*)?\s*$").ok()
    });
    REQUIREMENT.as_ref().is_none_or(|one| text.split(',').all(|part| one.is_match(part)))
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}
