//! What the public port answers: the page, the listing of rooms, the door to WebSockets.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use fracas_shared::message::RoomInfo;
use serde::Serialize;
use serde_json::Value;

use super::listener::Accepted;
use super::upgrade::{self, OnUpgrade};

const PAGE: &str = include_str!("../../../assets/web/index.html");
/// The page asks nobody but this server.
const PAGE_POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What there is to list. Asked by anyone at any time: an answer must be quick.
pub trait Lobby: Send + Sync {
    /// Rooms of a game or of all, the oldest first, without the first `skip`: at most
    /// [`ROOMS_PER_LISTING_MAX`](fracas_shared::limits::ROOMS_PER_LISTING_MAX); and how many there
    /// are in all.
    fn rooms(&self, game: Option<&str>, skip: usize) -> (Vec<RoomInfo>, usize);

    /// The ids of the games hosted here.
    fn games(&self) -> Vec<String>;
}

/// A request that failed: the status, and a JSON object with a `code` for programs and a
/// `message` for people.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
    closes: bool,
}

#[derive(Debug, Serialize)]
struct ProblemBody {
    code: &'static str,
    message: String,
}

impl Problem {
    /// The connection goes on.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, body: ProblemBody { code, message: message.into() }, closes: false }
    }

    /// The connection ends with this answer.
    pub fn closing(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { closes: true, ..Self::new(status, code, message) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The router of the public port.
pub fn router(lobby: Arc<dyn Lobby>, on_upgrade: OnUpgrade) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/rooms", get(rooms).with_state(lobby))
        .route("/ws", get(websocket).with_state(on_upgrade))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn page() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-cache"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(PAGE))
}

async fn websocket(
    State(on_upgrade): State<OnUpgrade>,
    Extension(accepted): Extension<Accepted>,
    request: Request,
) -> Response {
    upgrade::answer(request, accepted, on_upgrade)
}

async fn not_found(uri: Uri) -> Problem {
    let message = format!("there is no {}; there are /, /rooms and /ws", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "only GET is answered here")
}

#[derive(Serialize)]
struct Listing {
    games: Vec<String>,
    rooms: Vec<ListedRoom>,
    total: usize,
}

#[derive(Serialize)]
struct ListedRoom {
    room: String,
    game: String,
    players: u16,
    bots: u16,
    seats: u16,
    tick_hz: u16,
    metadata: Value,
}

impl From<RoomInfo> for ListedRoom {
    fn from(room: RoomInfo) -> Self {
        let RoomInfo { room, game, players, bots, seats, tick_hz, metadata } = room;
        let metadata = serde_json::from_str(&metadata).unwrap_or_default();
        Self { room, game, players, bots, seats, tick_hz, metadata }
    }
}

async fn rooms(
    State(lobby): State<Arc<dyn Lobby>>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let (mut game, mut skip) = (None, 0);
    for (key, value) in
        query.iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='))
    {
        match key {
            // An id is a plain word: one with escapes in it is the id of no game.
            "game" => game = Some(value),
            "skip" => {
                skip = value.parse().map_err(|_| {
                    let message = "`skip` is the number of rooms to pass over, such as /rooms?skip=100";
                    Problem::new(StatusCode::BAD_REQUEST, "bad_query", message)
                })?;
            }
            _ => {}
        }
    }
    let (rooms, total) = lobby.rooms(game, skip);
    let rooms = rooms.into_iter().map(ListedRoom::from).collect();
    Ok(([(CACHE_CONTROL, "no-store")], Json(Listing { games: lobby.games(), rooms, total })))
}
