//! A game of many that move all the time, for who wants to see what much state does to a server.

use std::iter;
use std::process::ExitCode;

use fracas_server::program;
use fracas_shared::glam::Vec2;
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Outcome, Pilot, PlayerId, Profile,
    Rng, Row, Seen, State, games,
};
use serde::{Deserialize, Serialize};

/// The length of the field's sides, in metres.
const FIELD_M: f32 = 128.0;
/// How fast each one moves, in metres per second.
const SPEED_MPS: f32 = 6.0;

games! {
    /// Only this one.
    pub(crate) struct Crowds = [Crowd]
}

/// The rules: all walk on, and turn round at the edge.
pub(crate) struct Crowd {
    config: Settings,
}

/// What an operator may tune.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// How many there are: 1 to 4000.
    pub(crate) walkers: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { walkers: 2000 }
    }
}

/// One of the crowd.
#[derive(Clone, Debug, State)]
pub(crate) struct Walker {
    position: Vec2,
    velocity: Vec2,
}

/// Nothing to decide.
#[derive(Clone, Debug, Default, Row, State)]
pub(crate) struct Input {
    /// Does nothing.
    pub(crate) nothing: bool,
}

/// One of the crowd as everyone sees it.
#[derive(Clone, Debug, Row)]
pub(crate) struct View {
    /// Metres from the left side of the field.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
    pub(crate) x: f32,
    /// Metres from the upper side of the field.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
    pub(crate) y: f32,
}

/// Nothing more.
#[derive(Clone, Debug, Default, State)]
pub(crate) struct Global {
    is_open: bool,
}

impl Game for Crowd {
    const ID: &'static str = "crowd";
    const REVISION: u32 = 1;
    const TICK_HZ: u16 = 30;

    type Config = Settings;
    type Global = Global;
    type Entity = Walker;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Never;
    type Message = Never;

    fn new(config: &Settings) -> Result<Self, ConfigError> {
        if (1..=4000).contains(&config.walkers) {
            return Ok(Self { config: config.clone() });
        }
        Err(ConfigError::new("walkers", "is not from 1 to 4000"))
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        ctx.global.is_open = true;
        for _ in 0..self.config.walkers {
            let position = Vec2::new(ctx.rng.unit(), ctx.rng.unit()) * FIELD_M;
            let velocity = ctx.rng.direction() * SPEED_MPS;
            // A world has room for as many as may be asked for.
            let _ = ctx.world.spawn(Walker { position, velocity });
        }
    }

    fn join(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _profile: &Profile) {}

    fn leave(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _reason: LeaveReason) {}

    fn step(&self, ctx: &mut Context<'_, Self>, _inputs: &Inputs<'_, Self>) {
        let dt = ctx.dt();
        for (_, walker) in ctx.world.iter_mut() {
            let wanted = walker.position + walker.velocity * dt;
            walker.position = wanted.clamp(Vec2::ZERO, Vec2::splat(FIELD_M));
            if walker.position.x != wanted.x {
                walker.velocity.x = -walker.velocity.x;
            }
            if walker.position.y != wanted.y {
                walker.velocity.y = -walker.velocity.y;
            }
        }
    }

    fn view(&self, _key: EntityKey, walker: &Walker) -> Option<View> {
        Some(View { x: walker.position.x, y: walker.position.y })
    }

    fn outcome(&self, _ctx: &Context<'_, Self>) -> Option<Outcome> {
        None
    }
}

impl Pilot for Crowd {
    type Mind = ();

    fn pilot(&self, _mind: &mut (), _seen: &Seen<'_, Self>, _rng: &mut Rng) -> Input {
        Input::default()
    }
}

/// Serves a room of it, as `fracas-server` does its games.
pub(crate) fn serve(settings: Vec<String>) -> ExitCode {
    program::<Crowds>("fracas-attack", iter::once("fracas-attack serve".to_owned()).chain(settings))
}
