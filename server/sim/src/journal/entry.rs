//! What is written into a journal of the matches of a thread.

/// One thing that became of one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The room, by a number that no other room of the process has.
    pub room: u64,
    /// What became of it.
    pub what: What<'a>,
}

/// What became of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// It is in this state, from which it goes on by the records that follow.
    Checkpoint {
        /// The tick that it was made after.
        tick: u32,
        /// What its host has to know.
        host: &'a [u8],
        /// The sim hash.
        hash: u64,
        /// As [`Room::begin_records`](crate::Room::begin_records) gave it.
        state: &'a [u8],
    },
    /// It made a tick.
    Record {
        /// The lowest bits of the tick's number: no record is missing when it is one more than the last one's.
        tick: u8,
        /// As [`Room::write_record`](crate::Room::write_record) gave it.
        record: &'a [u8],
    },
    /// Something became of it that is no matter of the match.
    Host(&'a [u8]),
    /// It ended, and is not to be gone on with.
    Ended,
}

const CHECKPOINT: u8 = 0;
const RECORD: u8 = 1;
const HOST: u8 = 2;
const ENDED: u8 = 3;
const KINDS: u64 = 4;

impl<'a> Entry<'a> {
    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let kind = match self.what {
            What::Checkpoint { .. } => CHECKPOINT,
            What::Record { .. } => RECORD,
            What::Host(_) => HOST,
            What::Ended => ENDED,
        };
        put_number(out, self.room * KINDS + u64::from(kind));
        match self.what {
            What::Checkpoint { tick, host, hash, state } => {
                out.extend_from_slice(&tick.to_le_bytes());
                put_bytes(out, host);
                out.extend_from_slice(&hash.to_le_bytes());
                put_bytes(out, state);
            }
            What::Record { tick, record } => {
                out.push(tick);
                put_bytes(out, record);
            }
            What::Host(bytes) => put_bytes(out, bytes),
            What::Ended => {}
        }
    }

    /// Takes the first one from the bytes; none when they do not begin with one.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let number = take_number(bytes)?;
        let what = match (number % KINDS) as u8 {
            CHECKPOINT => {
                let tick = u32::from_le_bytes(take_array(bytes)?);
                let host = take_bytes(bytes)?;
                let hash = u64::from_le_bytes(take_array(bytes)?);
                What::Checkpoint { tick, host, hash, state: take_bytes(bytes)? }
            }
            RECORD => {
                let [tick] = take_array(bytes)?;
                What::Record { tick, record: take_bytes(bytes)? }
            }
            HOST => What::Host(take_bytes(bytes)?),
            _ => What::Ended,
        };
        Some(Self { room: number / KINDS, what })
    }
}

/// Appends a number by seven bits in a byte, the lowest first (LEB128).
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let [byte] = take_array(bytes)?;
        number |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
