//! From an HTTP request to a WebSocket: the server's half of RFC 6455's opening handshake.
//!
//! It hands on the stream below HTTP. One of the files that may name tungstenite.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use fracas_shared::message::SUBPROTOCOL;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::{debug, error};

use super::caller::Caller;
use super::door::{Accepted, Place};
use super::entrance::Entrance;
use super::http_stream::HttpStream;
use super::problem::Problem;
use super::transport::Transport;
use crate::auth::Claims;

/// The only version of WebSocket there is.
const WEBSOCKET_VERSION: HeaderValue = HeaderValue::from_static("13");

/// A connection that has become a WebSocket. Nothing of it has been read but `leftover`.
#[derive(Debug)]
pub struct Upgraded {
    /// The connection.
    pub stream: Transport,
    /// What came with the request already: the first bytes to decode.
    pub leftover: Vec<u8>,
    /// Who connected.
    pub caller: Caller,
    /// What is known of who connected.
    pub claims: Claims,
    /// Whether the client speaks our version of the protocol. One of another version is to be told
    /// so by a close code, which is all that a browser shows to its page.
    pub is_our_version: bool,
    /// The connection's place among all; to be held for as long as it lives.
    pub place: Place,
}

/// What is done with a new WebSocket. It must not block: it is called on the reactor.
pub type OnUpgrade = Arc<dyn Fn(Upgraded) + Send + Sync>;

/// What a client must offer to speak on its WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocols {
    /// The protocol of this server, in any version.
    Ours,
    /// Nothing: what it offers is not looked at.
    Any,
}

/// Answers a request for a WebSocket. After a 101, `on_upgrade` gets the connection.
pub fn answer(
    mut request: Request,
    accepted: Accepted,
    entrance: &Entrance,
    wanted: Subprotocols,
    on_upgrade: OnUpgrade,
) -> Response {
    let admitted = check(&request).and_then(|key| {
        let subprotocol = match wanted {
            Subprotocols::Ours => Some(subprotocol(request.headers())?.to_owned()),
            Subprotocols::Any => None,
        };
        let admitted = entrance.admit_websocket(accepted, request.headers(), request.uri())?;
        Ok((key, subprotocol, admitted))
    });
    let (key, subprotocol, (Accepted { caller, place, .. }, claims)) = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => return refusal(problem),
    };
    let accept = derive_accept_key(key.as_bytes());
    let is_our_version = subprotocol.as_deref() == Some(SUBPROTOCOL);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let peer = caller.peer;
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%peer, %error, "a connection was gone before it was a WebSocket"),
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<HttpStream>>() else {
            return error!(%peer, "a WebSocket came in on something else than this server's transport");
        };
        on_upgrade(Upgraded {
            stream: parts.io.into_inner().into_transport(),
            // A copy: what was read of the request would stay with it.
            leftover: parts.read_buf.to_vec(),
            caller,
            claims,
            is_our_version,
            place,
        });
    });
    let headers = [(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_WEBSOCKET_ACCEPT, &accept)];
    let subprotocol = subprotocol.map(|subprotocol| [(SEC_WEBSOCKET_PROTOCOL, subprotocol)]);
    (StatusCode::SWITCHING_PROTOCOLS, headers, subprotocol, Body::empty()).into_response()
}

/// The request's key, if the request is as RFC 6455, section 4.2.1, wants it.
fn check(request: &Request) -> Result<&HeaderValue, Problem> {
    let headers = request.headers();
    let asks = request.method() == Method::GET
        && request.version() >= Version::HTTP_11
        && has_token(headers, CONNECTION, |token| token.eq_ignore_ascii_case("upgrade"))
        && has_token(headers, UPGRADE, |token| token.eq_ignore_ascii_case("websocket"));
    if !asks {
        let message = "this is where WebSockets are opened; ask with a WebSocket client";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message));
    }
    if headers.get(SEC_WEBSOCKET_VERSION) != Some(&WEBSOCKET_VERSION) {
        let message = "only version 13 of WebSocket is spoken here";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "wrong_websocket_version", message));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next().filter(|key| is_key(key.as_bytes())), keys.next()) else {
        let message = "the header Sec-WebSocket-Key must hold 16 bytes in base64, once";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_websocket_key", message));
    };
    Ok(key)
}

/// Ours when it is offered, else the first one of another version of the protocol.
fn subprotocol(headers: &HeaderMap) -> Result<&str, Problem> {
    let is_version = |token: &&str| {
        token
            .strip_prefix("fracas.")
            .is_some_and(|version| version.parse().is_ok_and(|version: u16| version > 0))
    };
    let offered = || tokens(headers, SEC_WEBSOCKET_PROTOCOL);
    offered().find(|token| *token == SUBPROTOCOL).or_else(|| offered().find(is_version)).ok_or_else(|| {
        let message =
            format!("the client must offer the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol");
        Problem::new(StatusCode::BAD_REQUEST, "no_subprotocol", message)
    })
}

/// A 426 names what would be right, as RFC 9110 and RFC 6455 want it.
fn refusal(problem: Problem) -> Response {
    let mut response = problem.into_response();
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION);
    }
    response
}

/// Whether a header that is a list has such a token.
fn has_token(headers: &HeaderMap, name: HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    tokens(headers, name).any(is_it)
}

/// The tokens of a header that is a list, in one line or in several.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// 16 bytes in base64 are 22 letters and two signs of padding.
fn is_key(key: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(is_letter)
}
