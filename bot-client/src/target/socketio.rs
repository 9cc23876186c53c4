//! A Socket.IO server, by Engine.IO 4 over a WebSocket alone: a server of ours by its door, or any other one.
//!
//! Which of the two it is, is told before the run begins: a server of ours takes the subprotocol of ours at
//! `/ws`, and no other does. What does not within 2 s is another one.
//!
//! On a server of ours a bot asks for a seat as docs/SOCKETIO.md has it, and for the state as JSON, as a front
//! end of Socket.IO has it. It sends inputs drawn at random from the schema that the server tells: the game
//! need not be in this build, and nobody pilots. Each state is an update, by its tick; the time from an input
//! to the first state whose `inputTick` is its stamp is measured, from the planned moment of the input.
//!
//! On any other server a bot asks for nothing but the default namespace, and emits an event `input` with one
//! object: `n`, a number that counts from 0, `s`, the session's number, and `t`, the planned moment in
//! microseconds since the run began. It wants an answer, whose time counts from the planned moment. Every
//! event that comes is an update. Once any bot of a group has got an answer, every input is to have one, in
//! any order: those that never have are missing updates.

mod bot;
mod client;
mod packet;
mod seat;

use std::sync::Arc;
use std::time::Duration;

use fracas_client::{LineProfile, ServerUrl, UrlError, upgraded, upgraded_plain};
use serde_json::{Value, json};
use tokio::time::timeout;

use self::bot::Bot;
use super::plain::Plain;
use super::{Connecting, Players, Target};
use crate::player::Failure;

/// Where Socket.IO is when nothing else is said.
const PATH: &str = "/socket.io/";
/// Where our own protocol is, which is also what an address without a path gets.
const OUR_PATH: &str = "/ws";
/// How long a server may take to show that it is ours.
const OURS_TIME_MAX: Duration = Duration::from_secs(2);

pub(crate) struct SocketIo {
    common: Arc<Common>,
    url: ServerUrl,
}

/// What the bots of a group have in common.
struct Common {
    plain: Plain,
    is_ours: bool,
}

impl SocketIo {
    /// `plain` has the address as it was given.
    pub(crate) fn new(plain: Plain, is_ours: bool) -> Result<Self, UrlError> {
        let mut url = address(&plain.url)?;
        if let Some(token) = &plain.token {
            url = url.with_token(token);
        }
        Ok(Self { common: Arc::new(Common { plain, is_ours }), url })
    }
}

/// Whether there is a server of ours.
pub(crate) async fn is_ours(url: &ServerUrl, token: Option<&str>) -> bool {
    let Ok(mut url) = at_path(url, OUR_PATH) else { return false };
    if let Some(token) = token {
        url = url.with_token(token);
    }
    matches!(timeout(OURS_TIME_MAX, upgraded(&url)).await, Ok(Ok(_)))
}

/// Where Socket.IO is: at the path that was given, if any was.
pub(crate) fn address(url: &ServerUrl) -> Result<ServerUrl, UrlError> {
    let url = url.to_string();
    let (address, query) = url.split_once('?').unwrap_or((&url, ""));
    let address =
        address.strip_suffix(OUR_PATH).map_or_else(|| address.to_owned(), |host| format!("{host}{PATH}"));
    let query = if query.is_empty() { String::new() } else { format!("{query}&") };
    format!("{address}?{query}EIO=4&transport=websocket").parse()
}

fn at_path(url: &ServerUrl, path: &str) -> Result<ServerUrl, UrlError> {
    let host = url.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("ws://{host}:{}{path}", url.port()).parse()
}

impl Target for SocketIo {
    fn connect(&self) -> Connecting {
        let url = self.url.clone();
        Box::pin(async move { upgraded_plain(&url).await.map_err(Failure::from) })
    }

    fn line(&self) -> LineProfile {
        self.common.plain.group.line
    }

    fn players(&self) -> Players {
        let common = self.common.clone();
        Box::new(move |session, now| Box::new(Bot::new(common.clone(), session, now)))
    }
}

impl Common {
    /// What a bot shows when it connects.
    fn auth(&self, name: &str, resume: Option<&str>) -> Value {
        let mut auth = json!({ "name": name });
        if let Some(token) = &self.plain.token {
            auth["token"] = token.as_str().into();
        }
        if self.is_ours {
            auth["state"] = "json".into();
        }
        if let Some(resume) = resume {
            auth["resume"] = resume.into();
        }
        auth
    }

    /// The event by which a bot asks for a seat, and its argument.
    fn request(&self) -> (&'static str, Value) {
        let group = &self.plain.group;
        if let Some(room) = &group.room_id {
            return ("joinById", json!({ "room": room }));
        }
        let mut wanted = json!({ "game": group.game });
        if let Ok(options) = serde_json::from_str::<Value>(&group.room_options) {
            wanted["options"] = options;
        }
        ("join", wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_socketios_unless_another_one_was_given() {
        let check = |url: &str, expected: &str| {
            let address = address(&url.parse().unwrap()).unwrap();
            assert_eq!(address.to_string(), expected);
        };
        let query = "EIO=4&transport=websocket";
        check("localhost:3000", &format!("ws://localhost:3000/socket.io/?{query}"));
        check("http://[::1]", &format!("ws://[::1]:80/socket.io/?{query}"));
        check("ws://a:1?b=c", &format!("ws://a:1/socket.io/?b=c&{query}"));
        check("ws://a:1/games/socket.io/", &format!("ws://a:1/games/socket.io/?{query}"));
        let url = "[::1]:3000/games/".parse().unwrap();
        assert_eq!(at_path(&url, OUR_PATH).unwrap().to_string(), "ws://[::1]:3000/ws");
    }
}
