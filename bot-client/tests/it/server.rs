//! A server of one room, made of the shared crate's own encoders.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{ClientMessage, Joined, PROTOCOL_VERSION, SUBPROTOCOL, ServerMessage};
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, LooseRow, OwnHead, RowCodec, ServerTag};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{CloseCode, EntityId, PlayerId, Refusal, Schema, Tick};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::game::{Event, Tag, View};

const PERIOD: Duration = Duration::from_millis(10);
const FIRST_TICK: u32 = 50;
const PLAYER: u16 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    Play,
    SkipEveryFourth,
    Refuse,
    CloseAfterTen,
    WrongHash,
}

/// The inputs of each player, by name, as they came.
pub(crate) type Heard = Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>;

/// Starts a server that lives as long as the test's process, and gives its address.
pub(crate) fn start(behaviour: Behaviour) -> String {
    start_hearing(behaviour).0
}

/// The same, and what it hears.
pub(crate) fn start_hearing(behaviour: Behaviour) -> (String, Heard) {
    let heard = Heard::default();
    let notes = heard.clone();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let notes = notes.clone();
                tokio::spawn(async move {
                    let socket = upgrade(stream).await;
                    Seat::new(socket, behaviour, notes).serve().await;
                });
            }
        });
    });
    (address.to_string(), heard)
}

// The callback's error type is tungstenite's.
#[allow(clippy::result_large_err)]
async fn upgrade(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let choose = |_: &Request, mut response: Response| {
        response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        Ok(response)
    };
    accept_hdr_async(stream, choose).await.unwrap()
}

/// Which inputs are used: the one that is stamped with the tick, or the newest that was late.
#[derive(Default)]
struct Inputs {
    waiting: Vec<Tick>,
    used: Tick,
    margin: Option<i8>,
}

impl Inputs {
    /// Takes one that came before the step of `next`.
    fn push(&mut self, stamp: Tick, next: Tick) {
        let margin = stamp.since(next) as i8;
        self.margin = Some(self.margin.map_or(margin, |least| least.min(margin)));
        self.waiting.push(stamp);
    }

    /// The newest input that was used by the step of `tick`, and how early those came since the last step.
    fn take(&mut self, tick: Tick) -> (Tick, Option<i8>) {
        let due: Vec<Tick> = self.waiting.extract_if(.., |stamp| !stamp.is_after(tick)).collect();
        if let Some(newest) = due.into_iter().max_by_key(|stamp| stamp.0) {
            self.used = newest;
        }
        (self.used, self.margin.take())
    }
}

struct Seat {
    socket: WebSocketStream<TcpStream>,
    behaviour: Behaviour,
    schema: Schema,
    name: String,
    heard: Heard,
    inputs: Inputs,
    baseline: Option<Snapshot>,
    tick: Tick,
}

impl Seat {
    fn new(socket: WebSocketStream<TcpStream>, behaviour: Behaviour, heard: Heard) -> Self {
        let schema = Schema::of::<Tag>();
        Self {
            socket,
            behaviour,
            schema,
            name: String::new(),
            heard,
            inputs: Inputs::default(),
            baseline: None,
            tick: Tick(FIRST_TICK),
        }
    }

    async fn serve(mut self) {
        let mut clock: Option<tokio::time::Interval> = None;
        loop {
            let period = async {
                match &mut clock {
                    Some(clock) => clock.tick().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = period => if self.step().await.is_break() { break },
                message = self.socket.next() => {
                    let Some(Ok(Message::Binary(bytes))) = message else { break };
                    if self.hear(&bytes, &mut clock).await.is_break() { break }
                }
            }
        }
    }

    async fn hear(&mut self, bytes: &[u8], clock: &mut Option<tokio::time::Interval>) -> ControlFlow<()> {
        let (tag, bytes) = ClientTag::split(bytes).unwrap();
        if tag == ClientTag::Input {
            let (head, row) = InputHead::read(bytes).unwrap();
            self.inputs.push(head.tick, self.tick);
            self.heard.lock().unwrap().entry(self.name.clone()).or_default().push(row.to_vec());
            return ControlFlow::Continue(());
        }
        let answer = match ClientMessage::from_bytes(bytes).unwrap() {
            ClientMessage::Hello { client, name, .. } => {
                self.name = name;
                assert!(client.starts_with("fracas-bots"));
                ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server: "script".into() }
            }
            ClientMessage::Join { .. } if self.behaviour == Behaviour::Refuse => {
                ServerMessage::Refused(Refusal::RoomFull("r1".into()))
            }
            ClientMessage::Join { schema_hash, .. } => {
                assert_eq!(schema_hash, self.schema.hash());
                *clock = Some(tokio::time::interval(PERIOD));
                ServerMessage::Joined(self.joined())
            }
            ClientMessage::Leave => {
                *clock = None;
                ServerMessage::Left { tick: self.tick.0 - 1 }
            }
            ClientMessage::Resync => {
                self.baseline = None;
                return ControlFlow::Continue(());
            }
            ClientMessage::Ack { .. } => return ControlFlow::Continue(()),
            ClientMessage::List { .. } => ServerMessage::Rooms { rooms: Vec::new(), total: 0 },
            ClientMessage::Ping { nonce } => ServerMessage::Pong { nonce },
            other @ ClientMessage::Say { .. } => panic!("{other:?}"),
        };
        self.say(answer.to_bytes()).await
    }

    fn joined(&self) -> Joined {
        Joined {
            room: "r1".into(),
            game: "tag".into(),
            player: Some(PLAYER),
            seats: 8,
            tick_hz: 100,
            tick: FIRST_TICK,
            schema_hash: self.schema.hash(),
            schema: None,
            config: "{}".into(),
            ..Joined::default()
        }
    }

    /// Sends a tick: the tag at the tenth, the own head, the frame.
    async fn step(&mut self) -> ControlFlow<()> {
        let tick = self.tick;
        self.tick = tick.next();
        let age = tick.since(Tick(FIRST_TICK));
        if age == 10 {
            if self.behaviour == Behaviour::CloseAfterTen {
                let code = CloseCode::RoomFailed;
                let frame = CloseFrame { code: code.number().into(), reason: code.reason().into() };
                // A client that is gone already needs no goodbye.
                let _ = self.socket.close(Some(frame)).await;
                return ControlFlow::Break(());
            }
            let mut events = vec![ServerTag::Events as u8];
            EventsHead { tick, count: 1 }.write(&mut events);
            let row = LooseRow::of(&Event { by: PlayerId(PLAYER) }, |_| None);
            RowCodec::new(&self.schema.events).encode(&row, &mut events);
            self.say(events).await?;
        }
        let (input_tick, input_margin) = self.inputs.take(tick);
        if self.behaviour == Behaviour::SkipEveryFourth && age % 4 == 3 {
            return ControlFlow::Continue(());
        }
        let mut own = vec![ServerTag::Own as u8];
        OwnHead { input_tick, input_margin, has_row: false }.write(&mut own);
        self.say(own).await?;
        let frame = self.frame(tick, age);
        self.say(frame).await
    }

    fn frame(&mut self, tick: Tick, age: i32) -> Vec<u8> {
        let codes = LooseRow::of(&View { x: tick.0 as u16 }, |_| None).codes;
        let mut snapshot = Snapshot::new(tick);
        snapshot.push(EntityId::new(1).unwrap(), 0, |row| row.extend_from_slice(&codes));
        snapshot.seal(BTreeMap::new());
        let mut bytes = vec![ServerTag::Frame as u8];
        let encoder = FrameCodec::new(&self.schema.views);
        encoder.encode(self.baseline.as_ref().map(Into::into), &snapshot, true, &mut bytes);
        if self.behaviour == Behaviour::WrongHash && age == 5 {
            // Behind the tag, the flags and the tick's lowest bits comes the hash.
            bytes[3] ^= 0xFF;
        } else {
            // As the bot has it.
            self.baseline = encoder.decode(self.baseline.as_ref(), &bytes[1..]).ok();
        }
        bytes
    }

    async fn say(&mut self, message: Vec<u8>) -> ControlFlow<()> {
        match self.socket.send(Message::binary(message)).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}
