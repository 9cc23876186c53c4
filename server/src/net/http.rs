//! What the public port answers: the page, the listing of rooms, the door to WebSockets.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use fracas_shared::Refusal;
use fracas_shared::limits::LISTING_FILTERS_MAX;
use fracas_shared::message::{RoomInfo, RoomWanted};
use futures_util::future::BoxFuture;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body;
use super::door::Accepted;
use super::entrance::Entrance;
use super::pages::Pages;
use super::problem::Problem;
use super::upgrade::{self, OnUpgrade, Subprotocols};
use crate::address_limits::{AddressHold, Holding};
use crate::room_filter::RoomFilter;

/// What there is to list, and where seats are kept. Asked by anyone at any time.
pub trait Lobby: Send + Sync {
    /// Rooms that the filter shows, the oldest first, without the first `skip`: at most
    /// [`ROOMS_PER_LISTING_MAX`](fracas_shared::limits::ROOMS_PER_LISTING_MAX); and how many there
    /// are in all.
    fn rooms(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomInfo>, usize);

    /// The ids of the games hosted here.
    fn games(&self) -> Vec<String>;

    /// Keeps a seat for [`TICKET_TIME_MAX_S`](fracas_shared::limits::TICKET_TIME_MAX_S), for who
    /// asks from this address. `hold` is dropped when the ticket is used or expires.
    fn reserve(
        &self,
        wanted: RoomWanted,
        address: IpAddr,
        hold: AddressHold,
    ) -> BoxFuture<'_, Result<SeatReservation, Refusal>>;
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

/// The token that a request bears in its head.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The router of the public port.
pub fn router(lobby: Arc<dyn Lobby>, entrance: Entrance, on_upgrade: OnUpgrade) -> Router {
    let lobby = Router::new()
        .route("/rooms", get(rooms))
        .route("/matchmake/{method}/{name}", post(matchmake))
        .route("/matchmake/{method}/", post(matchmake))
        .layer(entrance.origins.cors_layer())
        .layer(Extension(entrance.clone()))
        .with_state(lobby);
    Router::new()
        .merge(lobby)
        .route("/ws", get(websocket).layer(Extension(entrance)).with_state(on_upgrade))
        .fallback(page)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::new(Pages::default()))
}

async fn websocket(
    State(on_upgrade): State<OnUpgrade>,
    Extension(accepted): Extension<Accepted>,
    Extension(entrance): Extension<Entrance>,
    request: Request,
) -> Response {
    upgrade::answer(request, accepted, &entrance, Subprotocols::Ours, on_upgrade)
}

/// What no route answers: a page, or nothing.
async fn page(
    State(pages): State<Arc<Pages>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method != Method::GET && method != Method::HEAD {
        return Err(method_not_allowed().await);
    }
    pages.answer(&uri, &headers).ok_or_else(|| {
        let message = format!("there is no {}; there are /, /rooms, /matchmake and /ws", uri.path());
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
    })
}

async fn method_not_allowed() -> Problem {
    let message = "only GET is answered here, and POST at /matchmake";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

#[derive(Serialize)]
struct Matchmade {
    room: String,
    game: &'static str,
    ticket: String,
    /// Where to open the WebSocket.
    address: String,
}

/// The path below `/matchmake`.
#[derive(Deserialize)]
struct MatchmakePath {
    method: String,
    /// The id of a game or a room; empty when nothing was typed where it should be.
    #[serde(default)]
    name: String,
}

async fn matchmake(
    State(lobby): State<Arc<dyn Lobby>>,
    path: Result<Path<MatchmakePath>, PathRejection>,
    Extension(Accepted { caller, .. }): Extension<Accepted>,
    Extension(entrance): Extension<Entrance>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    entrance.admit(&caller, &headers, &uri)?;
    let Path(MatchmakePath { method, name }) = path.map_err(|rejection| {
        Problem::new(rejection.status(), "bad_path", format!("the path: {}", rejection.body_text()))
    })?;
    let options = body::text(body).await?;
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
    let hold = entrance.addresses.hold(caller.address, Holding::Ticket)?;
    let SeatReservation { room, game, ticket } = lobby.reserve(wanted, caller.address, hold).await?;
    let scheme = if caller.is_tls { "wss" } else { "ws" };
    let address = format!("{scheme}://{}/ws", caller.host().unwrap_or("localhost"));
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

#[derive(Serialize)]
struct Listing {
    games: Vec<String>,
    rooms: Vec<ListedRoom>,
    total: usize,
}

/// A room, as a listing shows it.
#[derive(Serialize)]
pub(crate) struct ListedRoom {
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

/// What a query asks of a listing: which rooms, such as `game=arena&metadata.mode=duel`, and how many
/// of them to pass over.
pub(crate) fn page_of_listing(query: Option<&str>) -> Result<(RoomFilter, usize), Problem> {
    let bad = |message: String| Problem::new(StatusCode::BAD_REQUEST, "bad_query", message);
    let plain = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| bad("the query is not UTF-8".to_owned()))
    };
    let (mut filter, mut skip) = (RoomFilter::default(), 0);
    for (key, value) in
        query.iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='))
    {
        match key {
            "game" => filter.game = Some(plain(value)?),
            "skip" => {
                let message = "`skip` is the number of rooms to pass over, such as /rooms?skip=100";
                skip = value.parse().map_err(|_| bad(message.to_owned()))?;
            }
            _ => {
                let Some(name) = key.strip_prefix("metadata.") else { continue };
                filter.metadata.push((plain(name)?, plain(value)?));
            }
        }
    }
    if filter.metadata.len() > LISTING_FILTERS_MAX {
        return Err(bad(format!("at most {LISTING_FILTERS_MAX} of `metadata.NAME=VALUE`")));
    }
    Ok((filter, skip))
}

async fn rooms(
    State(lobby): State<Arc<dyn Lobby>>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let (filter, skip) = page_of_listing(query.as_deref())?;
    let (rooms, total) = lobby.rooms(&filter, skip);
    let rooms = rooms.into_iter().map(ListedRoom::from).collect();
    Ok(([(CACHE_CONTROL, "no-store")], Json(Listing { games: lobby.games(), rooms, total })))
}
