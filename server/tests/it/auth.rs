//! Who may join.

use std::sync::Arc;

use fracas_client::{Client, ServerUrl};
use fracas_server::Config;
use fracas_server::auth::{AuthError, Authenticate, Claims, JoinRequest};
use fracas_server::config::Auth;
use fracas_shared::{CloseCode, Refusal};
use serde_json::Map;
use tokio_tungstenite::tungstenite::Error;

use crate::player::Player;
use crate::probe::{Message, Probe, ProbeGames, by_id, new_room};
use crate::raw::Raw;
use crate::server::{Server, exchange, status};

const SECRET: &str = "correct+horse/battery";

/// Opens a WebSocket and reserves a seat: the status of both, 101 and 200 in one, and the code of the
/// refusal.
pub(crate) async fn join(server: &Server, query: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let opened = Raw::connect_at(server.public, &format!("/ws{query}"), headers).await;
    let opened = match opened {
        Ok(_) => (101, String::new()),
        Err(Error::Http(response)) => {
            let body: serde_json::Value =
                serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
            assert!(body["message"].as_str().is_some_and(|message| message.len() > 20), "{body}");
            if response.status() == 401 {
                assert_eq!(response.headers()["www-authenticate"], "Bearer");
            }
            (response.status().as_u16(), body["code"].as_str().unwrap().to_owned())
        }
        Err(error) => panic!("{error}"),
    };
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let request = format!(
        "POST /matchmake/join/probe{query} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    let reserved = exchange(server.public, &request);
    if opened.0 == 101 {
        assert_eq!(status(&reserved), 200, "{reserved}");
    } else {
        assert_eq!(status(&reserved), opened.0, "{reserved}");
        assert!(reserved.contains(&format!("\"code\":\"{}\"", opened.1)), "{reserved}");
        let counted = server.metric(&format!("fracas_refusals_total{{reason=\"{}\"}}", opened.1));
        assert!(counted >= 2.0, "{} is counted {counted} times", opened.1);
    }
    opened
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn let_in() -> (u16, String) {
    (101, String::new())
}

#[tokio::test]
async fn who_shows_the_secret_may_join() {
    let server = Server::start_of::<ProbeGames>(|config: &mut Config| {
        config.auth = Auth::Secret;
        config.auth_secret = SECRET.into();
    });
    assert_eq!(join(&server, "", &[]).await, refused(401, "token_missing"));
    assert_eq!(join(&server, "?token=", &[]).await, refused(401, "token_missing"));
    assert_eq!(join(&server, "?token=correct-horse", &[]).await, refused(401, "token_invalid"));
    assert_eq!(join(&server, "?token=%ff", &[]).await, refused(401, "token_invalid"));
    let long = format!("?token={}", "x".repeat(9000));
    assert_eq!(join(&server, &long, &[]).await, refused(401, "token_invalid"));
    assert_eq!(join(&server, &format!("?token={SECRET}"), &[]).await, let_in());
    assert_eq!(join(&server, "?token=correct%2Bhorse%2Fbattery", &[]).await, let_in());
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(join(&server, "", &[("Authorization", &bearer)]).await, let_in());
    let wrong = [("Authorization", "Bearer wrong")];
    assert_eq!(join(&server, &format!("?token={SECRET}"), &wrong).await, refused(401, "token_invalid"));
}

#[tokio::test]
async fn the_client_library_shows_its_token() {
    let server = Server::start_of::<ProbeGames>(|config: &mut Config| {
        config.auth = Auth::Secret;
        config.auth_secret = SECRET.into();
    });
    let url: ServerUrl = server.public.to_string().parse().unwrap();
    let connect = async |url: ServerUrl| Client::connect_to(&url, "ann", "test").await.map(drop);
    let error = connect(url.clone()).await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("wants a token"), "{error}");
    let error = connect(url.clone().with_token("wrong-token")).await.unwrap_err().to_string();
    assert!(error.contains("401") && !error.contains("wrong-token"), "{error}");
    connect(url.with_token(SECRET)).await.unwrap();
}

/// Lets in who has a cookie of the session on the same site, by the name in it.
struct Cookies;

impl Authenticate for Cookies {
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        assert!(request.caller.address.is_loopback());
        assert!(["/ws", "/matchmake/join/probe"].contains(&request.uri.path()));
        let cookie = request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok());
        match cookie.and_then(|cookie| cookie.strip_prefix("session=")) {
            Some("ann") => Claims::new(Map::from_iter([("sub".to_owned(), "ann".into())])),
            Some("eve") => Err(AuthError::Denied("for a week".into())),
            Some("nobody") => Err(AuthError::Unavailable),
            Some(_) => Claims::new(Map::from_iter([("sub".to_owned(), "x".repeat(4096).into())])),
            None => Err(AuthError::TokenMissing),
        }
    }
}

/// Lets everyone in, as the account that the token names, 1000 steps ahead.
struct Accounts;

impl Authenticate for Accounts {
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        let account = request.token.ok_or(AuthError::TokenMissing)?;
        let claims = [("sub".to_owned(), account.into()), ("head_start".to_owned(), 1000.into())];
        Claims::new(Map::from_iter(claims))
    }
}

#[tokio::test]
async fn the_rules_and_the_room_know_what_the_hook_vouches_for() {
    let server = Server::start_with_auth::<ProbeGames>(Arc::new(Accounts));
    let url: ServerUrl = server.public.to_string().parse().unwrap();
    let join = async |account: &str, room| {
        let client = Client::connect_to(&url.clone().with_token(account), "player", "test").await.unwrap();
        let mut player = Player::<Probe>::of(client);
        player.enter(room).await.map(|()| player)
    };
    let mut ann = join("ann", new_room("")).await.unwrap();
    let mut bob = join("bob", by_id(ann.room())).await.unwrap();
    let seat = bob.seat();
    let starts_ahead = |ann: &mut Player<Probe>| {
        ann.replica().views().iter().any(|(_, view)| view.player == Some(seat) && view.at >= 1000)
    };
    ann.until("bob's head start", starts_ahead).await;

    // An account is banned, not everyone who shares its address.
    ann.client.send_message(&Message::Ban { player: seat }).await.unwrap();
    assert_eq!(bob.end().await.close_code(), Some(CloseCode::Banned));
    let room = ann.room().to_owned();
    assert_eq!(join("bob", by_id(&room)).await.err(), Some(Refusal::BannedFrom(room.clone())));
    join("cid", by_id(&room)).await.unwrap();
}

#[tokio::test]
async fn a_server_of_ones_own_decides_in_its_own_way() {
    let server = Server::start_with_auth::<ProbeGames>(Arc::new(Cookies));
    let by = async |cookie| join(&server, "", &[("Cookie", cookie)]).await;
    assert_eq!(by("session=ann").await, let_in());
    assert_eq!(by("session=eve").await, refused(403, "join_denied"));
    assert_eq!(by("session=nobody").await, refused(503, "auth_unavailable"));
    assert_eq!(by("session=bob").await, refused(401, "claims_too_long"));
    assert_eq!(join(&server, "", &[]).await, refused(401, "token_missing"));
}
