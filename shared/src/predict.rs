//! What a client runs ahead of the server, so that its player feels no lag.

use crate::game::{Events, Game};
use crate::glam::Vec3;
use crate::id::{EntityId, PlayerId};
use crate::pilot::Seen;
use crate::tick::Tick;

/// A game whose client shows its own player's acts at once.
///
/// The client takes its own part of the newest frame, applies to it the inputs that the frame does
/// not hold yet, and shows the result. What the rules do in [`step`](Game::step) to this part must
/// be the same code on the same numbers: fields that matter are sent as exactly as the rules hold
/// them, so the rules round them to what their rows can say (see [`quant`](crate::quant)) after each
/// step. Then a prediction is wrong only when the world did something that the client could not
/// know.
pub trait Predict: Game {
    /// How far what is shown may be from what the server says, in the units of the game. Further: it
    /// is shown there at once, instead of being brought there out of sight.
    const SNAP: f32 = 2.0;

    /// The part that is predicted: where the own entity is and what it can do.
    type Ahead: Clone + Send;

    /// That part of what the server has shown; none while there is nothing to predict, as between
    /// two lives.
    fn ahead(&self, seen: &Seen<'_, Self>) -> Option<Self::Ahead>;

    /// Does what one tick's step does.
    fn advance(&self, ahead: &mut Self::Ahead, input: &Self::Input, step: &mut PredictStep<'_, Self>);

    /// What is to be shown of it: entities that the server has shown under their ids, and new ones
    /// without. The first one is the player's own.
    fn show(&self, ahead: &Self::Ahead) -> Vec<(Option<EntityId>, Self::View)>;

    /// Whether this entity is a part of what is predicted, and so not to be shown as the server shows
    /// it.
    fn is_ahead(&self, view: &Self::View, me: PlayerId) -> bool;

    /// Where the own entity is. The distance of two of them is how wrong a prediction was.
    fn place(&self, ahead: &Self::Ahead) -> Vec3;

    /// Moves the own entity, to show it where a mistake is not seen.
    fn displace(&self, ahead: &mut Self::Ahead, by: Vec3);

    /// Whether a predicted event is this one of the server's, in the same tick.
    fn is_same_event(_predicted: &Self::Event, _event: &Self::Event) -> bool {
        false
    }
}

/// One tick that is predicted.
pub struct PredictStep<'a, G: Game> {
    /// The tick.
    pub tick: Tick,
    /// Ticks per second.
    pub tick_hz: u16,
    /// The player.
    pub me: PlayerId,
    /// All others as the screen shows them, by id.
    pub others: &'a [(EntityId, G::View)],
    pub(crate) events: &'a mut Events<G::Event>,
}

impl<'a, G: Game> PredictStep<'a, G> {
    /// A step whose events are added to `events`.
    pub fn new(seen: &Seen<'a, G>, tick: Tick, events: &'a mut Events<G::Event>) -> Self {
        Self { tick, tick_hz: seen.tick_hz, me: seen.me, others: seen.views, events }
    }

    /// The seconds from one tick to the next.
    pub fn dt(&self) -> f32 {
        1.0 / f32::from(self.tick_hz)
    }

    /// Tells the player of an event before the server has said that it happens.
    pub fn foretell(&mut self, event: G::Event) {
        self.events.push(None, event);
    }
}
