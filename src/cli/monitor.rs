//! Following an evaluation, and the deployment that comes of it, until they have ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::Context;
use super::error::CommandError;
use super::exit::Exit;
use super::output::{Style, metric};
use crate::api::client::{Answer, Api, ClientError, Options};
use crate::api::wire::{AllocStub, Deployment, DeploymentState, Evaluation};

/// How long one question waits for news.
const WAIT: Duration = Duration::from_secs(10);

/// How long to go on asking while the cluster has no leader or the agent does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait before asking again after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows an evaluation, those that follow it, and the deployment it belongs to, and says what happens. Ends with
/// [`Exit::NOT_PLACED`] when not everything could be placed, unless a deployment made up for it, and with
/// [`Exit::FAILURE`] when a deployment did not succeed.
///
/// # Errors
/// When the cluster cannot be asked any more.
pub async fn evaluation(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    verbose: bool,
) -> Result<Exit, CommandError> {
    let mut id = id.to_owned();
    loop {
        let mut follower = Follower {
            context,
            style: context.style(verbose),
            api,
            options,
            status: String::new(),
            shown: BTreeSet::new(),
        };
        let eval = follower.follow(&id).await?;
        if eval.status == "complete" && !eval.next_eval.is_empty() {
            id = eval.next_eval;
            continue;
        }
        let placed = follower.conclude(&eval);
        if placed == Exit::FAILURE || eval.deployment_id.is_empty() {
            return Ok(placed);
        }
        return deployment(context, api, options, &eval.deployment_id, verbose).await;
    }
}

/// Follows a deployment, and the one that takes it back, until they have ended.
///
/// # Errors
/// When the cluster cannot be asked any more.
pub async fn deployment(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    verbose: bool,
) -> Result<Exit, CommandError> {
    let style = context.style(verbose);
    let ended = follow_deployment(context, &style, api, options, id).await?;
    if ended.status == "successful" {
        return Ok(Exit::SUCCESS);
    }
    if ended.status == "failed" && ended.status_description.contains("rolling back to") {
        // The way back is a deployment of its own; the evaluation that begins it may not have been looked at yet.
        let deadline = Instant::now() + WAIT;
        while Instant::now() < deadline {
            let latest = api.job_deployment(&ended.job_id, options).await?.value;
            if let Some(latest) = latest.filter(|latest| latest.create_index > ended.create_index) {
                follow_deployment(context, &style, api, options, &latest.id).await?;
                break;
            }
            sleep(PAUSE).await;
        }
    }
    Ok(Exit::FAILURE)
}

async fn follow_deployment(
    context: &Context,
    style: &Style,
    api: &Api,
    options: &Options,
    id: &str,
) -> Result<Deployment, CommandError> {
    context.print(&style.heading(&format!("==> Monitoring deployment \"{}\"", style.id(id))));
    let (mut index, mut failing_since) = (0, None);
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    loop {
        match api.deployment(id, &options.clone().blocking(index, WAIT)).await {
            Ok(answer) => {
                failing_since = None;
                index = answer.index.max(1);
                let deployment = answer.value;
                for (name, group) in &deployment.task_groups {
                    let line = progress(name, group);
                    if said.get(name) != Some(&line) {
                        context.print(&format!("    {line}"));
                        said.insert(name.clone(), line);
                    }
                }
                if is_ended(&deployment) {
                    let (id, status) = (style.id(id), &deployment.status);
                    let text = format!("==> Deployment \"{id}\" {status}: {}", deployment.status_description);
                    context.print(&style.heading(&text));
                    return Ok(deployment);
                }
            }
            Err(error) => {
                let since = *failing_since.get_or_insert_with(Instant::now);
                let may_pass = error.status().is_none_or(|status| status >= 500);
                if !may_pass || since.elapsed() > PATIENCE {
                    return Err(error.into());
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// Says how far a group is, in one line.
fn progress(name: &str, group: &DeploymentState) -> String {
    let waits = match group.desired_canaries > 0 && !group.promoted {
        true if group.healthy_allocs >= group.desired_canaries => {
            ", canaries are healthy and wait for promotion"
        }
        _ => "",
    };
    format!(
        "Group {name:?}: {} of {} placed, {} healthy, {} unhealthy{waits}",
        group.placed_allocs, group.desired_total, group.healthy_allocs, group.unhealthy_allocs
    )
}

fn is_ended(deployment: &Deployment) -> bool {
    matches!(deployment.status.as_str(), "successful" | "failed" | "cancelled")
}

struct Follower<'a> {
    context: &'a Context,
    style: Style,
    api: &'a Api,
    options: &'a Options,
    /// The last status shown.
    status: String,
    /// Allocations shown.
    shown: BTreeSet<String>,
}

impl Follower<'_> {
    async fn follow(&mut self, id: &str) -> Result<Evaluation, CommandError> {
        self.headline(&format!("Monitoring evaluation \"{}\"", self.style.id(id)));
        let mut index = 0;
        let mut failing_since = None;
        loop {
            match self.look(id, index).await {
                Ok((answer, placed)) => {
                    failing_since = None;
                    // An answer without index would make this a busy loop.
                    index = answer.index.max(1);
                    self.tell(&answer.value, &placed);
                    if is_over(&answer.value) {
                        return Ok(answer.value);
                    }
                }
                Err(error) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    let may_pass = error.status().is_none_or(|status| status >= 500);
                    if !may_pass || since.elapsed() > PATIENCE {
                        return Err(error.into());
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn look(&self, id: &str, index: u64) -> Result<(Answer<Evaluation>, Vec<AllocStub>), ClientError> {
        let options = self.options.clone().blocking(index, WAIT);
        let answer = self.api.evaluation(id, false, &options).await?;
        let placed = self.api.evaluation_allocations(id, self.options).await?.value;
        Ok((answer, placed))
    }

    /// Says what is new.
    fn tell(&mut self, eval: &Evaluation, placed: &[AllocStub]) {
        if self.status.is_empty() {
            match eval.triggered_by.as_str() {
                "node-update" => {
                    self.line(&format!("Evaluation triggered by node \"{}\"", self.style.id(&eval.node_id)));
                }
                _ => self.line(&format!("Evaluation triggered by job {:?}", eval.job_id)),
            }
        }
        for alloc in placed {
            if self.shown.insert(alloc.id.clone()) {
                // An evaluation's list has those too that it found there and only gave the new version of the job.
                let what = if alloc.create_index < eval.create_index { "modified" } else { "created" };
                self.line(&format!(
                    "Allocation \"{}\" {what}: node \"{}\", group {:?}",
                    self.style.id(&alloc.id),
                    self.style.id(&alloc.node_id),
                    alloc.task_group
                ));
            }
        }
        let before = std::mem::replace(&mut self.status, eval.status.clone());
        let before = if before.is_empty() { "pending" } else { &before };
        if before != eval.status {
            self.line(&format!("Evaluation status changed: {before:?} -> {:?}", eval.status));
        }
    }

    /// Says how it ended.
    fn conclude(&self, eval: &Evaluation) -> Exit {
        let id = self.style.id(&eval.id);
        if eval.status != "complete" && eval.status != "blocked" {
            let why = match eval.status_description.as_str() {
                "" => String::new(),
                description => format!(": {description}"),
            };
            self.headline(&format!("Evaluation \"{id}\" finished with status {:?}{why}", eval.status));
            return Exit::FAILURE;
        }
        if eval.failed_tg_allocs.is_empty() {
            self.headline(&format!("Evaluation \"{id}\" finished with status {:?}", eval.status));
            return Exit::SUCCESS;
        }
        self.headline(&format!(
            "Evaluation \"{id}\" finished with status {:?}, but not everything could be placed:",
            eval.status
        ));
        self.context.print(&metric::indent(&metric::failures(&self.style, &eval.failed_tg_allocs), 4));
        if !eval.blocked_eval.is_empty() {
            let blocked = self.style.id(&eval.blocked_eval);
            self.line(&format!("Evaluation \"{blocked}\" waits for capacity to place the rest"));
        }
        Exit::NOT_PLACED
    }

    fn headline(&self, text: &str) {
        self.context.print(&self.style.heading(&format!("==> {text}")));
    }

    fn line(&self, text: &str) {
        self.context.print(&format!("    {text}"));
    }
}

fn is_over(eval: &Evaluation) -> bool {
    matches!(eval.status.as_str(), "complete" | "failed" | "canceled" | "blocked")
}
