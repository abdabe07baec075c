//! Explanations of placements.

use crate::api::wire::AllocMetric;
use crate::api::wire::metric::{NodeScoreMeta, NodeVerdict};
use crate::model;

/// What the search for one allocation's node saw.
pub fn metric(from: &model::AllocMetric) -> AllocMetric {
    let seen = &from.seen;
    let scores = from.scores.iter().flat_map(|score| {
        score.scores.iter().map(|(scorer, value)| (format!("{}.{}", score.node_id, scorer.as_str()), *value))
    });
    AllocMetric {
        nodes_evaluated: seen.nodes_evaluated,
        nodes_filtered: seen.nodes_filtered,
        nodes_in_pool: seen.nodes_in_pool,
        nodes_available: seen.nodes_available.clone(),
        class_filtered: seen.class_filtered.clone(),
        constraint_filtered: seen.constraint_filtered.clone(),
        nodes_exhausted: seen.nodes_exhausted,
        class_exhausted: seen.class_exhausted.clone(),
        dimension_exhausted: seen.dimension_exhausted.clone(),
        scores: scores.collect(),
        score_meta_data: from.scores.iter().map(|one| score(one)).collect(),
        coalesced_failures: from.coalesced_failures,
        node_verdicts: from.verdicts.iter().map(verdict).collect(),
        ..AllocMetric::default()
    }
}

/// One candidate's scores.
pub fn score(from: &model::metric::NodeScore) -> NodeScoreMeta {
    NodeScoreMeta {
        node_id: from.node_id.to_string(),
        scores: from.scores.iter().map(|(scorer, value)| (scorer.as_str().to_owned(), *value)).collect(),
        norm_score: from.normalized,
    }
}

fn verdict(from: &model::NodeVerdict) -> NodeVerdict {
    NodeVerdict {
        node_name: from.node_name.clone(),
        node_id: from.node_id.to_string(),
        reasons: from.reasons.clone(),
    }
}
