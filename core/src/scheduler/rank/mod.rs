//! How good a place is. One scorer a file; a node's score is the mean of the scorers that had a say.

pub mod anti_affinity;
pub mod binpack;
pub mod reschedule;

use std::collections::BTreeMap;

/// The scores of one candidate, by scorer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores(BTreeMap<&'static str, f64>);

impl Scores {
    /// Notes what a scorer says; one that has nothing to say does not dilute the mean.
    pub fn add(&mut self, scorer: &'static str, score: Option<f64>) {
        self.0.extend(score.map(|score| (scorer, score)));
    }

    /// Returns the mean, 0 when nobody had a say. Source: Nomad `scheduler/feasible/rank.go`, score normalisation.
    pub fn mean(&self) -> f64 {
        match self.0.len() {
            0 => 0.0,
            count => self.0.values().sum::<f64>() / count as f64,
        }
    }

    /// Returns the scores by scorer.
    pub fn into_map(self) -> BTreeMap<String, f64> {
        self.0.into_iter().map(|(scorer, score)| (scorer.to_owned(), score)).collect()
    }
}
