//! A client that writes frames by hand.

use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread;

use fracas_server::Shutdown;
use tokio::net::TcpListener;

use super::ws_echo::{self, Lane};
use crate::server::{PATIENCE, read_head, status};

/// The key of the RFC's own example, and what a server makes of it (section 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Any mask does (section 5.3).
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
pub(crate) const FIN: u8 = 0x80;

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame with this code, or without one; then the end of the stream.
    Close(Option<u16>),
    /// The end of the stream, without a close frame.
    End,
}

pub(crate) fn text(text: &str) -> Heard {
    Heard::Text(text.as_bytes().to_vec())
}

pub(crate) fn closed(code: u16) -> Heard {
    Heard::Close(Some(code))
}

/// A masked frame in its shortest form: the first byte is FIN, reserved bits and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        0..=125 => bytes.push(0x80 | payload.len() as u8),
        126..=65_535 => {
            bytes.push(0x80 | 0x7E);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 0x7F);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A close frame's payload.
pub(crate) fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

/// A close frame with this code, to end a case that is about something else.
pub(crate) fn goodbye() -> Vec<u8> {
    frame(FIN | CLOSE, &close_payload(1000, b""))
}

/// The address of the echo on this lane, one for all cases.
fn echo(lane: Lane) -> SocketAddr {
    static ECHOES: [OnceLock<SocketAddr>; 2] = [const { OnceLock::new() }; 2];
    *ECHOES[lane as usize].get_or_init(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                ws_echo::echo(TcpListener::from_std(listener).unwrap(), lane, Shutdown::new()).await;
            });
        });
        address
    })
}

pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    /// Opens a WebSocket at the echo on this lane.
    pub(crate) fn open(lane: Lane) -> Self {
        Self::open_at(echo(lane), "")
    }

    /// Opens one with these headers besides.
    pub(crate) fn open_at(address: SocketAddr, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: echo\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut stream);
        assert_eq!(status(&head), 101, "{head}");
        assert!(
            head.to_lowercase().contains(&format!("sec-websocket-accept: {}\r\n", ACCEPT.to_lowercase()))
        );
        assert!(!head.to_lowercase().contains("sec-websocket-extensions"), "none was offered: {head}");
        Self(stream)
    }

    /// Sends bytes in pieces of this many.
    pub(crate) fn send(&mut self, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            // The server may have closed already: what it said is read afterwards.
            if self.0.write_all(piece).is_err() {
                return;
            }
        }
    }

    /// The next frame. Servers do not mask, do not set reserved bits, and use the shortest length
    /// (sections 5.1 and 5.2); this one does not fragment.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut head = [0; 2];
        match self.0.read(&mut head[..1]) {
            Ok(0) => return Heard::End,
            Ok(_) => self.0.read_exact(&mut head[1..]).unwrap(),
            Err(error) => panic!("nothing is heard: {error}"),
        }
        let [first, length] = head;
        assert_eq!(first & 0xF0, FIN, "one frame without reserved bits: {first:#x}");
        assert_eq!(length & 0x80, 0, "no mask");
        let length = match length {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).unwrap();
                let length = u16::from_be_bytes(length);
                assert!(length > 125, "{length} in its shortest form");
                u64::from(length)
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).unwrap();
                let length = u64::from_be_bytes(length);
                assert!(length > 65_535, "{length} in its shortest form");
                length
            }
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).unwrap();
        match first & 0x0F {
            TEXT => Heard::Text(payload),
            BINARY => Heard::Binary(payload),
            PING => Heard::Ping(payload),
            PONG => Heard::Pong(payload),
            CLOSE => {
                assert!(payload.len() != 1 && payload.len() <= 125, "{payload:?}");
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                assert!(str::from_utf8(payload.get(2..).unwrap_or_default()).is_ok(), "a reason is UTF-8");
                Heard::Close(code)
            }
            opcode => panic!("opcode {opcode}"),
        }
    }
}

/// Sends this, in one piece and, if it is short, byte by byte, and hears exactly that, on both lanes. The last thing
/// heard must be the end of the connection: a close, after which the server ends the stream first
/// (section 7.1.1), or the end alone.
pub(crate) fn check(case: &str, sent: &[u8], expected: &[Heard]) {
    let pieces = if sent.len() <= 400 { [sent.len().max(1), 1] } else { [sent.len(), 1021] };
    for lane in [Lane::Reactor, Lane::Tick] {
        for piece in pieces {
            check_on(
                lane,
                piece,
                &format!("{case}, on the lane {lane:?} in pieces of {piece}"),
                sent,
                expected,
            );
        }
    }
}

fn check_on(lane: Lane, piece: usize, case: &str, sent: &[u8], expected: &[Heard]) {
    let mut wire = Wire::open(lane);
    // Written beside the reading: an echo may be larger than what the line holds.
    let mut writing = Wire(wire.0.try_clone().unwrap());
    let sent = sent.to_vec();
    let writer = thread::spawn(move || writing.send(&sent, piece));
    for expected in expected {
        let heard = wire.hear();
        assert!(heard == *expected, "{case}: heard {}, not {}", short(&heard), short(expected));
    }
    writer.join().unwrap();
    match expected.last() {
        Some(Heard::Close(_)) => {
            assert_eq!(wire.hear(), Heard::End, "{case}: the server ends the stream");
        }
        Some(Heard::End) => {}
        other => panic!("{case}: a case ends with the connection, not {other:?}"),
    }
    let _ = wire.0.shutdown(Half::Both);
}

/// For messages that are megabytes long.
fn short(heard: &Heard) -> String {
    let mut text = format!("{heard:?}");
    if text.len() > 200 {
        text.truncate(200);
        text += "...";
    }
    text
}
