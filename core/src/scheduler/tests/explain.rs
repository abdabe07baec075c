//! Where things could go and what would follow, as scripts ask for it.

use std::fmt::Write;

use super::world::World;
use crate::model::JobKey;
use crate::scheduler::dry_run;
use crate::scheduler::explain::explain;

impl World {
    /// Shows everything about where one more instance of a job's group could go.
    pub(super) fn why(&mut self, job: &str) {
        let view = self.store.snapshot();
        let job = view.job(&JobKey::new("default", job)).unwrap().clone();
        let explanation = explain(&view, &job, &job.groups[0].name, &self.options).unwrap();
        writeln!(self.shown, "why {}:", job.id).unwrap();
        for node in &explanation.nodes {
            let places: Vec<String> = node
                .filtered
                .iter()
                .filter_map(|one| one.place.as_ref())
                .map(|place| place.path.clone())
                .collect();
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            let said = match &node.score {
                Some(score) => format!("fits, score {:.3}", score.normalized),
                None => node.reasons().join("; "),
            };
            writeln!(self.shown, "  {}: {said}{places}", node.node_name).unwrap();
        }
        for way in &explanation.ways_out {
            writeln!(self.shown, "  {way}").unwrap();
        }
    }

    /// Shows what would follow if nodes were drained or lost; nothing is changed.
    pub(super) fn what_if(&mut self, what: &str, names: &[&str]) {
        let change = match what {
            "drained" => dry_run::NodeChange::Drain,
            "lost" => dry_run::NodeChange::Lost,
            other => panic!("no change {other:?} of a node"),
        };
        let changes = names.iter().map(|name| (self.nodes[*name], change)).collect();
        let view = self.store.snapshot();
        let plan = dry_run::nodes(&view, &changes, self.now, &mut self.rng, &self.options).unwrap();
        writeln!(self.shown, "if {} {what}:", names.join(" and ")).unwrap();
        for one in &plan.moves {
            let outcome = match &one.outcome {
                dry_run::Outcome::To { node_name, .. } => format!("to {node_name}"),
                other => format!("{other:?}").to_lowercase(),
            };
            writeln!(self.shown, "  {} on {}: {outcome}", one.alloc.name, one.alloc.node_name).unwrap();
        }
        for short in &plan.shortfalls {
            writeln!(self.shown, "  {} {}: {} of {}", short.job_key, short.group, short.after, short.wanted)
                .unwrap();
            for way in short.explanation.iter().flat_map(|explanation| &explanation.ways_out) {
                writeln!(self.shown, "    {way}").unwrap();
            }
        }
    }
}
