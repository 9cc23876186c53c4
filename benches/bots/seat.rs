//! A connection of the tape server.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use anyhow::Result;
use fracas_shared::Tick;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use fracas_shared::packet::ClientTag;

use crate::tape::Tape;
use crate::tape_server::Counters;
use crate::ws::{self, BINARY, CLOSE, Frame};

/// The margin of no input: see `OwnHead`.
const NO_MARGIN: i8 = i8::MIN;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Lobby,
    /// `next` is the place on the track of what is sent next.
    Playing {
        track: usize,
        next: usize,
        /// The server's tick at which its own first one is due.
        starts_at: u64,
    },
    Gone,
}

/// One who may join.
pub(crate) struct Seat {
    stream: TcpStream,
    pub(crate) stage: Stage,
    /// The beginning of a frame whose end is still to come.
    torn: Vec<u8>,
    /// The stamps of inputs that no tick has told of, in the order in which they came.
    heard: VecDeque<u32>,
    /// How many ticks before its own the input came that came with the least time to spare.
    margin: Option<i8>,
    /// The newest stamp that a tick has told of.
    told: u32,
    /// The last tick that was sent.
    newest: u32,
}

impl Seat {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            stage: Stage::Lobby,
            torn: Vec::new(),
            heard: VecDeque::new(),
            margin: None,
            told: 0,
            newest: 0,
        }
    }

    /// Takes what has come, in one read.
    pub(crate) fn listen(&mut self, tape: &Tape, counters: &mut Counters, buffer: &mut [u8]) -> Result<()> {
        let count = match self.stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Ok(0) | Err(_) => {
                counters.hung_up += 1;
                self.stage = Stage::Gone;
                return Ok(());
            }
            Ok(count) => count,
        };
        counters.bytes_in += count as u64;
        if self.torn.is_empty() {
            let rest = self.take_frames(&buffer[..count], tape, counters)?;
            self.torn.extend_from_slice(&buffer[count - rest..count]);
        } else {
            let mut torn = std::mem::take(&mut self.torn);
            torn.extend_from_slice(&buffer[..count]);
            let rest = self.take_frames(&torn, tape, counters)?;
            torn.drain(..torn.len() - rest);
            self.torn = torn;
        }
        Ok(())
    }

    /// Takes whole frames, and gives how many bytes are left.
    fn take_frames(&mut self, mut bytes: &[u8], tape: &Tape, counters: &mut Counters) -> Result<usize> {
        while let Some((frame, length)) = ws::split(bytes) {
            counters.messages_in += 1;
            self.hear(&frame, tape, counters)?;
            bytes = &bytes[length..];
        }
        Ok(bytes.len())
    }

    fn hear(&mut self, frame: &Frame<'_>, tape: &Tape, counters: &mut Counters) -> Result<()> {
        match (frame.opcode, frame.first::<5>()) {
            (BINARY, Some([tag, stamp @ ..])) if tag == ClientTag::Input as u8 => {
                let stamp = u32::from_le_bytes(stamp);
                let margin = Tick(stamp).since(Tick(self.newest).next());
                let margin = margin.clamp(i32::from(NO_MARGIN) + 1, i32::from(i8::MAX)) as i8;
                self.margin = Some(self.margin.map_or(margin, |least| least.min(margin)));
                self.heard.push_back(stamp);
            }
            (BINARY, _) => self.answer(&frame.payload(), tape, counters)?,
            (CLOSE, _) => {
                self.write(CLOSE, &frame.payload(), counters);
                self.stage = Stage::Gone;
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, payload: &[u8], tape: &Tape, counters: &mut Counters) -> Result<()> {
        let (_, message) = ClientTag::split(payload)?;
        match ClientMessage::from_bytes(message)? {
            ClientMessage::Hello { .. } => {
                let server = "fracas-bots-bench".into();
                let welcome = ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server };
                self.write(BINARY, &welcome.to_bytes(), counters);
            }
            ClientMessage::Join { .. } => {
                let seats = tape.seats.len();
                let (room, track) = (counters.joined / seats, counters.joined % seats);
                counters.joined += 1;
                let joined = tape.seats[track].joined(format!("r{room}"))?;
                self.write(BINARY, &joined, counters);
                let starts_at = counters.room_starts(room) + tape.offset(track);
                self.stage = Stage::Playing { track, next: 0, starts_at };
                (self.margin, self.told) = (None, 0);
                self.heard.clear();
            }
            ClientMessage::Leave => {
                self.stage = Stage::Lobby;
                self.write(BINARY, &ServerMessage::Left { tick: self.newest }.to_bytes(), counters);
            }
            ClientMessage::List { .. } => {
                let nothing = ServerMessage::Rooms { rooms: Vec::new(), total: 0 };
                self.write(BINARY, &nothing.to_bytes(), counters);
            }
            // An ack changes nothing: what is sent is on the tape.
            _ => {}
        }
        Ok(())
    }

    /// Sends what the tape has for the next tick.
    pub(crate) fn play(&mut self, tape: &Tape, counters: &mut Counters, buffer: &mut Vec<u8>) {
        let Stage::Playing { track, next, starts_at } = &mut self.stage else { return };
        if counters.ticks < *starts_at {
            return;
        }
        let Some(bytes) = tape.seats[*track].ticks.get(*next) else {
            counters.ran_out += 1;
            self.stage = Stage::Lobby;
            return;
        };
        *next += 1;
        self.newest = bytes.tick;
        while let Some(stamp) = self.heard.pop_front_if(|stamp| !Tick(*stamp).is_after(Tick(bytes.tick))) {
            self.told = stamp;
        }
        bytes.copy(self.told, self.margin.take().unwrap_or(NO_MARGIN), buffer);
        self.send(buffer, counters);
    }

    fn write(&mut self, opcode: u8, payload: &[u8], counters: &mut Counters) {
        let mut frame = Vec::new();
        ws::put_server_frame(opcode, payload, &mut frame);
        self.send(&frame, counters);
    }

    /// Writes all of it or gives the client up: a tester that leaves so much unread has failed.
    fn send(&mut self, bytes: &[u8], counters: &mut Counters) {
        counters.writes += 1;
        match self.stream.write(bytes) {
            Ok(count) if count == bytes.len() => counters.bytes_out += count as u64,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                counters.hung_up += 1;
                self.stage = Stage::Gone;
            }
            _ => {
                counters.stuck += 1;
                self.stage = Stage::Gone;
            }
        }
    }
}
