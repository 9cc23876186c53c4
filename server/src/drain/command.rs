//! `fracas-server drain`: asks a running server to be drained, and looks on.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::{Body, to_bytes};
use clap::Args;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use super::DrainStatus;
use crate::config::{DRAIN_DEADLINE_S, Secret};

/// How often the server is asked how far it is.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// A server that takes longer to answer does not.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// No answer of the admin port to this is longer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const NOTES: &str = "\
The address and the token are those of the server: the settings `admin_listen` and `admin_token`, by file, flag before \
`drain`, or environment. Without a token SIGUSR1 does the same on the same machine: `kill -USR1 PID`.

Exit code: 0 when the server has ended, or with --no-wait has been told; 1 when it cannot be told.";

/// How a server is to be drained.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = NOTES)]
pub struct DrainOptions {
    /// Seconds that those who play may play on; without it, as the server's `drain_deadline_s` says.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(
        i64::from(*DRAIN_DEADLINE_S.start())..=i64::from(*DRAIN_DEADLINE_S.end())))]
    within: Option<u32>,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
}

/// Asks the server whose admin port is there to be drained, and says how far that is until it has ended.
pub(crate) async fn drain(
    options: &DrainOptions,
    admin: Option<SocketAddr>,
    token: &Secret,
    out: &mut (impl Write + Send),
) -> Result<()> {
    let Some(admin) = admin.map(reachable) else {
        bail!("setting `admin_listen`: it is off, and the server is told there; SIGUSR1 drains it, too");
    };
    let wish = options.within.map(|seconds| json!({ "within_s": seconds }).to_string()).unwrap_or_default();
    let told = ask(admin, token, Method::POST, wish).await;
    let mut status = told.with_context(|| format!("the server at {admin} cannot be told to drain"))?;
    loop {
        let DrainStatus { left_s, rooms, players, .. } = status;
        let left_s = left_s.unwrap_or_default();
        let (players, rooms) = (counted(players, "player"), counted(rooms, "room"));
        writeln!(out, "draining: {players} in {rooms}, at most {left_s} s more")?;
        if options.no_wait {
            return Ok(());
        }
        let before = status;
        while (status.rooms, status.players) == (before.rooms, before.players) {
            sleep(ASK_INTERVAL).await;
            match ask(admin, token, Method::GET, String::new()).await {
                Ok(now) if now.is_draining => status = now,
                // It is there, and has too much to do.
                Err(error) if error.is::<Elapsed>() => {}
                // It was there before: it stops, or has stopped.
                _ => {
                    writeln!(out, "drained: the server has ended")?;
                    return Ok(());
                }
            }
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Where a server that listens on all addresses of a machine is reached on it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

async fn ask(admin: SocketAddr, token: &Secret, method: Method, body: String) -> Result<DrainStatus> {
    timeout(ANSWER_TIME_MAX, asked(admin, token, method, body)).await.context("it does not answer")?
}

async fn asked(admin: SocketAddr, token: &Secret, method: Method, body: String) -> Result<DrainStatus> {
    let stream = TcpStream::connect(admin).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri("/admin/drain")
        .header(HOST, admin.to_string())
        .header(CONTENT_TYPE, "application/json");
    if token.is_set() {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let answer = sender.send_request(request.body(Body::from(body))?).await?;
    let status = answer.status();
    let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await?;
    if !status.is_success() {
        bail!("{}", problem(status, &body));
    }
    Ok(serde_json::from_slice(&body)?)
}

/// What an answer says that is no success.
fn problem(status: StatusCode, body: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(body).ok();
    let message = said.as_ref().and_then(|said| said["message"].as_str());
    message.map_or_else(
        || format!("it answers {status}: is it the admin port of a Fracas server?"),
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_machine() {
        let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:3001"), "127.0.0.1:3001");
        assert_eq!(reached("[::]:3001"), "[::1]:3001");
        assert_eq!(reached("10.1.2.3:3001"), "10.1.2.3:3001");
    }

    #[test]
    fn what_is_no_admin_port_is_said() {
        assert!(problem(StatusCode::NOT_FOUND, b"no page").contains("404 Not Found: is it the admin port"));
        assert_eq!(problem(StatusCode::FORBIDDEN, br#"{"code":"x","message":"set a token"}"#), "set a token");
    }
}
