//! A method for each route.

use std::collections::BTreeMap;

use super::call::{Answer, Api, ClientError, Options, encode_segment};
use crate::api::wire::agent::{
    AgentHealth, AgentSelf, Members, Metrics, RaftConfiguration, SearchRequest, SearchResponse,
};
use crate::api::wire::deployment::{PauseRequest, PromoteRequest, RevertRequest};
use crate::api::wire::node::EligibilityRequest;
use crate::api::wire::{
    AllocStub, Allocation, Deployment, DeploymentUpdateResponse, Evaluation, Explanation, Job,
    JobPlanRequest, JobPlanResponse, JobStub, JobSummary, JobVersions, Node, NodePlanRequest,
    NodePlanResponse, NodeStub, NodeUpdateResponse, ParseRequest, RegisterRequest, RegisterResponse,
    ScaleRequest, ScaleStatus, ValidateResponse,
};

type Result<T> = std::result::Result<Answer<T>, ClientError>;

/// Jobs. `id` is the whole id; it may contain `/`.
impl Api {
    /// Lists jobs.
    pub async fn jobs(&self, options: &Options) -> Result<Vec<JobStub>> {
        self.get("/v1/jobs", options).await
    }

    /// Returns a job in full.
    pub async fn job(&self, id: &str, options: &Options) -> Result<Job> {
        self.get(&job_path(id, ""), options).await
    }

    /// Submits a job. With `enforce_index` it must not have changed since that index; 0 means that it must not exist.
    pub async fn register(
        &self,
        job: &Job,
        enforce_index: Option<u64>,
        options: &Options,
    ) -> Result<RegisterResponse> {
        let request = RegisterRequest {
            job: job.clone(),
            enforce_index: enforce_index.is_some(),
            job_modify_index: enforce_index.unwrap_or(0),
        };
        self.put("/v1/jobs", options, &request).await
    }

    /// Submits a job as JSON text: `{"Job": {...}}`.
    pub async fn register_json(&self, text: &str, options: &Options) -> Result<RegisterResponse> {
        self.put_text("/v1/jobs", options, text.as_bytes().to_vec()).await
    }

    /// Lets the server read a job file.
    pub async fn parse_job(&self, text: &str, options: &Options) -> Result<Job> {
        let request =
            ParseRequest { job_hcl: text.to_owned(), canonicalize: true, ..ParseRequest::default() };
        self.put("/v1/jobs/parse", options, &request).await
    }

    /// Lets the server look for problems of a job.
    pub async fn validate_job(&self, job: &Job, options: &Options) -> Result<ValidateResponse> {
        let request = RegisterRequest { job: job.clone(), ..RegisterRequest::default() };
        self.put("/v1/validate/job", options, &request).await
    }

    /// Tells a job to stop; with `purge` it is forgotten as well.
    pub async fn deregister(&self, id: &str, purge: bool, options: &Options) -> Result<RegisterResponse> {
        let options = options.clone().with("purge", purge.to_string());
        self.delete(&job_path(id, ""), &options).await
    }

    /// Lists a job's allocations.
    pub async fn job_allocations(&self, id: &str, options: &Options) -> Result<Vec<AllocStub>> {
        self.get(&job_path(id, "/allocations"), options).await
    }

    /// Lists a job's evaluations.
    pub async fn job_evaluations(&self, id: &str, options: &Options) -> Result<Vec<Evaluation>> {
        self.get(&job_path(id, "/evaluations"), options).await
    }

    /// Counts a job's allocations.
    pub async fn job_summary(&self, id: &str, options: &Options) -> Result<JobSummary> {
        self.get(&job_path(id, "/summary"), options).await
    }

    /// Returns the kept versions of a job.
    pub async fn job_versions(&self, id: &str, options: &Options) -> Result<JobVersions> {
        self.get(&job_path(id, "/versions"), options).await
    }

    /// Counts how many instances of a job's groups are wanted and there.
    pub async fn scale_status(&self, id: &str, options: &Options) -> Result<ScaleStatus> {
        self.get(&job_path(id, "/scale"), options).await
    }

    /// Changes the count of a group.
    pub async fn scale(
        &self,
        id: &str,
        group: &str,
        count: u32,
        message: &str,
        options: &Options,
    ) -> Result<RegisterResponse> {
        let target = [("Job", id), ("Group", group)];
        let request = ScaleRequest {
            count: Some(count.into()),
            target: target.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            message: message.to_owned(),
        };
        self.put(&job_path(id, "/scale"), options, &request).await
    }

    /// Asks what running a job would change; with `explain` it is told why something finds no place.
    pub async fn plan_job(
        &self,
        job: &Job,
        diff: bool,
        explain: bool,
        options: &Options,
    ) -> Result<JobPlanResponse> {
        let request = JobPlanRequest { job: job.clone(), diff, explain, ..JobPlanRequest::default() };
        self.put(&job_path(&job.id, "/plan"), options, &request).await
    }

    /// Asks where one more instance of each group of a job could go, or of one group.
    pub async fn why(&self, id: &str, group: Option<&str>, options: &Options) -> Result<Vec<Explanation>> {
        let mut options = options.clone();
        if let Some(group) = group {
            options = options.with("group", group);
        }
        self.get(&job_path(id, "/why"), &options).await
    }

    /// Makes the scheduler look at a job again.
    pub async fn evaluate_job(&self, id: &str, options: &Options) -> Result<RegisterResponse> {
        let request: BTreeMap<&str, &str> = BTreeMap::from([("JobID", id)]);
        self.put(&job_path(id, "/evaluate"), options, &request).await
    }
}

/// Deployments, and versions of jobs.
impl Api {
    /// Lists deployments.
    pub async fn deployments(&self, options: &Options) -> Result<Vec<Deployment>> {
        self.get("/v1/deployments", options).await
    }

    /// Returns a deployment.
    pub async fn deployment(&self, id: &str, options: &Options) -> Result<Deployment> {
        self.get(&format!("/v1/deployment/{}", encode_segment(id)), options).await
    }

    /// Lists the allocations of a deployment.
    pub async fn deployment_allocations(&self, id: &str, options: &Options) -> Result<Vec<AllocStub>> {
        self.get(&deployment_path("allocations", id), options).await
    }

    /// Promotes the canaries of `groups`, of all groups when none is named.
    pub async fn promote_deployment(
        &self,
        id: &str,
        groups: &[String],
        options: &Options,
    ) -> Result<DeploymentUpdateResponse> {
        let (deployment_id, groups) = (id.to_owned(), groups.to_vec());
        let request = PromoteRequest { deployment_id, all: groups.is_empty(), groups };
        self.put(&deployment_path("promote", id), options, &request).await
    }

    /// Makes a deployment fail.
    pub async fn fail_deployment(&self, id: &str, options: &Options) -> Result<DeploymentUpdateResponse> {
        let request: BTreeMap<&str, &str> = BTreeMap::from([("DeploymentID", id)]);
        self.put(&deployment_path("fail", id), options, &request).await
    }

    /// Lets a deployment wait, or go on.
    pub async fn pause_deployment(
        &self,
        id: &str,
        pause: bool,
        options: &Options,
    ) -> Result<DeploymentUpdateResponse> {
        let request = PauseRequest { deployment_id: id.to_owned(), pause };
        self.put(&deployment_path("pause", id), options, &request).await
    }

    /// Returns the newest deployment of a job.
    pub async fn job_deployment(&self, id: &str, options: &Options) -> Result<Option<Deployment>> {
        self.get(&job_path(id, "/deployment"), options).await
    }

    /// Lists the deployments of a job; with `all` those of earlier jobs of that name as well.
    pub async fn job_deployments(&self, id: &str, all: bool, options: &Options) -> Result<Vec<Deployment>> {
        let options = options.clone().with("all", all.to_string());
        self.get(&job_path(id, "/deployments"), &options).await
    }

    /// Submits an older version of a job anew.
    pub async fn revert_job(
        &self,
        id: &str,
        version: u64,
        enforce_prior: Option<u64>,
        options: &Options,
    ) -> Result<RegisterResponse> {
        let request = RevertRequest {
            job_id: id.to_owned(),
            job_version: Some(version),
            enforce_prior_version: enforce_prior,
        };
        self.put(&job_path(id, "/revert"), options, &request).await
    }
}

/// Nodes.
impl Api {
    /// Lists nodes.
    pub async fn nodes(&self, options: &Options) -> Result<Vec<NodeStub>> {
        self.get("/v1/nodes", options).await
    }

    /// Returns a node in full.
    pub async fn node(&self, id: &str, options: &Options) -> Result<Node> {
        self.get(&format!("/v1/node/{}", encode_segment(id)), options).await
    }

    /// Returns a node's allocations in full.
    pub async fn node_allocations(&self, id: &str, options: &Options) -> Result<Vec<Allocation>> {
        self.get(&format!("/v1/node/{}/allocations", encode_segment(id)), options).await
    }

    /// Asks what would follow if nodes were drained or lost.
    pub async fn plan_nodes(&self, request: &NodePlanRequest, options: &Options) -> Result<NodePlanResponse> {
        self.put("/v1/nodes/plan", options, request).await
    }

    /// Says whether new allocations may go to a node.
    pub async fn set_eligibility(
        &self,
        id: &str,
        eligible: bool,
        options: &Options,
    ) -> Result<NodeUpdateResponse> {
        let eligibility = if eligible { "eligible" } else { "ineligible" };
        let request = EligibilityRequest { node_id: id.to_owned(), eligibility: eligibility.to_owned() };
        self.put(&format!("/v1/node/{}/eligibility", encode_segment(id)), options, &request).await
    }

    /// Makes the scheduler look again at the jobs of a node.
    pub async fn evaluate_node(&self, id: &str, options: &Options) -> Result<NodeUpdateResponse> {
        self.put_text(&format!("/v1/node/{}/evaluate", encode_segment(id)), options, Vec::new()).await
    }
}

/// Allocations and evaluations.
impl Api {
    /// Lists allocations.
    pub async fn allocations(&self, options: &Options) -> Result<Vec<AllocStub>> {
        self.get("/v1/allocations", options).await
    }

    /// Returns an allocation in full.
    pub async fn allocation(&self, id: &str, options: &Options) -> Result<Allocation> {
        self.get(&format!("/v1/allocation/{}", encode_segment(id)), options).await
    }

    /// Lists evaluations.
    pub async fn evaluations(&self, options: &Options) -> Result<Vec<Evaluation>> {
        self.get("/v1/evaluations", options).await
    }

    /// Returns an evaluation, with its related ones if `related`.
    pub async fn evaluation(&self, id: &str, related: bool, options: &Options) -> Result<Evaluation> {
        let options = if related { options.clone().with("related", "true") } else { options.clone() };
        self.get(&format!("/v1/evaluation/{}", encode_segment(id)), &options).await
    }

    /// Lists the allocations an evaluation placed.
    pub async fn evaluation_allocations(&self, id: &str, options: &Options) -> Result<Vec<AllocStub>> {
        self.get(&format!("/v1/evaluation/{}/allocations", encode_segment(id)), options).await
    }

    /// Returns a task's output so far; `stream` is `stdout` or `stderr`.
    ///
    /// With `tail_bytes` only the end of it.
    pub async fn logs(
        &self,
        alloc_id: &str,
        task: &str,
        stream: &str,
        tail_bytes: Option<u64>,
        options: &Options,
    ) -> std::result::Result<bytes::Bytes, ClientError> {
        let mut options = options.clone().with("task", task).with("type", stream).with("plain", "true");
        if let Some(bytes) = tail_bytes {
            options = options.with("origin", "end").with("offset", bytes.to_string());
        }
        self.get_bytes(&format!("/v1/client/fs/logs/{}", encode_segment(alloc_id)), &options).await
    }
}

/// Agents and the cluster as a whole.
impl Api {
    /// Returns the leader's RPC address, empty when there is none.
    pub async fn leader(&self, options: &Options) -> Result<String> {
        self.get("/v1/status/leader", options).await
    }

    /// Returns the RPC addresses of all servers.
    pub async fn peers(&self, options: &Options) -> Result<Vec<String>> {
        self.get("/v1/status/peers", options).await
    }

    /// Returns all regions.
    pub async fn regions(&self) -> Result<Vec<String>> {
        self.get("/v1/regions", &Options::default()).await
    }

    /// Asks the agent about itself.
    pub async fn agent_self(&self) -> Result<AgentSelf> {
        self.get("/v1/agent/self", &Options::default()).await
    }

    /// Asks the agent whether it is well; an agent that is not answers with status 500.
    pub async fn agent_health(&self) -> Result<AgentHealth> {
        self.get("/v1/agent/health", &Options::default()).await
    }

    /// Lists the servers and whether they are alive.
    pub async fn members(&self) -> Result<Members> {
        self.get("/v1/agent/members", &Options::default()).await
    }

    /// Returns the RPC addresses the agent's client knows.
    pub async fn agent_servers(&self) -> Result<Vec<String>> {
        self.get("/v1/agent/servers", &Options::default()).await
    }

    /// Returns the servers of the log.
    pub async fn raft_configuration(&self, options: &Options) -> Result<RaftConfiguration> {
        self.get("/v1/operator/raft/configuration", options).await
    }

    /// Returns the agent's numbers.
    pub async fn metrics(&self) -> Result<Metrics> {
        self.get("/v1/metrics", &Options::default()).await
    }

    /// Looks for ids by their beginning; `context` is `jobs`, `evals`, `allocs`, `nodes` or `all`.
    pub async fn search(&self, prefix: &str, context: &str, options: &Options) -> Result<SearchResponse> {
        let request = SearchRequest { prefix: prefix.to_owned(), context: context.to_owned() };
        self.put("/v1/search", options, &request).await
    }
}

fn job_path(id: &str, suffix: &str) -> String {
    format!("/v1/job/{}{suffix}", encode_segment(id))
}

fn deployment_path(verb: &str, id: &str) -> String {
    format!("/v1/deployment/{verb}/{}", encode_segment(id))
}
