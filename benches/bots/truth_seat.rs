//! A connection of the truth server.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fracas_shared::Tick;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use fracas_shared::packet::{ClientTag, InputHead, OwnHead, ServerTag};

use crate::notes::Notes;
use fracas_benches::ws::{self, BINARY, CLOSE, Frame};

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Lobby,
    /// The next tick is its first.
    Joining,
    Playing,
    /// The next tick is its last.
    Leaving,
    Gone,
}

/// One who may join.
pub(crate) struct Seat {
    pub(crate) stream: TcpStream,
    pub(crate) stage: Stage,
    /// The stamp of the newest input that a tick has used.
    pub(crate) used: u32,
    pub(crate) notes: Notes,
    /// The beginning of a frame whose end is still to come.
    unread: Vec<u8>,
    /// Stamps of inputs that no tick has used.
    waiting: Vec<u32>,
    /// How many ticks before its own the input came that came with the least time to spare, since the last tick.
    margin: Option<i8>,
    /// The last tick that was made.
    made: Tick,
}

impl Seat {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let (unread, waiting) = (Vec::new(), Vec::new());
        let (margin, made) = (None, Tick(0));
        Self { stream, stage: Stage::Lobby, used: 0, notes: Notes::default(), unread, waiting, margin, made }
    }

    /// Takes what has come at this moment.
    pub(crate) fn listen(&mut self, at: Instant, buffer: &mut [u8]) -> Result<()> {
        match self.stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Ok(0) | Err(_) => {
                self.stage = Stage::Gone;
                return Ok(());
            }
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
        }
        let unread = std::mem::take(&mut self.unread);
        let mut rest = unread.as_slice();
        while let Some((frame, length)) = ws::split(rest) {
            self.hear(&frame, at)?;
            rest = &rest[length..];
        }
        self.unread = rest.to_vec();
        Ok(())
    }

    fn hear(&mut self, frame: &Frame<'_>, at: Instant) -> Result<()> {
        let payload = frame.payload();
        if frame.opcode == CLOSE {
            let mut goodbye = Vec::new();
            ws::put_server_frame(CLOSE, &payload, &mut goodbye);
            self.write(&goodbye)?;
            self.stage = Stage::Gone;
            return Ok(self.stream.shutdown(std::net::Shutdown::Write)?);
        }
        let (tag, message) = ClientTag::split(&payload)?;
        if tag == ClientTag::Input {
            let stamp = InputHead::read(message)?.0.tick.0;
            self.notes.inputs.push((stamp, at));
            let margin = Tick(stamp).since(self.made.next()).clamp(-127, 127) as i8;
            self.margin = Some(self.margin.map_or(margin, |least| least.min(margin)));
            self.waiting.push(stamp);
            return Ok(());
        }
        match ClientMessage::from_bytes(message)? {
            ClientMessage::Hello { .. } => {
                let server = "fracas-bots-bench".into();
                let welcome = ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server };
                self.write(&frame_of(&welcome))?;
            }
            ClientMessage::List { .. } => {
                self.write(&frame_of(&ServerMessage::Rooms { rooms: Vec::new(), total: 0 }))?;
            }
            ClientMessage::Join { .. } => self.stage = Stage::Joining,
            ClientMessage::Leave => self.stage = Stage::Leaving,
            _ => {}
        }
        Ok(())
    }

    /// Uses the newest input that is not for later, and gives the bytes of the update.
    pub(crate) fn step(&mut self, tick: Tick, frame: &[u8]) -> Vec<u8> {
        let is_later = |stamp: &u32| Tick(*stamp).is_after(tick);
        let due = self.waiting.iter().copied().filter(|stamp| !is_later(stamp));
        let newer = |used, stamp| if Tick(stamp).is_after(Tick(used)) { stamp } else { used };
        self.used = due.fold(self.used, newer);
        self.waiting.retain(is_later);
        self.made = tick;
        let mut payload = vec![ServerTag::Own as u8];
        let input_margin = self.margin.take();
        OwnHead { input_tick: Tick(self.used), input_margin, has_row: false }.write(&mut payload);
        let mut bytes = Vec::new();
        ws::put_server_frame(BINARY, &payload, &mut bytes);
        bytes.extend_from_slice(frame);
        bytes
    }

    /// Writes all of it. There is room for seconds of updates: what does not fit is a client that is lost.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.stage == Stage::Gone {
            return Ok(());
        }
        let count = self.stream.write(bytes).context("a client does not read")?;
        ensure!(count == bytes.len(), "a client does not read");
        Ok(())
    }
}

/// A control message as a frame.
pub(crate) fn frame_of(message: &ServerMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    ws::put_server_frame(BINARY, &message.to_bytes(), &mut bytes);
    bytes
}
