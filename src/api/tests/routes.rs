//! What each route answers.

use hyper::Method;
use serde_json::Value;

use super::fixture::{ALLOC, EVAL, FakeNode, FakeUpstream, JOB, NODE, server, start};
use crate::api::client::Options;

async fn get(running: &super::fixture::Running, path: &str) -> (u16, Value) {
    let raw = running.api.send(Method::GET, path, &Options::default(), Default::default()).await.unwrap();
    let text = String::from_utf8_lossy(&raw.body).into_owned();
    (raw.status, serde_json::from_slice(&raw.body).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn every_read_is_json_with_nomads_headers_and_without_a_date() {
    let running = server().await;
    for path in [
        "/v1/jobs".to_owned(),
        "/v1/job/web%2Feu".to_owned(),
        "/v1/job/web/eu".to_owned(),
        "/v1/job/web/eu/allocations".to_owned(),
        "/v1/job/web%2Feu/evaluations".to_owned(),
        "/v1/job/web/eu/summary".to_owned(),
        "/v1/job/web/eu/versions".to_owned(),
        "/v1/job/web/eu/scale".to_owned(),
        "/v1/job/web/eu/deployment".to_owned(),
        "/v1/job/web/eu/deployments".to_owned(),
        "/v1/deployments".to_owned(),
        "/v1/nodes?resources=true&os=true".to_owned(),
        format!("/v1/node/{NODE}"),
        format!("/v1/node/{NODE}/allocations"),
        "/v1/allocations?resources=true&task_states=false".to_owned(),
        format!("/v1/allocation/{ALLOC}"),
        "/v1/evaluations?job=web/eu&status=pending".to_owned(),
        format!("/v1/evaluation/{EVAL}?related=true"),
        format!("/v1/evaluation/{EVAL}/allocations"),
        "/v1/status/leader".to_owned(),
        "/v1/status/peers".to_owned(),
        "/v1/regions".to_owned(),
        "/v1/agent/self".to_owned(),
        "/v1/agent/health".to_owned(),
        "/v1/agent/members".to_owned(),
        "/v1/agent/servers".to_owned(),
        "/v1/metrics".to_owned(),
        "/v1/operator/raft/configuration".to_owned(),
    ] {
        let raw = running.api.send_raw(Method::GET, &path, Default::default(), super::LIMIT).await.unwrap();
        assert_eq!(raw.status, 200, "{path}: {}", String::from_utf8_lossy(&raw.body));
        assert!(serde_json::from_slice::<Value>(&raw.body).is_ok(), "{path}");
        assert_eq!(raw.headers["content-type"], "application/json", "{path}");
        assert_ne!(raw.headers["x-nomad-index"], "0", "{path}");
        assert_eq!(raw.headers["x-nomad-knownleader"], "true", "{path}");
        assert_eq!(raw.headers["x-nomad-lastcontact"], "0", "{path}");
        assert!(!raw.headers.contains_key("date"), "{path}");
    }
}

#[tokio::test]
async fn the_script_of_2016_finds_address_and_port() {
    let running = server().await;
    let (_, stubs) = get(&running, "/v1/job/web%2Feu/allocations").await;
    assert_eq!(stubs[0]["TaskStates"]["server"]["State"], "running");
    let (_, alloc) = get(&running, &format!("/v1/allocation/{}", stubs[0]["ID"].as_str().unwrap())).await;
    let network = &alloc["TaskResources"]["server"]["Networks"][0];
    assert_eq!((&network["IP"], &network["DynamicPorts"][0]["Value"]), (&"10.0.0.1".into(), &20_123.into()));
    let (_, node) = get(&running, &format!("/v1/node/{NODE}")).await;
    assert_eq!(node["Resources"]["MemoryMB"], 1704);
    assert_eq!((&node["Drain"], &node["SecretID"]), (&false.into(), &"".into()));
}

#[tokio::test]
async fn nulls_and_empty_lists_are_where_nomad_has_them() {
    let running = server().await;
    let (_, job) = get(&running, "/v1/job/web/eu").await;
    for never_null in ["Version", "Type", "Namespace", "Stop", "SubmitTime"] {
        assert!(!job[never_null].is_null(), "{never_null}");
    }
    assert!(job["Meta"].is_null() && job["Periodic"].is_null());
    assert_eq!(job["TaskGroups"][0]["Tasks"][0]["KillTimeout"], 5_000_000_000_i64);
    assert_eq!(get(&running, "/v1/job/web/eu/deployment").await.1, Value::Null);
    for empty in
        ["/v1/job/web/eu/deployments", "/v1/deployments", "/v1/jobs?prefix=nothing", "/v1/nodes?prefix=ff"]
    {
        assert_eq!(get(&running, empty).await, (200, Value::Array(Vec::new())), "{empty}");
    }
    let (_, stubs) = get(&running, "/v1/jobs?prefix=we").await;
    assert_eq!(stubs[0]["JobSummary"]["Summary"]["app"]["Running"], 1);
}

#[tokio::test]
async fn a_job_is_taken_in_changed_and_stopped() {
    let running = server().await;
    let (api, options) = (&running.api, Options::default());
    let text = JOB.replace("web/eu", "other").replace("\"Job\"", "\"job\"");
    let done = api.register_json(&text, &options).await.unwrap();
    assert_eq!(done.value.eval_id, EVAL);
    assert_eq!(done.index, done.value.index);
    let job = api.job("other", &options).await.unwrap();
    assert_eq!(job.value.groups[0].count, 2);

    // What was answered can be submitted again as it is.
    let again = api.register(&job.value, Some(job.value.job_modify_index), &options).await.unwrap();
    let error = api.register(&job.value, Some(again.value.index + 5), &options).await.unwrap_err();
    assert_eq!(error.status(), Some(500));
    assert!(error.text().unwrap().contains("Enforcing job modify index"));

    api.scale("other", "app", 5, "more", &options).await.unwrap();
    assert_eq!(api.scale_status("other", &options).await.unwrap().value.task_groups["app"].desired, 5);
    let error = api.scale("other", "nope", 5, "", &options).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    api.evaluate_job("other", &options).await.unwrap();
    api.deregister("other", false, &options).await.unwrap();
    assert!(api.job("other", &options).await.unwrap().value.stop);
    assert!(api.deregister("missing", true, &options).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_job_lands_in_the_namespace_of_the_query_unless_it_names_one() {
    let running = server().await;
    let elsewhere = Options { namespace: Some("apps".to_owned()), ..Options::default() };
    running.api.register_json(JOB, &elsewhere).await.unwrap();
    assert_eq!(running.api.job("web/eu", &elsewhere).await.unwrap().value.namespace, "apps");
    let all = Options { namespace: Some("*".to_owned()), ..Options::default() };
    assert_eq!(running.api.jobs(&all).await.unwrap().value.len(), 2);
    assert_eq!(running.api.jobs(&Options::default()).await.unwrap().value.len(), 1);
}

#[tokio::test]
async fn job_files_are_read_and_checked() {
    let running = server().await;
    let options = Options::default();
    let text = "job \"a\" {\n  datacenters = [\"dc1\"]\n  group \"g\" {\n    task \"t\" {\n      driver = \"raw_exec\"\n      config {\n        command = \"/bin/true\"\n      }\n    }\n  }\n}\n";
    let job = running.api.parse_job(text, &options).await.unwrap().value;
    assert_eq!((job.id.as_str(), job.groups[0].tasks[0].driver.as_str()), ("a", "raw_exec"));
    let found = running.api.validate_job(&job, &options).await.unwrap().value;
    assert_eq!((found.error.as_str(), found.validation_errors.len()), ("", 0));
    let broken = crate::api::wire::Job { groups: Vec::new(), ..job };
    let found = running.api.validate_job(&broken, &options).await.unwrap().value;
    assert!(!found.validation_errors.is_empty() && !found.error.is_empty());
    let error = running.api.parse_job("job \"a\" {", &options).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
}

#[tokio::test]
async fn nodes_change_and_search_finds() {
    let running = server().await;
    let options = Options::default();
    assert_eq!(running.api.set_eligibility(NODE, false, &options).await.unwrap().value.index, 9);
    assert_eq!(running.api.evaluate_node(NODE, &options).await.unwrap().value.eval_ids, [EVAL]);
    let found = running.api.search("aaaa", "all", &options).await.unwrap().value;
    assert_eq!(found.matches["allocs"].as_deref(), Some(&[ALLOC.to_owned()][..]));
    assert_eq!(found.matches["jobs"], None);
    assert!(!found.truncations["nodes"]);
    assert_eq!(running.api.search("a", "plugins", &options).await.unwrap_err().status(), Some(400));
}

#[tokio::test]
async fn output_is_read_plain_framed_and_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let node = FakeNode { data_dir: folder.path().to_owned() };
    let running = start(None, Some(node), FakeUpstream::default()).await;
    let logs = folder.path().join(ALLOC).join("logs");
    running.env.disk.make_dir(&logs).unwrap();
    running.env.disk.append(&logs.join("server.stdout.0"), b"one\n", false).unwrap();
    running.env.disk.append(&logs.join("server.stdout.1"), b"two\n", false).unwrap();
    let options = Options::default();
    let read = |tail| running.api.logs(ALLOC, "server", "stdout", tail, &options);
    assert_eq!(&read(None).await.unwrap()[..], b"one\ntwo\n");
    assert_eq!(&read(Some(6)).await.unwrap()[..], b"e\ntwo\n");
    let framed = format!("/v1/client/fs/logs/{ALLOC}?task=server&origin=start&offset=4");
    let (status, frame) = get(&running, &framed).await;
    assert_eq!(
        (status, &frame["Data"], &frame["File"]),
        (200, &"dHdvCg==".into(), &"alloc/logs/server.stdout.1".into())
    );
    assert!(running.api.logs(ALLOC, "server", "stderr", None, &options).await.unwrap_err().is_not_found());
    assert!(running.api.logs(ALLOC, "../x", "stdout", None, &options).await.is_err());
    let (status, stats) = get(&running, "/v1/client/stats").await;
    assert_eq!(status, 200);
    assert!(stats["AllocDirStats"]["Size"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn versions_come_with_their_differences_when_asked() {
    let running = server().await;
    let changed = JOB.replace("\"Count\": 2", "\"Count\": 3");
    running.api.register_json(&changed, &Options::default()).await.unwrap();
    let (_, answer) = get(&running, "/v1/job/web/eu/versions").await;
    assert_eq!((answer["Versions"].as_array().unwrap().len(), &answer["Diffs"]), (2, &Value::Null));
    let (_, answer) = get(&running, "/v1/job/web/eu/versions?diffs=true").await;
    assert_eq!(answer["Diffs"].as_array().unwrap().len(), 1);
    let diff = &answer["Diffs"][0];
    assert_eq!((&diff["Type"], &diff["ID"]), (&"Edited".into(), &"web/eu".into()));
    let count = &diff["TaskGroups"][0]["Fields"][0];
    assert_eq!((&count["Name"], &count["Old"], &count["New"]), (&"Count".into(), &"2".into(), &"3".into()));
    let (status, _) = get(&running, "/v1/job/web/eu/versions?diffs=perhaps").await;
    assert_eq!(status, 400);
}

async fn put(running: &super::fixture::Running, path: &str, body: Value) -> (u16, Value) {
    let body = body.to_string().into_bytes();
    let raw = running.api.send(Method::PUT, path, &Options::default(), body.into()).await.unwrap();
    let text = String::from_utf8_lossy(&raw.body).into_owned();
    (raw.status, serde_json::from_slice(&raw.body).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_job_file_becomes_json_as_written_or_filled_in() {
    let running = server().await;
    let hcl = r#"
        variable "n" { default = 1 }
        job "a" {
            group "g" {
                count = var.n
                task "t" { driver = "raw_exec"  config { command = "x" } }
            }
        }"#;
    // Keys in any case, as Go reads them.
    let asked = serde_json::json!({ "jobhcl": hcl, "Variables": "n = 3" });
    let (status, job) = put(&running, "/v1/jobs/parse", asked).await;
    assert_eq!((status, &job["ID"], &job["TaskGroups"][0]["Count"]), (200, &"a".into(), &3.into()));
    assert_eq!((&job["Priority"], &job["Type"]), (&Value::Null, &Value::Null));
    let (_, job) =
        put(&running, "/v1/jobs/parse", serde_json::json!({ "JobHCL": hcl, "Canonicalize": true })).await;
    assert_eq!(
        (&job["TaskGroups"][0]["Count"], &job["Priority"], &job["Type"]),
        (&1.into(), &50.into(), &"service".into())
    );
}

#[tokio::test]
async fn a_job_is_validated_without_being_run() {
    let running = server().await;
    let good: Value = serde_json::from_str(JOB).unwrap();
    let (status, answer) = put(&running, "/v1/validate/job", good.clone()).await;
    assert_eq!((status, &answer["DriverConfigValidated"], &answer["Error"]), (200, &true.into(), &"".into()));
    assert_eq!(answer["ValidationErrors"], Value::Null);
    let mut bad = good;
    bad["Job"]["Priority"] = 1_000.into();
    bad["Job"]["TaskGroups"][0]["Tasks"] = Value::Null;
    let (status, answer) = put(&running, "/v1/validate/job", bad).await;
    assert_eq!(status, 200);
    assert!(!answer["ValidationErrors"].as_array().unwrap().is_empty(), "{answer}");
    assert!(answer["Error"].as_str().unwrap().contains("riority"), "{answer}");
}

#[tokio::test]
async fn a_job_is_planned_and_nothing_is_changed() {
    let running = server().await;
    let (api, options) = (&running.api, Options::default());
    let before = running.servers.store.snapshot().index();
    let mut job = api.job("web/eu", &options).await.unwrap().value;
    job.groups[0].count = 40;
    job.groups[0].tasks[0].resources.networks.clear();
    job.groups[0].constraints.push(crate::model::Constraint {
        left: "${node.class}".to_owned(),
        right: "docker".to_owned(),
        ..Default::default()
    });
    let plan = api.plan_job(&job, true, true, &options).await.unwrap().value;
    let updates = plan.annotations.unwrap().desired_tg_updates["app"];
    assert_eq!(updates.place + updates.in_place_update + updates.destructive_update + updates.ignore, 40);
    assert!(plan.failed_tg_allocs.contains_key("app"), "forty do not fit on one node");
    assert_eq!(plan.job_modify_index, job.job_modify_index);
    let diff = plan.diff.unwrap();
    let count = diff.task_groups[0].fields.iter().find(|field| field.name == "Count").unwrap();
    assert_eq!((count.old.as_str(), count.new.as_str()), ("2", "40"));
    let explanation = &plan.explanations[0];
    assert_eq!(explanation.nodes[0].reasons[0].kind, "capacity");
    assert!(explanation.ways_out[0].text.starts_with("fits on farm-01 if "), "{:?}", explanation.ways_out);
    assert_eq!(running.servers.store.snapshot().index(), before);

    // A job that is not there yet, on a node that it may not use.
    job.id = "other".to_owned();
    job.groups[0].count = 1;
    job.groups[0].constraints[0].right = "system".to_owned();
    let plan = api.plan_job(&job, false, true, &options).await.unwrap().value;
    assert!(plan.diff.is_none() && plan.job_modify_index == 0);
    let reason = &plan.explanations[0].nodes[0].reasons[0];
    assert_eq!(
        (reason.kind.as_str(), reason.owner.as_str(), reason.path.as_str()),
        ("constraint", "group \"app\"", "TaskGroups[0].Constraints[0]")
    );
    assert!(plan.explanations[0].ways_out[0].text.contains("but for the constraint"));
}

#[tokio::test]
async fn what_speaks_against_nodes_and_what_would_follow_from_their_loss_is_told() {
    let running = server().await;
    let (api, options) = (&running.api, Options::default());
    let mut job = api.job("web/eu", &options).await.unwrap().value;
    (job.id, job.node_pool) = ("here".to_owned(), "default".to_owned());
    job.groups[0].tasks[0].resources.networks.clear();
    api.register(&job, None, &options).await.unwrap();
    let why = api.why("here", Some("app"), &options).await.unwrap().value;
    assert!(why[0].nodes[0].fits, "{why:?}");
    assert!(why[0].nodes[0].score.is_some() && why[0].ways_out.is_empty());
    let lost = crate::api::wire::NodePlanRequest { lost: vec![NODE.to_owned()], ..Default::default() };
    let plan = api.plan_nodes(&lost, &options).await.unwrap().value;
    assert_eq!((plan.moves[0].from.as_str(), plan.moves[0].outcome.as_str()), ("farm-01", "no place"));
    assert_eq!((plan.shortfalls[0].before, plan.shortfalls[0].after), (1, 0));
    let missing = NODE.replace('1', "2");
    let lost = crate::api::wire::NodePlanRequest { lost: vec![missing], ..Default::default() };
    assert!(api.plan_nodes(&lost, &options).await.unwrap_err().is_not_found());
    let view = running.servers.store.snapshot();
    assert!(view.nodes().all(|node| node.is_schedulable()), "nothing is changed");
}
