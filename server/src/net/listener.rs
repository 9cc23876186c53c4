//! Ports, and the connections that come in through them.
//!
//! Every connection begins as HTTP/1, with limits on the size of a request's head and on the time
//! it takes; what becomes a WebSocket leaves this file by an upgrade. A port takes so many
//! connections at one time and answers the next with 503.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{Request, StatusCode};
use fracas_shared::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIME_MAX_S};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::counter::Counter;
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::http::Problem;
use crate::config::Config;
use crate::shutdown::Shutdown;

/// Connections that wait for the server to accept them; the kernel has a bound of its own.
const BACKLOG: i32 = 4096;
/// Refusals that are being told at one time. More connections are closed without a word.
const REFUSALS_MAX: usize = 64;
/// How long accepting rests when the process has no more files or memory.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// How often a failure to accept is logged.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Time for requests to be answered once the server stops. Idle connections end at once, but one
/// that never sent a byte cannot be told from one that is about to.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(250);

/// The ports of a server. They take connections from the moment they are bound; these wait until
/// the server runs.
#[derive(Debug)]
pub struct Listeners {
    /// Where players connect.
    pub public: StdTcpListener,
    /// Where health and metrics are served, if anywhere.
    pub admin: Option<StdTcpListener>,
}

/// Why a port cannot be listened on.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process has the port.
    #[error("{address} is in use: stop the other server or choose another port with {flag} {}", free(*address))]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {error}; choose another address with {flag}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

fn free(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), 0)
}

impl Listeners {
    /// Binds the ports that the configuration names.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let public = bind(config.listen, "--listen")?;
        let admin = config.admin_listen.map(|address| bind(address, "--admin-listen")).transpose()?;
        Ok(Self { public, admin })
    }

    /// The line that tells people where the server is, with the ports that it really has.
    ///
    /// # Errors
    /// A listener is not bound.
    pub fn greeting(&self) -> io::Result<String> {
        let public = self.public.local_addr()?;
        let metrics = match &self.admin {
            Some(admin) => format!("metrics on http://{}/metrics, ", admin.local_addr()?),
            None => String::new(),
        };
        Ok(format!("Fracas is listening on http://{public}  ({metrics}Ctrl-C stops)"))
    }
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<StdTcpListener, BindError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Lets a server restart while connections of its predecessor are still in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => BindError::InUse { address, flag },
        _ => BindError::Other { address, flag, error },
    })
}

/// What a port does with its connections.
#[derive(Clone, Debug)]
pub struct Door {
    /// What answers requests.
    pub router: Router,
    /// Connections at one time, upgraded ones too.
    pub connections_max: usize,
    /// Time for a request's head to be whole. Longer: the connection is closed.
    pub head_time_max: Duration,
    /// Counts connections accepted, refused ones too.
    pub accepted: Counter,
    /// Counts connections refused because there were too many.
    pub refused: Counter,
}

impl Door {
    /// A door with the house's limit on time, whose connections are not counted.
    pub fn new(router: Router, connections_max: usize) -> Self {
        Self {
            router,
            connections_max,
            head_time_max: Duration::from_secs(HTTP_HEAD_TIME_MAX_S),
            accepted: Counter::default(),
            refused: Counter::default(),
        }
    }
}

/// One of the connections that a door takes; free again when all clones are dropped.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// What a request's extensions say of its connection.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Who connected.
    pub peer: SocketAddr,
    /// To be held by what becomes of the connection.
    pub place: Place,
}

/// Serves a port until the server stops, and then until the requests at hand are answered, for at
/// most a quarter of a second. Upgraded connections go on.
pub async fn serve(listener: TcpListener, door: Door, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(door.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let router = TowerToHyperService::new(door.router);
    let refuse = TowerToHyperService::new(Router::new().fallback(async || full()));
    let mut connections = JoinSet::new();
    let mut stop = pin!(shutdown.wait());
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
        door.accepted.inc();
        let (permit, router) = if let Ok(permit) = Arc::clone(&places).try_acquire_owned() {
            (permit, router.clone())
        } else {
            door.refused.inc();
            let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() else { continue };
            (permit, refuse.clone())
        };
        let accepted = Accepted { peer, place: Place { _permit: Arc::new(permit) } };
        connections.spawn(serve_http(stream, accepted, router, door.head_time_max, shutdown.clone()));
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Those that are left are cut when the set is dropped.
    let _ = timeout(DRAIN_TIME_MAX, drained).await;
}

async fn serve_http(
    stream: TcpStream,
    accepted: Accepted,
    router: TowerToHyperService<Router>,
    head_time_max: Duration,
    shutdown: Shutdown,
) {
    let peer = accepted.peer;
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "the connection was gone at once");
        return;
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(accepted.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time_max)
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = shutdown.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        debug!(%peer, %error, "an HTTP connection ended early");
    }
}

fn full() -> Problem {
    Problem::closing(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "the server has as many connections as it takes; try again soon",
    )
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
