//! What reaches the rules at one tick.

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::{Chat, Game, LeaveReason, PlayerId, Profile, State, ViewTime};

/// All that reaches the rules at one tick. A match is a pure function of its records.
pub struct TickRecord<G: Game> {
    /// Who went, in order. They go before the others come.
    pub leaves: Vec<(PlayerId, LeaveReason)>,
    /// Who came, in order.
    pub joins: Vec<(PlayerId, Profile)>,
    /// Messages, by player, then in the order sent.
    pub messages: Vec<(PlayerId, PlayerMessage<G>)>,
    /// Exactly one input for each seated player, by seat; bots' too.
    pub inputs: Vec<(PlayerId, G::Input)>,
    /// Which moments of the match they saw of whom that is known, by seat.
    pub view_times: Vec<(PlayerId, ViewTime)>,
}

/// What a player tells the match besides inputs.
pub enum PlayerMessage<G: Game> {
    /// A message of the game's own.
    Game(G::Message),
    /// Something said to others.
    Chat(Chat),
}

impl<G: Game> State for PlayerMessage<G> {
    fn save(&self, out: &mut StateWriter<'_>) {
        match self {
            Self::Game(message) => {
                0u8.save(out);
                message.save(out);
            }
            Self::Chat(chat) => {
                1u8.save(out);
                chat.save(out);
            }
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        match u8::load(from)? {
            0 => Ok(Self::Game(State::load(from)?)),
            1 => Ok(Self::Chat(State::load(from)?)),
            number => Err(DecodeError::Malformed(format!("no message has the number {number}"))),
        }
    }
}

impl<G: Game> Default for TickRecord<G> {
    fn default() -> Self {
        Self {
            leaves: Vec::new(),
            joins: Vec::new(),
            messages: Vec::new(),
            inputs: Vec::new(),
            view_times: Vec::new(),
        }
    }
}

impl<G: Game> TickRecord<G> {
    /// Drops what is of the game's making, one by one. The memory is kept.
    pub(crate) fn clear(&mut self) {
        while self.messages.pop().is_some() {}
        while self.inputs.pop().is_some() {}
        self.view_times.clear();
    }
}

impl<G: Game> State for TickRecord<G> {
    fn save(&self, out: &mut StateWriter<'_>) {
        save_changes(&self.leaves, &self.joins, out);
        self.messages.save(out);
        self.inputs.save(out);
        self.view_times.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let (leaves, joins) = load_changes(from)?;
        let (messages, inputs) = (Vec::load(from)?, Vec::load(from)?);
        Ok(Self { leaves, joins, messages, inputs, view_times: Vec::load(from)? })
    }
}

pub(crate) type Leaves = Vec<(PlayerId, LeaveReason)>;
pub(crate) type Joins = Vec<(PlayerId, Profile)>;

pub(crate) fn save_changes(
    leaves: &[(PlayerId, LeaveReason)],
    joins: &[(PlayerId, Profile)],
    out: &mut StateWriter<'_>,
) {
    (leaves.len() as u32).save(out);
    for (player, reason) in leaves {
        player.save(out);
        save_reason(*reason, out);
    }
    (joins.len() as u32).save(out);
    for (player, profile) in joins {
        player.save(out);
        save_profile(profile, out);
    }
}

pub(crate) fn load_changes(from: &mut StateReader<'_>) -> Result<(Leaves, Joins), DecodeError> {
    let (mut leaves, mut joins) = (Vec::new(), Vec::new());
    for _ in 0..u32::load(from)? {
        leaves.push((PlayerId::load(from)?, load_reason(from)?));
    }
    for _ in 0..u32::load(from)? {
        joins.push((PlayerId::load(from)?, load_profile(from)?));
    }
    Ok((leaves, joins))
}

pub(crate) fn save_profile(profile: &Profile, out: &mut StateWriter<'_>) {
    profile.name.save(out);
    profile.is_bot.save(out);
    profile.claims.save(out);
}

pub(crate) fn load_profile(from: &mut StateReader<'_>) -> Result<Profile, DecodeError> {
    Ok(Profile { name: State::load(from)?, is_bot: State::load(from)?, claims: State::load(from)? })
}

fn save_reason(reason: LeaveReason, out: &mut StateWriter<'_>) {
    let number: u8 = match reason {
        LeaveReason::Left => 0,
        LeaveReason::Lost => 1,
        LeaveReason::Replaced => 2,
        LeaveReason::Kicked => 3,
        LeaveReason::Banned => 4,
    };
    number.save(out);
}

fn load_reason(from: &mut StateReader<'_>) -> Result<LeaveReason, DecodeError> {
    match u8::load(from)? {
        0 => Ok(LeaveReason::Left),
        1 => Ok(LeaveReason::Lost),
        2 => Ok(LeaveReason::Replaced),
        3 => Ok(LeaveReason::Kicked),
        4 => Ok(LeaveReason::Banned),
        number => Err(DecodeError::Malformed(format!("no leave reason has the number {number}"))),
    }
}
