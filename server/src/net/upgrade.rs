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
use bytes::Bytes;
use fracas_shared::message::SUBPROTOCOL;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::{debug, error};

use super::caller::Caller;
use super::door::{Accepted, Place};
use super::entrance::Entrance;
use super::http::Problem;
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
    pub leftover: Bytes,
    /// Who connected.
    pub caller: Caller,
    /// What is known of who connected.
    pub claims: Claims,
    /// The connection's place among all; to be held for as long as it lives.
    pub place: Place,
}

/// What is done with a new WebSocket. It must not block: it is called on the reactor.
pub type OnUpgrade = Arc<dyn Fn(Upgraded) + Send + Sync>;

/// Answers a request for a WebSocket. After a 101, `on_upgrade` gets the connection.
pub fn answer(
    mut request: Request,
    accepted: Accepted,
    entrance: &Entrance,
    on_upgrade: OnUpgrade,
) -> Response {
    let admitted = check(&request).and_then(|key| {
        let admitted = entrance.admit_websocket(accepted, request.headers(), request.uri())?;
        Ok((key, admitted))
    });
    let (key, (Accepted { caller, place, .. }, claims)) = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => return refusal(problem),
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let peer = caller.peer;
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%peer, %error, "a connection was gone before it was a WebSocket"),
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else {
            return error!(%peer, "a WebSocket came in on something else than this server's transport");
        };
        on_upgrade(Upgraded {
            stream: parts.io.into_inner(),
            leftover: parts.read_buf,
            caller,
            claims,
            place,
        });
    });
    let headers = [
        (UPGRADE, "websocket"),
        (CONNECTION, "Upgrade"),
        (SEC_WEBSOCKET_ACCEPT, &accept),
        (SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
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
    if !has_token(headers, SEC_WEBSOCKET_PROTOCOL, |token| token == SUBPROTOCOL) {
        let message =
            format!("the client must offer the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no_subprotocol", message));
    }
    Ok(key)
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

/// Whether a header that is a list, in one line or in several, has such a token.
fn has_token(headers: &HeaderMap, name: HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|token| is_it(token.trim()))
}

/// 16 bytes in base64 are 22 letters and two signs of padding.
fn is_key(key: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(is_letter)
}
