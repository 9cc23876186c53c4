//! Says back what it hears: for suites of cases of the WebSocket protocol.
//!
//! It is the server's own port, upgrade and socket, with another limit on messages and nothing behind. Sockets are
//! served on the reactor, as those of players without a seat, or by turns away from it, as those of seated ones.
//!
//! ```sh
//! cargo run --release --example ws_echo -- --listen 127.0.0.1:9101 --lane tick
//! ```

mod ticked;

use std::future::poll_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::Request;
use axum::{Extension, Router};
use clap::{Parser, ValueEnum};
use fracas_server::Shutdown;
use fracas_server::address_limits::AddressLimits;
use fracas_server::auth::{AuthError, Authenticate, Claims, JoinRequest};
use fracas_server::net::allowed_origins::AllowedOrigins;
use fracas_server::net::door::{Accepted, Door, serve};
use fracas_server::net::entrance::Entrance;
use fracas_server::net::socket::{Inbound, Outbound, Socket, SocketLimits};
use fracas_server::net::upgrade::{self, Subprotocols, Upgraded};
use fracas_server::net::wire::Broken;
use fracas_shared::CloseCode;
use tokio::net::TcpListener;

use self::ticked::Ticks;

/// The longest message. A longer one closes the connection with 1009.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

const CONNECTIONS_MAX: usize = 1000;

const LIMITS: SocketLimits = SocketLimits {
    message_bytes_max: MESSAGE_BYTES_MAX,
    received_bytes_per_s_max: u64::MAX,
    message_time_max: Duration::MAX,
    // A message that is said back while the pongs of a few pings wait before it.
    write_buffer_bytes_max: 2 * MESSAGE_BYTES_MAX,
};

/// Says back what it hears on WebSockets, at any path. Messages have at most 16 MiB.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9101", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where sockets are served.
    #[arg(long, value_enum, default_value_t)]
    lane: Lane,
}

/// Where sockets are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lane {
    /// By a task on the reactor, which is woken for what comes.
    #[default]
    Reactor,
    /// By a thread that looks after all of them turn by turn, as a room's ticks do.
    Tick,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Options { listen, lane } = Options::parse();
    let shutdown = Shutdown::on_signals()?;
    let listener = TcpListener::bind(listen).await?;
    writeln!(io::stdout(), "Echoing on ws://{}  (Ctrl-C stops)", listener.local_addr()?)?;
    echo(listener, lane, shutdown).await;
    Ok(())
}

/// Says back what is heard on this port, until it is told to stop.
pub async fn echo(listener: TcpListener, lane: Lane, shutdown: Shutdown) {
    let ticks = (lane == Lane::Tick).then(Ticks::start);
    let entrance = Entrance {
        addresses: AddressLimits::none(),
        origins: AllowedOrigins::All,
        authenticate: Arc::new(Everyone),
    };
    let answer = async move |Extension(accepted): Extension<Accepted>, request: Request| {
        let ticks = ticks.clone();
        let on_upgrade =
            Arc::new(move |upgraded: Upgraded| drop(tokio::spawn(serve_one(upgraded, ticks.clone()))));
        upgrade::answer(request, accepted, &entrance, Subprotocols::Any, on_upgrade)
    };
    serve(listener, Door::new(Router::new().fallback(answer), CONNECTIONS_MAX), shutdown).await;
}

/// Lets everyone in.
struct Everyone;

impl Authenticate for Everyone {
    fn authenticate(&self, _request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        Ok(Claims::default())
    }
}

async fn serve_one(upgraded: Upgraded, ticks: Option<Ticks>) {
    let Upgraded { stream, leftover, place: _place, .. } = upgraded;
    let mut socket = Socket::open(stream, &leftover, LIMITS);
    let code = match ticks {
        None => talk(&mut socket).await,
        Some(ticks) => {
            let code;
            (socket, code) = ticks.talk(socket).await;
            code
        }
    };
    socket.finish(Vec::new(), code).await;
}

/// Says back what it hears, and what to close with.
async fn talk(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        let answer = match next(socket).await {
            Ok(Inbound::Binary(bytes)) => Outbound::Binary(bytes),
            Ok(Inbound::Text(text)) => Outbound::Text(text),
            Ok(Inbound::Control) => continue,
            Ok(Inbound::Close(_)) => return None,
            Err(broken) => return broken.code,
        };
        if let Err(broken) = send(socket, answer).await {
            return broken.code;
        }
    }
}

/// The next message, and meanwhile what waits to be written.
async fn next(socket: &mut Socket) -> Result<Inbound, Broken> {
    poll_fn(|cx| match socket.poll_flush(cx) {
        Poll::Ready(Err(broken)) => Poll::Ready(Err(broken)),
        // A client that does not read its pongs may still talk.
        Poll::Ready(Ok(())) | Poll::Pending => socket.poll_message(cx),
    })
    .await
}

async fn send(socket: &mut Socket, message: Outbound) -> Result<(), Broken> {
    socket.start_send(message)?;
    poll_fn(|cx| socket.poll_flush(cx)).await
}
