//! Whether something is true of the cluster, and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, Reply, is_running};
use super::prober::Counts;
use super::spec::{Condition, Fact, Place};
use crate::api::client::ClientError;
use crate::api::wire::alloc::AllocStub;
use crate::lab::backend::Backend;

/// What was the case when a step began.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// For each running allocation, how often its tasks had been restarted.
    pub running: BTreeMap<String, u32>,
    /// Who led.
    pub leader: Option<String>,
}

/// One fact looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is as demanded.
    pub holds: bool,
    /// What is the case, in words that are the same wherever the scenario runs.
    pub text: String,
}

/// Looks at facts.
pub struct Observer<'a> {
    /// What the lab runs on.
    pub backend: &'a dyn Backend,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Answers over time.
    pub counts: &'a Counts,
    /// What was the case when the step began.
    pub baseline: &'a Baseline,
}

impl Observer<'_> {
    /// Looks at all facts of a condition.
    pub async fn look(&self, condition: &Condition) -> Vec<Seen> {
        let mut seen = Vec::new();
        let job = condition.job.as_deref().unwrap_or_default();
        for fact in &condition.facts {
            seen.push(match self.fact(job, fact).await {
                Ok(one) => one,
                Err(error) => Seen { holds: false, text: format!("the cluster did not say: {error}") },
            });
        }
        seen
    }

    async fn fact(&self, job: &str, fact: &Fact) -> Result<Seen, ClientError> {
        let number =
            |holds: bool, name: &str, number: u32| Seen { holds, text: format!("{name} = {number}") };
        Ok(match fact {
            Fact::Answering(wanted) => {
                let count = count(&self.replies(job).await?, |reply| reply.body.is_some());
                number(wanted.matches(count), "answering", count)
            }
            Fact::AnswersWith(bodies) => answers_with(&self.replies(job).await?, bodies),
            Fact::AnsweringMin(least) => match self.counts.fewest(job) {
                // The exact minimum depends on when it was looked at; that it was enough does not.
                Some(fewest) if fewest >= *least => {
                    Seen { holds: true, text: format!("never fewer than {least} answered") }
                }
                Some(fewest) => number(false, "fewest answers", fewest),
                None => Seen { holds: false, text: "nobody has answered yet".to_owned() },
            },
            Fact::Running(wanted) => {
                let count = count(&self.cluster.allocs(job).await?, is_running);
                number(wanted.matches(count), "running", count)
            }
            Fact::Unplaced(wanted) => {
                let evals = self.cluster.evaluations(job).await?;
                let last = evals.iter().rev().find(|eval| eval.status == "complete");
                let unplaced = last.map_or(0, |eval| eval.queued_allocations.values().sum());
                number(wanted.matches(unplaced), "unplaced", unplaced)
            }
            Fact::Lost(wanted) => {
                let count = count(&self.cluster.allocs(job).await?, |alloc| alloc.client_status == "lost");
                number(wanted.matches(count), "lost", count)
            }
            Fact::Kept(wanted) => {
                let allocs = self.cluster.allocs(job).await?;
                let kept = count(&allocs, |alloc| {
                    is_running(alloc) && self.baseline.running.get(&alloc.id) == Some(&restarts(alloc))
                });
                number(wanted.matches(kept), "untouched", kept)
            }
            Fact::Blocked(wanted) => {
                let evals = self.cluster.evaluations(job).await?;
                let blocked = evals.iter().any(|eval| eval.status == "blocked");
                let text =
                    if blocked { "an evaluation waits for capacity" } else { "nothing waits for capacity" };
                Seen { holds: blocked == *wanted, text: text.to_owned() }
            }
            Fact::PlacedOn(place) => self.placed_on(job, place).await?,
            Fact::Why(texts) => {
                let why = self.why(job).await?;
                let missing: Vec<&str> = texts
                    .iter()
                    .filter(|text| !why.iter().any(|line| line.contains(text.as_str())))
                    .map(String::as_str)
                    .collect();
                let mut text = "why not:".to_owned();
                for line in &why {
                    text.push_str(&format!("\n  {line}"));
                }
                if !missing.is_empty() {
                    text.push_str(&format!("\n  (nothing says {})", missing.join(", ")));
                }
                Seen { holds: missing.is_empty(), text }
            }
            Fact::Evaluation(status) => {
                let evals = self.cluster.evaluations(job).await?;
                let last = evals.last().map_or("none", |eval| eval.status.as_str());
                Seen { holds: last == status, text: format!("last evaluation {last}") }
            }
            Fact::JobStatus(wanted) => {
                let found = self.cluster.job(job).await?.status.as_str();
                Seen { holds: found == *wanted, text: format!("job {found}") }
            }
            Fact::Leader(true) => {
                let leads = self.cluster.leader().await.is_some();
                let text = if leads { "the servers have a leader" } else { "the servers have no leader" };
                Seen { holds: leads, text: text.to_owned() }
            }
            // A follower that has not noticed yet would pass a write on to the one that is gone.
            Fact::Leader(false) => match self.cluster.believed_leader().await {
                Some(leader) => Seen { holds: false, text: format!("a server believes that {leader} leads") },
                None => Seen { holds: true, text: "no server knows of a leader".to_owned() },
            },
            Fact::NewLeader => {
                let leader = self.cluster.leader().await;
                let holds = leader.is_some() && leader != self.baseline.leader;
                let text = match leader {
                    Some(_) if holds => "another server leads",
                    Some(_) => "the same server leads",
                    None => "no server leads",
                };
                Seen { holds, text: text.to_owned() }
            }
            Fact::NodesReady(wanted) => self.nodes("ready", |count| wanted.matches(count)).await?,
            Fact::NodesDown(wanted) => self.nodes("down", |count| wanted.matches(count)).await?,
            Fact::Write { accepted, text } => self.write(job, *accepted, text).await,
        })
    }

    /// Asks every running instance of a job, and notes how many answered.
    async fn replies(&self, job: &str) -> Result<Vec<Reply>, ClientError> {
        let allocs = self.cluster.allocs(job).await?;
        let asked = self.backend.now();
        let replies = self.cluster.ask_instances(&allocs).await;
        self.counts.note(job, count(&replies, |reply| reply.body.is_some()), asked);
        Ok(replies)
    }

    async fn nodes(&self, status: &str, matches: impl Fn(u32) -> bool) -> Result<Seen, ClientError> {
        let nodes = count(&self.cluster.nodes().await?, |node| node.status == status);
        Ok(Seen { holds: matches(nodes), text: format!("nodes {status} = {nodes}") })
    }

    async fn placed_on(&self, job: &str, place: &Place) -> Result<Seen, ClientError> {
        let machines = self.backend.spec().machines();
        let is_one_of =
            |wanted: &[String], found: &str| wanted.is_empty() || wanted.iter().any(|one| one == found);
        let allocs = self.cluster.allocs(job).await?;
        let running: Vec<&AllocStub> = allocs.iter().filter(|alloc| is_running(alloc)).collect();
        let elsewhere: BTreeSet<&str> = running
            .iter()
            .map(|alloc| alloc.node_name.as_str())
            .filter(|name| {
                let machine = machines.iter().find(|machine| machine.name == *name);
                !machine.is_some_and(|machine| {
                    is_one_of(&place.datacenters, &machine.datacenter)
                        && is_one_of(&place.classes, &machine.class)
                        && is_one_of(&place.machines, &machine.name)
                        && is_one_of(&place.groups, &machine.group)
                        && place.meta.iter().all(|(key, value)| machine.meta.get(key) == Some(value))
                })
            })
            .collect();
        let text = match (running.is_empty(), elsewhere.is_empty()) {
            (true, _) => "nothing runs".to_owned(),
            (false, true) => format!("all {} run where they shall", running.len()),
            (false, false) => {
                format!("some run elsewhere: {}", elsewhere.iter().copied().collect::<Vec<_>>().join(", "))
            }
        };
        Ok(Seen { holds: !running.is_empty() && elsewhere.is_empty(), text })
    }

    /// Returns why a job's missing instances have no place, node by node.
    pub async fn why(&self, job: &str) -> Result<Vec<String>, ClientError> {
        let evals = self.cluster.evaluations(job).await?;
        let last = evals.iter().rev().find(|eval| !eval.failed_tg_allocs.is_empty());
        let metrics = last.into_iter().flat_map(|eval| eval.failed_tg_allocs.values());
        let lines = metrics.flat_map(|metric| {
            metric.node_verdicts.iter().map(|one| format!("{}: {}", one.node_name, one.reasons.join("; ")))
        });
        Ok(lines.collect())
    }

    async fn write(&self, job: &str, accepted: bool, text: &str) -> Seen {
        let (was_accepted, said) = match self.cluster.evaluate(job).await {
            Ok(_) => (true, String::new()),
            // That there is no such job was found out by a leader that could have written.
            Err(error) if error.is_not_found() => (true, String::new()),
            Err(ClientError::Status { text, .. }) => (false, text),
            Err(error) => (false, error.to_string()),
        };
        let holds = was_accepted == accepted && said.to_lowercase().contains(&text.to_lowercase());
        let text = match was_accepted {
            true => "a write is accepted".to_owned(),
            false => format!("a write is refused: {}", said.trim()),
        };
        Seen { holds, text }
    }
}

/// Returns how often an allocation's tasks were restarted.
pub fn restarts(alloc: &AllocStub) -> u32 {
    alloc.task_states.values().map(|state| state.restarts).sum()
}

fn answers_with(replies: &[Reply], bodies: &[String]) -> Seen {
    let found: BTreeSet<&str> =
        replies.iter().filter_map(|reply| reply.body.as_deref()).map(str::trim).collect();
    let holds =
        !found.is_empty() && found.iter().all(|body| bodies.iter().any(|wanted| wanted.trim() == *body));
    let text = match found.is_empty() {
        true => "nobody answers".to_owned(),
        false => {
            let quoted: Vec<String> = found.iter().map(|body| format!("{body:?}")).collect();
            format!("answers with {}", quoted.join(", "))
        }
    };
    Seen { holds, text }
}

fn count<T>(items: &[T], holds: impl Fn(&T) -> bool) -> u32 {
    u32::try_from(items.iter().filter(|item| holds(item)).count()).unwrap_or(u32::MAX)
}
