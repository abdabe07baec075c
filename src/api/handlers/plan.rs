//! What would happen, computed on the state as it is; nothing is changed.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;

use super::jobs;
use crate::api::agent::Agent;
use crate::api::convert;
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, indexed};
use crate::api::request;
use crate::api::wire::plan::NodePlanRequest;
use crate::jobspec;
use crate::model::{Job, JobKey, NodeId};
use crate::scheduler::dry_run::{self, NodeChange};
use crate::scheduler::{Options, explain};

/// `PUT /v1/job/:id/plan`
pub(super) async fn job(agent: &Agent, params: &Params, body: &[u8], id: &str) -> Reply {
    let (request, mut job, warnings) = jobs::read_submission(agent, params, body, Some(id))?;
    let (differs, explains) = (jobs::flag(&request, "Diff")?, jobs::flag(&request, "Explain")?);
    admit(&mut job)?;
    let (view, now) = (agent.snapshot()?, agent.env().now());
    let mut rng = agent.env().random.stream("job-plan");
    let planned = agent
        .env()
        .blocking(move || {
            let plan = dry_run::job(&view, &job, now, &mut *rng, &Options::default())?;
            let explanations = if explains { plan.explanations(&Options::default()) } else { Vec::new() };
            Ok::<_, crate::state::ApplyError>((view.index(), plan, explanations))
        })
        .await;
    let (index, plan, explanations) = planned.map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let mut answer = convert::plan::job(&plan, differs, &explanations);
    answer.warnings = warnings.join("\n");
    indexed(params, index, &answer)
}

/// Makes of a submitted job what the servers would keep.
fn admit(job: &mut Job) -> Result<(), ApiError> {
    jobspec::canonicalize(job);
    jobspec::admit(job);
    jobspec::validate(job).map_err(|problems| ApiError::BadRequest(problems.join("\n")))?;
    job.stop = false;
    Ok(())
}

/// `GET /v1/job/:id/why`: where one more instance of each group could go, or of the group named; on all nodes, or on the
/// one named
pub(super) async fn why(agent: &Agent, params: &Params, key: &JobKey) -> Reply {
    let view = agent.snapshot()?;
    let job = view.job(key).ok_or_else(jobs::not_found)?.clone();
    let (wanted, node) = (params.get("group"), params.get("node"));
    let groups: Vec<String> = job.groups.iter().map(|group| group.name.clone()).collect();
    if let Some(wanted) = wanted.filter(|wanted| !groups.iter().any(|group| group == wanted)) {
        return Err(ApiError::NotFound(format!("job has no group {wanted:?}; it has {}", groups.join(", "))));
    }
    let wanted = wanted.map(ToOwned::to_owned);
    let index = view.index();
    let explain = move || {
        let groups = groups.iter().filter(|group| wanted.as_ref().is_none_or(|wanted| wanted == *group));
        let explained = groups.filter_map(|group| explain::explain(&view, &job, group, &Options::default()));
        explained.map(|one| convert::plan::explanation(&one)).collect::<Vec<_>>()
    };
    let mut answer = agent.env().blocking(explain).await;
    if let Some(node) = node {
        for explanation in &mut answer {
            explanation.nodes.retain(|one| one.node_name == node || one.node_id == node);
        }
    }
    indexed(params, index.max(1), &answer)
}

/// `PUT /v1/nodes/plan`: what would follow if nodes were drained or lost
pub async fn nodes(State(agent): State<Agent>, params: Params, body: Bytes) -> Reply {
    let asked: NodePlanRequest = request::decode(&body, &["Drain", "Lost"])?;
    let mut changes: BTreeMap<NodeId, NodeChange> = BTreeMap::new();
    for (ids, change) in [(&asked.drain, NodeChange::Drain), (&asked.lost, NodeChange::Lost)] {
        for id in ids {
            let node: NodeId = id
                .parse()
                .map_err(|_| ApiError::BadRequest(format!("{id:?} is no node's id: give the whole id")))?;
            changes.insert(node, change);
        }
    }
    if changes.is_empty() {
        return Err(ApiError::BadRequest("no nodes are named: give their ids in Drain or Lost".to_owned()));
    }
    let (view, now) = (agent.snapshot()?, agent.env().now());
    let mut rng = agent.env().random.stream("node-plan");
    let index = view.index();
    let planned = agent
        .env()
        .blocking(move || dry_run::nodes(&view, &changes, now, &mut *rng, &Options::default()))
        .await;
    let plan = planned.map_err(|error| ApiError::NotFound(error.to_string()))?;
    indexed(&params, index.max(1), &convert::plan::nodes(&plan))
}
