//! Says back what it hears, by Socket.IO and by Engine.IO: for suites of cases of both protocols.
//!
//! It is the server's own port and layer, with heartbeats in a hurry, large payloads and nothing behind.
//!
//! ```sh
//! cargo run --release --example socketio_conformance -- --listen 127.0.0.1:3000
//! ```

use std::future::ready;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use clap::Parser;
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::EngineIoService;
use engineioxide::{DisconnectReason, Socket, Str};
use fracas_server::Shutdown;
use fracas_server::net::door::{Door, serve};
use fracas_server::net::socketio::{Arguments, Manner, PATH};
use rmpv::Value;
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use tokio::net::TcpListener;

/// Where Engine.IO alone is spoken.
const ENGINE_IO_PATH: &str = "/engine.io/";
const PAYLOAD_BYTES_MAX: usize = 1_000_000;
const CONNECTIONS_MAX: usize = 1000;

const MANNER: Manner = Manner {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    connect_time_max: Duration::from_secs(1),
    payload_bytes_max: PAYLOAD_BYTES_MAX,
    binaries_max: 10,
};

/// Says back what it hears by Socket.IO at /socket.io/, in the namespaces / and /custom, and by Engine.IO at
/// /engine.io/.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Options { listen } = Options::parse();
    let shutdown = Shutdown::on_signals()?;
    let listener = TcpListener::bind(listen).await?;
    writeln!(io::stdout(), "Speaking Socket.IO on http://{}  (Ctrl-C stops)", listener.local_addr()?)?;
    echo(listener, shutdown).await;
    Ok(())
}

/// Says back what is heard on this port, until it is told to stop.
pub async fn echo(listener: TcpListener, shutdown: Shutdown) {
    let (socket_io, io) = MANNER.builder().build_svc();
    io.ns("/", on_connect);
    io.ns("/custom", on_connect);
    let config = EngineIoConfig::builder()
        .ping_interval(MANNER.ping_interval)
        .ping_timeout(MANNER.ping_timeout)
        .max_payload(PAYLOAD_BYTES_MAX as u64)
        .build();
    let engine_io = EngineIoService::with_config(Arc::new(Echo), config);
    let router = Router::new().route_service(PATH, socket_io).route_service(ENGINE_IO_PATH, engine_io);
    serve(listener, Door::new(router, CONNECTIONS_MAX), shutdown).await;
}

async fn on_connect(socket: SocketRef, TryData(auth): TryData<Value>) {
    let auth = auth.ok().filter(|auth| !auth.is_nil()).unwrap_or_else(|| Value::Map(Vec::new()));
    socket.emit("auth", &auth).ok();
    // In closures: what they do before they are awaited is done in the order of the messages.
    socket.on("message", |socket: SocketRef, Data::<Args>(args)| {
        socket.emit("message-back", &args).ok();
        ready(())
    });
    socket.on("message-with-ack", |Data::<Args>(args), ack: AckSender| {
        ack.send(&args).ok();
        ready(())
    });
    socket.on("emit-with-ack", async |socket: SocketRef, Data::<Args>(args)| {
        let Ok(answer) = socket.emit_with_ack::<Args, Args>("emit-with-ack", &args) else { return };
        if let Ok(args) = answer.await {
            socket.emit("emit-with-ack", &args).ok();
        }
    });
}

/// All arguments of an event, whatever they are.
type Args = Arguments<Value, { usize::MAX }>;

/// Says back messages of Engine.IO.
#[derive(Clone, Debug)]
struct Echo;

impl EngineIoHandler for Echo {
    type Data = ();

    fn on_connect(self: Arc<Self>, _socket: Arc<Socket<()>>) {}

    fn on_disconnect(&self, _socket: Arc<Socket<()>>, _reason: DisconnectReason) {}

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<()>>) {
        socket.emit(message).ok();
    }

    fn on_binary(self: &Arc<Self>, message: Bytes, socket: Arc<Socket<()>>) {
        socket.emit_binary(message).ok();
    }
}
