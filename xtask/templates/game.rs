//! Sample: walk over the coins before the others do. Who has the most when time is up wins.

use fracas_shared::glam::Vec2;
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Outcome, Pilot, PlayerId, Profile,
    Rng, Row, Seen, State,
};
use serde::{Deserialize, Serialize};

/// The length of the field's sides, in metres.
const FIELD_M: f32 = 32.0;
/// How near one must come to a coin to take it, in metres.
const REACH_M: f32 = 1.0;

/// The rules.
pub struct Sample {
    config: Config,
}

/// What an operator may tune.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Coins on the field: 1 to 500.
    pub coins: u16,
    /// The length of a match, in seconds: 1 to 3600.
    pub match_s: u16,
    /// A walker's speed, in metres per second: 1 to 30.
    pub speed_mps: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { coins: 12, match_s: 90, speed_mps: 8.0 }
    }
}

/// What is on the field.
#[derive(Clone, Debug, State)]
pub enum Entity {
    /// Of a player.
    Walker(Walker),
    /// Lies there to be taken.
    Coin(Vec2),
}

/// What a player moves.
#[derive(Clone, Debug, State)]
pub struct Walker {
    player: PlayerId,
    position: Vec2,
    coins: u16,
}

/// The match's state beside what is on the field.
#[derive(Clone, Debug, Default, State)]
pub struct Global {
    ticks_left: u32,
}

/// Where a player wants to go: 127 is full speed. The default is to stand still.
#[derive(Clone, Debug, Default, Row, State)]
pub struct Input {
    /// To the right; negative to the left.
    pub x: i8,
    /// Down; negative up.
    pub y: i8,
}

/// What everyone sees.
#[derive(Clone, Debug, Row)]
pub enum View {
    /// A player's walker.
    Walker {
        /// Whose it is.
        player: PlayerId,
        /// Metres from the left side of the field.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 11))]
        x: f32,
        /// Metres from the upper side of the field.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 11))]
        y: f32,
        /// Coins taken.
        coins: u16,
    },
    /// A coin.
    Coin {
        /// Metres from the left side of the field.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 11))]
        x: f32,
        /// Metres from the upper side of the field.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 11))]
        y: f32,
    },
}

/// What happens.
#[derive(Clone, Debug, Row)]
pub enum Event {
    /// A player took a coin.
    Taken {
        /// Who.
        player: PlayerId,
    },
}

impl Game for Sample {
    const ID: &'static str = "sample";
    const REVISION: u32 = 1;

    type Config = Config;
    type Global = Global;
    type Entity = Entity;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Event;
    type Message = Never;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        if !(1..=500).contains(&config.coins) {
            return Err(ConfigError::new("coins", "must be from 1 to 500"));
        }
        if !(1..=3600).contains(&config.match_s) {
            return Err(ConfigError::new("match_s", "must be from 1 to 3600"));
        }
        if !(1.0..=30.0).contains(&config.speed_mps) {
            return Err(ConfigError::new("speed_mps", "must be from 1 to 30"));
        }
        Ok(Self { config: config.clone() })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        ctx.global.ticks_left = ctx.ticks(f32::from(self.config.match_s));
        for _ in 0..self.config.coins {
            let position = somewhere(ctx.rng);
            // Seats and coins together stay below the world's limit, so there is always room.
            let _ = ctx.world.spawn(Entity::Coin(position));
        }
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _profile: &Profile) {
        let position = somewhere(ctx.rng);
        let _ = ctx.world.spawn(Entity::Walker(Walker { player, position, coins: 0 }));
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.world.retain(|_, entity| !matches!(entity, Entity::Walker(walker) if walker.player == player));
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        if ctx.global.ticks_left == 0 {
            return;
        }
        ctx.global.ticks_left -= 1;
        self.walk(ctx, inputs);
        take_coins(ctx);
    }

    fn view(&self, _key: EntityKey, entity: &Entity) -> Option<View> {
        Some(match entity {
            Entity::Walker(walker) => View::Walker {
                player: walker.player,
                x: walker.position.x,
                y: walker.position.y,
                coins: walker.coins,
            },
            Entity::Coin(position) => View::Coin { x: position.x, y: position.y },
        })
    }

    fn outcome(&self, ctx: &Context<'_, Self>) -> Option<Outcome> {
        let mut standings: Vec<_> = ctx
            .world
            .iter()
            .filter_map(|(_, entity)| match entity {
                Entity::Walker(walker) => Some((walker.player, i32::from(walker.coins))),
                Entity::Coin(_) => None,
            })
            .collect();
        standings.sort_by_key(|&(player, coins)| (-coins, player));
        (ctx.global.ticks_left == 0).then_some(Outcome { standings })
    }
}

impl Sample {
    fn walk(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        let dt = ctx.dt();
        for (_, entity) in ctx.world.iter_mut() {
            let Entity::Walker(walker) = entity else { continue };
            let Some(input) = inputs.of(walker.player) else { continue };
            let wish = Vec2::new(f32::from(input.x), f32::from(input.y)) / 127.0;
            let moved = walker.position + wish.clamp_length_max(1.0) * self.config.speed_mps * dt;
            walker.position = moved.clamp(Vec2::ZERO, Vec2::splat(FIELD_M));
        }
    }
}

/// Gives each coin to the first walker in reach, and lays it down elsewhere.
fn take_coins(ctx: &mut Context<'_, Sample>) {
    let mut coins = Vec::new();
    let mut walkers = Vec::new();
    for (key, entity) in ctx.world.iter() {
        match entity {
            Entity::Walker(walker) => walkers.push((key, walker.position)),
            Entity::Coin(position) => coins.push((key, *position)),
        }
    }
    for (coin_key, coin) in coins {
        let is_in_reach = |walker: Vec2| walker.distance_squared(coin) < REACH_M * REACH_M;
        let Some((taker, _)) = walkers.iter().find(|(_, walker)| is_in_reach(*walker)) else { continue };
        let position = somewhere(ctx.rng);
        if let Some(entity) = ctx.world.get_mut(coin_key) {
            *entity = Entity::Coin(position);
        }
        if let Some(Entity::Walker(walker)) = ctx.world.get_mut(*taker) {
            walker.coins = walker.coins.saturating_add(1);
            let player = walker.player;
            ctx.emit(Event::Taken { player });
        }
    }
}

fn somewhere(rng: &mut Rng) -> Vec2 {
    Vec2::new(rng.unit(), rng.unit()) * FIELD_M
}

impl Pilot for Sample {
    type Mind = ();

    /// Goes to the nearest coin.
    fn pilot(&self, _mind: &mut (), seen: &Seen<'_, Self>, _rng: &mut Rng) -> Input {
        let me = seen.views.iter().find_map(|(_, view)| match view {
            View::Walker { player, x, y, .. } if *player == seen.me => Some(Vec2::new(*x, *y)),
            _ => None,
        });
        let Some(me) = me else { return Input::default() };
        let coins = seen.views.iter().filter_map(|(_, view)| match view {
            View::Coin { x, y } => Some(Vec2::new(*x, *y) - me),
            View::Walker { .. } => None,
        });
        let way = coins.min_by(|a, b| a.length_squared().total_cmp(&b.length_squared())).unwrap_or_default();
        let input = way.normalize_or_zero() * 127.0;
        Input { x: input.x as i8, y: input.y as i8 }
    }

    fn points(event: &Event, player: PlayerId) -> u32 {
        let Event::Taken { player: taker } = event;
        u32::from(*taker == player)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_shared::game::Events;
    use fracas_shared::{EntityId, Past, Tick, World};

    #[test]
    fn pilots_take_coins_until_time_is_up() {
        let rules = Sample::new(&Config { match_s: 30, ..Config::default() }).unwrap();
        let (mut world, mut global) = (World::new(), Global::default());
        let (mut rng, mut events) = (Rng::new(1, 1), Events::default());
        let mut ctx = Context {
            world: &mut world,
            global: &mut global,
            rng: &mut rng,
            tick: Tick(0),
            tick_hz: Sample::TICK_HZ,
            events: &mut events,
            past: Past::default(),
        };
        rules.open(&mut ctx);
        let players = [PlayerId(0), PlayerId(1)];
        for player in players {
            rules.join(&mut ctx, player, &Profile::bot("walker"));
        }
        let standings = loop {
            let views: Vec<_> =
                ctx.world.iter().filter_map(|(key, entity)| rules.view(key, entity)).collect();
            let views: Vec<_> = (1..).filter_map(EntityId::new).zip(views).collect();
            let inputs = players.map(|me| {
                let seen = Seen { tick: ctx.tick, tick_hz: ctx.tick_hz, me, own: None, views: &views };
                (me, rules.pilot(&mut (), &seen, &mut Rng::new(1, 2)))
            });
            ctx.tick += 1;
            rules.step(&mut ctx, &Inputs::new(&inputs));
            if let Some(outcome) = rules.outcome(&ctx) {
                break outcome.standings;
            }
        };
        assert_eq!(ctx.tick, Tick(30 * u32::from(Sample::TICK_HZ)));
        assert!(standings.iter().all(|(_, coins)| *coins > 0), "{standings:?}");
        assert!(standings[0].1 >= standings[1].1);
    }
}
