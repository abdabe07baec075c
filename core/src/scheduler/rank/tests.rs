//! The formulas, against hand-made values.

use super::spread::{Block, Range, even};
use super::*;
use crate::model::{Affinity, Amounts, Operator, Spread, SpreadTarget, TaskGroup};
use crate::scheduler::Algorithm;
use crate::testing;

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn a_fuller_node_is_better_to_binpack_and_worse_to_spread() {
    let amounts = |cpu_mhz: u64, memory_mb: u64| Amounts { cpu_mhz, memory_mb, disk_mb: 7, mbits: 7 };
    for (capacity, used, binpack, spread) in [
        // 20 - (10^free + 10^free), over 18.
        (amounts(1000, 1000), amounts(0, 0), 0.0, 1.0),
        (amounts(1000, 1000), amounts(1000, 1000), 1.0, 0.0),
        (amounts(1000, 1000), amounts(500, 500), 0.759747, 0.240253),
        (amounts(1000, 1000), amounts(1000, 0), 0.5, 0.5),
        // A node without any is full.
        (amounts(0, 1000), amounts(0, 0), 0.5, 0.5),
        // Over full does not count for more than full.
        (amounts(1000, 1000), amounts(2000, 2000), 1.0, 0.0),
    ] {
        near(binpack::score(&capacity, &used, Algorithm::Binpack), binpack);
        near(binpack::score(&capacity, &used, Algorithm::Spread), spread);
    }
}

#[test]
fn instances_of_a_group_dislike_each_other() {
    assert_eq!(anti_affinity::score(0, 10), None);
    assert_eq!(anti_affinity::score(1, 10), Some(-0.2));
    assert_eq!(anti_affinity::score(4, 10), Some(-0.5));
    assert_eq!(anti_affinity::score(1, 0), Some(-2.0));
}

#[test]
fn wishes_count_by_weight() {
    let mut node = testing::node();
    node.class = "fast".to_owned();
    let wish = |right: &str, weight: i8| Affinity {
        left: "${node.class}".to_owned(),
        right: right.to_owned(),
        operator: Operator::Equal,
        weight,
    };
    for (wishes, expected) in [
        (vec![], None),
        (vec![wish("fast", 100)], Some(1.0)),
        (vec![wish("fast", 1)], Some(1.0)),
        (vec![wish("slow", 50)], Some(0.0)),
        (vec![wish("fast", -50)], Some(-1.0)),
        (vec![wish("fast", 25), wish("slow", 75)], Some(0.25)),
        (vec![wish("fast", 50), wish("fast", -30), wish("slow", 20)], Some(0.2)),
        (vec![wish("fast", 0)], None),
        (vec![Affinity { operator: Operator::DistinctHosts, ..wish("fast", 10) }], Some(0.0)),
    ] {
        let wishes: Vec<&Affinity> = wishes.iter().collect();
        assert_eq!(affinity::score(&wishes, &node), expected, "{wishes:?}");
    }
}

#[test]
fn what_has_little_priority_makes_room_first() {
    assert_eq!(preemption::score(&[]), None);
    near(preemption::score(&[0]).unwrap(), 0.999_946);
    // A net priority of 30 + (30 + 20) / 30.
    near(preemption::score(&[30, 20]).unwrap(), 1.0 / (1.0 + f64::exp(0.0048 * (30.0 + 5.0 / 3.0 - 2048.0))));
    assert!(preemption::score(&[10; 2000]) < preemption::score(&[10]));
}

#[test]
fn even_spreads() {
    let range = |lowest, highest| Some(Range { lowest, highest });
    for (used, range, expected, why) in [
        (0, None, 0.0, "nothing is used yet"),
        (0, range(1, 1), 1.0, "a new value"),
        (1, range(1, 1), -1.0, "all are equal"),
        (3, range(1, 3), -2.0, "two more than the least used, in parts of one"),
        (3, range(2, 3), -0.5, "one more, in parts of two"),
        (2, range(2, 3), 0.5, "the least used: the most used has one more, in parts of two"),
        (1, range(1, 4), 3.0, "the least used: the most used has three more"),
        (0, range(0, 0), -1.0, "all were given up"),
        (0, range(0, 2), 1.0, "given up, while others are used"),
        (2, range(0, 2), -1.0, "used, while another was given up"),
    ] {
        assert_eq!(even(used, range), expected, "{why}");
    }
}

#[test]
fn targets_share_the_count() {
    let target = |value: &str, percent| SpreadTarget { value: value.to_owned(), percent };
    let spread = |targets: Vec<SpreadTarget>| Spread {
        attribute: "${node.datacenter}".to_owned(),
        weight: 50,
        targets,
    };
    let blocks =
        |spreads: &[Spread], count| Block::all(spreads, &TaskGroup { count, ..TaskGroup::default() });
    let all = |blocks: &[Block]| {
        let mut lowest = spread::PENALTY;
        blocks.iter().for_each(|block| block.lower(&mut lowest));
        blocks.iter().map(|block| block.boosts(lowest)).collect::<Vec<_>>()
    };

    // 7 and 3 of 10 are wanted: the next one is worth what is left of the wish once it is there.
    let mut block = blocks(&[spread(vec![target("dc1", 70), target("dc2", 30)])], 10);
    let (dc1, dc2, dc3) = (block[0].number("dc1"), block[0].number("dc2"), block[0].number("dc3"));
    near(all(&block)[0][dc1], 6.0 / 7.0);
    near(all(&block)[0][dc2], 2.0 / 3.0);
    assert_eq!(all(&block)[0][dc3], -1.0, "neither a target nor a rest to share");
    for _ in 0..4 {
        block[0].add(dc2);
    }
    near(all(&block)[0][dc2], -2.0 / 3.0);
    block[0].remove(dc2);
    near(all(&block)[0][dc2], -1.0 / 3.0);

    // Those that are no targets share the rest, and what they use.
    let mut block = blocks(&[spread(vec![target("dc1", 50)])], 10);
    let (other, another) = (block[0].number("dc8"), block[0].number("dc9"));
    assert_eq!(other, another);
    block[0].add(other);
    near(all(&block)[0][another], 3.0 / 5.0);

    // Not wanted at all: as bad as the worst of the wanted ones, and no better than the penalty.
    let mut block = blocks(&[spread(vec![target("dc1", 100), target("dc2", 0)])], 2);
    let (dc1, dc2) = (block[0].number("dc1"), block[0].number("dc2"));
    assert_eq!(all(&block)[0][dc2], -1.0);
    for _ in 0..6 {
        block[0].add(dc1);
    }
    near(all(&block)[0][dc1], -2.5);
    near(all(&block)[0][dc2], -2.5);

    // Two blocks count by their weights.
    let heavy = Spread { weight: 100, ..spread(vec![target("dc1", 100)]) };
    let mut pair = blocks(&[heavy, spread(vec![target("dc1", 100)])], 4);
    let numbers = (pair[0].number("dc1"), pair[1].number("dc1"));
    near(all(&pair)[0][numbers.0], 0.75 * 2.0 / 3.0);
    near(all(&pair)[1][numbers.1], 0.75 / 3.0);
}

#[test]
fn who_has_nothing_to_say_does_not_dilute_the_mean() {
    let mut scores = Scores::default();
    assert_eq!((scores.mean(), scores.sum().rank()), (0.0, 0));
    scores.add(Scorer::Binpack, Some(0.6));
    scores.add(Scorer::Spread, None);
    near(scores.mean(), 0.6);
    scores.add(Scorer::NodeAffinity, Some(0.0));
    near(scores.mean(), 0.3);
    assert_eq!(scores.iter().collect::<Vec<_>>(), [(Scorer::Binpack, 0.6), (Scorer::NodeAffinity, 0.0)]);
}

#[test]
fn ranks_are_exact() {
    let sum = |scores: &[f64]| scores.iter().fold(Sum::default(), |sum, score| sum.and(Some(*score)));
    // As floating point numbers these sums differ.
    assert_eq!(sum(&[0.1, 0.2, 0.3]), sum(&[0.3, 0.2, 0.1]));
    assert_eq!(sum(&[0.5]).rank(), sum(&[0.25, 0.75]).rank());
    assert!(sum(&[0.5, 0.5]).rank() > sum(&[0.499_999_9, 0.5]).rank());
    // The highest there can be, and no overflow.
    let highest = sum(&[f64::INFINITY; Scorer::ALL.len()]).rank();
    let lowest = sum(&[f64::NEG_INFINITY; Scorer::ALL.len()]).rank();
    assert!(lowest < 0 && 0 < highest);
    assert_eq!(sum(&[f64::NAN]).rank(), 0);
}
