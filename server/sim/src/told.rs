//! The reliable messages of a room, so that a client that comes back misses none.

use std::array;
use std::collections::VecDeque;

use bytes::Bytes;
use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::{RESUME_BYTES_MAX, RESUME_MESSAGES_MAX};
use fracas_shared::message::Resumed;
use fracas_shared::{PlayerId, State};

/// For whom a reliable message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who watches.
    All,
    /// Everyone but this player.
    Others(PlayerId),
    /// This player alone.
    One(PlayerId),
}

impl State for Audience {
    fn save(&self, out: &mut StateWriter<'_>) {
        let (kind, player): (u8, _) = match self {
            Self::All => (0, PlayerId(0)),
            Self::Others(player) => (1, *player),
            Self::One(player) => (2, *player),
        };
        kind.save(out);
        player.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        match (u8::load(from)?, PlayerId::load(from)?) {
            (0, _) => Ok(Self::All),
            (1, player) => Ok(Self::Others(player)),
            (2, player) => Ok(Self::One(player)),
            (kind, _) => Err(DecodeError::Malformed(format!("no audience has the number {kind}"))),
        }
    }
}

impl Audience {
    /// Whether it is for who has this seat, or for a spectator.
    pub fn includes(self, player: Option<PlayerId>) -> bool {
        match self {
            Self::All => true,
            Self::Others(other) => player != Some(other),
            Self::One(one) => player == Some(one),
        }
    }
}

/// The latest reliable messages of a room, each once, whoever was told it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How many there were that are not kept any more.
    forgotten: u64,
    /// How many are kept.
    kept: usize,
    /// Those, one after the other, each behind its [`Head`]: most are of a few bytes, and a handle to each would take
    /// more.
    latest: VecDeque<u8>,
}

/// What stands before a message: for whom it is, and its length.
struct Head {
    to: Audience,
    length: u16,
}
const _: () = assert!(RESUME_BYTES_MAX <= u16::MAX as usize, "a message that is kept has a length");

impl Head {
    const BYTES: usize = 5;

    fn to_bytes(&self) -> [u8; Self::BYTES] {
        let (kind, player) = match self.to {
            Audience::All => (0, 0),
            Audience::Others(player) => (1, player.0),
            Audience::One(player) => (2, player.0),
        };
        let ([a, b], [c, d]) = (player.to_le_bytes(), self.length.to_le_bytes());
        [kind, a, b, c, d]
    }

    fn of_bytes([kind, a, b, c, d]: [u8; Self::BYTES]) -> Self {
        let player = PlayerId(u16::from_le_bytes([a, b]));
        let to = match kind {
            0 => Audience::All,
            1 => Audience::Others(player),
            _ => Audience::One(player),
        };
        Self { to, length: u16::from_le_bytes([c, d]) }
    }
}

/// How much of it a player was told who has a seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearer {
    player: PlayerId,
    /// The place of the first message after the seat was taken.
    since: u64,
    /// Wraps after 2^32, which takes years.
    count: u32,
}

impl Hearer {
    /// Who it is.
    pub(crate) fn player(self) -> PlayerId {
        self.player
    }

    /// How many messages it was told.
    #[cfg(test)]
    pub(crate) fn count(self) -> u32 {
        self.count
    }

    /// Takes note of a message that is for it.
    pub(crate) fn hear(&mut self) {
        self.count = self.count.wrapping_add(1);
    }
}

impl Told {
    /// One who takes a seat now.
    pub(crate) fn hearer(&self, player: PlayerId) -> Hearer {
        Hearer { player, since: self.forgotten + self.kept as u64, count: 0 }
    }

    /// Keeps a message, and no more than is to be kept for so many players.
    pub(crate) fn push(&mut self, to: Audience, message: &[u8], players: usize) {
        let (messages_max, bytes_max) = (RESUME_MESSAGES_MAX * players, RESUME_BYTES_MAX * players);
        // Then nobody who has not had it has had what comes before it either.
        let is_too_long = message.len() > RESUME_BYTES_MAX;
        let is_too_much = |told: &Self| told.kept >= messages_max || told.bytes() + message.len() > bytes_max;
        while self.kept > 0 && (is_too_long || is_too_much(self)) {
            self.forget_oldest();
        }
        if is_too_long {
            self.forgotten += 1;
            return;
        }
        self.latest.extend(Head { to, length: message.len() as u16 }.to_bytes());
        self.latest.extend(message);
        self.kept += 1;
    }

    fn forget_oldest(&mut self) {
        let length = self.head_at(0).length;
        self.latest.drain(..Head::BYTES + usize::from(length));
        self.kept -= 1;
        self.forgotten += 1;
    }

    /// Of the messages alone.
    fn bytes(&self) -> usize {
        self.latest.len() - self.kept * Head::BYTES
    }

    fn head_at(&self, place: usize) -> Head {
        Head::of_bytes(array::from_fn(|number| self.latest[place + number]))
    }

    /// What a client that has had so many is to know, and the messages that it is to have next. One
    /// that does not know how many it has had begins anew.
    pub(crate) fn since(&self, hearer: Hearer, received: Option<u32>) -> (Resumed, Vec<Bytes>) {
        let mut heard = self.heard_by(hearer);
        // Who claims to have had more than there were is a liar, and gets what liars get: nothing.
        let owed = received.map_or(0, |received| hearer.count.saturating_sub(received));
        let again = owed.min(heard.len() as u32);
        let resumed = Resumed { missed: owed - again, received: hearer.count - again, attempt: 0 };
        (resumed, heard.split_off(heard.len() - again as usize))
    }

    /// What is kept of what one was told.
    fn heard_by(&self, hearer: Hearer) -> Vec<Bytes> {
        let mut place = 0;
        let mut heard = Vec::new();
        for number in self.forgotten..self.forgotten + self.kept as u64 {
            let Head { to, length } = self.head_at(place);
            let first = place + Head::BYTES;
            place = first + usize::from(length);
            if number >= hearer.since && to.includes(Some(hearer.player)) {
                heard.push(self.latest.range(first..place).copied().collect());
            }
        }
        heard
    }
}

impl State for Told {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.forgotten.save(out);
        (self.kept as u32).save(out);
        self.latest.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let (forgotten, kept) = (u64::load(from)?, u32::load(from)? as usize);
        let told = Self { forgotten, kept, latest: State::load(from)? };
        let mut place = 0;
        for _ in 0..kept {
            if told.latest.len() < place + Head::BYTES {
                return Err(DecodeError::Malformed("fewer messages than were told".into()));
            }
            place += Head::BYTES + usize::from(told.head_at(place).length);
        }
        if place == told.latest.len() {
            Ok(told)
        } else {
            Err(DecodeError::Malformed("bytes after the messages that were told".into()))
        }
    }
}

impl State for Hearer {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.player.save(out);
        self.since.save(out);
        self.count.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { player: State::load(from)?, since: State::load(from)?, count: State::load(from)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PlayerId = PlayerId(0);
    const BOB: PlayerId = PlayerId(1);

    /// Two players, of whom the first is asked about.
    #[derive(Default)]
    struct Room {
        told: Told,
        ann: Option<Hearer>,
    }

    impl Room {
        fn tell(&mut self, to: Audience, message: &[u8]) {
            let ann = self.ann.get_or_insert(self.told.hearer(ANN));
            if to.includes(Some(ANN)) {
                ann.hear();
            }
            self.told.push(to, message, 2);
        }

        fn since(&mut self, received: Option<u32>) -> (u32, u32, Vec<Vec<u8>>) {
            let ann = *self.ann.get_or_insert(self.told.hearer(ANN));
            let (Resumed { missed, received, .. }, again) = self.told.since(ann, received);
            (missed, received, again.into_iter().map(Vec::from).collect())
        }
    }

    /// A seat that was told the messages 0 to `count`, and what it says to who has had `received`.
    fn check(count: u32, received: Option<u32>) -> (u32, u32, Vec<u32>) {
        let mut room = Room::default();
        for number in 0..count {
            room.tell(Audience::All, &number.to_le_bytes());
        }
        let (missed, received, again) = room.since(received);
        let number = |message: Vec<u8>| u32::from_le_bytes(message.try_into().expect("4 bytes"));
        (missed, received, again.into_iter().map(number).collect())
    }

    #[test]
    fn what_was_missed_comes_again() {
        assert_eq!(check(5, Some(3)), (0, 3, vec![3, 4]));
        assert_eq!(check(5, Some(5)), (0, 5, vec![]));
        assert_eq!(check(0, Some(0)), (0, 0, vec![]));
    }

    #[test]
    fn what_is_not_kept_any_more_is_told_to_be_missed() {
        let kept = 2 * RESUME_MESSAGES_MAX as u32;
        let (missed, received, again) = check(kept + 10, Some(4));
        assert_eq!((missed, received), (6, 10));
        assert_eq!(again, (10..kept + 10).collect::<Vec<_>>());
    }

    #[test]
    fn who_does_not_know_begins_anew() {
        assert_eq!(check(5, None), (0, 5, vec![]));
        assert_eq!(check(5, Some(900)), (0, 5, vec![]), "nobody has had more than there were");
    }

    #[test]
    fn only_what_is_for_a_player_counts_and_comes_again() {
        let mut room = Room::default();
        let audiences = [
            Audience::All,
            Audience::One(BOB),
            Audience::Others(ANN),
            Audience::Others(BOB),
            Audience::One(ANN),
        ];
        for (number, to) in (0..).zip(audiences) {
            room.tell(to, &[number]);
        }
        assert_eq!(room.since(Some(0)), (0, 0, vec![vec![0], vec![3], vec![4]]));
        assert_eq!(room.since(Some(2)), (0, 2, vec![vec![4]]));
    }

    #[test]
    fn what_was_told_before_a_seat_was_taken_does_not_count() {
        let mut room = Room::default();
        room.told.push(Audience::All, &[1], 2);
        room.tell(Audience::All, &[2]);
        assert_eq!(room.since(Some(0)), (0, 0, vec![vec![2]]));
    }

    #[test]
    fn long_messages_are_kept_within_their_bytes() {
        let mut room = Room::default();
        for _ in 0..6 {
            room.tell(Audience::All, &vec![0; RESUME_BYTES_MAX / 2]);
        }
        let (missed, received, again) = room.since(Some(0));
        assert_eq!((missed, received, again.len()), (2, 2, 4));
    }

    #[test]
    fn what_is_too_long_to_be_kept_is_missed_with_all_before_it() {
        let mut room = Room::default();
        for message in [&[1][..], &vec![2; RESUME_BYTES_MAX + 1], &[3]] {
            room.tell(Audience::All, message);
        }
        assert_eq!(room.since(Some(0)), (2, 2, vec![vec![3]]));
    }
}
