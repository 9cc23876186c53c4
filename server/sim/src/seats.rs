//! Who sits where.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::message::RosterEntry;
use fracas_shared::{LeaveReason, Pilot, PlayerId, Profile, State};

use crate::inputs::InputQueue;
use crate::record::{Joins, Leaves, PlayerMessage, load_changes, load_profile, save_changes, save_profile};

/// The seats of a room, and what is to be told to the rules at the next tick.
pub(crate) struct Seats<G: Pilot> {
    list: Vec<Option<Seat<G>>>,
    leaves: Leaves,
    joins: Joins,
}

pub(crate) struct Seat<G: Pilot> {
    pub(crate) profile: Profile,
    pub(crate) occupant: Occupant<G>,
}

pub(crate) enum Occupant<G: Pilot> {
    Player {
        inputs: InputQueue<G::Input>,
        messages: VecDeque<PlayerMessage<G>>,
        token: SeatToken,
        is_away: bool,
    },
    Bot {
        mind: G::Mind,
    },
}

impl<G: Pilot> Occupant<G> {
    fn player(token: SeatToken) -> Self {
        Self::Player { inputs: InputQueue::default(), messages: VecDeque::new(), token, is_away: false }
    }
}

/// The secret of one player's seat, as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SeatToken(pub u128);

impl fmt::Display for SeatToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SeatToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatToken(secret)")
    }
}

/// What was to be a [`SeatToken`] and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSeatToken;

impl FromStr for SeatToken {
    type Err = NoSeatToken;

    fn from_str(text: &str) -> Result<Self, NoSeatToken> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NoSeatToken);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NoSeatToken)
    }
}

impl State for SeatToken {
    fn save(&self, out: &mut StateWriter<'_>) {
        ((self.0 >> 64) as u64).save(out);
        (self.0 as u64).save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(u128::from(u64::load(from)?) << 64 | u128::from(u64::load(from)?)))
    }
}

impl<G: Pilot> Seats<G> {
    pub(crate) fn new(count: u16) -> Self {
        Self { list: (0..count).map(|_| None).collect(), leaves: Vec::new(), joins: Vec::new() }
    }

    pub(crate) fn count(&self) -> u16 {
        self.list.len() as u16
    }

    pub(crate) fn get(&self, player: PlayerId) -> Option<&Seat<G>> {
        self.list.get(player.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, player: PlayerId) -> Option<&mut Seat<G>> {
        self.list.get_mut(player.0 as usize)?.as_mut()
    }

    /// Everyone seated, by seat.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PlayerId, &Seat<G>)> {
        let player = |place: usize| PlayerId(place as u16);
        self.list.iter().enumerate().filter_map(move |(place, seat)| Some((player(place), seat.as_ref()?)))
    }

    /// Everyone seated, by seat, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PlayerId, &mut Seat<G>)> {
        let player = |place: usize| PlayerId(place as u16);
        self.list
            .iter_mut()
            .enumerate()
            .filter_map(move |(place, seat)| Some((player(place), seat.as_mut()?)))
    }

    /// How many seats bots have.
    pub(crate) fn bots(&self) -> u16 {
        self.iter().filter(|(_, seat)| seat.profile.is_bot).count() as u16
    }

    /// How many seats players have.
    pub(crate) fn players(&self) -> u16 {
        self.iter().filter(|(_, seat)| !seat.profile.is_bot).count() as u16
    }

    /// The seat of this token.
    pub(crate) fn seat_of(&self, token: SeatToken) -> Option<PlayerId> {
        let has_it =
            |seat: &Seat<G>| matches!(&seat.occupant, Occupant::Player { token: of, .. } if *of == token);
        self.iter().find(|(_, seat)| has_it(seat)).map(|(player, _)| player)
    }

    /// The token of a player's seat.
    pub(crate) fn token_of(&self, player: PlayerId) -> Option<SeatToken> {
        match self.get(player)?.occupant {
            Occupant::Player { token, .. } => Some(token),
            Occupant::Bot { .. } => None,
        }
    }

    pub(crate) fn set_away(&mut self, player: PlayerId, away: bool) {
        if let Some(Seat { occupant: Occupant::Player { is_away, .. }, .. }) = self.get_mut(player) {
            *is_away = away;
        }
    }

    pub(crate) fn roster(&self) -> Vec<RosterEntry> {
        let is_away = |seat: &Seat<G>| matches!(seat.occupant, Occupant::Player { is_away: true, .. });
        self.iter().map(|(player, seat)| roster_entry(player, &seat.profile, is_away(seat))).collect()
    }

    /// Seats a player: on a free seat, or else on the last bot's.
    pub(crate) fn join(&mut self, profile: Profile, token: SeatToken) -> Option<PlayerId> {
        self.sit(profile, Occupant::player(token))
    }

    fn sit(&mut self, profile: Profile, occupant: Occupant<G>) -> Option<PlayerId> {
        let free = self.list.iter().position(Option::is_none);
        let of_bot = || {
            let is_bot = |seat: &Option<Seat<G>>| seat.as_ref().is_some_and(|seat| seat.profile.is_bot);
            if profile.is_bot { None } else { self.list.iter().rposition(is_bot) }
        };
        let player = PlayerId(free.or_else(of_bot)? as u16);
        self.leave(player, LeaveReason::Replaced);
        self.joins.push((player, profile.clone()));
        self.list[player.0 as usize] = Some(Seat { profile, occupant });
        Some(player)
    }

    /// Frees a seat, if it is taken.
    pub(crate) fn leave(&mut self, player: PlayerId, reason: LeaveReason) {
        let Some(seat) = self.list.get_mut(player.0 as usize) else { return };
        if seat.take().is_none() {
            return;
        }
        match self.joins.iter().position(|(joined, _)| *joined == player) {
            // The rules have not heard of this one yet, and need not.
            Some(place) => drop(self.joins.remove(place)),
            None => self.leaves.push((player, reason)),
        }
    }

    /// Lets bots come and go until they fill the seats that they are to fill.
    pub(crate) fn fill(&mut self, bots_wanted: u16) {
        let wanted = bots_wanted.min(self.count() - self.players());
        let bots: Vec<_> =
            self.iter().filter(|(_, seat)| seat.profile.is_bot).map(|(player, _)| player).collect();
        for player in bots.iter().skip(wanted as usize) {
            self.leave(*player, LeaveReason::Replaced);
        }
        for number in bots.len()..wanted as usize {
            let name = BOT_NAMES[number % BOT_NAMES.len()];
            self.sit(Profile::bot(name), Occupant::Bot { mind: G::Mind::default() });
        }
    }

    /// Does what the rules were told when a tick was made before, whatever they were to be told instead. The tokens are
    /// those of the players who joined.
    pub(crate) fn replay(&mut self, leaves: &Leaves, joins: &Joins, seated: &[(PlayerId, SeatToken)]) {
        let (_, pending) = self.take_changes();
        let gone = pending.iter().map(|(player, _)| player).chain(leaves.iter().map(|(player, _)| player));
        for player in gone {
            self.list[usize::from(player.0)] = None;
        }
        for (player, profile) in joins {
            let occupant = match seated.iter().find(|(seated, _)| seated == player) {
                Some((_, token)) => Occupant::player(*token),
                None => Occupant::Bot { mind: G::Mind::default() },
            };
            self.list[usize::from(player.0)] = Some(Seat { profile: profile.clone(), occupant });
        }
    }

    /// Drops whoever sits there, and what of theirs is of the game's making, one by one.
    pub(crate) fn clear(&mut self) {
        for place in &mut self.list {
            if let Some(Seat { occupant: Occupant::Player { inputs, messages, .. }, .. }) = place {
                inputs.clear();
                while messages.pop_front().is_some() {}
            }
            *place = None;
        }
    }

    /// What the rules are to be told, once.
    pub(crate) fn take_changes(&mut self) -> (Leaves, Joins) {
        (std::mem::take(&mut self.leaves), std::mem::take(&mut self.joins))
    }
}

const BOT_NAMES: [&str; 16] = [
    "Ada", "Bohr", "Curie", "Dirac", "Euler", "Fermi", "Gauss", "Hopper", "Ising", "Joule", "Kepler",
    "Lovelace", "Maxwell", "Noether", "Ohm", "Planck",
];

impl<G: Pilot> Seats<G> {
    pub(crate) fn save(&self, out: &mut StateWriter<'_>) {
        save_changes(&self.leaves, &self.joins, out);
        (self.list.len() as u32).save(out);
        for seat in &self.list {
            seat.is_some().save(out);
            let Some(seat) = seat else { continue };
            save_profile(&seat.profile, out);
            match &seat.occupant {
                Occupant::Player { inputs, messages, token, is_away } => {
                    inputs.save(out);
                    messages.save(out);
                    token.save(out);
                    is_away.save(out);
                }
                Occupant::Bot { mind } => mind.save(out),
            }
        }
    }

    /// Reads the seats of a room that has `count` of them.
    pub(crate) fn load(count: u16, from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let (leaves, joins) = load_changes(from)?;
        let left = leaves.iter().map(|(player, _)| player);
        if left.chain(joins.iter().map(|(player, _)| player)).any(|player| player.0 >= count) {
            return Err(DecodeError::Malformed("a player of no seat comes or goes".into()));
        }
        if u32::load(from)? != u32::from(count) {
            return Err(DecodeError::Malformed("as many seats as the options do not say".into()));
        }
        let mut list = Vec::with_capacity(count as usize);
        for _ in 0..count {
            list.push(if bool::load(from)? { Some(load_seat(from)?) } else { None });
        }
        Ok(Self { list, leaves, joins })
    }
}

fn load_seat<G: Pilot>(from: &mut StateReader<'_>) -> Result<Seat<G>, DecodeError> {
    let profile = load_profile(from)?;
    let occupant = if profile.is_bot {
        Occupant::Bot { mind: G::Mind::load(from)? }
    } else {
        Occupant::Player {
            inputs: State::load(from)?,
            messages: State::load(from)?,
            token: State::load(from)?,
            is_away: State::load(from)?,
        }
    };
    Ok(Seat { profile, occupant })
}

pub(crate) fn roster_entry(player: PlayerId, profile: &Profile, is_away: bool) -> RosterEntry {
    RosterEntry { player: player.0, name: profile.name.to_string(), is_bot: profile.is_bot, is_away }
}
