//! A match as its server sent it: for each seat the bytes of each tick, ready to be written; how it is recorded, and
//! a server that plays it.

mod exchange;
mod player;
mod record;
mod rooms;
mod seat;
mod server;
mod show;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fracas_shared::message::{Joined, ServerMessage};
use fracas_shared::packet::ServerTag;

pub use exchange::{Calls, Exchange, Line};
pub use player::{Player, Told, Turn};
pub use record::{Shape, record};
pub use rooms::{Place, ROOM_FILLS_TICKS, Rooms};
pub use seat::{Seat, welcome};
pub use server::serve;
pub use show::{Counters, Show};

use crate::ws::{self, BINARY};

/// What a file with a tape begins with.
const MAGIC: &[u8; 8] = b"fracast1";
/// Stands for no own message in a tick.
const NOWHERE: u32 = u32::MAX;

/// A recorded match.
#[derive(Debug, Default, PartialEq)]
pub struct Tape {
    /// The room's ticks in a second.
    pub tick_hz: u16,
    /// What each seat of the room was sent.
    pub seats: Vec<Track>,
}

/// What one seat was sent.
#[derive(Debug, Default, PartialEq)]
pub struct Track {
    /// The payload of the answer to the join.
    joined: Vec<u8>,
    /// From its first tick on.
    pub ticks: Vec<TickBytes>,
}

/// What a seat was sent in one tick.
#[derive(Debug, PartialEq)]
pub struct TickBytes {
    /// The match's tick.
    pub tick: u32,
    /// Where in the bytes the own message's head is.
    own_at: u32,
    /// WebSocket frames, one after the other.
    bytes: Vec<u8>,
}

impl TickBytes {
    /// Of these payloads.
    fn of(tick: u32, payloads: &[Vec<u8>]) -> Self {
        let (mut bytes, mut own_at) = (Vec::new(), NOWHERE);
        for payload in payloads {
            let begins = ws::put_server_frame(BINARY, payload, &mut bytes);
            if payload.first() == Some(&(ServerTag::Own as u8)) {
                own_at = begins as u32 + 1;
            }
        }
        Self { tick, own_at, bytes }
    }

    /// Appends the bytes to `out`, with this in place of what was recorded: that names inputs that nobody sends this
    /// time.
    pub fn put(&self, told: Told, out: &mut Vec<u8>) {
        let begins = out.len();
        out.extend_from_slice(&self.bytes);
        if let Some(head) = out[begins..].get_mut(self.own_at as usize..).and_then(<[u8]>::first_chunk_mut) {
            told.put_over(head);
        }
    }

    /// The payloads as they were recorded, one after the other.
    pub fn payloads(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (frame, length) = ws::split(rest)?;
            rest = &rest[length..];
            Some(frame.payload())
        })
    }
}

impl Track {
    /// Of these payloads: the answer to the join, then those of each tick.
    pub fn new(joined: Vec<u8>, ticks: &[(u32, Vec<Vec<u8>>)]) -> Self {
        let ticks = ticks.iter().map(|(tick, payloads)| TickBytes::of(*tick, payloads)).collect();
        Self { joined, ticks }
    }

    /// The answer to a join, for a room of this name.
    fn joined(&self, room: String) -> Result<Vec<u8>> {
        let (_, message) = ServerTag::split(&self.joined)?;
        let ServerMessage::Joined(joined) = ServerMessage::from_bytes(message)? else {
            anyhow::bail!("the tape does not begin with a join");
        };
        Ok(ServerMessage::Joined(Joined { room, ..joined }).to_bytes())
    }
}

impl Tape {
    /// The answer to a join of one who comes to this place.
    pub fn joined(&self, place: &Place) -> Result<Vec<u8>> {
        self.seats[place.track].joined(format!("r{}", place.room))
    }

    /// How many ticks after the first seat of the match this one has its first.
    pub fn offset(&self, track: usize) -> u64 {
        let first = |track: &Track| track.ticks.first().map_or(0, |tick| tick.tick);
        let least = self.seats.iter().map(first).min().unwrap_or(0);
        u64::from(first(&self.seats[track]) - least)
    }

    /// For how long it plays.
    pub fn seconds(&self) -> f64 {
        let ticks = self.seats.iter().map(|track| track.ticks.len()).min().unwrap_or(0);
        ticks as f64 / f64::from(self.tick_hz)
    }

    /// What a seat gets in a second, in bytes of WebSocket frames.
    pub fn bytes_per_s(&self) -> f64 {
        let ticks = || self.seats.iter().flat_map(|track| &track.ticks);
        let bytes: usize = ticks().map(|tick| tick.bytes.len()).sum();
        bytes as f64 / ticks().count() as f64 * f64::from(self.tick_hz)
    }

    /// The most that a seat gets in one tick, in bytes of WebSocket frames.
    pub fn tick_bytes_max(&self) -> usize {
        let ticks = self.seats.iter().flat_map(|track| &track.ticks);
        ticks.map(|tick| tick.bytes.len()).max().unwrap_or(0)
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, self.tick_hz.into());
        put_u32(&mut out, self.seats.len() as u32);
        for track in &self.seats {
            put_bytes(&mut out, &track.joined);
            put_u32(&mut out, track.ticks.len() as u32);
            for tick in &track.ticks {
                put_u32(&mut out, tick.tick);
                put_u32(&mut out, tick.own_at);
                put_bytes(&mut out, &tick.bytes);
            }
        }
        fs::write(path, out).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads it from a file.
    pub fn read(path: &Path) -> Result<Self> {
        let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut rest = file.strip_prefix(MAGIC).context("the file is no tape")?;
        let mut tape = Self { tick_hz: u16::try_from(take_u32(&mut rest)?)?, seats: Vec::new() };
        for _ in 0..take_u32(&mut rest)? {
            let mut track = Track { joined: take_bytes(&mut rest)?, ticks: Vec::new() };
            for _ in 0..take_u32(&mut rest)? {
                let (tick, own_at) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
                track.ticks.push(TickBytes { tick, own_at, bytes: take_bytes(&mut rest)? });
            }
            tape.seats.push(track);
        }
        ensure!(rest.is_empty(), "bytes left over after the tape");
        Ok(tape)
    }
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

fn take_u32(rest: &mut &[u8]) -> Result<u32> {
    let (number, after) = rest.split_first_chunk().context("the tape is torn")?;
    *rest = after;
    Ok(u32::from_le_bytes(*number))
}

fn take_bytes(rest: &mut &[u8]) -> Result<Vec<u8>> {
    let length = take_u32(rest)? as usize;
    let (bytes, after) = rest.split_at_checked(length).context("the tape is torn")?;
    *rest = after;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use fracas_shared::Tick;
    use fracas_shared::packet::OwnHead;

    use super::*;

    /// Two ticks, 9 and 10, of one seat.
    pub(super) fn tape() -> Tape {
        let head = OwnHead { input_tick: Tick(7), input_margin: Some(3), has_row: false };
        let mut own = vec![ServerTag::Own as u8];
        head.write(&mut own);
        let joined = Joined { room: "recorded".into(), player: Some(3), ..Joined::default() };
        let joined = ServerMessage::Joined(joined).to_bytes();
        let frame = vec![ServerTag::Frame as u8; 200];
        let ticks = [(9, vec![frame.clone()]), (10, vec![own, frame])];
        Tape { tick_hz: 60, seats: vec![Track::new(joined, &ticks)] }
    }

    #[test]
    fn a_tape_is_read_as_it_was_written() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        tape().write(file.path()).expect("it can be written");
        assert_eq!(Tape::read(file.path()).expect("it can be read"), tape());
    }

    #[test]
    fn inputs_are_the_replays_own() {
        let Tape { seats, .. } = tape();
        let mut copy = Vec::new();
        let told = Told { input_tick: 1234, margin: -2 };
        seats[0].ticks[1].put(told, &mut copy);
        let (own, _) = ws::split(&copy).expect("a frame");
        let (head, _) = OwnHead::read(&own.payload()[1..]).expect("a head");
        assert_eq!((head.input_tick, head.input_margin), (Tick(1234), Some(-2)));
        assert_eq!(seats[0].ticks[1].payloads().count(), 2);
        copy.clear();
        seats[0].ticks[0].put(told, &mut copy);
        assert_eq!(copy, seats[0].ticks[0].bytes, "nothing to be changed");
    }

    #[test]
    fn rooms_have_names_of_their_own() {
        let payload = tape().seats[0].joined("r5".into()).expect("an answer");
        let message = ServerMessage::from_bytes(&payload[1..]).expect("a message");
        assert!(
            matches!(message, ServerMessage::Joined(joined) if joined.room == "r5" && joined.player == Some(3))
        );
    }
}
