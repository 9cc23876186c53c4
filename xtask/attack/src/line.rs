//! One stranger's connection: bytes as they are, WebSocket frames without their rules.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use fracas_shared::CloseCode;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, SUBPROTOCOL, ServerMessage};
use fracas_shared::packet::ServerTag;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than any limit of the server's takes to bite.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// By an answer of HTTP with this status.
    Answered(u16),
    /// By a close frame with this code.
    Closed(u16),
    /// Without a word.
    Cut,
    /// By a reset: what the server said before is lost.
    Reset,
    /// Not at all.
    Open,
    /// In a way that no server should.
    Strange,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "HTTP {status}"),
            Self::Closed(number) => match CloseCode::from_number(*number) {
                Some(code) => write!(f, "{number} {}", code.label()),
                None => write!(f, "{number}"),
            },
            Self::Cut => f.write_str("cut"),
            Self::Reset => f.write_str("reset"),
            Self::Open => f.write_str("still open"),
            Self::Strange => f.write_str("strange"),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Strange,
        }
    }
}

/// What kind of frame (RFC 6455, section 5.2).
#[derive(Clone, Copy)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Ping = 9,
    Pong = 10,
}

/// A frame of a client. The mask is 0, with which the payload is as it was.
pub(crate) fn frame(opcode: Opcode, is_last: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, is_last, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// A frame's head with its mask, for a payload of so many bytes.
pub(crate) fn head(opcode: Opcode, is_last: bool, length: u64) -> Vec<u8> {
    let mut head = vec![u8::from(is_last) << 7 | opcode as u8];
    match length {
        0..=125 => head.push(0x80 + length as u8),
        126..=0xffff => {
            head.push(0x80 + 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 + 127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head.extend_from_slice(&[0; 4]);
    head
}

/// A connection to the server.
pub(crate) struct Line {
    stream: TcpStream,
    /// What has been read and not been looked at.
    unread: Vec<u8>,
    /// Whether what is said on it may be text.
    takes_text: bool,
}

impl Line {
    /// Connects from an address of this machine.
    pub(crate) async fn connect(to: SocketAddr, from: Ipv4Addr) -> Result<Self, End> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddrV4::new(from, 0).into())?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new(), takes_text: false })
    }

    /// Becomes a WebSocket that offers this subprotocol.
    pub(crate) async fn upgrade(to: SocketAddr, from: Ipv4Addr, subprotocol: &str) -> Result<Self, End> {
        let offer = format!("Sec-WebSocket-Protocol: {subprotocol}\r\n");
        Self::upgrade_at(to, from, "/ws", &offer).await
    }

    /// Becomes a session of Socket.IO.
    pub(crate) async fn engine_io(to: SocketAddr, from: Ipv4Addr) -> Result<Self, End> {
        let line = Self::upgrade_at(to, from, "/socket.io/?EIO=4&transport=websocket", "").await?;
        Ok(Self { takes_text: true, ..line })
    }

    async fn upgrade_at(to: SocketAddr, from: Ipv4Addr, path: &str, more: &str) -> Result<Self, End> {
        let mut line = Self::connect(to, from).await?;
        line.send(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
            )
            .as_bytes(),
        )
        .await?;
        match line.answer().await? {
            (101, _) => Ok(line),
            (status, _) => Err(End::Answered(status)),
        }
    }

    /// Becomes a player's WebSocket, and greets.
    pub(crate) async fn greet(to: SocketAddr, from: Ipv4Addr) -> Result<Self, End> {
        let mut line = Self::upgrade(to, from, SUBPROTOCOL).await?;
        line.say(&hello(PROTOCOL_VERSION)).await?;
        match line.told().await? {
            ServerMessage::Welcome { .. } => Ok(line),
            _ => Err(End::Strange),
        }
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Sends a control message.
    pub(crate) async fn say(&mut self, message: &ClientMessage) -> Result<(), End> {
        self.send(&frame(Opcode::Binary, true, &message.to_bytes())).await
    }

    /// Sends the same again and again and reads nothing, until so many bytes were sent, the line takes
    /// no more or the time is over.
    pub(crate) async fn flood(&mut self, bytes: &[u8], bytes_max: usize, time_max: Duration) {
        let flooding = async {
            let mut sent = 0;
            while sent < bytes_max && self.stream.write_all(bytes).await.is_ok() {
                sent += bytes.len();
            }
        };
        // Why it ended is read afterwards.
        let _ = timeout(time_max, flooding).await;
    }

    /// Sends no more.
    pub(crate) async fn shutdown(&mut self) -> Result<(), End> {
        Ok(self.stream.shutdown().await?)
    }

    async fn read(&mut self) -> Result<(), End> {
        match timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await {
            Err(_) => Err(End::Open),
            Ok(Ok(0)) => Err(End::Cut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// The status of an answer of HTTP, and its body.
    pub(crate) async fn answer(&mut self) -> Result<(u16, Vec<u8>), End> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.unread[..end]).to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .and_then(|length| length.parse().ok())
                    .unwrap_or(0);
                if self.unread.len() >= end + 4 + length {
                    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                    let body = self.unread[end + 4..][..length].to_vec();
                    self.unread.drain(..end + 4 + length);
                    return Ok((status.ok_or(End::Strange)?, body));
                }
            }
            self.read().await?;
        }
    }

    /// The next control message from the server.
    pub(crate) async fn told(&mut self) -> Result<ServerMessage, End> {
        loop {
            let message = self.message().await?;
            if let Ok((ServerTag::Control, bytes)) = ServerTag::split(&message) {
                return ServerMessage::from_bytes(bytes).map_err(|_| End::Strange);
            }
        }
    }

    /// The next message from the server.
    async fn message(&mut self) -> Result<Vec<u8>, End> {
        loop {
            let Some((opcode, payload)) = self.take_frame() else {
                self.read().await?;
                continue;
            };
            match opcode {
                2 => return Ok(payload),
                1 if self.takes_text => return Ok(payload),
                8 => {
                    return Err(End::Closed(
                        payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)),
                    ));
                }
                9 | 10 => {}
                _ => return Err(End::Strange),
            }
        }
    }

    /// The opcode and payload of a frame, if one is whole.
    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&opcode, &length) = (self.unread.first()?, self.unread.get(1)?);
        let (head, length): (usize, usize) = match length {
            126 => (4, usize::from(u16::from_be_bytes(*self.unread[2..].first_chunk()?))),
            127 => (10, u64::from_be_bytes(*self.unread[2..].first_chunk()?) as usize),
            length => (2, usize::from(length)),
        };
        let payload = self.unread.get(head..head.checked_add(length)?)?.to_vec();
        self.unread.drain(..head + length);
        Some((opcode & 0x0f, payload))
    }

    /// Reads on to the end of a WebSocket.
    pub(crate) async fn end(mut self) -> End {
        loop {
            if let Err(end) = self.message().await {
                return end;
            }
        }
    }

    /// Reads the answer to a request, or how the connection ended without one.
    pub(crate) async fn answered(mut self) -> End {
        match self.answer().await {
            Ok((status, _)) => End::Answered(status),
            Err(end) => end,
        }
    }

    /// Reads the answers to so many requests; the last one's status when all have come.
    pub(crate) async fn all_answered(mut self, count: usize) -> End {
        let mut last = End::Open;
        for _ in 0..count {
            match self.answer().await {
                Ok((status, _)) => last = End::Answered(status),
                Err(end) => return end,
            }
        }
        last
    }

    /// Sends the same piece by piece, until an answer of HTTP comes or the connection ends.
    pub(crate) async fn drip_until_answered(mut self, piece: &[u8], pace: Duration) -> End {
        for _ in 0..drops(pace) {
            match timeout(pace, self.answer()).await {
                Ok(Ok((status, _))) => return End::Answered(status),
                Ok(Err(end)) => return end,
                // What ended the line is read with the next answer.
                Err(_) => drop(self.send(piece).await),
            }
        }
        End::Open
    }

    /// Sends the same piece by piece, until the WebSocket ends.
    pub(crate) async fn drip_until_closed(mut self, piece: &[u8], pace: Duration) -> End {
        for _ in 0..drops(pace) {
            let reading = async {
                loop {
                    if let Err(end) = self.message().await {
                        return end;
                    }
                }
            };
            match timeout(pace, reading).await {
                Ok(end) => return end,
                Err(_) => drop(self.send(piece).await),
            }
        }
        End::Open
    }
}

/// How many pieces one has the patience for.
fn drops(pace: Duration) -> u32 {
    PATIENCE.div_duration_f32(pace) as u32
}

pub(crate) fn hello(protocol: u16) -> ClientMessage {
    ClientMessage::Hello { protocol, name: "stranger".into(), client: "fracas-attack".into() }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
