//! Who is shown which track, and from when on.

use super::Tape;

/// Ticks that a room waits for its players, so that all are there and are shown the same tick at the same time.
pub const ROOM_FILLS_TICKS: u64 = 30;

/// Rooms that are filled one after the other.
#[derive(Debug, Default)]
pub struct Rooms {
    joined: usize,
    /// The server's tick at which each room's match begins.
    starts: Vec<u64>,
}

/// Where a player comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The room's number.
    pub room: usize,
    /// The place in [`Tape::seats`].
    pub track: usize,
    /// The tick of [`Rooms::join`]'s counting at which the player's first one is due.
    pub starts_at: u64,
}

impl Rooms {
    /// How many have joined.
    pub fn joined(&self) -> usize {
        self.joined
    }

    /// Finds a place for one who comes at this tick.
    pub fn join(&mut self, tape: &Tape, tick: u64) -> Place {
        let seats = tape.seats.len();
        let (room, track) = (self.joined / seats, self.joined % seats);
        self.joined += 1;
        if self.starts.len() <= room {
            self.starts.push(tick + ROOM_FILLS_TICKS);
        }
        Place { room, track, starts_at: self.starts[room] + tape.offset(track) }
    }
}
