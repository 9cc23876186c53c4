//! The door for clients that speak Socket.IO: long polling, WebSockets, and the change from one to the other.
//!
//! socketioxide has the protocol; this file and its `wire` are the only ones that name it. A client's events
//! become messages of our own protocol, for the same [`Connection`] as on a WebSocket. The sockets above our
//! HTTP are not ours, so how far their bytes have come is learnt from the lines below.

mod args;
mod auth;
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
    HELLO_TIME_MAX_S, MESSAGE_TIME_MAX_S, READ_BUFFER_BYTES, SOCKETIO_BINARIES_MAX,
    SOCKETIO_PAYLOAD_BYTES_MAX,
};
use fracas_shared::{CloseCode, Refusal};
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};
use tokio::sync::{mpsc, oneshot};

pub use self::args::Arguments;
use self::auth::{Auth, Rejection};
use self::conversation::{Conversation, Form};
use self::inbox::{End, Inbox};
use self::sessions::{PollBody, Session, Sessions};
use self::wire::{Ack, Listener, SocketIoWire};
use super::body;
use super::connection::{Connection, is_player_name};
use super::door::Accepted;
use super::entrance::Entrance;
use super::player::{Kept, Player, Players};
use super::problem::Problem;
use crate::address_limits::{Act, Holding};
use crate::auth::{Claims, token_of};
use crate::metrics::Counted;

/// Where Engine.IO is spoken.
pub const PATH: &str = "/socket.io/";
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

impl Manner {
    /// With the limits of players.
    pub fn of_players(ping_interval: Duration, ping_timeout: Duration) -> Self {
        Self {
            ping_interval,
            ping_timeout,
            connect_time_max: Duration::from_secs(HELLO_TIME_MAX_S),
            payload_bytes_max: SOCKETIO_PAYLOAD_BYTES_MAX,
            binaries_max: SOCKETIO_BINARIES_MAX,
        }
    }

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
pub fn router(
    players: Players,
    open: mpsc::WeakSender<()>,
    entrance: Entrance,
    manner: Manner,
    sessions_max: usize,
) -> Router {
    let cors = entrance.origins.cors_layer_with_cookies();
    let door = Arc::new(Door { players, open, entrance, sessions: Sessions::new(sessions_max) });
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
    players: Players,
    /// What players hold. Sessions keep their door, and this is not to keep the server from its end.
    open: mpsc::WeakSender<()>,
    entrance: Entrance,
    sessions: Sessions,
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
        Ok(Some(session)) => session,
        // Engine.IO says that it knows of none.
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let is_poll = request.method() == Method::GET && !is_websocket(request.uri());
    let is_first = query(request.uri(), "sid").is_none();
    let answer = tokio::select! {
        biased;
        // Nobody reads what is left of it.
        () = session.progress.until_cut() => return unknown_session(),
        answer = next.run(request) => answer,
    };
    match (is_poll, is_first) {
        (false, _) => answer,
        (true, false) => PollBody::counted(answer, session),
        (true, true) => PollBody::counted(door.sessions.know_by_answer(answer, &session).await, session),
    }
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
    /// Lets a request through to Engine.IO; the answer is the session that it is of, if there is one.
    async fn pass(
        &self,
        accepted: &Accepted,
        request: &mut Request,
    ) -> Result<Option<Arc<Session>>, Problem> {
        let address = accepted.caller.address;
        let session = match query(request.uri(), "sid").map(|sid| self.sessions.find(sid)) {
            Some(Some(session)) if !session.count_request() => {
                let message = "this session sends requests faster than allowed";
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "session_requests", message));
            }
            Some(Some(session)) => Some(session),
            Some(None) => {
                self.entrance.addresses.count(address, Act::Request)?;
                None
            }
            None => {
                self.entrance.addresses.count(address, Act::Request)?;
                Some(self.open_session(accepted, request)?)
            }
        };
        if request.method() == Method::POST {
            let body = std::mem::take(request.body_mut());
            let bytes = body::bytes(body, SOCKETIO_PAYLOAD_BYTES_MAX).await?;
            if let Some(session) = &session {
                session.progress.note_received(bytes.len() as u64);
            }
            *request.body_mut() = Body::from(bytes);
        }
        if let Some(session) = session.as_ref().filter(|_| is_websocket(request.uri())) {
            accepted.line.tell(session.progress.clone());
        }
        Ok(session)
    }

    /// A session for who comes by its first request.
    fn open_session(&self, accepted: &Accepted, request: &mut Request) -> Result<Arc<Session>, Problem> {
        let Accepted { caller, is_callers, .. } = accepted;
        self.open()?;
        self.entrance.check_origin(caller, request.headers())?;
        // A polling client has a session also while it has no connection.
        let hold = (!is_websocket(request.uri()) || !is_callers)
            .then(|| self.entrance.addresses.hold(caller.address, Holding::Connection))
            .transpose()?;
        let session = self.sessions.open(caller.clone(), hold).ok_or_else(|| {
            let message = "the server has as many connections as it takes; try again soon";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message)
        })?;
        request.extensions_mut().insert(session.clone());
        Ok(session)
    }

    /// What a player holds; refused once the server takes no more.
    fn open(&self) -> Result<mpsc::Sender<()>, Refusal> {
        self.open.upgrade().filter(|_| !self.players.shutdown.is_begun()).ok_or(Refusal::Stopping)
    }

    /// Lets a client connect, or says why not: to the namespace, and to a room if it wants a seat at once.
    async fn admit(&self, socket: SocketRef, auth: Result<Auth, impl fmt::Display>) -> Result<(), Rejection> {
        let auth = auth.map_err(|error| Rejection::new("bad_auth", format!("auth: {error}")))?;
        let session = session_of(&socket).cloned();
        let session = session.ok_or_else(|| Rejection::new("no_session", "the session is over"))?;
        let claims = self.identify(&socket, &session, auth.token.as_deref())?;
        let form = auth.form();
        if form != Form::Packets && !is_player_name(&auth.name) {
            return Err(Refusal::BadName.into());
        }
        let open = self.open()?;
        let inbox = listen(&socket, &session);
        let mut wire = SocketIoWire::new(socket, session.clone(), inbox, Conversation::new(form));
        let (admission, admitted) = oneshot::channel();
        wire.begin(auth.first_words(), admission);
        let counted = Counted::new(&self.players.metrics.net.socketio_clients);
        let connection = Connection::new(Instant::now());
        let kept = Kept { _open: open, _while_there: Box::new(counted) };
        let player = Player::new(wire, connection, &session.caller, &claims, self.players.clone(), kept);
        tokio::spawn(player.run());
        match admitted.await {
            Ok(admitted) => admitted,
            Err(_) => Err(Refusal::Stopping.into()),
        }
    }

    /// What is known of a client, by the token of its `auth` or of its first request.
    fn identify(
        &self,
        socket: &SocketRef,
        session: &Session,
        token: Option<&str>,
    ) -> Result<Claims, Rejection> {
        let parts = socket.req_parts();
        let token = match token {
            Some(token) => Some(token.into()),
            None => token_of(&parts.headers, &parts.uri).map_err(Problem::from)?,
        };
        self.entrance.addresses.count(session.caller.address, Act::Join).map_err(Problem::from)?;
        Ok(self.entrance.authenticate(&session.caller, &parts.headers, &parts.uri, token.as_deref())?)
    }
}

/// The inbox of a client that is about to connect, which hears it from now on.
fn listen(socket: &SocketRef, session: &Session) -> Arc<Inbox<Ack>> {
    let inbox = Arc::new(Inbox::default());
    session.set_inbox(inbox.clone());
    socket.on_fallback(Listener(inbox.clone()));
    let ending = inbox.clone();
    socket.on_disconnect(move |reason: DisconnectReason| {
        ending.end(end_of(reason));
        ready(())
    });
    inbox
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
