//! A match as its server sent it: for each seat the bytes of each tick, ready to be written.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fracas_shared::message::{Joined, ServerMessage};
use fracas_shared::packet::ServerTag;

use crate::ws::{self, BINARY};

/// What a file with a tape begins with.
const MAGIC: &[u8; 8] = b"fracast1";
/// Stands for no own message in a tick.
const NOWHERE: u32 = u32::MAX;

/// A recorded match.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tape {
    pub(crate) tick_hz: u16,
    pub(crate) seats: Vec<Track>,
}

/// What one seat was sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Track {
    /// The payload of the answer to the join.
    joined: Vec<u8>,
    pub(crate) ticks: Vec<TickBytes>,
}

/// What a seat was sent in one tick.
#[derive(Debug, PartialEq)]
pub(crate) struct TickBytes {
    pub(crate) tick: u32,
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

    /// Puts the bytes into `out`, with this newest input and its margin in place of the recorded ones:
    /// the recorded ones name inputs that nobody sends this time.
    pub(crate) fn copy(&self, input_tick: u32, margin: i8, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        if let Some(head) = out.get_mut(self.own_at as usize..).and_then(<[u8]>::first_chunk_mut::<5>) {
            head[..4].copy_from_slice(&input_tick.to_le_bytes());
            head[4] = margin as u8;
        }
    }
}

impl Track {
    /// Of these payloads: the answer to the join, then those of each tick.
    pub(crate) fn new(joined: Vec<u8>, ticks: &[(u32, Vec<Vec<u8>>)]) -> Self {
        let ticks = ticks.iter().map(|(tick, payloads)| TickBytes::of(*tick, payloads)).collect();
        Self { joined, ticks }
    }

    /// The answer to a join, for a room of this name.
    pub(crate) fn joined(&self, room: String) -> Result<Vec<u8>> {
        let (_, message) = ServerTag::split(&self.joined)?;
        let ServerMessage::Joined(joined) = ServerMessage::from_bytes(message)? else {
            anyhow::bail!("the tape does not begin with a join");
        };
        Ok(ServerMessage::Joined(Joined { room, ..joined }).to_bytes())
    }
}

impl Tape {
    /// How many ticks after the first seat of the match this one has its first.
    pub(crate) fn offset(&self, track: usize) -> u64 {
        let first = |track: &Track| track.ticks.first().map_or(0, |tick| tick.tick);
        let least = self.seats.iter().map(first).min().unwrap_or(0);
        u64::from(first(&self.seats[track]) - least)
    }

    /// For how long it plays.
    pub(crate) fn seconds(&self) -> f64 {
        let ticks = self.seats.iter().map(|track| track.ticks.len()).min().unwrap_or(0);
        ticks as f64 / f64::from(self.tick_hz)
    }

    /// What a seat gets in a second, in bytes of WebSocket frames.
    pub(crate) fn bytes_per_s(&self) -> f64 {
        let ticks = || self.seats.iter().flat_map(|track| &track.ticks);
        let bytes: usize = ticks().map(|tick| tick.bytes.len()).sum();
        bytes as f64 / ticks().count() as f64 * f64::from(self.tick_hz)
    }

    /// Writes it to a file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
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
    pub(crate) fn read(path: &Path) -> Result<Self> {
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

    fn tape() -> Tape {
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
        seats[0].ticks[1].copy(1234, -2, &mut copy);
        let (own, _) = ws::split(&copy).expect("a frame");
        let (head, _) = OwnHead::read(&own.payload()[1..]).expect("a head");
        assert_eq!((head.input_tick, head.input_margin), (Tick(1234), Some(-2)));
        seats[0].ticks[0].copy(1234, -2, &mut copy);
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
