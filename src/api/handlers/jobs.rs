//! Jobs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use hyper::Method;
use serde_json::Value;

use crate::api::agent::Agent;
use crate::api::blocking::{View, view};
use crate::api::convert;
use crate::api::error::ApiError;
use crate::api::query::{ALL_NAMESPACES, DEFAULT_NAMESPACE, Params};
use crate::api::reply::{Reply, indexed, list as reply_list, plain};
use crate::api::request;
use crate::api::servers::Registered;
use crate::api::wire::deployment::{RevertRequest, StabilityRequest, StabilityResponse};
use crate::api::wire::job::{
    JobDiff, JobVersions, ParseRequest, RegisterResponse, ScaleRequest, ValidateResponse,
};
use crate::jobspec::diff::{Options as DiffOptions, diff};
use crate::jobspec::json::{JsonError, ParsedJson};
use crate::jobspec::{self, Source};
use crate::model::{Job, JobKey};
use crate::state::WatchKey;

/// Suffixes of `/v1/job/:id` that Nomad has and Pasture does not have yet.
const NOT_SUPPORTED: [&str; 7] =
    ["/periodic/force", "/dispatch/payload", "/dispatch", "/services", "/submission", "/actions", "/action"];

/// `GET /v1/jobs`
pub async fn list(State(agent): State<Agent>, params: Params) -> Reply {
    // Evaluations and allocations are in the summaries.
    let view = view(&agent, &params, &[WatchKey::Jobs, WatchKey::Evals, WatchKey::Allocs]).await?;
    let found = view
        .snapshot
        .jobs()
        .filter(|job| params.covers(&job.namespace) && job.id.starts_with(&params.prefix));
    // Ids are unique within a namespace only, and the order is by namespace first.
    let key = |job: &&Arc<Job>| match params.namespace.as_str() {
        ALL_NAMESPACES => format!("{}.{}", job.namespace, job.id),
        _ => job.id.clone(),
    };
    reply_list(&params, view.index, found, key, |job| convert::job::stub(job, summary(&view, job)))
}

/// `PUT /v1/jobs`
pub async fn register(State(agent): State<Agent>, params: Params, body: Bytes) -> Reply {
    submit(&agent, &params, &body, None).await
}

/// `PUT /v1/jobs/parse`: a job file in HCL becomes JSON. No variable is taken from this machine's environment, and
/// functions read none of its files.
pub async fn parse(params: Params, body: Bytes) -> Reply {
    let asked: ParseRequest = request::decode(&body, &["JobHCL", "Variables", "Canonicalize"])?;
    if asked.job_hcl.trim().is_empty() {
        return Err(ApiError::BadRequest("JobHCL is empty; it holds the text of a job file".to_owned()));
    }
    let mut options = jobspec::Options::default();
    if !asked.variables.is_empty() {
        options.inputs.files.push(Source::new("input.vars", &asked.variables));
    }
    let parsed = jobspec::parse("input.hcl", &asked.job_hcl, &options)
        .map_err(|problems| ApiError::BadRequest(problems.to_string()))?;
    match parsed.written.filter(|_| !asked.canonicalize) {
        Some(written) => plain(&params, &written),
        None => plain(&params, &parsed.job),
    }
}

/// `PUT /v1/validate/job`
pub async fn validate(params: Params, body: Bytes) -> Reply {
    let mut answer = ValidateResponse { driver_config_validated: true, ..ValidateResponse::default() };
    match jobspec::json::from_value(&submitted_job(&body)?.1) {
        Ok(parsed) => answer.warnings = parsed.warnings.join("\n"),
        Err(JsonError::Problems(problems)) => {
            answer.error = problems.join("\n");
            answer.validation_errors = problems;
        }
        Err(error) => return Err(ApiError::BadRequest(error.to_string())),
    }
    plain(&params, &answer)
}

/// Everything under `/v1/job/`: the id may contain slashes, so that a known suffix tells what is meant.
pub async fn one(
    State(agent): State<Agent>,
    method: Method,
    Path(path): Path<String>,
    params: Params,
    body: Bytes,
) -> Reply {
    if let Some(suffix) = NOT_SUPPORTED.iter().find(|suffix| path.ends_with(**suffix)) {
        return Err(ApiError::NotSupported(format!("/v1/job/:id{suffix} is not supported yet")));
    }
    let suffixes = [
        "allocations",
        "deployment",
        "deployments",
        "evaluate",
        "evaluations",
        "plan",
        "why",
        "revert",
        "scale",
        "stable",
        "summary",
        "versions",
    ];
    let (id, suffix) =
        path.rsplit_once('/').filter(|(_, last)| suffixes.contains(last)).unwrap_or((&path, ""));
    let namespace = if params.namespace == ALL_NAMESPACES { DEFAULT_NAMESPACE } else { &params.namespace };
    let key = JobKey::new(namespace, id);
    let is_write = method == Method::PUT || method == Method::POST;
    match suffix {
        "evaluate" if is_write => evaluate(&agent, &params, key).await,
        "scale" if is_write => scale(&agent, &params, key, &body).await,
        "plan" if is_write => super::plan::job(&agent, &params, &body, &key.id).await,
        "" if is_write => submit(&agent, &params, &body, Some(&key.id)).await,
        "" if method == Method::DELETE => deregister(&agent, &params, key).await,
        "revert" if is_write => revert(&agent, &params, key, &body).await,
        "stable" if is_write => stable(&agent, &params, key, &body).await,
        "evaluate" | "plan" | "revert" | "stable" => Err(ApiError::InvalidMethod),
        _ if method != Method::GET && method != Method::HEAD => Err(ApiError::InvalidMethod),
        "" => read(&agent, &params, key).await,
        "why" => super::plan::why(&agent, &params, &key).await,
        "allocations" => allocations(&agent, &params, key).await,
        "evaluations" => evaluations(&agent, &params, key).await,
        "summary" => read_summary(&agent, &params, key).await,
        "versions" => versions(&agent, &params, key).await,
        "scale" => scale_status(&agent, &params, key).await,
        "deployment" => deployment(&agent, &params, key).await,
        _ => deployments(&agent, &params, key).await,
    }
}

async fn read(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let view = view(agent, params, &[WatchKey::Job(key.clone())]).await?;
    indexed(params, view.index, &**job(&view, &key)?)
}

async fn allocations(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let with_resources = params.bool("resources")?;
    let view = view(agent, params, &[WatchKey::JobAllocs(key.clone())]).await?;
    let found = view.snapshot.allocs_by_job(&key);
    let to_wire = |alloc: &&Arc<_>| convert::alloc::stub(alloc, with_resources, true);
    reply_list(params, view.index, found, |alloc| alloc.id.to_string(), to_wire)
}

async fn evaluations(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let view = view(agent, params, &[WatchKey::JobEvals(key.clone())]).await?;
    let found = view.snapshot.evals_by_job(&key);
    reply_list(params, view.index, found, |eval| eval.id.to_string(), |eval| convert::eval::evaluation(eval))
}

async fn read_summary(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let keys =
        [WatchKey::Job(key.clone()), WatchKey::JobEvals(key.clone()), WatchKey::JobAllocs(key.clone())];
    let view = view(agent, params, &keys).await?;
    indexed(params, view.index, &summary(&view, job(&view, &key)?))
}

async fn versions(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let view = view(agent, params, &[WatchKey::Job(key.clone())]).await?;
    job(&view, &key)?;
    let mut versions: Vec<_> = view.snapshot.job_versions(&key).map(|job| (**job).clone()).collect();
    versions.sort_by_key(|job| std::cmp::Reverse(job.version));
    let known_leader = agent.knows_leader();
    let diffs = params.bool("diffs")?.then(|| diffs(&versions));
    let answer = JobVersions { versions, diffs, index: view.index, known_leader, ..JobVersions::default() };
    indexed(params, view.index, &answer)
}

/// Compares each version with the one before it, the newest first as the versions are.
fn diffs(versions: &[Job]) -> Vec<JobDiff> {
    let options = DiffOptions { contextual: true };
    versions.windows(2).map(|pair| diff(Some(&pair[1]), Some(&pair[0]), options)).collect()
}

async fn scale_status(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let view = view(agent, params, &[WatchKey::Job(key.clone()), WatchKey::JobAllocs(key.clone())]).await?;
    let answer = convert::job::scale_status(job(&view, &key)?, view.snapshot.allocs_by_job(&key));
    indexed(params, view.index, &answer)
}

/// The rollout that began last, `null` when there was none.
async fn deployment(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let view = view(agent, params, &[WatchKey::JobDeployments(key.clone())]).await?;
    let job = job(&view, &key)?;
    // An earlier job of the same name had others.
    let latest =
        view.snapshot.latest_deployment(&key).filter(|known| known.job_create_index == job.create_index);
    indexed(params, view.index, &latest.map(|known| convert::deployment::deployment(known)))
}

async fn deployments(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let all = params.bool("all")?;
    let view = view(agent, params, &[WatchKey::JobDeployments(key.clone())]).await?;
    let job = job(&view, &key)?;
    let found = view.snapshot.deployments_by_job(&key);
    let found = found.filter(|known| all || known.job_create_index == job.create_index);
    reply_list(
        params,
        view.index,
        found,
        |found| found.id.to_string(),
        |found| convert::deployment::deployment(found),
    )
}

async fn revert(agent: &Agent, params: &Params, key: JobKey, body: &[u8]) -> Reply {
    let asked: RevertRequest = request::decode(body, &["JobID", "JobVersion", "EnforcePriorVersion"])?;
    let version = version_of(&key, &asked.job_id, asked.job_version)?;
    let done = agent.servers()?.revert_job(key, version, asked.enforce_prior_version).await?;
    respond(params, done, String::new())
}

async fn stable(agent: &Agent, params: &Params, key: JobKey, body: &[u8]) -> Reply {
    let asked: StabilityRequest = request::decode(body, &["JobID", "JobVersion", "Stable"])?;
    let version = version_of(&key, &asked.job_id, asked.job_version)?;
    let index = agent.servers()?.set_job_stability(key, version, asked.stable).await?;
    indexed(params, index, &StabilityResponse { index })
}

/// Returns the version a body speaks of; the job in it, if there is one, must be the path's.
fn version_of(key: &JobKey, job_id: &str, version: Option<u64>) -> Result<u64, ApiError> {
    if !job_id.is_empty() && job_id != key.id {
        return Err(ApiError::BadRequest("Job ID does not match name".to_owned()));
    }
    version.ok_or_else(|| ApiError::BadRequest("JobVersion is missing: which version is meant?".to_owned()))
}

async fn submit(agent: &Agent, params: &Params, body: &[u8], id: Option<&str>) -> Reply {
    let (request, job, warnings) = read_submission(agent, params, body, id)?;
    let enforce = flag(&request, "EnforceIndex")?.then(|| number(&request, "JobModifyIndex")).transpose()?;
    let done = agent.servers()?.register_job(job, enforce).await?;
    respond(params, done, warnings.join("\n"))
}

/// Reads a submission: the whole body, the job in it, and what to warn of.
pub(super) fn read_submission(
    agent: &Agent,
    params: &Params,
    body: &[u8],
    id: Option<&str>,
) -> Result<(Value, Job, Vec<String>), ApiError> {
    let (request, submitted) = submitted_job(body)?;
    let names_namespace = request::get(as_object(&submitted), "Namespace").and_then(Value::as_str).is_some();
    let ParsedJson { mut job, warnings } =
        jobspec::json::from_value(&submitted).map_err(|error| ApiError::BadRequest(error.to_string()))?;
    if id.is_some_and(|id| id != job.id) {
        return Err(ApiError::BadRequest("Job ID does not match name".to_owned()));
    }
    if !names_namespace && params.namespace != ALL_NAMESPACES {
        job.namespace.clone_from(&params.namespace);
    }
    if job.region != agent.info().region {
        return Err(ApiError::BadRequest(format!(
            "job region {:?} is not this cluster's region {:?}",
            job.region,
            agent.info().region
        )));
    }
    Ok((request, job, warnings))
}

async fn deregister(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let purge = params.bool("purge")?;
    let done = agent.servers()?.deregister_job(key, purge).await?;
    respond(params, done, String::new())
}

async fn evaluate(agent: &Agent, params: &Params, key: JobKey) -> Reply {
    let done = agent.servers()?.evaluate_job(key).await?;
    respond(params, done, String::new())
}

async fn scale(agent: &Agent, params: &Params, key: JobKey, body: &[u8]) -> Reply {
    let mut asked: ScaleRequest = request::decode(body, &["Count", "Target", "Message"])?;
    let bad = |text: &str| ApiError::BadRequest(text.to_owned());
    let count = asked.count.ok_or_else(|| bad("Count is missing: how many instances are wanted?"))?;
    let count = u32::try_from(count).map_err(|_| bad("Count must be a number from 0 to 50000"))?;
    let group = asked.target.remove("Group").filter(|group| !group.is_empty());
    let group = group.ok_or_else(|| bad("Target.Group is missing: which task group is scaled?"))?;
    if asked.target.get("Job").is_some_and(|job| !job.is_empty() && *job != key.id) {
        return Err(bad("Job ID does not match name"));
    }
    let done = agent.servers()?.scale_job(key, group, count).await?;
    respond(params, done, String::new())
}

fn respond(params: &Params, done: Registered, warnings: String) -> Reply {
    let answer = RegisterResponse {
        eval_id: done.eval_id.map(|id| id.to_string()).unwrap_or_default(),
        eval_create_index: if done.eval_id.is_some() { done.index } else { 0 },
        job_modify_index: done.job_modify_index,
        warnings,
        index: done.index,
        ..RegisterResponse::default()
    };
    indexed(params, done.index, &answer)
}

/// Returns the whole body of a submission and the job in it.
fn submitted_job(body: &[u8]) -> Result<(Value, Value), ApiError> {
    let request = request::object(body)?;
    let job = match request::get(&request, "Job") {
        Some(job @ Value::Object(_)) => job.clone(),
        Some(Value::Null) | None => {
            return Err(ApiError::BadRequest(
                "Job must be specified: the body is {\"Job\": {...}}".to_owned(),
            ));
        }
        Some(_) => {
            return Err(ApiError::BadRequest(
                "Job must be an object: the body is {\"Job\": {...}}".to_owned(),
            ));
        }
    };
    Ok((Value::Object(request), job))
}

fn as_object(value: &Value) -> &serde_json::Map<String, Value> {
    static EMPTY: std::sync::LazyLock<serde_json::Map<String, Value>> =
        std::sync::LazyLock::new(Default::default);
    value.as_object().unwrap_or(&EMPTY)
}

pub(super) fn flag(request: &Value, name: &str) -> Result<bool, ApiError> {
    match request::get(as_object(request), name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(ApiError::BadRequest(format!("{name} must be true or false"))),
    }
}

fn number(request: &Value, name: &str) -> Result<u64, ApiError> {
    match request::get(as_object(request), name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => {
            value.as_u64().ok_or_else(|| ApiError::BadRequest(format!("{name} must be a whole number")))
        }
    }
}

fn summary(view: &View, job: &Job) -> crate::api::wire::JobSummary {
    let key = job.key();
    convert::job::summary(job, view.snapshot.allocs_by_job(&key), view.snapshot.evals_by_job(&key))
}

fn job<'a>(view: &'a View, key: &JobKey) -> Result<&'a Arc<Job>, ApiError> {
    view.snapshot.job(key).ok_or_else(not_found)
}

pub(super) fn not_found() -> ApiError {
    ApiError::NotFound("job not found".to_owned())
}
