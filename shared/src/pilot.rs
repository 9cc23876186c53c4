//! How a bot plays: on the server to fill seats, and in the load tester.

use crate::game::Game;
use crate::id::{EntityId, PlayerId};
use crate::rng::Rng;
use crate::row::Row;
use crate::state::State;
use crate::tick::Tick;

/// A game that bots can play.
///
/// A pilot sees what a client sees, decoded from the same rows, so it cannot cheat and it tests
/// what players get.
pub trait Pilot: Game {
    /// What a bot remembers from one tick to the next.
    type Mind: State + Default + Send;

    /// What the bot does next.
    fn pilot(&self, mind: &mut Self::Mind, seen: &Seen<'_, Self>, rng: &mut Rng) -> Self::Input;

    /// How many points this event gives to the player: kills in a shooter. The load tester adds
    /// them up, to show that its bots really play.
    fn points(_event: &Self::Event, _player: PlayerId) -> u32 {
        0
    }

    /// The score that the player's screen shows; none in a game whose players see none. It does not fall in a match: a
    /// tester's check that nobody's is lost.
    fn score(_seen: &Seen<'_, Self>) -> Option<i32> {
        None
    }

    /// Whether the entity of the earlier view can be that of the later one: a tester's check that ids do
    /// not change hands. The default compares which kind of view it is.
    fn is_same(earlier: &Self::View, later: &Self::View) -> bool {
        earlier.kind() == later.kind()
    }
}

/// A match as one player sees it.
pub struct Seen<'a, G: Game> {
    /// The tick of the views.
    pub tick: Tick,
    /// Ticks per second.
    pub tick_hz: u16,
    /// The player.
    pub me: PlayerId,
    /// What the player alone sees.
    pub own: Option<&'a G::Own>,
    /// What everyone sees, by id.
    pub views: &'a [(EntityId, G::View)],
}

impl<G: Game> Seen<'_, G> {
    /// The view of an entity.
    pub fn view(&self, id: EntityId) -> Option<&G::View> {
        let place = self.views.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.views[place].1)
    }
}
