//! The second port, for those who run the server: health, readiness, metrics, and behind a token
//! what is not for everyone who reaches the port.

mod drain;
mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fracas_shared::limits::NOTIFICATION_BYTES_MAX;
use fracas_shared::message::RosterEntry;
use fracas_shared::{PlayerId, Removal};
use fracas_sim::InputCounts;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::drain::Drain;
use crate::metrics::{self, Metrics};
use crate::net::body;
use crate::net::connection::is_line;
use crate::net::http::{ListedRoom, bearer, page_of_listing};
use crate::net::problem::Problem;
use crate::rooms::{NotDone, RoomSurvey, Rooms};
use crate::shutdown::{Shutdown, Stage};

/// Connections to the admin port at one time. More are answered with 503.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

const LISTING: &str = "There is /healthz (does the process answer), /readyz (does it take players) \
    and /metrics (for Prometheus), and behind the admin token /rooms (all of them), \
    /rooms/ROOM/players (who sits there, and how their inputs come) and POST /rooms/ROOM/lock, /rooms/ROOM/unlock, /rooms/ROOM/players/SEAT/kick and .../ban, and with a body \
    {\"text\": \"...\"} POST /admin/rooms/ROOM/message and /admin/players/ROOM-SEAT/message, and with one such as \
    {\"preset\": \"4g\"} POST /admin/rooms/ROOM/line and /admin/players/ROOM-SEAT/line; and POST /admin/drain to let \
    nobody new in and end when nobody plays, with {\"within_s\": 600} or without, GET /admin/drain to see how far that is.\n";

/// Whether the server takes players: not until it is told to, and not once it stops. Clones are
/// the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    is_up: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Readiness {
    /// Of a server that starts.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { is_up: Arc::new(AtomicBool::new(false)), shutdown }
    }

    /// The start is over: players are welcome.
    pub fn set_up(&self) {
        self.is_up.store(true, Ordering::Release);
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        let stage = *self.shutdown.stages().borrow();
        match stage {
            Stage::Serving if self.is_up.load(Ordering::Acquire) => (StatusCode::OK, "ready\n"),
            Stage::Serving => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            Stage::Draining { .. } => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            Stage::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        }
    }
}

/// What the admin port answers. Whatever is added to it needs the token.
pub fn router(metrics: Metrics, readiness: Readiness, rooms: Rooms, drain: Drain, token: Secret) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || readiness.answer()))
        .route("/metrics", get(scrape).with_state(metrics))
        .route("/rooms", get(list_rooms).with_state(rooms.clone()))
        .route("/rooms/{room}/players", get(list_players).with_state(rooms.clone()))
        .route("/rooms/{room}/players/{player}/{removal}", post(remove_player).with_state(rooms.clone()))
        .route("/rooms/{room}/{lock}", post(set_locked).with_state(rooms.clone()))
        .route("/admin/rooms/{room}/message", post(notify_room).with_state(rooms.clone()))
        .route("/admin/players/{player}/message", post(notify_player).with_state(rooms.clone()))
        .route("/admin/rooms/{room}/line", post(line::set_of_room).with_state(rooms.clone()))
        .route("/admin/players/{player}/line", post(line::set_of_player).with_state(rooms))
        .route("/admin/drain", get(drain::status).post(drain::begin).with_state(drain))
        .fallback(async || (StatusCode::NOT_FOUND, LISTING))
        .layer(from_fn_with_state(token, check))
}

/// What needs no token. It tells nothing of anyone.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Lets through what is open to all, and what bears the token. A browser says by `Origin` that a page
/// asks: no page has business here, and one of anywhere could ask by the browser of whoever runs
/// the server.
async fn check(State(token): State<Secret>, request: Request, next: Next) -> Result<Response, Problem> {
    if request.headers().contains_key(ORIGIN) {
        let message = "pages may not ask here: ask with another program than a browser";
        return Err(Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", message));
    }
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // What is no route has nothing to guard.
    if route.is_none_or(|route| OPEN.contains(&route)) {
        return Ok(next.run(request).await);
    }
    if !token.is_set() {
        let message = "this needs a token and none is set: start the server with `admin_token` in its file, or \
                       FRACAS_ADMIN_TOKEN in its environment, and send it as `Authorization: Bearer TOKEN`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "no_admin_token", message));
    }
    match bearer(request.headers()) {
        Some(given) if token.is(given) => Ok(next.run(request).await),
        Some(_) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_invalid",
            "this is not the server's admin token",
        )),
        None => {
            let message = "this needs the server's admin token: send it as `Authorization: Bearer TOKEN`";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "token_missing", message))
        }
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode())
}

#[derive(Serialize)]
struct Listing {
    rooms: Vec<SurveyedRoom>,
    total: usize,
}

#[derive(Serialize)]
struct SurveyedRoom {
    #[serde(flatten)]
    listed: ListedRoom,
    is_private: bool,
    thread: usize,
}

impl From<RoomSurvey> for SurveyedRoom {
    fn from(RoomSurvey { info, is_private, thread }: RoomSurvey) -> Self {
        Self { listed: info.into(), is_private, thread }
    }
}

/// All rooms, private ones too, the oldest first: a page of them, as on the public port.
async fn list_rooms(
    State(rooms): State<Rooms>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let (filter, skip) = page_of_listing(query.as_deref())?;
    let (rooms, total) = rooms.survey(&filter, skip);
    let rooms = rooms.into_iter().map(SurveyedRoom::from).collect();
    Ok(([(CACHE_CONTROL, "no-store")], Json(Listing { rooms, total })))
}

#[derive(Serialize)]
struct SeatedPlayers {
    players: Vec<SeatedPlayer>,
}

#[derive(Serialize)]
struct SeatedPlayer {
    player: u16,
    name: String,
    is_bot: bool,
    is_away: bool,
    /// What became of the inputs of one who is no bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<InputCounts>,
}

/// Who sits in a room, and how their inputs came.
async fn list_players(
    State(rooms): State<Rooms>,
    path: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Path(room) = path.map_err(|rejection| bad_path(&rejection))?;
    let seated = rooms.players(&room).await.map_err(|error| not_done(error, &room, None))?;
    let seated = seated.into_iter().map(|(entry, inputs)| {
        let RosterEntry { player, name, is_bot, is_away } = entry;
        SeatedPlayer { player, name, is_bot, is_away, inputs }
    });
    Ok(([(CACHE_CONTROL, "no-store")], Json(SeatedPlayers { players: seated.collect() })))
}

/// Locks a room by `lock`, so that it takes nobody but players who come back, or unlocks it by `unlock`.
async fn set_locked(
    State(rooms): State<Rooms>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((room, lock)) = path.map_err(|rejection| bad_path(&rejection))?;
    let is_locked = match lock.as_str() {
        "lock" => true,
        "unlock" => false,
        _ => return Err(missing("no_such_method", "rooms are changed by `lock` and `unlock`".to_owned())),
    };
    if rooms.set_locked(&room, is_locked) { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_room(&room)) }
}

/// Removes a player from a room: by `kick`, or by `ban`, after which it may not come back.
async fn remove_player(
    State(rooms): State<Rooms>,
    path: Result<Path<(String, u16, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((room, player, removal)) = path.map_err(|rejection| bad_path(&rejection))?;
    let removal = match removal.as_str() {
        "kick" => Removal::Kick,
        "ban" => Removal::Ban,
        _ => return Err(missing("no_such_method", "players are removed by `kick` or by `ban`".to_owned())),
    };
    let done = rooms.remove(&room, PlayerId(player), removal).await;
    done.map_err(|error| not_done(error, &room, Some(PlayerId(player))))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is to be told to players.
#[derive(Deserialize)]
struct Notification {
    text: String,
}

impl Notification {
    async fn of(body: Body) -> Result<String, Problem> {
        let Self { text } = serde_json::from_str(&body::text(body).await?).map_err(|error| {
            bad_body(format!("the body must be such as {{\"text\": \"hello\"}}: {error}"))
        })?;
        if is_line(&text, NOTIFICATION_BYTES_MAX) {
            return Ok(text);
        }
        Err(bad_body(format!("`text` has 1 to {NOTIFICATION_BYTES_MAX} bytes and no control characters")))
    }
}

/// Tells something to everyone in a room.
async fn notify_room(
    State(rooms): State<Rooms>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Path(room) = path.map_err(|rejection| bad_path(&rejection))?;
    let text = Notification::of(body).await?;
    rooms.notify(&room, None, text).await.map_err(|error| not_done(error, &room, None))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells something to one player.
async fn notify_player(
    State(rooms): State<Rooms>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Path(named) = path.map_err(|rejection| bad_path(&rejection))?;
    let (room, player) = room_and_seat(&named)?;
    let text = Notification::of(body).await?;
    let done = rooms.notify(room, Some(player), text).await;
    done.map_err(|error| not_done(error, room, Some(player)))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A player, who is named by room and seat: `K3V9QX-3`.
fn room_and_seat(named: &str) -> Result<(&str, PlayerId), Problem> {
    let parts = named.rsplit_once('-').and_then(|(room, seat)| Some((room, PlayerId(seat.parse().ok()?))));
    parts.ok_or_else(|| {
        let message = "a player is named by room and seat, such as K3V9QX-3".to_owned();
        missing("no_such_player", message)
    })
}

fn not_done(error: NotDone, room: &str, player: Option<PlayerId>) -> Problem {
    match (error, player) {
        (NotDone::NoSuchPlayer, Some(PlayerId(seat))) => {
            missing("no_such_player", format!("no player has seat {seat} of {room}"))
        }
        _ => no_such_room(room),
    }
}

fn bad_body(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", message)
}

fn missing(code: &'static str, message: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code, message)
}

fn no_such_room(room: &str) -> Problem {
    missing("no_such_room", format!("no room '{room}'; it may have ended"))
}

fn bad_path(rejection: &PathRejection) -> Problem {
    Problem::new(rejection.status(), "bad_path", format!("the path: {}", rejection.body_text()))
}
