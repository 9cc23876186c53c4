//! One who is shown a tape over a connection: bytes in, bytes out.

use anyhow::Result;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use fracas_shared::packet::ClientTag;

use super::{Player, Show, Turn};
use crate::ws::{self, BINARY, CLOSE, Frame};

/// How far a connection is.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Lobby,
    Playing(Player),
    Gone,
}

/// One who may join.
#[derive(Debug, Default)]
pub struct Seat {
    stage: Stage,
    /// The beginning of a frame whose end is still to come.
    torn: Vec<u8>,
}

impl Seat {
    /// Whether its connection is to be closed.
    pub fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        matches!(self.stage, Stage::Playing(_))
    }

    /// Whether it is sent something at each tick.
    pub fn is_shown(&self) -> bool {
        matches!(&self.stage, Stage::Playing(player) if player.has_begun())
    }

    /// Its connection is to be closed.
    pub fn give_up(&mut self) {
        self.stage = Stage::Gone;
    }

    /// Takes what has come. What is to be answered is appended to `out`.
    pub fn hear(&mut self, bytes: &[u8], show: &mut Show<'_>, out: &mut Vec<u8>) -> Result<()> {
        show.counters.bytes_in += bytes.len() as u64;
        let mut torn = std::mem::take(&mut self.torn);
        if torn.is_empty() {
            let rest = self.take_frames(bytes, show, out)?;
            torn.extend_from_slice(&bytes[bytes.len() - rest..]);
        } else {
            torn.extend_from_slice(bytes);
            let rest = self.take_frames(&torn, show, out)?;
            torn.drain(..torn.len() - rest);
        }
        show.counters.changes += u64::from(!torn.is_empty());
        self.torn = torn;
        Ok(())
    }

    /// Takes whole frames, and gives how many bytes are left.
    fn take_frames(&mut self, mut bytes: &[u8], show: &mut Show<'_>, out: &mut Vec<u8>) -> Result<usize> {
        while let Some((frame, length)) = ws::split(bytes) {
            show.counters.messages_in += 1;
            self.take(&frame, show, out)?;
            bytes = &bytes[length..];
        }
        Ok(bytes.len())
    }

    fn take(&mut self, frame: &Frame<'_>, show: &mut Show<'_>, out: &mut Vec<u8>) -> Result<()> {
        match (frame.opcode, frame.first::<5>(), &mut self.stage) {
            (BINARY, Some([tag, stamp @ ..]), Stage::Playing(player)) if tag == ClientTag::Input as u8 => {
                player.hear(u32::from_le_bytes(stamp));
            }
            (BINARY, ..) => self.answer(frame, show, out)?,
            (CLOSE, ..) => {
                ws::put_server_frame(CLOSE, &frame.payload(), out);
                show.counters.changes += 1;
                self.stage = Stage::Gone;
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, frame: &Frame<'_>, show: &mut Show<'_>, out: &mut Vec<u8>) -> Result<()> {
        frame.copy_payload(&mut show.message);
        let (tag, message) = ClientTag::split(&show.message)?;
        if tag != ClientTag::Control {
            return Ok(());
        }
        let answer = match ClientMessage::from_bytes(message)? {
            ClientMessage::Hello { .. } => welcome(),
            ClientMessage::Join { .. } => {
                let place = show.rooms.join(show.tape, show.counters.ticks);
                self.stage = Stage::Playing(Player::new(&place));
                show.tape.joined(&place)?
            }
            ClientMessage::Leave => {
                let tick = if let Stage::Playing(player) = &self.stage { player.newest() } else { 0 };
                self.stage = Stage::Lobby;
                ServerMessage::Left { tick }.to_bytes()
            }
            ClientMessage::List { .. } => ServerMessage::Rooms { rooms: Vec::new(), total: 0 }.to_bytes(),
            // An ack changes nothing: what is sent is on the tape. And who pings has no need of an answer.
            _ => return Ok(()),
        };
        show.counters.changes += 1;
        ws::put_server_frame(BINARY, &answer, out);
        Ok(())
    }

    /// Appends what the tape has for the next tick.
    pub fn play(&mut self, show: &mut Show<'_>, out: &mut Vec<u8>) {
        let Stage::Playing(player) = &mut self.stage else { return };
        match player.turn(show.counters.ticks, show.tape) {
            Turn::Early => {}
            Turn::Show { track, place, told } => {
                show.counters.updates += 1;
                show.tape.seats[track].ticks[place].put(told, out);
            }
            Turn::Over => {
                show.counters.ran_out += 1;
                show.counters.changes += 1;
                self.stage = Stage::Lobby;
            }
        }
    }
}

/// The answer to a hello.
pub fn welcome() -> Vec<u8> {
    ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server: "fracas-benches".into() }.to_bytes()
}
