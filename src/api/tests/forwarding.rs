//! Which agent answers what.

use hyper::Method;

use super::LIMIT;
use super::fixture::{ALLOC, FakeNode, FakeServers, FakeUpstream, JOB, NODE, Running, fill, start};
use crate::api::client::Options;
use crate::api::forward::RpcHandler;
use crate::rpc::messages::HttpRequest;

async fn follower() -> Running {
    let servers = FakeServers::new();
    fill(&servers);
    *servers.leads.lock().unwrap() = Some(false);
    start(Some(servers), None, FakeUpstream::default()).await
}

fn forwarded(running: &Running) -> Vec<String> {
    let requests = std::mem::take(&mut *running.servers.forwarded.lock().unwrap());
    assert!(requests.iter().all(|request| request.to_leader));
    requests.into_iter().map(|request| format!("{} {}", request.method, request.path_and_query)).collect()
}

#[tokio::test]
async fn a_follower_passes_writes_and_consistent_reads_on() {
    let running = follower().await;
    for (method, path, is_passed_on) in [
        ("GET", "/v1/jobs", true),
        ("GET", "/v1/jobs?stale", false),
        ("GET", "/v1/jobs?stale=false", true),
        ("GET", "/v1/operator/raft/configuration", true),
        ("GET", "/v1/operator/raft/configuration?stale", false),
        ("GET", "/v1/status/leader", false),
        ("GET", "/v1/status/peers", false),
        ("GET", "/v1/agent/members", false),
        ("GET", "/v1/agent/self", false),
        ("GET", "/v1/metrics", false),
        ("GET", "/v1/regions", false),
        ("DELETE", "/v1/job/web%2Feu?purge=true", true),
        ("PUT", "/v1/jobs?stale", true),
    ] {
        let method: Method = method.parse().unwrap();
        let raw = running.api.send_raw(method.clone(), path, JOB.into(), LIMIT).await.unwrap();
        assert_eq!(raw.status, 200, "{method} {path}");
        let expected = if is_passed_on { vec![format!("{method} {path}")] } else { Vec::new() };
        assert_eq!(forwarded(&running), expected, "{method} {path}");
        if is_passed_on {
            assert_eq!(
                (&raw.body[..], &raw.headers["x-nomad-index"]),
                (&b"\"from the leader\""[..], &"77".parse().unwrap())
            );
        }
    }
}

#[tokio::test]
async fn without_a_leader_only_stale_reads_are_answered() {
    let running = follower().await;
    *running.servers.leads.lock().unwrap() = None;
    for result in [
        running.api.jobs(&Options::default()).await.map(|_| ()),
        running.api.register_json(JOB, &Options::default()).await.map(|_| ()),
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.status(), error.text()), (Some(500), Some("No cluster leader")));
    }
    let stale = running.api.jobs(&Options::stale()).await.unwrap();
    assert_eq!((stale.value.len(), stale.known_leader), (1, false));
    assert_eq!(running.api.leader(&Options::default()).await.unwrap().value, "");
    let health = running.api.agent_health().await.unwrap_err();
    assert_eq!(health.status(), Some(500));
}

#[tokio::test]
async fn what_was_passed_on_to_a_leader_that_is_none_goes_no_further() {
    let running = follower().await;
    let handler = RpcHandler::new(&running.agent);
    let ask = |to_leader| HttpRequest {
        method: "GET".to_owned(),
        path_and_query: "/v1/jobs".to_owned(),
        body: Vec::new(),
        to_leader,
    };
    let refused = handler.handle(ask(true)).await;
    assert_eq!((refused.status, &refused.body[..]), (500, &b"No cluster leader"[..]));
    assert!(forwarded(&running).is_empty());
    // From an agent that is no server it goes on, once.
    assert_eq!(handler.handle(ask(false)).await.body, b"\"from the leader\"");
    assert_eq!(forwarded(&running), ["GET /v1/jobs"]);
    *running.servers.leads.lock().unwrap() = Some(true);
    let answered = handler.handle(ask(true)).await;
    assert_eq!(answered.status, 200);
    assert!(answered.headers.iter().any(|(name, _)| name == "x-nomad-index"));
}

#[tokio::test]
async fn an_agent_without_server_asks_the_servers_it_knows() {
    let upstream = FakeUpstream::default();
    let folder = tempfile::tempdir().unwrap();
    let node = FakeNode { data_dir: folder.path().to_owned() };
    let running = start(None, Some(node), upstream.clone()).await;
    let asked = || {
        let asked = std::mem::take(&mut *upstream.asked.lock().unwrap());
        assert!(asked.iter().all(|(_, request)| !request.to_leader));
        asked
            .into_iter()
            .map(|(address, request)| format!("{address} {}", request.method))
            .collect::<Vec<_>>()
    };
    let get = |path: &'static str| running.api.send_raw(Method::GET, path, Default::default(), LIMIT);
    assert_eq!(get("/v1/jobs?stale").await.unwrap().body, "\"from a server\"");
    assert_eq!(asked(), ["10.0.0.7:4647 GET"]);

    // A read is tried with the next one; a write may have happened and is not.
    upstream.dead.lock().unwrap().push("10.0.0.7:4647".to_owned());
    assert_eq!(get("/v1/jobs").await.unwrap().status, 200);
    assert_eq!(asked(), ["10.0.0.7:4647 GET", "10.0.0.8:4647 GET"]);
    let error = running.api.register_json(JOB, &Options::default()).await.unwrap_err();
    assert_eq!(error.text(), Some("No cluster leader"));
    assert_eq!(asked(), ["10.0.0.7:4647 PUT"]);

    // What is about the agent is answered by it.
    let about = running.api.agent_self().await.unwrap().value;
    assert_eq!(about.stats["client"]["node_id"], NODE);
    assert_eq!(running.api.agent_servers().await.unwrap().value.len(), 2);
    assert_eq!(asked(), Vec::<String>::new());

    // It is never asked to answer for others.
    let handler = RpcHandler::new(&running.agent);
    let request = HttpRequest {
        method: "GET".to_owned(),
        path_and_query: "/v1/jobs".to_owned(),
        body: Vec::new(),
        to_leader: false,
    };
    assert_eq!(handler.handle(request).await.status, 500);
}

#[tokio::test]
async fn output_is_fetched_from_the_node_that_has_it_and_goes_no_further() {
    // The fixture's node says that its agent is this one, which has no client: a loop if it were not marked.
    let servers = FakeServers::new();
    fill(&servers);
    let running = start(Some(servers), None, FakeUpstream::default()).await;
    let error = running.api.logs(ALLOC, "server", "stdout", None, &Options::default()).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.text().unwrap().contains("does not run the node"), "{error}");
}
