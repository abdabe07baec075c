//! What a declared image or command does when it runs: get ready, answer, exit.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use futures_util::FutureExt;

use super::spec::{ProgramSpec, ServeSpec};
use crate::api::serve;
use crate::env::Env;
use crate::env::process::Exit;
use crate::env::sim::{Program, ProgramContext};
use crate::env::spawn::AbortOnDrop;

/// The exit code of a program that cannot listen where it shall.
const CANNOT_LISTEN: i32 = 1;

/// Makes the program that behaves as declared.
pub(super) fn simulated(spec: ProgramSpec) -> Program {
    Arc::new(move |context| run(spec.clone(), context).boxed())
}

async fn run(spec: ProgramSpec, mut context: ProgramContext) -> Exit {
    tokio::select! {
        biased;
        _ = context.asked_to_stop() => return stopped(&spec).await,
        () = tokio::time::sleep(spec.start) => {}
    }
    let listening = match listen(&spec, &context).await {
        Ok(listening) => listening,
        Err(problem) => {
            context.complain(&problem);
            return Exit { code: CANNOT_LISTEN, signal: 0 };
        }
    };
    if !spec.stdout.is_empty() {
        context.print(spec.stdout.trim_end());
    }
    let ends = async {
        match spec.run_for {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let exit = tokio::select! {
        biased;
        _ = context.asked_to_stop() => stopped(&spec).await,
        () = ends => Exit { code: spec.exit_code, signal: 0 },
    };
    drop(listening);
    exit
}

/// What a program does that is asked to end: it takes its time and ends well.
async fn stopped(spec: &ProgramSpec) -> Exit {
    tokio::time::sleep(spec.stop).await;
    Exit::default()
}

/// Listens on every port that the task's driver has given an address; a port that is not published is not listened on.
async fn listen(spec: &ProgramSpec, context: &ProgramContext) -> Result<Vec<AbortOnDrop>, String> {
    let mut listening = Vec::new();
    for served in &spec.serves {
        let variable = format!("PASTURE_LISTEN_{}", served.port);
        let Some(address) = context.command.env.get(&variable) else { continue };
        let address: SocketAddr = address
            .parse()
            .map_err(|_| format!("{variable} is {address:?}, which is no address to listen on"))?;
        listening.push(answer(&context.env, address, served).await?);
    }
    Ok(listening)
}

async fn answer(env: &Env, address: SocketAddr, served: &ServeSpec) -> Result<AbortOnDrop, String> {
    let listener =
        env.net.bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let status = StatusCode::from_u16(served.status).unwrap_or(StatusCode::OK);
    let body = served.body.clone();
    let router = Router::new().fallback(move || std::future::ready((status, body.clone())));
    Ok(env.spawn("answers", serve(env.clone(), listener, router)).abort_on_drop())
}
