//! Tag: one is "it" and passes that on by a touch. Who was it for the shortest time wins.

use fracas_shared::glam::Vec2;
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Outcome, Pilot, PlayerId, Profile,
    Rng, Row, Seen, State,
};
use serde::{Deserialize, Serialize};

/// The length of the yard's sides, in metres.
const YARD_M: f32 = 24.0;
/// How near one must come to another to touch, in metres.
const REACH_M: f32 = 1.0;
/// A runner's speed, in metres per second; who is it runs a little faster.
const SPEED_MPS: f32 = 6.0;
const SPEED_OF_IT_MPS: f32 = 6.6;
/// How long who was touched may not touch, in seconds.
const STUNNED_S: f32 = 1.0;

/// The rules.
pub struct Tag {
    config: Config,
}

/// What an operator may tune: `[games.tag.config]` in the server's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The length of a match, in seconds: 10 to 3600.
    pub match_s: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self { match_s: 60 }
    }
}

/// A player in the yard, with full precision.
#[derive(Clone, Debug, State)]
pub struct Runner {
    player: PlayerId,
    position: Vec2,
    is_it: bool,
    ticks_as_it: u32,
}

/// The match's state beside the runners.
#[derive(Clone, Debug, Default, State)]
pub struct Global {
    ticks_left: u32,
    /// Ticks until who is it may touch.
    stunned_ticks: u32,
}

/// Where a player wants to run: 127 is full speed. The default is to stand still.
#[derive(Clone, Debug, Default, Row, State)]
pub struct Input {
    /// To the right; negative to the left.
    pub x: i8,
    /// Down; negative up.
    pub y: i8,
}

/// A runner as everyone sees it: as coarse as it may be, for this is what travels.
#[derive(Clone, Debug, Row)]
pub struct View {
    /// Who it is.
    pub player: PlayerId,
    /// Metres from the left side of the yard.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 10))]
    pub x: f32,
    /// Metres from the upper side of the yard.
    #[row(fixed(min = 0.0, step = 0.03125, bits = 10))]
    pub y: f32,
    /// Whether it is it.
    pub is_it: bool,
    /// For how many ticks it was it.
    #[row(uint(bits = 20))]
    pub ticks_as_it: u32,
}

/// What happens at one moment.
#[derive(Clone, Debug, Row)]
pub enum Event {
    /// Somebody became it.
    Touched {
        /// Who.
        player: PlayerId,
        /// By whom; nobody at the beginning, and when who was it has left.
        by: Option<PlayerId>,
    },
}

impl Game for Tag {
    const ID: &'static str = "tag";
    const REVISION: u32 = 1;

    type Config = Config;
    type Global = Global;
    type Entity = Runner;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Event;
    type Message = Never;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        if !(10..=3600).contains(&config.match_s) {
            return Err(ConfigError::new("match_s", "must be from 10 to 3600"));
        }
        Ok(Self { config: config.clone() })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        let ticks_left = ctx.ticks(f32::from(self.config.match_s));
        *ctx.global = Global { ticks_left, ..Global::default() };
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _profile: &Profile) {
        let position = Vec2::new(ctx.rng.unit(), ctx.rng.unit()) * YARD_M;
        // There are fewer seats than the world has room for.
        let _ = ctx.world.spawn(Runner { player, position, is_it: false, ticks_as_it: 0 });
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.world.retain(|_, runner| runner.player != player);
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        if ctx.global.ticks_left == 0 {
            return;
        }
        ctx.global.ticks_left -= 1;
        ctx.global.stunned_ticks = ctx.global.stunned_ticks.saturating_sub(1);
        run(ctx, inputs);
        match it(ctx) {
            Some(it) if ctx.global.stunned_ticks == 0 => touch(ctx, it),
            Some(_) => {}
            None => choose(ctx),
        }
    }

    fn view(&self, _key: EntityKey, runner: &Runner) -> Option<View> {
        let Runner { player, position, is_it, ticks_as_it } = *runner;
        Some(View { player, x: position.x, y: position.y, is_it, ticks_as_it })
    }

    fn outcome(&self, ctx: &Context<'_, Self>) -> Option<Outcome> {
        let score = |runner: &Runner| -((runner.ticks_as_it / u32::from(ctx.tick_hz)) as i32);
        let mut standings: Vec<_> =
            ctx.world.iter().map(|(_, runner)| (runner.player, score(runner))).collect();
        standings.sort_by_key(|&(player, score)| (-score, player));
        (ctx.global.ticks_left == 0).then_some(Outcome { standings })
    }
}

fn run(ctx: &mut Context<'_, Tag>, inputs: &Inputs<'_, Tag>) {
    let dt = ctx.dt();
    for (_, runner) in ctx.world.iter_mut() {
        runner.ticks_as_it += u32::from(runner.is_it);
        let Some(input) = inputs.of(runner.player) else { continue };
        let wish = Vec2::new(f32::from(input.x), f32::from(input.y)) / 127.0;
        let speed = if runner.is_it { SPEED_OF_IT_MPS } else { SPEED_MPS };
        let moved = runner.position + wish.clamp_length_max(1.0) * speed * dt;
        runner.position = moved.clamp(Vec2::ZERO, Vec2::splat(YARD_M));
    }
}

/// Who is it, if anybody.
fn it(ctx: &Context<'_, Tag>) -> Option<EntityKey> {
    ctx.world.iter().find(|(_, runner)| runner.is_it).map(|(key, _)| key)
}

/// Makes somebody it: at the beginning, and when who was it has left.
fn choose(ctx: &mut Context<'_, Tag>) {
    let count = ctx.world.len() as u32;
    if count > 0 {
        let place = ctx.rng.below(count) as usize;
        let chosen = ctx.world.iter().nth(place).map(|(key, _)| key);
        pass_on(ctx, None, chosen);
    }
}

/// Lets who is it touch whoever is nearest and in reach.
fn touch(ctx: &mut Context<'_, Tag>, it: EntityKey) {
    let Some(toucher) = ctx.world.get(it).cloned() else { return };
    let distance = |runner: &Runner| runner.position.distance_squared(toucher.position);
    let nearest = ctx
        .world
        .iter()
        .filter(|(key, runner)| *key != it && distance(runner) < REACH_M * REACH_M)
        .min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
        .map(|(key, _)| key);
    if nearest.is_some() {
        pass_on(ctx, Some(it), nearest);
    }
}

fn pass_on(ctx: &mut Context<'_, Tag>, from: Option<EntityKey>, to: Option<EntityKey>) {
    let by = from.and_then(|from| ctx.world.get_mut(from)).map(|runner| {
        runner.is_it = false;
        runner.player
    });
    if let Some(runner) = to.and_then(|to| ctx.world.get_mut(to)) {
        runner.is_it = true;
        let player = runner.player;
        ctx.global.stunned_ticks = ctx.ticks(STUNNED_S);
        ctx.emit(Event::Touched { player, by });
    }
}

impl Pilot for Tag {
    type Mind = ();

    /// Runs after the nearest when it is it; otherwise away from who is it, and not into a corner.
    fn pilot(&self, _mind: &mut (), seen: &Seen<'_, Self>, _rng: &mut Rng) -> Input {
        let place = |view: &View| Vec2::new(view.x, view.y);
        let others = || seen.views.iter().map(|(_, view)| view).filter(|view| view.player != seen.me);
        let me = seen.views.iter().map(|(_, view)| view).find(|view| view.player == seen.me);
        let Some(me) = me else { return Input::default() };
        let way = if me.is_it {
            let ways = others().map(|view| place(view) - place(me));
            ways.min_by(|a, b| a.length_squared().total_cmp(&b.length_squared())).unwrap_or_default()
        } else {
            let to_middle = Vec2::splat(YARD_M / 2.0) - place(me);
            let danger = others().find(|view| view.is_it).map(|view| place(me) - place(view));
            danger.unwrap_or_default().normalize_or_zero() + to_middle / YARD_M
        };
        let input = way.normalize_or_zero() * 127.0;
        Input { x: input.x as i8, y: input.y as i8 }
    }

    /// Touches made.
    fn points(event: &Event, player: PlayerId) -> u32 {
        let Event::Touched { by, .. } = event;
        u32::from(*by == Some(player))
    }
}
