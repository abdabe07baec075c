//! Blocking queries and pages, seen through the client; and what the client makes of trouble.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::fixture::{ADDRESS, FakeServers, FakeUpstream, JOB, server, start};
use crate::api::client::{Api, ClientError, Options, Timeouts};
use crate::model::Evaluation;
use crate::state::Command;

#[tokio::test(start_paused = true)]
async fn a_blocking_query_waits_for_the_change_and_no_longer() {
    let running = server().await;
    let api = running.api.clone();
    let index = api.jobs(&Options::default()).await.unwrap().index;
    let began = Instant::now();
    let waiting =
        async { api.jobs(&Options::default().blocking(index, Duration::from_secs(60))).await.unwrap() };
    let changing = async {
        sleep(Duration::from_secs(7)).await;
        running.api.register_json(&JOB.replace("web/eu", "b"), &Options::default()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(waiting, changing);
    assert_eq!(answer.value.len(), 2);
    assert!(answer.index > index);
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_blocking_query_answers_the_same_again_when_its_wait_is_over() {
    let running = server().await;
    let index = running.api.jobs(&Options::default()).await.unwrap().index;
    let began = Instant::now();
    let options = Options::default().blocking(index, Duration::from_secs(32));
    let answer = running.api.jobs(&options).await.unwrap();
    assert_eq!((answer.index, answer.value.len()), (index, 1));
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(32) && waited <= Duration::from_secs(34), "{waited:?}");
    // A default wait is five minutes, which the client waits for as well.
    let began = Instant::now();
    let forever = Options { index, ..Options::default() };
    running.api.jobs(&forever).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(300));
    // Something older than what is there is answered at once.
    let began = Instant::now();
    running.api.jobs(&Options::default().blocking(index - 1, Duration::from_secs(60))).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_query_for_what_is_not_there_waits_for_it() {
    let running = start(Some(FakeServers::new()), None, FakeUpstream::default()).await;
    let changing = async {
        sleep(Duration::from_secs(3)).await;
        super::fixture::fill(&running.servers);
    };
    let options = Options::default().blocking(1, Duration::from_secs(60));
    let (answer, ()) = tokio::join!(running.api.job("web/eu", &options), changing);
    assert_eq!(answer.unwrap().value.name, "web");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let running = server().await;
    for number in 0..5 {
        let text = JOB.replace("web/eu", &format!("job-{number}"));
        running.api.register_json(&text, &Options::default()).await.unwrap();
    }
    let mut options = Options::default().with("per_page", "4");
    let first = running.api.jobs(&options).await.unwrap();
    let ids: Vec<&str> = first.value.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["job-0", "job-1", "job-2", "job-3"]);
    options = options.with("next_token", first.next_token.unwrap());
    let second = running.api.jobs(&options).await.unwrap();
    let ids: Vec<&str> = second.value.iter().map(|job| job.id.as_str()).collect();
    assert_eq!((ids, second.next_token), (vec!["job-4", "web/eu"], None));
    let reverse =
        running.api.jobs(&Options::default().with("reverse", "true").with("per_page", "1")).await.unwrap();
    assert_eq!((reverse.value[0].id.as_str(), reverse.next_token.as_deref()), ("web/eu", Some("job-4")));
}

#[tokio::test]
async fn related_evaluations_are_found_over_several_steps() {
    let running = server().await;
    let view = running.servers.store.snapshot();
    let first = (**view.evals().next().unwrap()).clone();
    let id = |digit: &str| digit.repeat(8) + "-2222-3333-4444-555555555555";
    let second = Evaluation {
        id: id("d").parse().unwrap(),
        previous_eval: Some(first.id),
        blocked_eval: id("c").parse().ok(),
        ..first.clone()
    };
    let third = Evaluation { id: id("c").parse().unwrap(), previous_eval: Some(second.id), ..first.clone() };
    let first = Evaluation { next_eval: Some(second.id), ..first };
    let own = first.id.to_string();
    running.servers.apply(&Command::EvalUpdate { evals: vec![first, second, third] });
    let answer = running.api.evaluation(&own, true, &Options::default()).await.unwrap().value;
    let related: Vec<String> = answer.related_evals.unwrap().into_iter().map(|eval| eval.id).collect();
    assert_eq!(related, [id("d"), id("c")]);
    assert_eq!(
        running.api.evaluation(&own, false, &Options::default()).await.unwrap().value.related_evals,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_outlives_the_agent_it_talked_to() {
    let running = server().await;
    running.api.jobs(&Options::default()).await.unwrap();
    let (env, agent, servers) = (running.env.clone(), running.agent.clone(), running.servers.clone());
    let api = running.api.clone();
    drop(running);
    // An idle connection ends once its task has heard of it.
    sleep(Duration::from_secs(1)).await;
    let error = timeout(Duration::from_secs(5), api.register_json(JOB, &Options::default())).await.unwrap();
    assert!(error.unwrap_err().is_unreachable());
    let listener = env.net.bind(ADDRESS.parse().unwrap()).await.unwrap();
    let serving = env.spawn("http", crate::api::serve(env.clone(), listener, crate::api::router(agent)));
    let _serving = serving.abort_on_drop();
    api.register_json(&JOB.replace("web/eu", "b"), &Options::default()).await.unwrap();
    assert_eq!(servers.store.snapshot().jobs().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_says_who_did_not_answer() {
    let running = server().await;
    // Somebody listens and never says a word.
    let _silent = running.env.net.bind("10.0.0.9:4646".parse().unwrap()).await.unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(1), request: Duration::from_secs(3) };
    let api = Api::with_timeouts(running.env.clone(), "http://10.0.0.9", timeouts);
    let error = api.job("web/eu", &Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer from 10.0.0.9:4646 to GET /v1/job/web%2Feu within 3s");
    let nobody = Api::new(running.env.clone(), "10.0.0.10:4646");
    let error = nobody.leader(&Options::stale()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }) && error.is_unreachable(), "{error}");
}
