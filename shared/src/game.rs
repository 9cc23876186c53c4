//! The rules API: what a game developer writes.
//!
//! A game is an immutable value built from its config (rules, parsed maps, tuning) and four types
//! of state and rows. The house owns the world, calls the hooks in a fixed order and turns what
//! they leave behind into checkpoints, deltas and replays. Hooks are synchronous and must be
//! deterministic: no clock, no threads, no randomness but [`Context::rng`], no hash-ordered
//! iteration. `clippy.toml` in a game's folder makes most slips a compile error.

use core::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::id::{EntityKey, PlayerId};
use crate::limits::EVENTS_PER_TICK_MAX;
use crate::message::Hearers;
use crate::past::{AsSeen, Past};
use crate::rng::Rng;
use crate::row::Row;
use crate::state::State;
use crate::tick::{Tick, ticks_of};
use crate::world::World;

/// A game's tunable part: read from the operator's TOML and a room's JSON options, and sent to
/// clients as JSON. It holds nothing secret.
pub trait Config: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static> Config for T {}

/// The rules of one game.
///
/// The order of a tick: [`leave`](Game::leave) and [`join`](Game::join) of those who went and came,
/// [`message`](Game::message) or [`chat`](Game::chat) for each message, [`step`](Game::step) once, then
/// [`view`](Game::view) of every entity and [`own`](Game::own) of every player.
pub trait Game: Sized + Send + Sync + 'static {
    /// The game's id: a lower-case word, in URLs and metrics.
    const ID: &'static str;
    /// Raised whenever rules or rows change, so that clients and journals of other rules are told.
    const REVISION: u32;
    /// Seats of a room, unless its options say otherwise.
    const SEATS: u16 = 8;
    /// Ticks per second, unless a room's options say otherwise.
    const TICK_HZ: u16 = 30;
    /// Seats that a server's bots fill as long as no player wants them, unless its operator says otherwise.
    const BOTS: u16 = 7;
    /// Seconds from an outcome to the next match in the same room.
    const INTERMISSION_S: u16 = 6;
    /// Seconds for which a player whose connection was lost keeps the seat, unless a room's options say
    /// otherwise. Until then the rules get the last inputs again and then neutral ones.
    const LINGER_S: u16 = 20;

    /// How far back lag compensation goes at most, in milliseconds, unless a room's options say
    /// otherwise; 0 for none. It costs only games that have something to remember.
    const REWIND_MS: u16 = 250;

    /// Tuning and maps.
    type Config: Config;
    /// The match's state that is no entity: phase, scores, timers.
    type Global: State + Default + Send;
    /// An entity with full precision: a struct or, more often, an enum.
    type Entity: State + Send;
    /// What a player does in one tick. The default is the neutral input: of a player who is gone
    /// from the keyboard. It has numbers that its row's fields can say.
    type Input: Row + State + Clone + Default + Send;
    /// An entity as everyone sees it, quantised. A field that is not in it is secret.
    type View: Row + Send;
    /// What one player alone sees: ammunition, a hand of cards.
    type Own: Row + Send;
    /// What happened at one moment: a hit, a sound.
    type Event: Row + Send;
    /// What a player tells the rules besides inputs: reliably, in order.
    type Message: Row + State + Send;

    /// Builds the rules from their config. The only hook that may refuse.
    fn new(config: &Self::Config) -> Result<Self, ConfigError>;

    /// Begins a match: the world is empty, the seated players join next.
    fn open(&self, _ctx: &mut Context<'_, Self>) {}

    /// A player takes a seat.
    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, profile: &Profile);

    /// A player's seat becomes free.
    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, reason: LeaveReason);

    /// A player's message arrives. What it asks may be impossible or hostile: check it.
    fn message(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _message: &Self::Message) {}

    /// A player says something to others. False keeps it from them: the rules of a game may not want
    /// the dead to talk, or hints to be given.
    fn chat(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _chat: &Chat) -> bool {
        true
    }

    /// Moves the match on by one tick.
    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>);

    /// How everyone sees an entity; none while it is hidden.
    fn view(&self, key: EntityKey, entity: &Self::Entity) -> Option<Self::View>;

    /// Whether [`Context::as_seen_by`] shall know how this entity was seen: what can be shot at.
    fn is_remembered(&self, _entity: &Self::Entity) -> bool {
        false
    }

    /// What the player alone sees.
    fn own(&self, _ctx: &Context<'_, Self>, _player: PlayerId) -> Option<Self::Own> {
        None
    }

    /// How the match ended, once it has. After [`INTERMISSION_S`](Game::INTERMISSION_S) the house
    /// begins a new one with the same players.
    fn outcome(&self, _ctx: &Context<'_, Self>) -> Option<Outcome> {
        None
    }
}

/// What the hooks of a game may see and change.
pub struct Context<'a, G: Game> {
    /// The entities.
    pub world: &'a mut World<G::Entity>,
    /// The rest of the match's state.
    pub global: &'a mut G::Global,
    /// The match's random generator.
    pub rng: &'a mut Rng,
    /// The tick that is being made.
    pub tick: Tick,
    /// Ticks per second.
    pub tick_hz: u16,
    /// What happens in this tick.
    pub events: &'a mut Events<G::Event>,
    /// What was seen before.
    pub past: Past<'a, G::View>,
}

impl<'a, G: Game> Context<'a, G> {
    /// The seconds from one tick to the next.
    pub fn dt(&self) -> f32 {
        1.0 / f32::from(self.tick_hz)
    }

    /// How many ticks last at least this long; at least 1.
    pub fn ticks(&self, seconds: f32) -> u32 {
        ticks_of(seconds, self.tick_hz)
    }

    /// The past as the player's screen showed it when this tick's input was made, no further back
    /// than the room's options allow. None when the client does not say what it shows, when the seat
    /// is empty, or when nothing is kept: then the present is what counts.
    ///
    /// Only within [`Game::step`].
    pub fn as_seen_by(&self, player: PlayerId) -> Option<AsSeen<'a, G::View>> {
        self.past.as_seen_by(player, self.tick, self.tick_hz)
    }

    /// Tells everyone of an event.
    pub fn emit(&mut self, event: G::Event) {
        self.events.push(None, event);
    }

    /// Tells one player of an event.
    pub fn emit_to(&mut self, player: PlayerId, event: G::Event) {
        self.events.push(Some(player), event);
    }

    /// Wants a player out of the room. The seat becomes free before the next tick, in which
    /// [`Game::leave`] hears of it; the player may come back.
    pub fn kick(&mut self, player: PlayerId) {
        self.events.remove(player, Removal::Kick);
    }

    /// Wants a player out of the room for good: whoever comes from the same address, or with the same
    /// `sub` among the claims, is not let in again.
    pub fn ban(&mut self, player: PlayerId) {
        self.events.remove(player, Removal::Ban);
    }

    /// Lets nobody into the room any more, from the next tick on, but players who come back to their
    /// seats.
    pub fn lock_room(&mut self) {
        self.events.lock = Some(true);
    }

    /// Lets players into the room again.
    pub fn unlock_room(&mut self) {
        self.events.lock = Some(false);
    }
}

/// The events of one tick, in the order in which they happened, and what the rules want of the room.
#[derive(Debug)]
pub struct Events<E> {
    list: Vec<(Option<PlayerId>, E)>,
    dropped: u32,
    /// Each player once.
    removals: Vec<(PlayerId, Removal)>,
    lock: Option<bool>,
}

/// How a player is removed from a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The player may come back.
    Kick,
    /// The player may not come back.
    Ban,
}

impl<E> Events<E> {
    pub(crate) fn push(&mut self, to: Option<PlayerId>, event: E) {
        if self.list.len() < EVENTS_PER_TICK_MAX {
            self.list.push((to, event));
        } else {
            self.dropped += 1;
        }
    }

    fn remove(&mut self, player: PlayerId, removal: Removal) {
        if !self.removals.iter().any(|(removed, _)| *removed == player) {
            self.removals.push((player, removal));
        }
    }

    /// Whom the rules want removed, in order; asked once.
    pub fn take_removals(&mut self) -> Vec<(PlayerId, Removal)> {
        std::mem::take(&mut self.removals)
    }

    /// Whether the rules want the room locked or unlocked; asked once.
    pub fn take_lock(&mut self) -> Option<bool> {
        self.lock.take()
    }

    /// Events and whom they are for: one player, or everyone.
    pub fn iter(&self) -> impl Iterator<Item = (Option<PlayerId>, &E)> {
        self.list.iter().map(|(to, event)| (*to, event))
    }

    /// All of them, whomever they are for.
    pub fn into_list(self) -> impl Iterator<Item = E> {
        self.list.into_iter().map(|(_, event)| event)
    }

    /// How many were beyond [`EVENTS_PER_TICK_MAX`].
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        // One by one: when a list is dropped as a whole, two events that panic end the process.
        while self.list.pop().is_some() {}
        self.dropped = 0;
        self.removals.clear();
        self.lock = None;
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { list: Vec::new(), dropped: 0, removals: Vec::new(), lock: None }
    }
}

/// The inputs of one tick: exactly one for each seated player, by seat.
pub struct Inputs<'a, G: Game>(&'a [(PlayerId, G::Input)]);

impl<'a, G: Game> Inputs<'a, G> {
    /// Inputs sorted by player.
    pub fn new(sorted: &'a [(PlayerId, G::Input)]) -> Self {
        debug_assert!(sorted.is_sorted_by_key(|(player, _)| *player));
        Self(sorted)
    }

    /// All of them, by seat.
    pub fn iter(&self) -> impl Iterator<Item = (PlayerId, &'a G::Input)> {
        self.0.iter().map(|(player, input)| (*player, input))
    }

    /// The input of one player; none for an empty seat.
    pub fn of(&self, player: PlayerId) -> Option<&'a G::Input> {
        let place = self.0.binary_search_by_key(&player, |(player, _)| *player).ok()?;
        Some(&self.0[place].1)
    }
}

/// Who takes a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name to show: 1 to 32 bytes, no control characters, not unique.
    pub name: Arc<str>,
    /// Whether the house plays this seat by the game's [`Pilot`](crate::Pilot).
    pub is_bot: bool,
    /// What the operator's join hook vouches for, such as an account's id or rights: a JSON object, or
    /// empty when nobody asked.
    pub claims: Arc<str>,
}

impl Profile {
    /// A player of whom nothing but the name is known.
    pub fn player(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), is_bot: false, claims: "".into() }
    }

    /// A player of the house.
    pub fn bot(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), is_bot: true, claims: "".into() }
    }

    /// One of the claims; none when there is no such one.
    pub fn claim(&self, name: &str) -> Option<serde_json::Value> {
        let claims: serde_json::Map<_, _> = serde_json::from_str(&self.claims).ok()?;
        claims.get(name).cloned()
    }
}

/// What a player says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Who is to hear it.
    pub to: Hearers,
    /// 1 to [`CHAT_BYTES_MAX`](crate::limits::CHAT_BYTES_MAX) bytes, no control characters.
    pub text: Arc<str>,
}

impl State for Chat {
    fn save(&self, out: &mut StateWriter<'_>) {
        out.put(&self.to);
        self.text.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { to: from.take()?, text: State::load(from)? })
    }
}

/// Why a seat became free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// The player asked to leave.
    Left,
    /// The connection was lost, and the player did not come back in time.
    Lost,
    /// A bot made room for a player.
    Replaced,
    /// The rules or an operator removed the player.
    Kicked,
    /// The rules or an operator removed the player for good.
    Banned,
}

/// How a match ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Players and their scores, the best first.
    pub standings: Vec<(PlayerId, i32)>,
}

/// A config that the game cannot play by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field, as its path in the config.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl ConfigError {
    /// An error of this field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.field, self.problem)
    }
}

impl core::error::Error for ConfigError {}
