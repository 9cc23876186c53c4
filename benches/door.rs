//! What an update costs the server's processor, by door: WebSocket, Socket.IO, and beside them a plain server of
//! tokio-tungstenite that has no game, a task and a channel for each connection.
//!
//! `cargo bench -p fracas-benches --bench door`. It takes some minutes, and stops by itself. Each server is a process
//! of its own, whose processor time is read from the system; the clients are this process.
//!
//! `FRACAS_BENCH_PAIR=WITH:WITHOUT` measures two programs of `fracas-server` instead, each by its door `/ws`.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use fracas_benches::Host;
use fracas_shared::Tick;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted, SUBPROTOCOL};
use fracas_shared::packet::{ClientTag, InputHead, ServerTag};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

const PAIRS: usize = 11;
const RUN: Duration = Duration::from_secs(3);
const PLAYERS: usize = 80;
const SEATS: usize = 8;
const TICK_HZ: u16 = 30;
/// What the plain server sends: as much as dots sends on average.
const UPDATE_BYTES: usize = 120;
/// The variable that makes this program one of the servers.
const ROLE: &str = "FRACAS_BENCH_SERVES";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Plain,
    WebSocket,
    Events,
    Packets,
}

/// The variable that names two programs.
const PAIR: &str = "FRACAS_BENCH_PAIR";

fn main() -> Result<()> {
    if let Ok(role) = env::var(ROLE) {
        return serve(&role);
    }
    if let Ok(pair) = env::var(PAIR) {
        let (with, without) = pair.split_once(':').context("two programs, with a colon between")?;
        let (with, without) = (Server::start_program(with)?, Server::start_program(without)?);
        return measure(&[(Door::WebSocket, without, "control: without"), (Door::WebSocket, with, "with")]);
    }
    let (plain, fracas) = (Server::start("plain")?, Arc::new(Server::start("fracas")?));
    measure(&[
        (Door::Plain, Arc::new(plain), "control: a plain tokio-tungstenite server"),
        (Door::WebSocket, fracas.clone(), "WebSocket"),
        (Door::Events, fracas.clone(), "Socket.IO on its WebSocket, events"),
        (Door::Packets, fracas, "Socket.IO on its WebSocket, packets (the SDK)"),
    ])
}

fn measure(doors: &[(Door, Arc<Server>, &str)]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut costs = vec![Vec::new(); doors.len()];
    for round in 0..PAIRS {
        for step in 0..doors.len() {
            // Each round begins with another one.
            let place = (round + step) % doors.len();
            let (door, server, _) = &doors[place];
            costs[place].push(runtime.block_on(run(*door, server))?);
        }
        eprint!("\rround {} of {PAIRS}", round + 1);
    }
    eprintln!();
    let mut ratios = costs.clone();
    for (door, costs_of) in costs.iter().enumerate() {
        for (pair, cost) in costs_of.iter().enumerate() {
            ratios[door][pair] = cost / costs[0][pair];
        }
    }
    println!(
        "processor time of the server for each update that a client got: {PLAYERS} players in rooms of {SEATS}, \
         {TICK_HZ} Hz,\n{TICK_HZ} inputs a second each, {PAIRS} rounds of {} s; the ratio is the median of the rounds' own\n",
        RUN.as_secs()
    );
    println!("{:48} {:>9} {:>9} {:>9} {:>7}", "", "least us", "median us", "most us", "ratio");
    for (place, (_, _, name)) in doors.iter().enumerate() {
        let [least, median, most] = quantiles(&mut costs[place]);
        let [_, ratio, _] = quantiles(&mut ratios[place]);
        println!("{name:48} {least:>9.1} {median:>9.1} {most:>9.1} {ratio:>7.2}");
    }
    Ok(())
}

fn quantiles(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}

/// A server in a process of its own; ended when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(role: &str) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.env(ROLE, role).stdin(Stdio::piped());
        Self::spawn(command)
    }

    /// One that is this program of `fracas-server`.
    fn start_program(path: &str) -> Result<Arc<Self>> {
        let mut command = Command::new(path);
        command
            .args([
                "--listen=127.0.0.1:0",
                "--admin-listen=off",
                "--log=warn",
                "--journal=off",
                "--room-linger-s=1",
            ])
            .args(["--game=dots.bots=0".to_owned(), format!("--game=dots.seats={SEATS}")])
            .arg(format!("--game=dots.tick_hz={TICK_HZ}"))
            .stdin(Stdio::null());
        Self::spawn(command).map(Arc::new)
    }

    /// One that says in its first line where it listens: by an address, or by a sentence with one.
    fn spawn(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has a stdout")?).read_line(&mut line)?;
        let address =
            line.split_whitespace().find_map(|word| word.trim_start_matches("http://").parse().ok());
        let address = address.with_context(|| format!("the server says {line:?}"))?;
        Ok(Self { child, address })
    }

    /// Its processor time, in microseconds.
    fn processor_us(&self) -> Result<f64> {
        // Of all threads: the process's own file tells of its first one alone.
        let mut total = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
            total += nanoseconds / 1000.0;
        }
        Ok(total)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One of ours ends with its stdin.
        if self.child.stdin.take().is_none() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Is one of the servers until stdin ends.
fn serve(role: &str) -> Result<()> {
    let until_end = || drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let tell = |address: SocketAddr| writeln!(std::io::stdout(), "{address}");
    match role {
        "fracas" => {
            let host = Host::start(|config| {
                "warn".clone_into(&mut config.log);
                let dots = config.games.entry("dots".into()).or_default();
                dots.tick_hz = Some(TICK_HZ);
                dots.bots = Some(0);
                dots.seats = Some(SEATS as u16);
                config.room_linger_s = 1;
            })?;
            tell(host.address)?;
            until_end();
        }
        "plain" => {
            let runtime = tokio::runtime::Runtime::new()?;
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
            tell(listener.local_addr()?)?;
            runtime.spawn(plain(listener));
            until_end();
        }
        _ => bail!("{ROLE} is `fracas` or `plain`"),
    }
    Ok(())
}

/// Rooms in the order of coming; each makes an update at each tick and clones it for its players.
async fn plain(listener: TcpListener) {
    let mut rooms = Vec::new();
    for place in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        if place % SEATS == 0 {
            let (updates, _) = broadcast::channel::<Bytes>(16);
            let (inputs, mut received) = mpsc::channel::<Bytes>(1024);
            let ticking = updates.clone();
            tokio::spawn(async move {
                let mut ticks = interval(Duration::from_secs(1) / u32::from(TICK_HZ));
                ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    ticks.tick().await;
                    while received.try_recv().is_ok() {}
                    if ticking.send(Bytes::from(vec![7; UPDATE_BYTES])).is_err() {
                        return;
                    }
                }
            });
            rooms.push((updates, inputs));
        }
        let Some((updates, inputs)) = rooms.last() else { return };
        let (mut updates, inputs) = (updates.subscribe(), inputs.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let Ok(socket) = accept_async(stream).await else { return };
            let (mut sending, mut receiving) = socket.split();
            loop {
                tokio::select! {
                    update = updates.recv() => match update {
                        Ok(update) => if sending.send(Message::Binary(update)).await.is_err() { return },
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                    message = receiving.next() => match message {
                        Some(Ok(Message::Binary(input))) => drop(inputs.try_send(input)),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    },
                }
            }
        });
    }
}

/// The processor time of a server for an update, in microseconds.
async fn run(door: Door, server: &Server) -> Result<f64> {
    let (updates, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        let player = Player::join(door, server.address, number, updates.clone()).await?;
        players.push(tokio::spawn(player.play(is_over.clone())));
    }
    sleep(Duration::from_millis(500)).await;
    let before = (server.processor_us()?, updates.load(Ordering::Relaxed));
    sleep(RUN).await;
    let after = (server.processor_us()?, updates.load(Ordering::Relaxed));
    is_over.store(true, Ordering::Relaxed);
    for player in players {
        player.await??;
    }
    // Until the rooms have ended.
    sleep(Duration::from_millis(1500)).await;
    let got = after.1 - before.1;
    let wanted = RUN.as_secs() * PLAYERS as u64 * u64::from(TICK_HZ);
    ensure!(got * 10 > wanted * 9, "only {got} of {wanted} updates came: this is no measurement");
    Ok((after.0 - before.0) / got as f64)
}

struct Player {
    door: Door,
    socket: WebSocketStream<TcpStream>,
    tick: u32,
    x: i8,
    updates: Arc<AtomicU64>,
}

impl Player {
    async fn join(door: Door, to: SocketAddr, number: usize, updates: Arc<AtomicU64>) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let path = match door {
            Door::Plain => "/",
            Door::WebSocket => "/ws",
            Door::Events | Door::Packets => "/socket.io/?EIO=4&transport=websocket",
        };
        let mut request = ClientRequestBuilder::new(format!("ws://{to}{path}").parse()?);
        if door == Door::WebSocket {
            request = request.with_sub_protocol(SUBPROTOCOL);
        }
        let (socket, _) = client_async(request, stream).await?;
        let mut player = Self { door, socket, tick: 0, x: number as i8, updates };
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            name: format!("player {number}"),
            client: "bench".to_owned(),
        };
        let room = RoomWanted::JoinOrCreate { game: "dots".to_owned(), options: String::new() };
        let join = ClientMessage::Join { room, schema_hash: 0 };
        match door {
            Door::Plain => {}
            Door::WebSocket => {
                player.say(hello.to_bytes()).await?;
                player.say(join.to_bytes()).await?;
            }
            Door::Events => {
                player.text(format!(r#"40{{"name":"player {number}"}}"#)).await?;
                player.until("40{").await?;
                player.text(r#"42["join",{"game":"dots"}]"#.to_owned()).await?;
            }
            Door::Packets => {
                player.text(format!(r#"40{{"packets":{PROTOCOL_VERSION}}}"#)).await?;
                player.until("40{").await?;
                player.say(hello.to_bytes()).await?;
                player.say(join.to_bytes()).await?;
            }
        }
        Ok(player)
    }

    async fn until(&mut self, start: &str) -> Result<()> {
        while let Some(message) = self.socket.next().await {
            if message?.to_text().is_ok_and(|text| text.starts_with(start)) {
                return Ok(());
            }
        }
        bail!("the line ended before {start}")
    }

    async fn text(&mut self, text: String) -> Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// Says what a WebSocket has as bytes.
    async fn say(&mut self, bytes: Vec<u8>) -> Result<()> {
        if self.door == Door::Packets {
            self.socket.feed(Message::text(r#"451-["packet",{"_placeholder":true,"num":0}]"#)).await?;
        }
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }

    async fn play(mut self, is_over: Arc<AtomicBool>) -> Result<()> {
        let period = Duration::from_secs(1) / u32::from(TICK_HZ);
        let mut next_input = Instant::now() + period.mul_f64(f64::from(self.x as u8) / 80.0);
        while !is_over.load(Ordering::Relaxed) {
            tokio::select! {
                () = tokio::time::sleep_until(next_input) => {
                    next_input += period;
                    self.input().await?;
                }
                message = self.socket.next() => match message {
                    Some(message) => self.hear(&message?).await?,
                    None => bail!("the line ended"),
                },
            }
        }
        Ok(self.socket.close(None).await?)
    }

    async fn input(&mut self) -> Result<()> {
        self.x = self.x.wrapping_add(1);
        let (x, tick) = (self.x, self.tick + 2);
        if self.door == Door::Events {
            return self.text(format!(r#"42["input",{{"x":{x},"y":0,"tick":{tick}}}]"#)).await;
        }
        let mut packet = vec![ClientTag::Input as u8];
        InputHead { tick: Tick(tick), ack: Tick(self.tick), view_lag: 0 }.write(&mut packet);
        // A row of dots: two whole numbers of 8 bits after the kind's bit.
        packet.extend_from_slice(&[(x as u8) << 1, (x as u8) >> 7, 0]);
        self.say(packet).await
    }

    async fn hear(&mut self, message: &Message) -> Result<()> {
        match message {
            Message::Text(text) if text.as_str() == "2" => self.text("3".to_owned()).await?,
            Message::Text(text) if text.starts_with(r#"42["close""#) => bail!("closed: {text}"),
            Message::Binary(bytes) => {
                let frame = match self.door {
                    Door::Plain | Door::Events => Some(&bytes[..]),
                    Door::WebSocket | Door::Packets => bytes.strip_prefix(&[ServerTag::Frame as u8]),
                };
                if let Some(frame) = frame {
                    let tick = frame.first_chunk().context("a frame begins with its tick")?;
                    self.tick = u32::from_le_bytes(*tick);
                    self.updates.fetch_add(1, Ordering::Relaxed);
                }
            }
            Message::Close(close) => bail!("closed: {close:?}"),
            _ => {}
        }
        Ok(())
    }
}
