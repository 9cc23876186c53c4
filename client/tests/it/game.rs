//! A game that is nothing but its rows.

use std::sync::Arc;

use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, PlayerId, Profile, Row, State,
};
use serde::{Deserialize, Serialize};

pub(crate) struct Race {
    pub(crate) laps: u16,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) laps: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Row, State)]
pub(crate) struct Input {
    pub(crate) throttle: i8,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) struct Car {
    pub(crate) player: Option<PlayerId>,
    #[row(fixed(min = 0.0, step = 0.25, bits = 12))]
    pub(crate) x: f32,
    pub(crate) name: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) struct Own {
    pub(crate) fuel: u8,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) enum Event {
    Crash { player: PlayerId },
    Flag { colour: u8 },
}

#[derive(Clone, Debug, PartialEq, Row, State)]
pub(crate) struct Message {
    pub(crate) honk: bool,
}

impl Game for Race {
    const ID: &'static str = "race";
    const REVISION: u32 = 1;

    type Config = Config;
    type Global = ();
    type Entity = ();
    type Input = Input;
    type View = Car;
    type Own = Own;
    type Event = Event;
    type Message = Message;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        if config.laps == 0 {
            return Err(ConfigError::new("laps", "at least 1"));
        }
        Ok(Self { laps: config.laps })
    }

    fn join(&self, _: &mut Context<'_, Self>, _: PlayerId, _: &Profile) {}

    fn leave(&self, _: &mut Context<'_, Self>, _: PlayerId, _: LeaveReason) {}

    fn step(&self, _: &mut Context<'_, Self>, _: &Inputs<'_, Self>) {}

    fn view(&self, _: EntityKey, (): &()) -> Option<Car> {
        None
    }
}
