//! Explanations of placements.

use crate::api::wire::AllocMetric;
use crate::api::wire::metric::{NodeScoreMeta, NodeVerdict};
use crate::model;

/// What the search for one allocation's node saw.
pub fn metric(from: &model::AllocMetric) -> AllocMetric {
    let scores = from.scores.iter().flat_map(|score| {
        score.scores.iter().map(|(scorer, value)| (format!("{}.{scorer}", score.node_id), *value))
    });
    AllocMetric {
        nodes_evaluated: from.nodes_evaluated,
        nodes_filtered: from.nodes_filtered,
        nodes_in_pool: from.nodes_in_pool,
        nodes_available: from.nodes_available.clone(),
        class_filtered: from.class_filtered.clone(),
        constraint_filtered: from.constraint_filtered.clone(),
        nodes_exhausted: from.nodes_exhausted,
        class_exhausted: from.class_exhausted.clone(),
        dimension_exhausted: from.dimension_exhausted.clone(),
        scores: scores.collect(),
        score_meta_data: from.scores.iter().map(score).collect(),
        coalesced_failures: from.coalesced_failures,
        node_verdicts: from.verdicts.iter().map(verdict).collect(),
        ..AllocMetric::default()
    }
}

fn score(from: &model::metric::NodeScore) -> NodeScoreMeta {
    NodeScoreMeta {
        node_id: from.node_id.to_string(),
        scores: from.scores.clone(),
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
