//! The door for clients that speak Socket.IO: long polling, WebSockets, and the change from one to the other.
//!
//! socketioxide has the protocol; this file and its `wire` are the only ones that name it. A client's events
//! become messages of our own protocol, for the same [`Connection`] as on a WebSocket. The sockets above our
//! HTTP are not ours, so how far their bytes have come is learnt from the lines below.

mod args;
mod conversation;
mod inbox;
mod json;
mod sessions;
mod wanted;
mod wire;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use fracas_shared::limits::{
    HELLO_TIME_MAX_S, MESSAGE_TIME_MAX_S, READ_BUFFER_BYTES, SOCKETIO_PAYLOAD_BYTES_MAX,
};
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted};
use fracas_shared::{CloseCode, Refusal};
use serde::Deserialize;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};
use tokio::sync::{mpsc, oneshot};

use self::conversation::{Conversation, Form};
use self::inbox::{End, Inbox};
use self::sessions::{PollBody, Session, Sessions};
use self::wire::{Listener, SocketIoWire};
use super::body;
use super::connection::{Connection, is_player_name};
use super::door::Accepted;
use super::entrance::Entrance;
use super::player::{Player, Players};
use super::problem::Problem;
use crate::address_limits::{Act, Holding};
use crate::auth::token_of;
use crate::metrics::{Counted, Metrics};
use crate::rooms::Rooms;
use crate::shutdown::Shutdown;

/// Where Engine.IO is spoken.
pub const PATH: &str = "/socket.io/";
/// Binaries of one event. More: the session is closed.
const BINARIES_MAX: usize = 2;
/// Packets that engineioxide keeps for a client. Far above what is given to it at once.
const PACKETS_MAX: usize = 512;

/// How Socket.IO is spoken.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How often the server asks for a sign of life.
    pub ping_interval: Duration,
    /// How long it waits for one. Longer: the session is closed.
    pub ping_timeout: Duration,
    /// From the first request of a session to its connect. Longer: the session is closed.
    pub connect_time_max: Duration,
    /// A post, or a message of Engine.IO.
    pub payload_bytes_max: usize,
    /// Binaries of one event.
    pub binaries_max: usize,
}

impl Default for Manner {
    /// That of players.
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(15),
            connect_time_max: Duration::from_secs(HELLO_TIME_MAX_S),
            payload_bytes_max: SOCKETIO_PAYLOAD_BYTES_MAX,
            binaries_max: BINARIES_MAX,
        }
    }
}

impl Manner {
    /// What speaks so.
    pub fn builder(self) -> SocketIoBuilder {
        let parser = ParserConfig::common()
            .max_incoming_binaries(self.binaries_max)
            .max_incoming_binary_buf_size(self.payload_bytes_max)
            .packet_completion_timeout(Duration::from_secs(MESSAGE_TIME_MAX_S));
        SocketIo::builder()
            .req_path(PATH.trim_end_matches('/'))
            .ping_interval(self.ping_interval)
            .ping_timeout(self.ping_timeout)
            .connect_timeout(self.connect_time_max)
            .upgrade_timeout(self.connect_time_max)
            .max_payload(self.payload_bytes_max as u64)
            .max_buffer_size(PACKETS_MAX)
            .ws_read_buffer_size(READ_BUFFER_BYTES)
            .ws_max_message_size(self.payload_bytes_max)
            .ws_max_frame_size(self.payload_bytes_max)
            .with_parser(parser)
    }
}

/// The router of the door, for as many sessions as `sessions_max`.
pub fn router(players: Players, entrance: Entrance, manner: Manner, sessions_max: usize) -> Router {
    let cors = entrance.origins.cors_layer_with_cookies();
    let door =
        Arc::new(Door { players: WeakPlayers::of(players), entrance, sessions: Sessions::new(sessions_max) });
    // One service for all methods: a layer would be one for each, and each with sessions of its own.
    let (service, io) = manner.builder().build_svc();
    let admitting = {
        let door = door.clone();
        move |socket: SocketRef, auth: TryData<Auth>| {
            let door = door.clone();
            async move { door.admit(socket, auth.0).await }
        }
    };
    let connected = |socket: SocketRef| {
        if let Some(inbox) = session_of(&socket).and_then(|session| session.inbox()) {
            inbox.connect();
        }
        ready(())
    };
    io.ns("/", connected.with(admitting));
    Router::new().route_service(PATH, service).layer(from_fn_with_state(door, guard)).layer(cors)
}

struct Door {
    players: WeakPlayers,
    entrance: Entrance,
    sessions: Sessions,
}

/// What players share, for what lives on when all have gone: sessions keep their door.
struct WeakPlayers {
    rooms: Rooms,
    metrics: Metrics,
    shutdown: Shutdown,
    open: mpsc::WeakSender<()>,
}

impl WeakPlayers {
    fn of(players: Players) -> Self {
        let Players { rooms, metrics, shutdown, open } = players;
        Self { rooms, metrics, shutdown, open: open.downgrade() }
    }

    /// None once the server takes no more players.
    fn upgrade(&self) -> Option<Players> {
        let Self { rooms, metrics, shutdown, open } = self;
        let open = open.upgrade().filter(|_| !shutdown.is_begun())?;
        Some(Players { rooms: rooms.clone(), metrics: metrics.clone(), shutdown: shutdown.clone(), open })
    }
}

/// What a client says when it connects.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Auth {
    /// The player's name.
    name: String,
    /// What the server's `auth` asks for.
    token: Option<String>,
    /// The ticket of a seat that was reserved over HTTP.
    ticket: Option<String>,
    /// What takes a seat up again.
    resume: Option<String>,
    /// In what form the state is wanted: `binary` or `json`.
    state: Option<StateForm>,
    /// The protocol's version, of who speaks in packets.
    packets: Option<u16>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateForm {
    Binary,
    Json,
}

impl Auth {
    fn form(&self) -> Form {
        match (self.packets, self.state) {
            (Some(_), _) => Form::Packets,
            (None, Some(StateForm::Json)) => Form::Json,
            (None, _) => Form::Binary,
        }
    }
}

/// Why a client may not connect: what its `connect_error` says.
#[derive(Debug)]
struct Rejection {
    code: String,
    message: String,
}

impl Rejection {
    fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::new(problem.code(), problem.message())
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.label(), refusal.to_string())
    }
}

fn session_of(socket: &Socket<LocalAdapter>) -> Option<&Arc<Session>> {
    socket.req_parts().extensions.get()
}

/// Every request of Engine.IO comes by here.
async fn guard(
    State(door): State<Arc<Door>>,
    Extension(accepted): Extension<Accepted>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = match door.pass(&accepted, &mut request).await {
        Ok(session) => session,
        Err(problem) => return problem.into_response(),
    };
    let is_poll = request.method() == Method::GET && !is_websocket(request.uri());
    let is_first = query(request.uri(), "sid").is_none();
    let Some(session) = session.filter(|_| is_poll) else { return next.run(request).await };
    let answer = tokio::select! {
        answer = next.run(request) => answer,
        () = session.progress.until_cut() => return unknown_session(),
    };
    if is_first { door.sessions.know_by_answer(answer, &session).await } else { answer }
        .map(|body| PollBody::of(body, session))
}

fn is_websocket(uri: &Uri) -> bool {
    query(uri, "transport") == Some("websocket")
}

/// The value of a word in a query, as far as it needs no decoding.
fn query<'a>(uri: &'a Uri, word: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.rev().find(|(name, _)| *name == word).map(|(_, value)| value)
}

/// What Engine.IO says of a session that there is not.
fn unknown_session() -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (StatusCode::BAD_REQUEST, headers, r#"{"code":1,"message":"Session ID unknown"}"#).into_response()
}

impl Door {
    /// Lets a request through to Engine.IO; the answer is the session that it is of, if that is known.
    async fn pass(
        &self,
        accepted: &Accepted,
        request: &mut Request,
    ) -> Result<Option<Arc<Session>>, Problem> {
        let Accepted { caller, is_callers, line, .. } = accepted;
        let is_websocket = is_websocket(request.uri());
        let known = query(request.uri(), "sid").map(|sid| self.sessions.find(sid));
        let session = if let Some(Some(session)) = &known {
            if !session.count_request() {
                let message = "this session sends requests faster than allowed";
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "session_requests", message));
            }
            Some(session.clone())
        } else {
            self.entrance.addresses.count(caller.address, Act::Request)?;
            None
        };
        if request.method() == Method::POST {
            let body = std::mem::take(request.body_mut());
            let bytes = body::bytes(body, SOCKETIO_PAYLOAD_BYTES_MAX).await?;
            if let Some(session) = &session {
                session.progress.note_received(bytes.len() as u64);
            }
            *request.body_mut() = Body::from(bytes);
        }
        let session = match (session, known) {
            (Some(session), _) => {
                if session.progress.is_cut() {
                    // Nobody reads what is left of it.
                    let message = "Session ID unknown";
                    return Err(Problem::new(StatusCode::BAD_REQUEST, "session_unknown", message));
                }
                session
            }
            // Engine.IO says that it does not know it.
            (None, Some(_)) => return Ok(None),
            (None, None) => {
                self.players.upgrade().ok_or(Refusal::Stopping)?;
                self.entrance.check_origin(caller, request.headers())?;
                // A polling client has a session also while it has no connection.
                let hold = (!is_websocket || !is_callers)
                    .then(|| self.entrance.addresses.hold(caller.address, Holding::Connection))
                    .transpose()?;
                let session = self.sessions.open(caller.clone(), hold).ok_or_else(|| {
                    let message = "the server has as many connections as it takes; try again soon";
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message)
                })?;
                request.extensions_mut().insert(session.clone());
                session
            }
        };
        if is_websocket {
            line.tell(session.progress.clone());
        }
        Ok(Some(session))
    }

    /// Lets a client connect, or says why not: to the namespace, and to a room if it wants a seat at once.
    async fn admit(&self, socket: SocketRef, auth: Result<Auth, impl fmt::Display>) -> Result<(), Rejection> {
        let auth = auth.map_err(|error| Rejection::new("bad_auth", format!("auth: {error}")))?;
        let session = session_of(&socket).cloned();
        let session = session.ok_or_else(|| Rejection::new("no_session", "the session is over"))?;
        let parts = socket.req_parts();
        let token = match auth.token.as_deref() {
            Some(token) => Some(token.into()),
            None => token_of(&parts.headers, &parts.uri).map_err(Problem::from)?,
        };
        self.entrance.addresses.count(session.caller.address, Act::Join).map_err(Problem::from)?;
        let claims =
            self.entrance.authenticate(&session.caller, &parts.headers, &parts.uri, token.as_deref())?;
        let form = auth.form();
        if form != Form::Packets && !is_player_name(&auth.name) {
            return Err(Refusal::BadName.into());
        }
        let seat = match auth {
            Auth { resume: Some(token), .. } => {
                Some(RoomWanted::Resume { token, received: None, attempt: None })
            }
            Auth { ticket: Some(ticket), .. } => Some(RoomWanted::Reserved { ticket }),
            _ => None,
        };
        let (admission, admitted) = oneshot::channel();
        let inbox = Arc::new(Inbox::default());
        session.set_inbox(inbox.clone());
        socket.on_fallback(Listener(inbox.clone()));
        socket.on_disconnect({
            let inbox = inbox.clone();
            move |reason: DisconnectReason| {
                inbox.end(end_of(reason));
                ready(())
            }
        });
        let mut wire = SocketIoWire::new(socket, session.clone(), inbox, Conversation::new(form));
        if form == Form::Packets {
            let _ = admission.send(Ok(()));
        } else {
            let hello = ClientMessage::Hello {
                protocol: PROTOCOL_VERSION,
                name: auth.name,
                client: "socket.io".to_owned(),
            };
            let join = seat.map(|room| ClientMessage::Join { room, schema_hash: 0 });
            wire.begin([Some(hello), join].into_iter().flatten(), admission);
        }
        let players = self.players.upgrade().ok_or(Refusal::Stopping)?;
        let counted = Counted::new(&players.metrics.net.socketio_clients);
        let connection = Connection::new(Instant::now());
        let player = Player::new(wire, connection, &session.caller, &claims, players);
        tokio::spawn(async move {
            player.run().await;
            drop(counted);
        });
        match admitted.await {
            Ok(admitted) => admitted,
            Err(_) => Err(Refusal::Stopping.into()),
        }
    }
}

fn end_of(reason: DisconnectReason) -> End {
    match reason {
        DisconnectReason::ClientNSDisconnect => End::Goodbye,
        DisconnectReason::HeartbeatTimeout => {
            End::Lost("no sign of life came in time", Some(CloseCode::IdleTimeout))
        }
        DisconnectReason::PacketParsingError => {
            End::Lost("a packet was not as Socket.IO has it", Some(CloseCode::BadMessage))
        }
        DisconnectReason::MultipleHttpPollingError => {
            End::Lost("two polls at one time", Some(CloseCode::BadMessage))
        }
        _ => End::Lost("the transport ended", None),
    }
}

#[cfg(test)]
mod tests;
