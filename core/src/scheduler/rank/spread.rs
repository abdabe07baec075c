//! Spreading instances over the values of an attribute.
//!
//! What a spread block says of a node depends on the node's value alone, so all nodes of one value are boosted alike.

use std::collections::BTreeMap;

use crate::model::{Spread, TaskGroup};

/// The target that all values share which are not targets themselves.
const OTHERS: &str = "*";

/// What a value gets that should not be used, or a node without a value.
pub const PENALTY: f64 = -1.0;

/// One spread block of a group, and how often each value is used. Values have numbers, given out as they are met.
#[derive(Clone, Debug)]
pub struct Block {
    /// The attribute.
    pub attribute: String,
    /// The block's part of the weights of all blocks, from 0 to 1.
    share: f64,
    /// Without targets the spread is even.
    has_targets: bool,
    numbers: BTreeMap<String, usize>,
    /// By number.
    values: Vec<Value>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Value {
    /// How many instances it is to get.
    desired: Option<f64>,
    /// How many it has; `None` until it is used, or an instance there is stopped by the plan.
    used: Option<u32>,
}

/// The use counts of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest.
    pub lowest: u32,
    /// The highest.
    pub highest: u32,
}

impl Block {
    /// Returns the blocks of a group: the job's and its own.
    pub fn all(of_job: &[Spread], group: &TaskGroup) -> Vec<Self> {
        let all = || of_job.iter().chain(&group.spreads);
        let weights: f64 = all().map(|spread| f64::from(spread.weight)).sum();
        let share = |weight: i8| if weights == 0.0 { 0.0 } else { f64::from(weight) / weights };
        all().map(|spread| Self::new(spread, share(spread.weight), group.count)).collect()
    }

    fn new(spread: &Spread, share: f64, count: u32) -> Self {
        let desired = desired(spread, count);
        let mut block = Self {
            attribute: spread.attribute.clone(),
            share,
            has_targets: !desired.is_empty(),
            numbers: BTreeMap::new(),
            values: Vec::new(),
        };
        for (value, desired) in desired {
            block.numbers.insert(value, block.values.len());
            block.values.push(Value { desired: Some(desired), used: None });
        }
        block
    }

    /// Returns the number of a value. With targets, all values that are none have that of `*`.
    pub fn number(&mut self, value: &str) -> usize {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        if self.has_targets && value != OTHERS {
            return self.number(OTHERS);
        }
        self.numbers.insert(value.to_owned(), self.values.len());
        self.values.push(Value::default());
        self.values.len() - 1
    }

    /// Notes an instance more at a value.
    pub fn add(&mut self, number: usize) {
        let used = self.values[number].used.get_or_insert_default();
        *used += 1;
    }

    /// Notes an instance less at a value, which stays known as one that was used.
    pub fn remove(&mut self, number: usize) {
        let used = self.values[number].used.get_or_insert_default();
        *used = used.saturating_sub(1);
    }

    /// Lowers `lowest`, the lowest boost so far of any value that is wanted, of any block, to that of this block's values.
    pub fn lower(&self, lowest: &mut f64) {
        let wanted = self.values.iter().filter_map(|value| {
            let desired = value.desired.filter(|desired| *desired != 0.0)?;
            Some(towards(desired, value.used.unwrap_or(0)) * self.share)
        });
        *lowest = wanted.fold(*lowest, f64::min);
    }

    /// Scores all values, by number. `lowest` is what [`lower`](Self::lower) has come to with all blocks.
    pub fn boosts(&self, lowest: f64) -> Vec<f64> {
        let range = self.range();
        let boost = |value: &Value| match value.desired {
            _ if !self.has_targets => even(value.used.unwrap_or(0), range),
            None => PENALTY,
            Some(0.0) => lowest,
            Some(desired) => towards(desired, value.used.unwrap_or(0)) * self.share,
        };
        self.values.iter().map(boost).collect()
    }

    /// Returns the lowest and the highest use count; `None` while no value is known as used.
    fn range(&self) -> Option<Range> {
        let used = || self.values.iter().filter_map(|value| value.used);
        Some(Range { lowest: used().min()?, highest: used().max()? })
    }
}

/// Returns how many of `count` instances each target is to get. Values that are no targets share the rest, if there is
/// any. Source: Nomad `scheduler/feasible/spread.go`, `computeSpreadInfo`.
fn desired(spread: &Spread, count: u32) -> BTreeMap<String, f64> {
    let count = f64::from(count);
    let targets = spread.targets.iter();
    let mut desired: BTreeMap<String, f64> =
        targets.map(|target| (target.value.clone(), f64::from(target.percent) / 100.0 * count)).collect();
    let sum: f64 = spread.targets.iter().map(|target| f64::from(target.percent) / 100.0 * count).sum();
    if sum > 0.0 && sum < count {
        desired.insert(OTHERS.to_owned(), count - sum);
    }
    desired
}

/// Scores one more instance at a value that has `used` of `desired`: the part of the wish that is left, negative beyond it.
/// Source: Nomad `scheduler/feasible/spread.go`, `SpreadIterator`.
pub fn towards(desired: f64, used: u32) -> f64 {
    (desired - (f64::from(used) + 1.0)) / desired
}

/// Scores one more instance at a value used `used` times, the use counts of all values being within `range`.
///
/// Nothing is used yet: 0. A value not among the least used: by how much it exceeds them, in parts of their count, or -1
/// when that is 0. All values equal: -1. Among the least used: by how much the most used exceed it, or 1 when it is not
/// used at all. Source: Nomad `scheduler/feasible/spread.go`, `evenSpreadScoreBoost`.
pub fn even(used: u32, range: Option<Range>) -> f64 {
    let Some(Range { lowest, highest }) = range else { return 0.0 };
    let (used, lowest, highest) = (f64::from(used), f64::from(lowest), f64::from(highest));
    if used != lowest {
        return if lowest == 0.0 { PENALTY } else { (lowest - used) / lowest };
    }
    if lowest == highest {
        return PENALTY;
    }
    if lowest == 0.0 { 1.0 } else { (highest - lowest) / lowest }
}
