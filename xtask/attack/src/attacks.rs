//! What strangers do to a server, and how it is to end: as docs/PROTOCOL.md and docs/SOCKETIO.md say.

mod socketio;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fracas_shared::limits::{
    CLIENT_MESSAGE_BYTES_MAX, CONTROLS_PER_S_MAX, HTTP_HEAD_BYTES_MAX, INPUTS_BURST_MAX, WRONG_SECRETS_MAX,
};
use fracas_shared::message::{
    ClientMessage, Hearers, PROTOCOL_VERSION, RoomWanted, SUBPROTOCOL, ServerMessage,
};
use fracas_shared::packet::{ClientTag, InputHead};
use fracas_shared::{CloseCode, Rng, Tick};
use serde::Deserialize;
use tokio::time::sleep;

use crate::line::{End, Line, Opcode, frame, head, hello};

/// A flood lasts no longer than this and has no more bytes.
const FLOOD_TIME_MAX: Duration = Duration::from_secs(1);
const FLOOD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The pace of those who try the server's patience.
const DRIP: Duration = Duration::from_secs(1);
/// How long one reads nothing of what it asked for: longer than the server waits for it.
const DEAF: Duration = Duration::from_secs(15);
/// Pages that are asked for and not read: more than all buffers on the way hold.
const UNREAD_PAGES: usize = 100;
/// The address of the one who asks too often.
const BUSY_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 254);
/// Addresses of strangers, from 127.0.0.2 on.
const ADDRESSES: u32 = 250;

/// A way to attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What a stranger does.
    pub(crate) what: &'static str,
    /// How it may end.
    pub(crate) ends: &'static [End],
    /// Whether it is about the server's patience. These are made side by side, for they take long and
    /// cost nothing else.
    pub(crate) waits: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Silence,
    DrippingHead,
    DrippingBody,
    Deafness,
    NoHello,
    DrippingFragments,
    EndlessHead,
    Noise,
    NoisyFrames,
    CutOff,
    WrongVersion,
    HugeMessage,
    EndlessFragments,
    PingFlood,
    InputFlood,
    ChatFlood,
    UsedTicket,
    Hammering,
    Handshakes,
    DeafPings,
    Nonsense,
    Names,
}

const fn closed(code: CloseCode) -> End {
    End::Closed(code as u16)
}

/// All ways to attack.
pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "silence",
        what: "connects and says nothing",
        ends: &[End::Cut],
        waits: true,
        kind: Kind::Silence,
    },
    Attack {
        name: "dripping-head",
        what: "sends the head of a request a line in a second (slowloris)",
        ends: &[End::Cut, End::Answered(408)],
        waits: true,
        kind: Kind::DrippingHead,
    },
    Attack {
        name: "dripping-body",
        what: "sends the body of a request a byte in a second",
        ends: &[End::Answered(408)],
        waits: true,
        kind: Kind::DrippingBody,
    },
    Attack {
        name: "deafness",
        what: "asks for many pages and reads none of them",
        ends: &[End::Cut, End::Reset],
        waits: true,
        kind: Kind::Deafness,
    },
    Attack {
        name: "no-hello",
        what: "opens a WebSocket and says nothing",
        ends: &[closed(CloseCode::HelloTimeout)],
        waits: true,
        kind: Kind::NoHello,
    },
    Attack {
        name: "dripping-fragments",
        what: "sends a message a byte in a second, pings in between",
        ends: &[closed(CloseCode::IdleTimeout)],
        waits: true,
        kind: Kind::DrippingFragments,
    },
    Attack {
        name: "endless-head",
        what: "sends a request with a head without an end",
        ends: &[End::Answered(431)],
        waits: false,
        kind: Kind::EndlessHead,
    },
    Attack {
        name: "noise",
        what: "sends random bytes",
        ends: &[End::Answered(400)],
        waits: false,
        kind: Kind::Noise,
    },
    Attack {
        name: "noisy-frames",
        what: "sends random bytes on a WebSocket, in frames and without",
        ends: &[
            closed(CloseCode::BadMessage),
            closed(CloseCode::NotWebSocket),
            closed(CloseCode::NotUtf8),
            closed(CloseCode::MessageTooLong),
        ],
        waits: false,
        kind: Kind::NoisyFrames,
    },
    Attack {
        name: "cut-off",
        what: "hangs up in the middle of a request, a frame or a message",
        ends: &[End::Cut, End::Answered(400)],
        waits: false,
        kind: Kind::CutOff,
    },
    Attack {
        name: "wrong-version",
        what: "speaks another version of the protocol",
        ends: &[closed(CloseCode::WrongVersion)],
        waits: false,
        kind: Kind::WrongVersion,
    },
    Attack {
        name: "huge-message",
        what: "sends a message of one byte more than may be, or says it has 4 EiB",
        ends: &[closed(CloseCode::MessageTooLong)],
        waits: false,
        kind: Kind::HugeMessage,
    },
    Attack {
        name: "endless-fragments",
        what: "sends fragments of a message without an end",
        ends: &[closed(CloseCode::MessageTooLong)],
        waits: false,
        kind: Kind::EndlessFragments,
    },
    Attack {
        name: "ping-flood",
        what: "sends pings as fast as it can and reads no pong",
        ends: &[closed(CloseCode::TooFast)],
        waits: false,
        kind: Kind::PingFlood,
    },
    Attack {
        name: "input-flood",
        what: "takes a seat, sends inputs as fast as it can and reads nothing",
        ends: &[closed(CloseCode::TooFast)],
        waits: false,
        kind: Kind::InputFlood,
    },
    Attack {
        name: "chat-flood",
        what: "takes a seat and talks as fast as it can",
        ends: &[closed(CloseCode::TooFast)],
        waits: false,
        kind: Kind::ChatFlood,
    },
    Attack {
        name: "used-ticket",
        what: "takes a seat by a ticket, leaves, and tries the same ticket again and again",
        ends: &[closed(CloseCode::TooFast)],
        waits: false,
        kind: Kind::UsedTicket,
    },
    Attack {
        name: "hammering",
        what: "asks for the rooms, all from one address",
        ends: &[End::Answered(200), End::Answered(429)],
        waits: false,
        kind: Kind::Hammering,
    },
    Attack {
        name: "socketio-handshakes",
        what: "opens a session of Socket.IO by polling, and never connects",
        ends: &[End::Answered(400)],
        waits: true,
        kind: Kind::Handshakes,
    },
    Attack {
        name: "socketio-deaf-pings",
        what: "floods a session of Socket.IO with pings and reads nothing",
        ends: &[End::Cut, End::Reset, closed(CloseCode::Normal), NO_CODE],
        waits: false,
        kind: Kind::DeafPings,
    },
    Attack {
        name: "socketio-nonsense",
        what: "connects by Socket.IO and sends packets that are none",
        ends: &[End::Cut, End::Reset, closed(CloseCode::Normal), NO_CODE],
        waits: false,
        kind: Kind::Nonsense,
    },
    Attack {
        name: "socketio-names",
        what: "connects by Socket.IO and sends events with a million names",
        ends: &[End::Cut, End::Reset, closed(CloseCode::Normal), NO_CODE],
        waits: false,
        kind: Kind::Names,
    },
];

/// A close frame without a code, which is all that Engine.IO says.
const NO_CODE: End = End::Closed(1005);

/// One who attacks, once.
pub(crate) struct Stranger {
    to: SocketAddr,
    from: Ipv4Addr,
    number: u32,
    rng: Rng,
}

impl Stranger {
    /// The stranger of this number. Strangers come from many addresses, a few from each.
    pub(crate) fn new(to: SocketAddr, number: u32, seed: u64) -> Self {
        let from = Ipv4Addr::new(127, 0, 0, (2 + number % ADDRESSES) as u8);
        Self { to, from, number, rng: Rng::new(seed, u64::from(number)) }
    }

    /// Attacks, and tells how it ended.
    pub(crate) async fn attack(mut self, attack: &Attack) -> End {
        let attacked = match attack.kind {
            Kind::Silence => self.keep_silent().await,
            Kind::DrippingHead => self.drip_head().await,
            Kind::DrippingBody => self.drip_body().await,
            Kind::Deafness => self.be_deaf().await,
            Kind::NoHello => self.upgrade().await,
            Kind::DrippingFragments => self.drip_fragments().await,
            Kind::EndlessHead => self.send_endless_head().await,
            Kind::Noise => self.make_noise().await,
            Kind::NoisyFrames => self.make_noise_in_frames().await,
            Kind::CutOff => self.hang_up().await,
            Kind::WrongVersion => self.speak_another_version().await,
            Kind::HugeMessage => self.send_huge_message().await,
            Kind::EndlessFragments => self.send_endless_fragments().await,
            Kind::PingFlood => self.flood_pings().await,
            Kind::InputFlood => self.flood_inputs().await,
            Kind::ChatFlood => self.flood_chat().await,
            Kind::UsedTicket => self.use_ticket_again().await,
            Kind::Hammering => self.hammer().await,
            Kind::Handshakes => self.leave_handshake().await,
            Kind::DeafPings => self.flood_engine_io().await,
            Kind::Nonsense => self.talk_nonsense().await,
            Kind::Names => self.make_up_names().await,
        };
        match attacked {
            Ok(line) => line.end().await,
            Err(end) => end,
        }
    }

    async fn connect(&self) -> Result<Line, End> {
        Line::connect(self.to, self.from).await
    }

    async fn upgrade(&self) -> Result<Line, End> {
        Line::upgrade(self.to, self.from, SUBPROTOCOL).await
    }

    async fn greet(&self) -> Result<Line, End> {
        Line::greet(self.to, self.from).await
    }

    async fn join(&self, wanted: RoomWanted) -> Result<Line, End> {
        let mut line = self.greet().await?;
        line.say(&ClientMessage::Join { room: wanted, schema_hash: 0 }).await?;
        match line.told().await? {
            ServerMessage::Joined(_) => Ok(line),
            _ => Err(End::Strange),
        }
    }

    fn random(&mut self, bytes: usize) -> Vec<u8> {
        (0..bytes).map(|_| self.rng.below(256) as u8).collect()
    }

    async fn keep_silent(&self) -> Result<Line, End> {
        Err(self.connect().await?.answered().await)
    }

    async fn drip_head(&self) -> Result<Line, End> {
        let mut line = self.connect().await?;
        line.send(b"GET / HTTP/1.1\r\n").await?;
        Err(line.drip_until_answered(b"X-More: and more\r\n", DRIP).await)
    }

    async fn drip_body(&self) -> Result<Line, End> {
        let mut line = self.connect().await?;
        line.send(b"POST /matchmake/joinOrCreate/dots HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
            .await?;
        Err(line.drip_until_answered(b" ", DRIP).await)
    }

    async fn be_deaf(&self) -> Result<Line, End> {
        let mut line = self.connect().await?;
        line.send(&b"GET /fracas.js HTTP/1.1\r\nHost: h\r\n\r\n".repeat(UNREAD_PAGES)).await?;
        sleep(DEAF).await;
        Err(line.all_answered(UNREAD_PAGES).await)
    }

    async fn drip_fragments(&self) -> Result<Line, End> {
        let mut line = self.greet().await?;
        line.send(&frame(Opcode::Binary, false, &[0])).await?;
        let mut more = frame(Opcode::Continuation, false, &[0]);
        more.extend(frame(Opcode::Ping, true, b"still here"));
        Err(line.drip_until_closed(&more, DRIP).await)
    }

    async fn send_endless_head(&self) -> Result<Line, End> {
        let mut line = self.connect().await?;
        line.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-More: ").await?;
        line.flood(&[b'x'; 1024], 2 * HTTP_HEAD_BYTES_MAX, FLOOD_TIME_MAX).await;
        Err(line.answered().await)
    }

    async fn make_noise(&mut self) -> Result<Line, End> {
        let mut line = self.connect().await?;
        let mut noise = self.random(512);
        // An empty line may come before a request.
        noise[0] |= 0x80;
        line.send(&noise).await?;
        Err(line.answered().await)
    }

    async fn make_noise_in_frames(&mut self) -> Result<Line, End> {
        let mut line = self.greet().await?;
        let noise = self.random(125);
        match self.number % 3 {
            // A head that no client may send, whatever follows: reserved bits are set.
            0 => line.send(&[&[0xf0, 0x80 + 60], noise.as_slice()].concat()).await?,
            1 => line.send(&frame(Opcode::Text, true, &noise)).await?,
            _ => {
                // Tags of no message, and messages of nothing that is known.
                let tag = if self.number.is_multiple_of(2) { ClientTag::Control as u8 } else { 0xff };
                line.send(&frame(Opcode::Binary, true, &[&[tag, 0xfb], noise.as_slice()].concat())).await?;
            }
        }
        Ok(line)
    }

    async fn hang_up(&mut self) -> Result<Line, End> {
        let cut = 1 + self.rng.below(20) as usize;
        let mut line = match self.number % 3 {
            0 => {
                let mut line = self.connect().await?;
                line.send(&b"GET / HTTP/1.1\r\nHost: h\r\n"[..cut]).await?;
                line
            }
            1 => {
                let mut line = self.upgrade().await?;
                line.send(&frame(Opcode::Binary, true, &hello(PROTOCOL_VERSION).to_bytes())[..cut]).await?;
                line
            }
            _ => {
                let mut line = self.greet().await?;
                line.send(&frame(Opcode::Text, false, b"and then")).await?;
                line
            }
        };
        line.shutdown().await?;
        Err(match self.number % 3 {
            0 => line.answered().await,
            _ => line.end().await,
        })
    }

    async fn speak_another_version(&self) -> Result<Line, End> {
        if self.number.is_multiple_of(2) {
            return Line::upgrade(self.to, self.from, "fracas.99").await;
        }
        let mut line = self.upgrade().await?;
        line.say(&hello(99)).await?;
        Ok(line)
    }

    async fn send_huge_message(&self) -> Result<Line, End> {
        let mut line = self.greet().await?;
        if self.number.is_multiple_of(2) {
            line.send(&frame(Opcode::Binary, true, &[0; CLIENT_MESSAGE_BYTES_MAX + 1])).await?;
        } else {
            line.send(&head(Opcode::Binary, true, 1 << 62)).await?;
            line.flood(&[0; 1024], 64 * 1024, FLOOD_TIME_MAX).await;
        }
        Ok(line)
    }

    async fn send_endless_fragments(&self) -> Result<Line, End> {
        let mut line = self.greet().await?;
        line.send(&frame(Opcode::Binary, false, &[0; 16])).await?;
        let more = frame(Opcode::Continuation, false, &[0; 16]).repeat(16);
        line.flood(&more, 8 * CLIENT_MESSAGE_BYTES_MAX, FLOOD_TIME_MAX).await;
        Ok(line)
    }

    async fn flood_pings(&self) -> Result<Line, End> {
        let mut line = self.greet().await?;
        let pings = frame(Opcode::Ping, true, &[0; 125]).repeat(CONTROLS_PER_S_MAX as usize);
        line.flood(&pings, FLOOD_BYTES_MAX, FLOOD_TIME_MAX).await;
        Ok(line)
    }

    async fn flood_inputs(&self) -> Result<Line, End> {
        let mut line = self.join(any_room("dots")).await?;
        let mut input = vec![ClientTag::Input as u8];
        InputHead { tick: Tick(1), ack: Tick(0), view_lag: 0 }.write(&mut input);
        // The numbers of `dots`.
        input.extend([0; 3]);
        let inputs = frame(Opcode::Binary, true, &input).repeat(INPUTS_BURST_MAX as usize);
        line.flood(&inputs, FLOOD_BYTES_MAX, FLOOD_TIME_MAX).await;
        Ok(line)
    }

    async fn flood_chat(&self) -> Result<Line, End> {
        let mut line = self.join(any_room("dots")).await?;
        let chat = ClientMessage::Say { to: Hearers::All, text: "buy things".into() };
        for _ in 0..CONTROLS_PER_S_MAX {
            line.say(&chat).await?;
        }
        Ok(line)
    }

    async fn use_ticket_again(&self) -> Result<Line, End> {
        #[derive(Deserialize)]
        struct Reservation {
            ticket: String,
        }
        let mut line = self.connect().await?;
        line.send(b"POST /matchmake/joinOrCreate/dots HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            .await?;
        let (status, body) = line.answer().await?;
        let reservation: Reservation = serde_json::from_slice(&body).map_err(|_| End::Answered(status))?;
        let wanted = RoomWanted::Reserved { ticket: reservation.ticket };
        let mut line = self.join(wanted.clone()).await?;
        line.say(&ClientMessage::Leave).await?;
        while !matches!(line.told().await?, ServerMessage::Left { .. }) {}
        for _ in 0..=WRONG_SECRETS_MAX {
            line.say(&ClientMessage::Join { room: wanted.clone(), schema_hash: 0 }).await?;
        }
        Ok(line)
    }

    async fn hammer(&self) -> Result<Line, End> {
        let mut line = Line::connect(self.to, BUSY_ADDRESS).await?;
        line.send(b"GET /rooms HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await?;
        Err(line.answered().await)
    }
}

fn any_room(game: &str) -> RoomWanted {
    RoomWanted::JoinOrCreate { game: game.into(), options: String::new() }
}
