//! What should never have been sent: a clear refusal, and no connection that hangs.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::fixture::{ADDRESS, JOB, raw, server};
use crate::api::client::Options;
use crate::api::forward::{BODY_BYTES_MAX, BODY_TIMEOUT};
use crate::api::serve::{HEADER_BYTES_MAX, HEADER_TIMEOUT};

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn each_mistake_has_its_status_and_says_what_is_wrong() {
    let running = server().await;
    let no_groups = r#"{"Job": {"ID": "a", "Name": "a", "Datacenters": ["dc1"]}}"#;
    let negative = JOB.replace("\"Count\": 2", "\"Count\": -2");
    let wrong_type = JOB.replace("\"Count\": 2", "\"Count\": [2]");
    let unnamed = JOB.replace("\"ID\": \"web/eu\", \"Name\": \"web\",", "");
    let other_region = JOB.replace("\"Type\":", "\"Region\": \"mars\", \"Type\":");
    let deep = format!("{{\"Job\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let unknown_id = "/v1/node/11111111-1111-1111-1111-111111111111";
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("POST", "/v1/jobs", "", 400, "empty"),
        ("POST", "/v1/jobs", "job \"a\" {}", 400, "not JSON"),
        ("POST", "/v1/jobs", "{\"Job\":", 400, "not JSON"),
        ("POST", "/v1/jobs", "[]", 400, "a list"),
        ("POST", "/v1/jobs", "{}", 400, "Job must be specified"),
        ("POST", "/v1/jobs", "{\"Job\": null}", 400, "Job must be specified"),
        ("POST", "/v1/jobs", "{\"Job\": 7}", 400, "Job must be an object"),
        ("POST", "/v1/jobs", &deep, 400, "not JSON"),
        ("POST", "/v1/jobs", no_groups, 400, "group"),
        ("POST", "/v1/jobs", &negative, 400, "Job.TaskGroups[0].Count"),
        ("POST", "/v1/jobs", &wrong_type, 400, "Job.TaskGroups[0].Count"),
        ("POST", "/v1/jobs", &unnamed, 400, "ID"),
        ("POST", "/v1/jobs", &other_region, 400, "region"),
        ("POST", "/v1/job/another", JOB, 400, "Job ID does not match name"),
        ("GET", "/v1/job/missing", "", 404, "job not found"),
        ("GET", "/v1/job/a/b%2Fc/summary", "", 404, "job not found"),
        ("GET", "/v1/job/missing/versions", "", 404, "job not found"),
        ("GET", "/v1/job/missing/deployment", "", 404, "job not found"),
        ("GET", "/v1/deployment/7", "", 404, "deployment not found"),
        ("GET", "/v1/deployment/allocations/7", "", 404, "deployment not found"),
        (
            "PUT",
            "/v1/deployment/fail/11111111-2222-3333-4444-555555555555",
            "{}",
            404,
            "deployment not found",
        ),
        ("PUT", "/v1/deployment/promote/7", "{}", 404, "deployment not found"),
        (
            "POST",
            "/v1/deployment/pause/7",
            "{\"DeploymentID\": \"8\"}",
            400,
            "Deployment ID does not match path",
        ),
        ("GET", "/v1/deployment/pause/7", "", 405, "Invalid method"),
        (
            "PUT",
            "/v1/job/web/revert",
            "{\"JobID\": \"other\", \"JobVersion\": 1}",
            400,
            "Job ID does not match name",
        ),
        ("PUT", "/v1/job/web/stable", "{}", 400, "JobVersion is missing: which version is meant?"),
        ("DELETE", "/v1/job/missing", "", 404, "job not found"),
        ("DELETE", "/v1/job/web/eu?purge=perhaps", "", 400, "purge"),
        ("PATCH", "/v1/job/web/eu", "", 405, "Invalid method"),
        ("GET", "/v1/job/web/eu/evaluate", "", 405, "Invalid method"),
        ("DELETE", "/v1/jobs", "", 405, "Invalid method"),
        ("BREW", "/v1/nodes", "", 405, "Invalid method"),
        ("PUT", "/v1/job/web/eu/plan", "{}", 400, "Job must be specified"),
        ("PUT", "/v1/job/another/plan", JOB, 400, "Job ID does not match name"),
        ("GET", "/v1/job/web/eu/plan", "", 405, "Invalid method"),
        ("GET", "/v1/job/missing/why", "", 404, "job not found"),
        ("GET", "/v1/job/web/eu/why?group=nope", "", 404, "it has app"),
        ("PUT", "/v1/nodes/plan", "{}", 400, "no nodes are named"),
        ("PUT", "/v1/nodes/plan", "{\"Drain\": [\"e1\"]}", 400, "whole id"),
        ("PUT", "/v1/job/web/eu/scale", "{}", 400, "Count"),
        ("PUT", "/v1/job/web/eu/scale", "{\"Count\": -1, \"Target\": {\"Group\": \"app\"}}", 400, "Count"),
        ("PUT", "/v1/job/web/eu/scale", "{\"Count\": 1}", 400, "Target.Group"),
        ("PUT", "/v1/job/web/eu/scale", "{\"Count\": \"many\"}", 400, "wrong value"),
        ("GET", "/v1/node/nonsense", "", 404, "node not found"),
        ("GET", unknown_id, "", 404, "node not found"),
        ("PUT", "/v1/node/nonsense/eligibility", "{\"Eligibility\": \"perhaps\"}", 400, "eligible"),
        ("GET", "/v1/allocation/aaaaaaaa", "", 404, "alloc not found"),
        ("GET", "/v1/evaluation/eeeeeeee", "", 404, "eval not found"),
        ("GET", "/v1/jobs?index=soon", "", 400, "Invalid index"),
        ("GET", "/v1/jobs?wait=5", "", 400, "Invalid wait time"),
        ("GET", "/v1/jobs?stale=perhaps", "", 400, "stale"),
        ("GET", "/v1/jobs?region=mars", "", 500, "No path to region"),
        ("GET", "/v1/jobs/", "", 404, "no such route"),
        ("GET", "/v1/nonsense", "", 404, "no such route"),
        ("GET", "/nonsense", "", 404, "no such route"),
        ("GET", "/v1/job/%FF", "", 400, ""),
        ("PUT", "/v1/jobs/parse", "{\"JobHCL\": \"\"}", 400, "JobHCL"),
        ("PUT", "/v1/jobs/parse", "{\"JobHCL\": \"job {\"}", 400, "input.hcl"),
        ("PUT", "/v1/jobs/parse", "{\"JobHCL\": \"a = 1\", \"Variables\": \"x = 1\"}", 400, "input.vars"),
        ("PUT", "/v1/jobs/parse", "{\"JobHCL\": \"a = file(1)\"}", 400, "not allowed"),
        ("PUT", "/v1/jobs/parse", "{\"JobHCL\": 7}", 400, "wrong value"),
        ("GET", "/v1/jobs/parse", "", 405, "Invalid method"),
        ("POST", "/v1/validate/job", "{}", 400, "Job must be specified"),
        ("POST", "/v1/validate/job", "{\"Job\": []}", 400, "Job must be an object"),
        ("PUT", "/v1/search", "{\"Context\": \"everything\"}", 400, "context must be one of"),
        ("GET", "/v1/client/fs/logs/x", "", 404, "alloc not found"),
    ];
    for (method, path, body, status, text) in cases {
        let answer = raw(&running, &request(method, path, body)).await;
        let shown: String = body.chars().take(80).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {shown}: {answer}");
        assert!(answer.contains(text), "{method} {path} {shown}: {answer}");
        assert!(answer.contains("content-type: text/plain"), "{method} {path} {shown}: {answer}");
    }
    assert_eq!(running.api.jobs(&Options::default()).await.unwrap().value.len(), 1, "nothing was taken in");
}

#[tokio::test]
async fn root_leads_to_the_browser_interface() {
    let running = server().await;
    let answer = raw(&running, &request("GET", "/", "")).await;
    assert!(answer.starts_with("HTTP/1.1 307 ") && answer.contains("location: /ui/"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_or_too_large_is_refused() {
    let running = server().await;
    let answer = raw(&running, b"\x16\x03\x01 hello\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let huge = format!("GET /v1/jobs HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(2 * HEADER_BYTES_MAX));
    let answer = raw(&running, huge.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let length = BODY_BYTES_MAX + 1;
    let declared = format!("POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{{");
    let answer = raw(&running, declared.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut chunked = b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..11 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend(std::iter::repeat_n(b' ', 0x10_0000));
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = raw(&running, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn half_a_request_ends_by_itself() {
    let running = server().await;
    for (sent, most, answered) in [
        ("", HEADER_TIMEOUT, ""),
        ("GET /v1/jo", HEADER_TIMEOUT, ""),
        ("GET /v1/jobs HTTP/1.1\r\nhost: x\r\n", HEADER_TIMEOUT, ""),
        (
            "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{\"Job\"",
            BODY_TIMEOUT,
            "HTTP/1.1 408 ",
        ),
    ] {
        let began = Instant::now();
        let answer = raw(&running, sent.as_bytes()).await;
        assert!(answer.starts_with(answered), "{sent:?}: {answer}");
        assert!(began.elapsed() <= most + Duration::from_secs(1), "{sent:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_the_answer_is_given_up() {
    let running = server().await;
    let mut stream = running.env.net.connect(ADDRESS, Duration::from_secs(1)).await.unwrap();
    // Many answers fill what the connection can hold; nothing of them is read.
    let many = "GET /v1/nodes HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500);
    let wrote = tokio::time::timeout(Duration::from_secs(120), stream.write_all(many.as_bytes())).await;
    drop(wrote);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 500 * 200, "{} bytes", rest.len());
}
