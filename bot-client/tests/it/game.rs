//! A game that is nothing but its rows and its pilot.

use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Pilot, PlayerId, Profile, Rng, Row,
    Seen, State,
};
use serde::{Deserialize, Serialize};

fracas_shared::games! {
    /// The one game of these tests.
    pub struct TagGames = [Tag]
}

pub(crate) struct Tag;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {}

#[derive(Clone, Debug, Default, Row, State)]
pub(crate) struct Input {
    pub(crate) x: i8,
}

#[derive(Clone, Debug, Row)]
pub(crate) struct View {
    pub(crate) x: u16,
}

#[derive(Clone, Debug, Row)]
pub(crate) struct Event {
    pub(crate) by: PlayerId,
}

impl Game for Tag {
    const ID: &'static str = "tag";
    const REVISION: u32 = 1;

    type Config = Config;
    type Global = ();
    type Entity = ();
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Event;
    type Message = Never;

    fn new(_: &Config) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn join(&self, _: &mut Context<'_, Self>, _: PlayerId, _: &Profile) {}

    fn leave(&self, _: &mut Context<'_, Self>, _: PlayerId, _: LeaveReason) {}

    fn step(&self, _: &mut Context<'_, Self>, _: &Inputs<'_, Self>) {}

    fn view(&self, _: EntityKey, (): &()) -> Option<View> {
        None
    }
}

impl Pilot for Tag {
    type Mind = ();

    fn pilot(&self, (): &mut (), seen: &Seen<'_, Self>, rng: &mut Rng) -> Input {
        assert_eq!(u32::from(seen.views[0].1.x), seen.tick.0, "the pilot sees the newest state");
        Input { x: rng.below(100) as i8 }
    }

    fn points(event: &Event, player: PlayerId) -> u32 {
        u32::from(event.by == player)
    }
}
