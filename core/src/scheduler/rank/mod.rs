//! How good a place is. One scorer a file; a node's score is the mean of the scorers that had a say.
//!
//! Every formula is computed as a floating point number. Nodes are ordered by [`Sum::rank`], which is an integer: sums
//! do not depend on the order of their parts, equal scores are equal, and a last digit that differs between machines
//! makes no other plan.

pub mod affinity;
pub mod anti_affinity;
pub mod binpack;
pub mod preemption;
pub mod reschedule;
pub mod spread;
#[cfg(test)]
mod tests;

use crate::model::Scorer;

/// How many parts one point of a score has in [`Sum`].
const POINT: f64 = 4_294_967_296.0;

/// No score counts for more than this, up or down. An even spread could say more with over a quarter of a million
/// instances on one value for each on another.
const SCORE_MAX: f64 = 262_144.0;

/// Divisible by every number of scorers there can be.
const COMMON: i64 = 840;

/// The scores of one candidate, by scorer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    values: [f64; Scorer::ALL.len()],
    said: [bool; Scorer::ALL.len()],
}

impl Scores {
    /// Notes what a scorer says; one that has nothing to say does not dilute the mean.
    pub fn add(&mut self, scorer: Scorer, score: Option<f64>) {
        if let Some(score) = score {
            self.values[scorer as usize] = score;
            self.said[scorer as usize] = true;
        }
    }

    /// Returns the sum, in a form that can be compared.
    pub fn sum(&self) -> Sum {
        self.iter().fold(Sum::default(), |sum, (_, score)| sum.and(Some(score)))
    }

    /// Returns the mean, 0 when nobody had a say. Source: Nomad `scheduler/feasible/rank.go`, score normalisation.
    pub fn mean(&self) -> f64 {
        let (sum, count) = self.iter().fold((0.0, 0_u8), |(sum, count), (_, score)| (sum + score, count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// Returns the scores of those that had a say.
    pub fn iter(&self) -> impl Iterator<Item = (Scorer, f64)> {
        let all = Scorer::ALL.iter().zip(self.values.iter().zip(self.said));
        all.filter(|(_, (_, said))| *said).map(|(scorer, (score, _))| (*scorer, *score))
    }
}

/// What scorers said together, and how many they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// In parts of a point.
    pub parts: i64,
    /// How many had a say.
    pub scorers: u8,
}

impl Sum {
    /// Returns the sum with one more score, if there is one.
    #[must_use]
    pub fn and(self, score: Option<f64>) -> Self {
        self.and_parts(score.map(parts))
    }

    /// Returns the sum with one more score in [`parts`], if there is one.
    #[must_use]
    pub fn and_parts(self, parts: Option<i64>) -> Self {
        match parts {
            None => self,
            Some(parts) => Self { parts: self.parts + parts, scorers: self.scorers + 1 },
        }
    }

    /// Returns what candidates are ordered by: the mean, exactly, in parts of a point over `COMMON`.
    pub fn rank(self) -> i64 {
        match self.scorers {
            0 => 0,
            count => self.parts * (COMMON / i64::from(count)),
        }
    }
}

/// Returns a score in parts of a point.
pub fn parts(score: f64) -> i64 {
    (score.clamp(-SCORE_MAX, SCORE_MAX) * POINT).round() as i64
}
