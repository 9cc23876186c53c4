//! A bot's connection: a socket that does not block, frames, and perhaps a bad line.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::take;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use fracas_client::limits::{INBOUND_BYTES_MAX, OUTBOUND_BYTES_MAX};
use fracas_client::{ClientError, LineProfile};
use fracas_shared::LineQueue;

use super::websocket::{self, Opcode};
use crate::player::{Failure, Message, Outgoing};
use crate::target::Connected;

/// A normal close (RFC 6455, section 7.4.1).
const NORMAL_CLOSE: [u8; 2] = 1000u16.to_be_bytes();

pub(crate) struct Connection {
    stream: TcpStream,
    /// The begin of a frame that is still to come.
    unread: Vec<u8>,
    /// The begin of a message that comes in several frames, and whether it is text.
    fragments: Option<(bool, Vec<u8>)>,
    /// Frames that the kernel has not taken.
    unsent: Vec<u8>,
    /// What the next mask is made of.
    mask: u32,
    line: Option<Box<BadLine>>,
    is_closing: bool,
    /// Bytes sent that were not yet asked for.
    tx_bytes: u64,
}

/// What is on its way over a line that was made worse.
struct BadLine {
    /// The line's moments count from here.
    began: Instant,
    outbound: LineQueue<(Opcode, Vec<u8>)>,
    inbound: LineQueue<Inbound>,
}

struct Inbound {
    is_text: bool,
    payload: Vec<u8>,
    line_bytes: usize,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// All that was there.
    All,
    /// The server has hung up.
    End,
}

impl Connection {
    /// A connection that is a WebSocket already. `seed` is what masks and the bad line are drawn from.
    pub(crate) fn new((stream, unread): Connected, profile: LineProfile, seed: u64) -> Self {
        let line = (!profile.is_none()).then(|| {
            let (outbound, inbound) = LineQueue::pair(profile, seed);
            Box::new(BadLine { began: Instant::now(), outbound, inbound })
        });
        Self {
            stream,
            unread,
            fragments: None,
            unsent: Vec::new(),
            mask: seed as u32 | 1,
            line,
            is_closing: false,
            tx_bytes: 0,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Bytes sent since this was last asked.
    pub(crate) fn take_tx_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.tx_bytes)
    }

    /// Whether more is to be read: a bad line has only so much on its way.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.line.as_ref().is_none_or(|line| line.inbound.has_room(now - line.began))
    }

    /// When something arrives over a bad line.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let line = self.line.as_ref()?;
        let since = now - line.began;
        let wakes = [line.outbound.wake_at(since), line.inbound.wake_at(since)];
        wakes.into_iter().flatten().min().map(|wake_at| line.began + wake_at)
    }

    /// Reads what there is, to its very end if `is_over`, and hands on each message that is whole.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        is_over: bool,
        now: Instant,
        mut hear: impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<Heard, Failure> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(Heard::End),
                Ok(count) => count,
                Err(error) if is_passing(&error) => return Ok(Heard::All),
                Err(error) => return Err(lost(&error)),
            };
            if self.unread.is_empty() {
                let used = self.take_frames(&buffer[..count], now, &mut hear)?;
                self.unread.extend_from_slice(&buffer[used..count]);
            } else {
                self.unread.extend_from_slice(&buffer[..count]);
                self.read_unread(now, &mut hear)?;
            }
            // What comes from now on is told anew.
            if count < buffer.len() && !is_over {
                return Ok(Heard::All);
            }
        }
    }

    /// Hands on each message that is whole of what was read before, as right behind the upgrade.
    pub(crate) fn read_unread(
        &mut self,
        now: Instant,
        mut hear: impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unread = take(&mut self.unread);
        let used = self.take_frames(&unread, now, &mut hear)?;
        self.unread = unread;
        self.unread.drain(..used);
        Ok(())
    }

    /// Takes all frames that are whole; the answer is how many bytes they are.
    fn take_frames(
        &mut self,
        bytes: &[u8],
        now: Instant,
        hear: &mut impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let mut used = 0;
        let broken =
            |problem: &str| Failure::new("bad_websocket", format!("the server's WebSocket: {problem}"));
        while let Some(frame) = websocket::read(&bytes[used..]).map_err(broken)? {
            used += frame.bytes;
            match frame.opcode {
                Opcode::Text | Opcode::Binary if frame.is_last => {
                    let is_text = frame.opcode == Opcode::Text;
                    let message = Message { is_text, payload: frame.payload, line_bytes: frame.bytes };
                    self.pass(message, now, hear)?;
                }
                Opcode::Text | Opcode::Binary => {
                    self.fragments = Some((frame.opcode == Opcode::Text, frame.payload.to_vec()));
                }
                Opcode::Continuation => {
                    let fragments =
                        self.fragments.take().ok_or_else(|| broken("a message without a begin"))?;
                    self.continue_message(fragments, frame, now, hear)?;
                }
                Opcode::Ping => self.write(Opcode::Pong, frame.payload),
                Opcode::Pong => {}
                Opcode::Close => {
                    self.answer_close(frame.payload);
                    return Err(closed(frame.payload));
                }
            }
        }
        Ok(used)
    }

    fn continue_message(
        &mut self,
        (is_text, mut payload): (bool, Vec<u8>),
        frame: websocket::Frame<'_>,
        now: Instant,
        hear: &mut impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if payload.len() + frame.payload.len() > INBOUND_BYTES_MAX {
            return Err(Failure::new("bad_websocket", "the server's message is longer than one may be"));
        }
        payload.extend_from_slice(frame.payload);
        if frame.is_last {
            return self.pass(Message { is_text, payload: &payload, line_bytes: payload.len() }, now, hear);
        }
        self.fragments = Some((is_text, payload));
        Ok(())
    }

    /// Hands a message on, or puts it on the bad line.
    fn pass(
        &mut self,
        message: Message<'_>,
        now: Instant,
        hear: &mut impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(line) = &mut self.line else { return hear(message) };
        let Message { is_text, payload, line_bytes } = message;
        let inbound = Inbound { is_text, payload: payload.to_vec(), line_bytes };
        line.inbound.put(now - line.began, inbound, line_bytes);
        Ok(())
    }

    /// Hands on what has arrived over a bad line, both ways.
    pub(crate) fn deliver(
        &mut self,
        now: Instant,
        mut hear: impl FnMut(Message<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(line) = &mut self.line else { return Ok(()) };
        let since = now - line.began;
        while let Some(Inbound { is_text, payload, line_bytes }) = line.inbound.take(since) {
            hear(Message { is_text, payload: &payload, line_bytes })?;
        }
        while let Some((opcode, payload)) = self.line.as_mut().and_then(|line| line.outbound.take(since)) {
            self.write(opcode, &payload);
        }
        Ok(())
    }

    /// Sends a message; what the kernel does not take waits.
    pub(crate) fn send(&mut self, outgoing: Outgoing, now: Instant) {
        let opcode = if outgoing.is_text { Opcode::Text } else { Opcode::Binary };
        match &mut self.line {
            Some(line) => {
                let bytes = outgoing.payload.len();
                line.outbound.put(now - line.began, (opcode, outgoing.payload), bytes);
            }
            None => self.write(opcode, &outgoing.payload),
        }
    }

    fn write(&mut self, opcode: Opcode, payload: &[u8]) {
        // xorshift32 (Marsaglia, 2003): a mask keeps proxies from reading what is sent, no more.
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        let before = self.unsent.len();
        websocket::write(opcode, payload, self.mask, &mut self.unsent);
        self.tx_bytes += (self.unsent.len() - before) as u64;
    }

    /// Gives the kernel what it takes.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.unsent) {
            Ok(count) if count == self.unsent.len() => self.unsent.clear(),
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(lost(&error)),
        }
        if self.unsent.len() > OUTBOUND_BYTES_MAX {
            return Err(Failure::new("lost", "the server takes nothing any more"));
        }
        Ok(())
    }

    /// Begins to close it in good order; the server's answer is read as an end.
    pub(crate) fn close(&mut self) {
        self.answer_close(&NORMAL_CLOSE);
    }

    fn answer_close(&mut self, payload: &[u8]) {
        if !self.is_closing {
            self.is_closing = true;
            self.write(Opcode::Close, &payload[..payload.len().min(NORMAL_CLOSE.len())]);
            // Whether it arrives matters to nobody any more.
            let _ = self.flush();
        }
    }

    /// Says nothing more, and still listens.
    pub(crate) fn half_close(&self) {
        // A connection that is broken is closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// How long what was sent last has to travel, at most.
    pub(crate) fn way(&self, now: Instant) -> Duration {
        self.wake_at(now).map_or(Duration::ZERO, |wake_at| wake_at - now)
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn lost(error: &io::Error) -> Failure {
    ClientError::Lost(error.to_string()).into()
}

/// What a close frame says, as the client library has it.
fn closed(payload: &[u8]) -> Failure {
    let (code, reason) = match payload.split_first_chunk() {
        Some((code, reason)) => {
            let reason = String::from_utf8_lossy(reason);
            // It may end up on a terminal.
            let reason = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
            (u16::from_be_bytes(*code), reason.collect())
        }
        None => (1005, "no reason given".into()),
    };
    ClientError::Closed { code, reason }.into()
}
