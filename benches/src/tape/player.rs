//! Where a player is on a tape, and which inputs its ticks tell of.

use std::collections::VecDeque;

use fracas_shared::Tick;

use super::{Place, Tape};

/// The margin of no input: see [`OwnHead`](fracas_shared::packet::OwnHead).
const NO_MARGIN: i8 = i8::MIN;

/// Inputs that may wait without memory being taken for them anew: those of two seconds at 30 Hz.
const HEARD_ROOM: usize = 64;

/// One who is shown a seat's track.
#[derive(Debug)]
pub struct Player {
    track: usize,
    /// The place on the track of what is sent next.
    next: usize,
    /// The room's tick at which its own first one is due.
    starts_at: u64,
    /// The stamps of inputs that no tick has told of, in the order in which they came.
    heard: VecDeque<u32>,
    /// How many ticks before its own the input came that came with the least time to spare.
    margin: Option<i8>,
    /// The newest stamp that a tick has told of.
    told: u32,
    /// The last tick that was sent.
    newest: u32,
}

/// What a player gets in one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing yet: the seat was taken later in the match.
    Early,
    /// What the tape has.
    Show {
        /// The place in [`Tape::seats`].
        track: usize,
        /// The place in the track's ticks.
        place: usize,
        /// What is to be put over the recorded head.
        told: Told,
    },
    /// Nothing more: the tape has ended.
    Over,
}

/// What a tick tells its player of the player's own inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The stamp of the newest input that was used.
    pub input_tick: u32,
    /// How many ticks before its own it came.
    pub margin: i8,
}

impl Told {
    /// Puts it over the head of an own message: the bytes behind the tag.
    pub fn put_over(self, head: &mut [u8; 5]) {
        head[..4].copy_from_slice(&self.input_tick.to_le_bytes());
        head[4] = self.margin as u8;
    }
}

impl Player {
    /// One who comes to this place.
    pub fn new(place: &Place) -> Self {
        Self {
            track: place.track,
            next: 0,
            starts_at: place.starts_at,
            heard: VecDeque::with_capacity(HEARD_ROOM),
            margin: None,
            told: 0,
            newest: 0,
        }
    }

    /// Whether the first tick was sent.
    pub fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// The last tick that was sent.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Takes the stamp of an input.
    pub fn hear(&mut self, stamp: u32) {
        let margin = Tick(stamp).since(Tick(self.newest).next());
        let margin = margin.clamp(i32::from(NO_MARGIN) + 1, i32::from(i8::MAX)) as i8;
        self.margin = Some(self.margin.map_or(margin, |least| least.min(margin)));
        self.heard.push_back(stamp);
    }

    /// Goes on by one tick: the room's tick of this number.
    pub fn turn(&mut self, number: u64, tape: &Tape) -> Turn {
        if number < self.starts_at {
            return Turn::Early;
        }
        let place = self.next;
        let Some(tick) = tape.seats[self.track].ticks.get(place).map(|bytes| bytes.tick) else {
            return Turn::Over;
        };
        self.next += 1;
        self.newest = tick;
        while let Some(stamp) = self.heard.pop_front_if(|stamp| !Tick(*stamp).is_after(Tick(tick))) {
            self.told = stamp;
        }
        let told = Told { input_tick: self.told, margin: self.margin.take().unwrap_or(NO_MARGIN) };
        Turn::Show { track: self.track, place, told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::tests::tape;

    #[test]
    fn ticks_tell_of_inputs_whose_time_has_come() {
        let tape = tape();
        let mut player = Player::new(&Place { room: 0, track: 0, starts_at: 5 });
        assert_eq!(player.turn(4, &tape), Turn::Early);
        let show =
            |place, input_tick, margin| Turn::Show { track: 0, place, told: Told { input_tick, margin } };
        // The tape's ticks are 9 and 10.
        player.hear(8);
        player.hear(10);
        assert_eq!(player.turn(5, &tape), show(0, 8, 7));
        player.hear(11);
        assert_eq!(player.turn(6, &tape), show(1, 10, 1));
        assert_eq!(player.turn(7, &tape), Turn::Over);
    }
}
