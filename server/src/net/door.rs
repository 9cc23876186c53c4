//! What becomes of the connections of a port.
//!
//! Every connection begins as HTTP/1, with limits on the size of a request's head and on the time
//! it takes; what becomes a WebSocket leaves this file by an upgrade. A port takes so many
//! connections at one time and answers the next with 503; one address has so many of these and
//! makes so many requests in a second, and gets 429 beyond.

use std::convert::Infallible;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::HOST;
use axum::http::{Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use fracas_shared::Refusal;
use fracas_shared::limits::{
    CLOSE_TIME_MAX_S, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIME_MAX_S, HTTP_UNREAD_TIME_MAX_S, REFUSALS_MAX,
    SEND_BUFFER_BYTES, TLS_HANDSHAKE_TIME_MAX_S, UNSENT_BYTES_MAX,
};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::counter::Counter;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::caller::Caller;
use super::http_stream::HttpStream;
use super::line::Line;
use super::problem::{Problem, Reason};
use super::proxy_protocol::{self, ProxyHeaderError};
use super::tls::Tls;
use super::transport::Transport;
use crate::address_limits::{Act, AddressHold, AddressLimits, Holding};
use crate::metrics::Refusals;
use crate::networks::Networks;
use crate::shutdown::Shutdown;

/// How long accepting rests when the process has no more files or memory.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// How often a failure to accept is logged.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Time for requests to be answered once the server stops. Idle connections end at once, but one
/// that never sent a byte cannot be told from one that is about to.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(250);
/// Time for which a port is still served as before once the server stops: a client that polls comes for
/// the last word.
const LAST_WORD_TIME: Duration = Duration::from_millis(250);

/// How the first record of TLS begins (RFC 8446, section 5.1), and no request of HTTP.
const TLS_HANDSHAKE: u8 = 22;

/// What a port does with its connections.
#[derive(Clone, Debug)]
pub struct Door {
    /// What answers requests.
    pub router: Router,
    /// Connections at one time, upgraded ones too.
    pub connections_max: usize,
    /// Time for a request's head to be whole, and for all that comes before it. Longer: the connection
    /// is closed.
    pub head_time_max: Duration,
    /// What one address may have and do.
    pub addresses: AddressLimits,
    /// Whose word on who made a request is believed.
    pub proxies: Networks,
    /// Whether connections from proxies begin with a header of the PROXY protocol.
    pub has_proxy_headers: bool,
    /// Where clients poll, if they do: requests of this path are counted by what answers them, and the port is
    /// served a little longer for the last of them.
    pub polled_at: Option<&'static str>,
    /// How connections are encrypted, if they are. What speaks plainly is refused then.
    pub tls: Option<Tls>,
    /// Time for the client to agree on TLS. Longer: the connection is closed.
    pub handshake_time_max: Duration,
    /// Counts connections accepted, refused ones too.
    pub accepted: Counter,
    /// Counts connections and requests refused.
    pub refusals: Refusals,
}

impl Door {
    /// A door with the house's limit on time, which trusts nobody and limits no address, and whose
    /// connections are not counted.
    pub fn new(router: Router, connections_max: usize) -> Self {
        Self {
            router,
            connections_max,
            head_time_max: Duration::from_secs(HTTP_HEAD_TIME_MAX_S),
            addresses: AddressLimits::none(),
            proxies: Networks::default(),
            has_proxy_headers: false,
            polled_at: None,
            tls: None,
            handshake_time_max: Duration::from_secs(TLS_HANDSHAKE_TIME_MAX_S),
            accepted: Counter::default(),
            refusals: Refusals::default(),
        }
    }

    /// None where nobody polls.
    fn last_word_time(&self) -> Duration {
        self.polled_at.map_or(Duration::ZERO, |_| LAST_WORD_TIME)
    }
}

/// One of the connections that a door takes; free again when all clones are dropped.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
    /// The same among the connections of one address.
    _hold: Option<Arc<AddressHold>>,
}

impl Place {
    /// A place that holds this, too.
    #[must_use]
    pub fn with(self, hold: AddressHold) -> Self {
        Self { _hold: Some(Arc::new(hold)), ..self }
    }
}

/// What a request's extensions say of its connection.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Who makes the request.
    pub caller: Caller,
    /// Whether the connection is counted as the caller's. That of a proxy, which tells of many, is
    /// nobody's.
    pub is_callers: bool,
    /// To be held by what becomes of the connection.
    pub place: Place,
    /// The connection's line.
    #[cfg_attr(not(feature = "socketio"), expect(dead_code, reason = "only that door asks for it"))]
    pub(crate) line: Arc<Line>,
}

/// Serves a port until the server stops, and then until the requests at hand are answered, for at
/// most half a second. Upgraded connections go on.
pub async fn serve(listener: TcpListener, door: Door, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(door.connections_max));
    let last_word_time = door.last_word_time();
    let doorway = Arc::new(Doorway {
        router: TowerToHyperService::new(door.router.clone()),
        door,
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
    });
    let mut connections = JoinSet::new();
    let mut stop = pin!(async {
        shutdown.wait().await;
        sleep(last_word_time).await;
    });
    let mut complaint = Complaint::default();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.as_mut() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    complaint.rest_after(&error).await;
                    continue;
                }
            },
        };
        doorway.door.accepted.inc();
        let admitted = match Arc::clone(&places).try_acquire_owned() {
            Ok(permit) => Ok(Place { _permit: Arc::new(permit), _hold: None }),
            Err(_) => Err(doorway.refuse(full())),
        };
        if matches!(admitted, Err(None)) {
            continue;
        }
        connections.spawn(doorway.clone().serve_connection(stream, peer, admitted, shutdown.clone()));
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Those that are left are cut when the set is dropped.
    let _ = timeout(DRAIN_TIME_MAX, drained).await;
}

/// A refusal of a connection, one of so many that are told at one time.
struct Refused {
    problem: Problem,
    place: Place,
}

/// A place, or the refusal to tell; none of both when there is no time to tell it.
type Admitted = Result<Place, Option<Refused>>;

/// A door with what its connections share.
struct Doorway {
    door: Door,
    router: TowerToHyperService<Router>,
    refusals: Arc<Semaphore>,
}

impl Doorway {
    /// Counts a refused connection. It is told why, unless too many others are at this moment.
    fn refuse(&self, problem: Problem) -> Option<Refused> {
        let permit = Arc::clone(&self.refusals).try_acquire_owned().ok();
        if permit.is_none() {
            self.door.refusals.count(problem.code());
        }
        permit.map(|permit| Refused { problem, place: Place { _permit: Arc::new(permit), _hold: None } })
    }

    async fn serve_connection(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: SocketAddr,
        mut admitted: Admitted,
        shutdown: Shutdown,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, %error, "the connection was gone at once");
            return;
        }
        bound_kernel_buffers(&stream);
        let mut caller = Caller::of_connection(peer);
        if self.door.has_proxy_headers && self.door.proxies.contains(caller.address) {
            match timeout(self.door.head_time_max, proxy_protocol::read_header(&mut stream)).await {
                Ok(Ok(address)) => caller.address = address.unwrap_or(caller.address),
                Ok(Err(error)) => return self.tell_plainly(stream, bad_proxy_header(&error)).await,
                Err(_) => return self.tell_plainly(stream, no_proxy_header()).await,
            }
        }
        if let Ok(place) = admitted {
            admitted = self.admit(caller.address, place);
        }
        let Some((place, problem)) = (match admitted {
            Ok(place) => Some((place, None)),
            Err(refused) => refused.map(|refused| (refused.place, Some(refused.problem))),
        }) else {
            return;
        };
        let transport = if let Some(tls) = &self.door.tls {
            let begun = timeout(self.door.handshake_time_max, self.begin_tls(tls, stream));
            let Some(transport) = begun.await.unwrap_or_else(|_| self.give_up(&"it took too long")) else {
                return;
            };
            caller.is_tls = true;
            transport
        } else {
            Transport::Tcp(stream)
        };
        let head_time_max = self.door.head_time_max;
        let last_word_time = self.door.last_word_time();
        let line = Arc::new(Line::default());
        let stream = HttpStream::new(transport, Duration::from_secs(HTTP_UNREAD_TIME_MAX_S), line.clone());
        let stopping = shutdown.clone();
        let stop = async move {
            shutdown.wait().await;
            sleep(last_word_time).await;
        };
        let service = service_fn(move |request: Request<Incoming>| {
            let doorway = self.clone();
            let (caller, place, problem) = (caller.clone(), place.clone(), problem.clone());
            let (line, stopping) = (line.clone(), stopping.is_begun());
            async move { doorway.answer(request, &caller, place, line, stopping, problem).await }
        });
        serve_http(stream, peer, service, head_time_max, stop).await;
    }

    /// Agrees with the client on TLS; none when that came to nothing.
    async fn begin_tls(&self, tls: &Tls, stream: TcpStream) -> Option<Transport> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first[0] != TLS_HANDSHAKE => {
                self.tell_plainly(stream, no_tls()).await;
                None
            }
            Ok(1) => tls.accept(stream).await.map_or_else(|error| self.give_up(&error), Some),
            // It was closed before it said anything.
            _ => None,
        }
    }

    fn give_up(&self, error: &dyn Display) -> Option<Transport> {
        self.door.refusals.count("tls_handshake");
        debug!(%error, "TLS was not agreed on");
        None
    }

    /// Refuses a connection on which no HTTP can be spoken.
    async fn tell_plainly(&self, mut stream: TcpStream, problem: Problem) {
        self.door.refusals.count(problem.code());
        let Ok(_permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let telling = async {
            stream.write_all(problem.to_http1().as_bytes()).await?;
            stream.shutdown().await?;
            // To close a socket in which something is unread resets the connection, and the answer is lost.
            copy(&mut stream.take(HTTP_HEAD_BYTES_MAX as u64), &mut sink()).await
        };
        // Who does not listen is not told.
        let _ = timeout(Duration::from_secs(CLOSE_TIME_MAX_S), telling).await;
    }

    /// A place among those of the address, if it may have another one.
    fn admit(&self, address: IpAddr, place: Place) -> Admitted {
        let addresses = &self.door.addresses;
        let held = addresses
            .count(address, Act::Request)
            .and_then(|()| addresses.hold(address, Holding::Connection));
        held.map(|hold| place.with(hold))
            .map_err(|refusal| self.refuse(Problem::from(refusal).closing_connection()))
    }

    /// Answers one request, and counts it when it is refused.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        connection: &Caller,
        place: Place,
        line: Arc<Line>,
        is_stopping: bool,
        problem: Option<Problem>,
    ) -> Result<Response, Infallible> {
        let caller = connection.of_request(request.headers(), &self.door.proxies);
        let is_callers = caller.address == connection.address;
        let is_poll = self.door.polled_at.is_some_and(|path| request.uri().path() == path);
        let count = || self.door.addresses.count(caller.address, Act::Request).err().map(Problem::from);
        let refused = problem
            .or_else(|| (is_stopping && !is_poll).then(|| Problem::from(Refusal::Stopping)))
            .or_else(|| if is_poll { None } else { count() })
            .or_else(|| (!has_one_host(&request)).then(no_host));
        let response = if let Some(problem) = refused {
            problem.into_response()
        } else {
            request.extensions_mut().insert(Accepted { caller, is_callers, place, line });
            self.router.call(request).await?
        };
        if let Some(reason) = response.extensions().get::<Reason>() {
            self.door.refusals.count(&reason.0);
        }
        Ok(response)
    }
}

async fn serve_http<S, F>(
    stream: HttpStream,
    peer: SocketAddr,
    service: S,
    head_time_max: Duration,
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future = F>,
    F: Future<Output = Result<Response, Infallible>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time_max)
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        debug!(%peer, %error, "an HTTP connection ended early");
    }
}

/// Keeps what a slow client has not read out of the kernel: it belongs to where the newest state
/// replaces older.
pub(super) fn bound_kernel_buffers(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let bounded = socket
        .set_send_buffer_size(SEND_BUFFER_BYTES)
        .and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX));
    if let Err(error) = bounded {
        debug!(%error, "the kernel's buffers keep their own sizes");
    }
}

fn full() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "the server has as many connections as it takes; try again soon",
    )
    .closing_connection()
}

/// Whether it says once which host it is for, as RFC 9112 (section 3.2) wants it of HTTP/1.1.
fn has_one_host<B>(request: &Request<B>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11)
}

fn no_host() -> Problem {
    let message = "a request says once which host it is for, by the header `Host`";
    Problem::new(StatusCode::BAD_REQUEST, "no_host", message).closing_connection()
}

fn no_tls() -> Problem {
    let message = "this port speaks TLS: ask with https:// or wss://";
    Problem::new(StatusCode::BAD_REQUEST, "tls_expected", message)
}

fn bad_proxy_header(error: &ProxyHeaderError) -> Problem {
    let message = format!("this server expects the PROXY protocol from you: {error}");
    Problem::new(StatusCode::BAD_REQUEST, "bad_proxy_header", message)
}

fn no_proxy_header() -> Problem {
    let message = "this server expects the PROXY protocol from you, and no header came in time";
    Problem::new(StatusCode::BAD_REQUEST, "bad_proxy_header", message)
}

/// Keeps failures to accept from filling the log, and from taking a core.
#[derive(Default)]
struct Complaint {
    last: Option<Instant>,
}

impl Complaint {
    async fn rest_after(&mut self, error: &io::Error) {
        // These are of one peer that went away, not of this process.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
            return;
        }
        if self.last.is_none_or(|last| last.elapsed() >= ACCEPT_LOG_INTERVAL) {
            self.last = Some(Instant::now());
            warn!(%error, "cannot accept connections; if files have run out, raise `ulimit -n`");
        }
        sleep(ACCEPT_REST).await;
    }
}
