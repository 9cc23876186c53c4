//! What the public port answers: the page, the listing of rooms, the door to WebSockets.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::StringRejection;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use fracas_shared::Refusal;
use fracas_shared::limits::OPTIONS_BYTES_MAX;
use fracas_shared::message::{RoomInfo, RoomWanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::listener::Accepted;
use super::pages;
use super::upgrade::{self, OnUpgrade};

/// What there is to list. Asked by anyone at any time: an answer must be quick.
pub trait Lobby: Send + Sync {
    /// Rooms of a game or of all, the oldest first, without the first `skip`: at most
    /// [`ROOMS_PER_LISTING_MAX`](fracas_shared::limits::ROOMS_PER_LISTING_MAX); and how many there
    /// are in all.
    fn rooms(&self, game: Option<&str>, skip: usize) -> (Vec<RoomInfo>, usize);

    /// The ids of the games hosted here.
    fn games(&self) -> Vec<String>;

    /// Keeps a seat for [`TICKET_TIME_MAX_S`](fracas_shared::limits::TICKET_TIME_MAX_S).
    fn reserve(&self, wanted: RoomWanted) -> Result<SeatReservation, Refusal>;
}

/// A seat that is kept for whoever has the ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatReservation {
    /// The room's id.
    pub room: String,
    /// The game's id.
    pub game: &'static str,
    /// What takes the seat, once.
    pub ticket: String,
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
    code: Cow<'static, str>,
    message: String,
}

impl Problem {
    /// The connection goes on.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, body: ProblemBody { code: code.into(), message: message.into() }, closes: false }
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

/// The router of the public port. `cors` says which other sites' pages may ask.
pub fn router(lobby: Arc<dyn Lobby>, on_upgrade: OnUpgrade, cors: CorsLayer) -> Router {
    let lobby = Router::new()
        .route("/rooms", get(rooms))
        .route("/matchmake/{method}/{name}", post(matchmake))
        .layer(DefaultBodyLimit::max(OPTIONS_BYTES_MAX))
        .layer(cors)
        .with_state(lobby);
    Router::new()
        .merge(lobby)
        .route("/ws", get(websocket).with_state(on_upgrade))
        .fallback(page)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn websocket(
    State(on_upgrade): State<OnUpgrade>,
    Extension(accepted): Extension<Accepted>,
    request: Request,
) -> Response {
    upgrade::answer(request, accepted, on_upgrade)
}

/// What no route answers: a page, or nothing.
async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    if method != Method::GET && method != Method::HEAD {
        return Err(method_not_allowed().await);
    }
    pages::page(&uri, &headers).ok_or_else(|| {
        let message = format!("there is no {}; there are /, /rooms, /matchmake and /ws", uri.path());
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
    })
}

async fn method_not_allowed() -> Problem {
    let message = "only GET is answered here, and POST at /matchmake";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// The origins of a setting such as `https://a.example, https://b.example`; `*` is every origin,
/// nothing is none but the server's own.
///
/// # Errors
/// The origin that is none.
pub fn cors_layer(origins: &str) -> Result<CorsLayer, String> {
    let layer = CorsLayer::new().allow_methods([Method::GET, Method::POST]).allow_headers([CONTENT_TYPE]);
    if origins.trim() == "*" {
        return Ok(layer.allow_origin(AllowOrigin::any()));
    }
    let origin = |origin: &str| {
        let is_origin = origin
            .split_once("://")
            .is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && !host.contains('/'));
        let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
        value.ok_or_else(|| format!("`{origin}` is no origin such as https://play.example, nor `*`"))
    };
    let origins = origins.split(',').map(str::trim).filter(|text| !text.is_empty());
    Ok(layer.allow_origin(AllowOrigin::list(origins.map(origin).collect::<Result<Vec<_>, _>>()?)))
}

#[derive(Serialize)]
struct Matchmade {
    room: String,
    game: &'static str,
    ticket: String,
    /// Where to open the WebSocket.
    address: String,
}

async fn matchmake(
    State(lobby): State<Arc<dyn Lobby>>,
    Path((method, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Result<impl IntoResponse, Problem> {
    let options = body.map_err(|rejection| {
        Problem::new(rejection.status(), "bad_body", format!("the room's options: {}", rejection.body_text()))
    })?;
    let wanted = match method.as_str() {
        "joinOrCreate" => RoomWanted::JoinOrCreate { game: name, options },
        "create" => RoomWanted::Create { game: name, options },
        "join" => RoomWanted::Join { game: name },
        "joinById" => RoomWanted::ById { room: name, password: password_in(&options)? },
        _ => {
            let message = "there are joinOrCreate, create, join and joinById";
            return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_method", message));
        }
    };
    let SeatReservation { room, game, ticket } = lobby.reserve(wanted)?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let address = format!("ws://{host}/ws");
    Ok(([(CACHE_CONTROL, "no-store")], Json(Matchmade { room, game, ticket, address })))
}

/// The password in the body of a request for one room: `{"password": "..."}`, or nothing.
fn password_in(body: &str) -> Result<String, Problem> {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Credentials {
        #[serde(default)]
        password: String,
    }
    let read = if body.is_empty() { Ok(Credentials::default()) } else { serde_json::from_str(body) };
    read.map(|credentials| credentials.password).map_err(|error| {
        let message = format!("the body is empty or {{\"password\": \"...\"}}: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "bad_body", message)
    })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NoSuchGame(_) | Refusal::NoSuchRoom(_) => StatusCode::NOT_FOUND,
            Refusal::RoomFull(_) | Refusal::SpectatorsFull(_) | Refusal::AlreadyInRoom => {
                StatusCode::CONFLICT
            }
            Refusal::RoomLocked(_)
            | Refusal::WrongPassword(_)
            | Refusal::BannedFrom(_)
            | Refusal::Spectating
            | Refusal::ChatVetoed => StatusCode::FORBIDDEN,
            Refusal::SeatLost => StatusCode::GONE,
            Refusal::TooManyFromAddress(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::BadOption(_) | Refusal::BadName | Refusal::BadTicket | Refusal::BadChat => {
                StatusCode::BAD_REQUEST
            }
            Refusal::TooManyRooms | Refusal::Stopping | Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.label(), refusal.to_string())
    }
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
    spectators: u16,
    has_password: bool,
    is_locked: bool,
}

impl From<RoomInfo> for ListedRoom {
    fn from(room: RoomInfo) -> Self {
        let RoomInfo {
            room,
            game,
            players,
            bots,
            seats,
            tick_hz,
            metadata,
            spectators,
            has_password,
            is_locked,
        } = room;
        let metadata = serde_json::from_str(&metadata).unwrap_or_default();
        Self { room, game, players, bots, seats, tick_hz, metadata, spectators, has_password, is_locked }
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
