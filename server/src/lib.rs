//! The Fracas game server: everything authoritative, behind one port.
//!
//! The binary is thirty lines around [`run`]; a game in a repository of its own writes the same
//! thirty lines with its own list of games.

pub mod address_limits;
pub mod admin;
pub mod auth;
pub mod config;
pub mod drain;
pub mod exchange;
pub mod journal;
pub mod memory;
pub mod metrics;
pub mod net;
pub mod networks;
pub mod program;
pub mod room_filter;
pub mod rooms;
pub mod shutdown;
mod supervise;
pub mod telemetry;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use fracas_shared::message::{RoomInfo, RoomWanted};
use fracas_shared::{GameList, LineProfile, Refusal};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tracing::{error, info, warn};

use address_limits::{AddressHold, AddressLimits};
use admin::{ADMIN_CONNECTIONS_MAX, Readiness};
use auth::Authenticate;
use config::{Auth, Switch};
pub use config::{Config, Invocation};
use drain::Drain;
#[cfg(feature = "planted-faults")]
pub use fracas_sim::PlantedFault;
use journal::{FolderError, Journal};
use metrics::Metrics;
use net::door::{Door, serve};
use net::entrance::Entrance;
use net::http::{Lobby, SeatReservation};
pub use net::listener::Listeners;
use net::player::Players;
#[cfg(feature = "socketio")]
use net::socketio::{self, Manner};
use net::upgrade::Upgraded;
use net::websocket;
use networks::Networks;
pub use program::program;
use room_filter::RoomFilter;
use rooms::Rooms;
pub use rooms::{ReplayOptions, replay};
pub use shutdown::Shutdown;

/// How long players have to take their leave of a server whose matches the next one goes on with.
const LEAVE_TIME_MAX: Duration = Duration::from_millis(250);

/// Serves the games of a list until the server is told to stop.
///
/// # Errors
/// A listener cannot be used, a game refuses its configuration, or a file that is named cannot be.
pub async fn run<G: GameList>(
    config: Config,
    listeners: Listeners,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let authenticate = auth::configured(&config)?;
    let address = listeners.public.local_addr()?;
    if config.auth == Auth::Open && !address.ip().is_loopback() {
        warn!(
            "everyone who reaches {address} may join; if that is not wanted, set `auth` to `secret` with an \
             `auth_secret`, or to `jwt`"
        );
    }
    serve_games::<G>(config, listeners, shutdown, authenticate).await
}

/// [`run`] with a way of its own to decide who may join.
///
/// # Errors
/// As those of [`run`]; and the configuration asks for another way.
pub async fn run_with_auth<G: GameList>(
    config: Config,
    listeners: Listeners,
    shutdown: Shutdown,
    authenticate: Arc<dyn Authenticate>,
) -> anyhow::Result<()> {
    if config.auth != Auth::Open {
        bail!("setting `auth`: this server decides in its own way who may join; leave it out");
    }
    serve_games::<G>(config, listeners, shutdown, authenticate).await
}

async fn serve_games<G: GameList>(
    config: Config,
    listeners: Listeners,
    shutdown: Shutdown,
    authenticate: Arc<dyn Authenticate>,
) -> anyhow::Result<()> {
    #[cfg(feature = "planted-faults")]
    if let Some(fault) = config.planted_fault {
        warn!(%fault, "rooms err on purpose");
    }
    let proxies: Networks =
        config.trusted_proxies.parse().map_err(|error| anyhow!("trusted_proxies: {error}"))?;
    let origins = config.allowed_origins.parse().map_err(|problem| anyhow!("allowed_origins: {problem}"))?;
    let addresses = AddressLimits::new(&config, proxies.clone());
    let metrics = Metrics::new();
    let journal = journal_of(&config, &metrics)?;
    let rooms = Rooms::start::<G>(&config, addresses.clone(), &metrics, &shutdown, journal.as_ref()).await?;
    let readiness = Readiness::new(shutdown.clone());
    let drain =
        Drain::new(rooms.clone(), shutdown.clone(), Duration::from_secs(config.drain_deadline_s.into()));
    // Health and metrics are of use until the very end.
    let end = Shutdown::new();
    let admin = listeners.admin.map(TcpListener::from_std).transpose()?.map(|listener| {
        let token = config.admin_token.clone();
        let router = admin::router(metrics.clone(), readiness.clone(), rooms.clone(), drain.clone(), token);
        let door =
            Door { refusals: metrics.net.refusals.clone(), ..Door::new(router, ADMIN_CONNECTIONS_MAX) };
        tokio::spawn(serve(listener, door, end.clone()))
    });

    // Each player's task holds `open`; when the last one has ended, `all_closed` says so.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let players = Players {
        rooms: rooms.clone(),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
        line: line_of_players(&config),
    };
    let entrance = Entrance { addresses: addresses.clone(), origins, authenticate };
    #[cfg(feature = "socketio")]
    let socketio = config.socketio.then(|| {
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        let manner = Manner::of_players(
            seconds(config.socketio_ping_interval_s),
            seconds(config.socketio_ping_timeout_s),
        );
        socketio::router(players.clone(), open.downgrade(), entrance.clone(), manner, config.connections_max)
    });
    let on_upgrade = Arc::new(move |upgraded: Upgraded| {
        tokio::spawn(websocket::serve(upgraded, players.clone(), open.clone()));
    });
    let router = net::http::router(Arc::new(rooms.clone()), entrance, on_upgrade);
    #[cfg(feature = "socketio")]
    let router = router.merge(socketio.unwrap_or_default());
    let door = Door {
        addresses,
        proxies,
        has_proxy_headers: config.proxy_protocol,
        #[cfg(feature = "socketio")]
        polled_at: config.socketio.then_some(socketio::PATH),
        tls: listeners.tls.clone(),
        accepted: metrics.net.connections.clone(),
        refusals: metrics.net.refusals.clone(),
        ..Door::new(router, config.connections_max)
    };
    // Until this returns.
    let mut watching = JoinSet::new();
    if let Some(tls) = listeners.tls {
        watching.spawn(tls.watch());
    }
    watching.spawn(drain.watch());
    let public = TcpListener::from_std(listeners.public)?;
    readiness.set_up();
    // The door, and with it the last `open` but those of tasks, is dropped when this returns.
    serve(public, door, shutdown).await;

    rooms.refuse(Refusal::Stopping);
    let mut deadline = Duration::from_secs(u64::from(config.shutdown_deadline_s));
    if journal.is_some() {
        // All others wait for the next server meanwhile, to go on with their matches.
        deadline = deadline.min(LEAVE_TIME_MAX);
    }
    if timeout(deadline, all_closed.recv()).await.is_err() {
        warn!("some clients did not take their leave in time");
    }
    let stopping = rooms.clone();
    spawn_blocking(move || stopping.stop()).await?;
    end.begin();
    if let Some(admin) = admin {
        admin.await?;
    }
    if rooms.is_beyond_repair() {
        bail!(
            "games did not come back from their rules, and took simulation threads with them: start it anew"
        );
    }
    info!("stopped");
    Ok(())
}

/// The journal, if there is to be one and it can be written.
fn journal_of(config: &Config, metrics: &Metrics) -> anyhow::Result<Option<Journal>> {
    if config.journal == Switch::Off {
        return Ok(None);
    }
    match Journal::take(config, metrics) {
        Ok(journal) => Ok(Some(journal)),
        Err(error @ FolderError::Taken { .. }) => Err(error.into()),
        Err(error) => {
            error!("{error}; no match outlives this process");
            metrics.journal.failures.inc();
            metrics.journal.failing.set(config.sim_thread_count() as i64);
            Ok(None)
        }
    }
}

/// What is made of the lines of all players; nobody is to find out by chance that it is something.
fn line_of_players(config: &Config) -> LineProfile {
    let line = config.line.unwrap_or_default();
    if !line.is_none() {
        warn!("every player's line is made worse: {line}; without the setting `line` it is left as it is");
    }
    line
}

impl Lobby for Rooms {
    fn rooms(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomInfo>, usize) {
        self.list(filter, skip)
    }

    fn games(&self) -> Vec<String> {
        self.games()
    }

    fn reserve(
        &self,
        wanted: RoomWanted,
        address: IpAddr,
        hold: AddressHold,
    ) -> BoxFuture<'_, Result<SeatReservation, Refusal>> {
        Box::pin(self.reserve_for_later(wanted, address, hold))
    }
}
