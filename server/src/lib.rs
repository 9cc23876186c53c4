//! The Fracas game server: everything authoritative, behind one port.
//!
//! The binary is thirty lines around [`run`]; a game in a repository of its own writes the same
//! thirty lines with its own list of games.

pub mod admin;
pub mod config;
pub mod metrics;
pub mod net;
pub mod shutdown;
pub mod telemetry;

use std::sync::Arc;

use fracas_shared::message::RoomInfo;
use fracas_shared::{GameList, GameVisitor, Pilot};
use tokio::net::TcpListener;
use tracing::debug;

use admin::{ADMIN_CONNECTIONS_MAX, Readiness};
pub use config::{Config, Invocation};
use metrics::Metrics;
use net::http::Lobby;
pub use net::listener::Listeners;
use net::listener::{Door, serve};
use net::upgrade::Upgraded;
pub use shutdown::Shutdown;

/// Serves the games of a list until the server is told to stop.
///
/// # Errors
/// A listener cannot be used.
pub async fn run<G: GameList>(
    config: Config,
    listeners: Listeners,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let metrics = Metrics::new();
    let readiness = Readiness::new(shutdown.clone());
    // Health and metrics are of use until the very end.
    let end = Shutdown::new();
    let admin = listeners.admin.map(TcpListener::from_std).transpose()?.map(|listener| {
        let router = admin::router(metrics.clone(), readiness.clone());
        tokio::spawn(serve(listener, Door::new(router, ADMIN_CONNECTIONS_MAX), end.clone()))
    });

    let mut games = Ids::default();
    G::visit_all(&mut games);
    let on_upgrade = Arc::new(|upgraded: Upgraded| debug!(peer = %upgraded.peer, "closed"));
    let door = Door {
        accepted: metrics.net.connections.clone(),
        refused: metrics.net.connections_refused.clone(),
        ..Door::new(net::http::router(Arc::new(games), on_upgrade), config.connections_max)
    };
    let public = TcpListener::from_std(listeners.public)?;
    readiness.set_up();
    serve(public, door, shutdown).await;

    end.begin();
    if let Some(admin) = admin {
        admin.await?;
    }
    Ok(())
}

#[derive(Default)]
struct Ids(Vec<String>);

impl GameVisitor for Ids {
    fn visit<G: Pilot>(&mut self) {
        self.0.push(G::ID.to_owned());
    }
}

impl Lobby for Ids {
    fn rooms(&self, _game: Option<&str>, _skip: usize) -> (Vec<RoomInfo>, usize) {
        (Vec::new(), 0)
    }

    fn games(&self) -> Vec<String> {
        self.0.clone()
    }
}
