//! Dots: the smallest game worth reading.
//!
//! Everything on the field is a dot. A dot without a player is a pellet and lies still; a dot of a
//! player moves, and eats what is clearly smaller. Who is eaten begins again, small and elsewhere.
//! The match ends when somebody has grown to the goal.
//!
//! These are all the rules there are: the house adds the sockets, deltas, replays and bots.

use fracas_shared::glam::Vec2;
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Outcome, Pilot, PlayerId, Profile,
    Rng, Row, Seen, State,
};
use serde::{Deserialize, Serialize};

/// The mass of a pellet.
const PELLET_MASS: f32 = 0.5;
/// The mass of a player who begins.
const START_MASS: f32 = 1.0;
/// How many times heavier one must be than what one eats.
const EATS_BELOW: f32 = 1.25;

/// The rules of Dots.
pub struct Dots {
    config: Config,
}

/// What an operator may tune.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The length of the field's sides, in metres: 10 to 120.
    pub field_m: f32,
    /// Pellets on the field: 1 to 1000.
    pub pellets: u16,
    /// The speed of a player who begins, in metres per second: 1 to 30. The heavier, the slower.
    pub speed_mps: f32,
    /// The mass that wins the match: 2 to 400.
    pub goal_mass: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { field_m: 40.0, pellets: 60, speed_mps: 9.0, goal_mass: 60.0 }
    }
}

/// What is on the field.
#[derive(Clone, Debug, State)]
pub struct Dot {
    player: Option<PlayerId>,
    position: Vec2,
    mass: f32,
}

impl Dot {
    fn radius(&self) -> f32 {
        radius_of(self.mass)
    }
}

/// Where a player wants to go: 127 is full speed. The default is to stand still.
#[derive(Clone, Debug, Default, Row, State)]
pub struct Input {
    /// To the right; negative to the left.
    pub x: i8,
    /// Down; negative up.
    pub y: i8,
}

/// A dot as everyone sees it.
#[derive(Clone, Debug, Row)]
pub struct View {
    /// Whose it is; none for a pellet.
    pub player: Option<PlayerId>,
    /// Metres from the left side of the field.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
    pub x: f32,
    /// Metres from the upper side of the field.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
    pub y: f32,
    /// Its mass; what is drawn is a circle of radius `sqrt(mass) / 2` metres.
    #[row(fixed(min = 0.0, step = 0.0625, bits = 13))]
    pub mass: f32,
}

/// What happens.
#[derive(Clone, Debug, Row)]
pub enum Event {
    /// A player ate another.
    Eaten {
        /// Who ate.
        by: PlayerId,
        /// Who begins again.
        player: PlayerId,
    },
}

/// The match's state beside the dots.
#[derive(Clone, Debug, Default, State)]
pub struct Global {
    /// Whether somebody has reached the goal: nobody moves any more.
    is_over: bool,
}

impl Game for Dots {
    const ID: &'static str = "dots";
    const REVISION: u32 = 1;
    const TICK_HZ: u16 = 20;

    type Config = Config;
    type Global = Global;
    type Entity = Dot;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Event;
    type Message = Never;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        within("field_m", config.field_m, 10.0, 120.0)?;
        within("pellets", f32::from(config.pellets), 1.0, 1000.0)?;
        within("speed_mps", config.speed_mps, 1.0, 30.0)?;
        within("goal_mass", config.goal_mass, 2.0, 400.0)?;
        Ok(Self { config: config.clone() })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        *ctx.global = Global::default();
        for _ in 0..self.config.pellets {
            self.spawn(ctx, None, PELLET_MASS);
        }
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _profile: &Profile) {
        self.spawn(ctx, Some(player), START_MASS);
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.world.retain(|_, dot| dot.player != Some(player));
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        if !ctx.global.is_over {
            self.move_dots(ctx, inputs);
            self.eat(ctx);
            ctx.global.is_over = ctx.world.iter().any(|(_, dot)| dot.mass >= self.config.goal_mass);
        }
    }

    fn view(&self, _key: EntityKey, dot: &Dot) -> Option<View> {
        Some(View { player: dot.player, x: dot.position.x, y: dot.position.y, mass: dot.mass })
    }

    fn outcome(&self, ctx: &Context<'_, Self>) -> Option<Outcome> {
        let score = |dot: &Dot| Some((dot.player?, dot.mass as i32));
        let mut standings: Vec<_> = ctx.world.iter().filter_map(|(_, dot)| score(dot)).collect();
        standings.sort_by_key(|&(player, score)| (-score, player));
        ctx.global.is_over.then_some(Outcome { standings })
    }
}

impl Dots {
    fn spawn(&self, ctx: &mut Context<'_, Self>, player: Option<PlayerId>, mass: f32) {
        let position = self.somewhere(ctx.rng);
        // Seats and pellets together stay below the world's limit, so there is always room.
        let _ = ctx.world.spawn(Dot { player, position, mass });
    }

    fn somewhere(&self, rng: &mut Rng) -> Vec2 {
        Vec2::new(rng.unit(), rng.unit()) * self.config.field_m
    }

    fn move_dots(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        let dt = ctx.dt();
        for (_, dot) in ctx.world.iter_mut() {
            let Some(input) = dot.player.and_then(|player| inputs.of(player)) else { continue };
            let wish = Vec2::new(f32::from(input.x), f32::from(input.y)) / 127.0;
            let speed = self.config.speed_mps / dot.mass.sqrt().sqrt();
            let moved = dot.position + wish.clamp_length_max(1.0) * speed * dt;
            dot.position = moved.clamp(Vec2::ZERO, Vec2::splat(self.config.field_m));
        }
    }

    /// Lets every player's dot eat the smaller ones that its circle covers the middle of.
    fn eat(&self, ctx: &mut Context<'_, Self>) {
        let eaters: Vec<_> = ctx
            .world
            .iter()
            .filter(|(_, dot)| dot.player.is_some())
            .map(|(key, dot)| (key, dot.clone()))
            .collect();
        let mut meals = Vec::new();
        for (prey_key, prey) in ctx.world.iter() {
            let eats = |eater: &Dot| {
                eater.mass > prey.mass * EATS_BELOW
                    && eater.position.distance_squared(prey.position) < eater.radius() * eater.radius()
            };
            meals.extend(eaters.iter().find(|(_, eater)| eats(eater)).map(|(key, _)| (*key, prey_key)));
        }
        for (eater_key, prey_key) in meals {
            let position = self.somewhere(ctx.rng);
            let Some(prey) = ctx.world.get_mut(prey_key) else { continue };
            let (mass, player) = (prey.mass, prey.player);
            prey.mass = if player.is_some() { START_MASS } else { PELLET_MASS };
            prey.position = position;
            let Some(eater) = ctx.world.get_mut(eater_key) else { continue };
            eater.mass = (eater.mass + mass).min(self.config.goal_mass);
            if let (Some(by), Some(player)) = (eater.player, player) {
                ctx.emit(Event::Eaten { by, player });
            }
        }
    }
}

impl Pilot for Dots {
    type Mind = ();

    /// Flees from what could eat it and is near; otherwise goes for what gives most for its way.
    fn pilot(&self, _mind: &mut (), seen: &Seen<'_, Self>, _rng: &mut Rng) -> Input {
        let dots = || seen.views.iter().map(|(_, view)| view);
        let Some(me) = dots().find(|view| view.player == Some(seen.me)) else { return Input::default() };
        let way_to = |view: &View| Vec2::new(view.x - me.x, view.y - me.y);
        let danger = dots()
            .filter(|view| view.mass > me.mass * EATS_BELOW)
            .map(|view| (way_to(view), radius_of(view.mass)))
            .filter(|(way, reach)| way.length() < reach + 4.0)
            .min_by(|a, b| (a.0.length() - a.1).total_cmp(&(b.0.length() - b.1)));
        let gain = |view: &View| view.mass / (1.0 + way_to(view).length_squared());
        let prey =
            dots().filter(|view| me.mass > view.mass * EATS_BELOW).max_by(|a, b| gain(a).total_cmp(&gain(b)));
        let way = match (danger, prey) {
            (Some((way, _)), _) => -way,
            (None, Some(prey)) => way_to(prey),
            (None, None) => Vec2::ZERO,
        };
        let input = way.normalize_or_zero() * 127.0;
        Input { x: input.x as i8, y: input.y as i8 }
    }

    fn points(event: &Event, player: PlayerId) -> u32 {
        let Event::Eaten { by, .. } = event;
        u32::from(*by == player)
    }

    /// A dot stays its player's, and a pellet a pellet.
    fn is_same(earlier: &View, later: &View) -> bool {
        earlier.player == later.player
    }
}

fn radius_of(mass: f32) -> f32 {
    mass.sqrt() / 2.0
}

fn within(field: &str, value: f32, min: f32, max: f32) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(field, format!("{value} is not from {min} to {max}")))
}
