//! Arena: a top-down shooter.
//!
//! Ships fly between walls, shoot each other with a beam that hits at once and with rockets that
//! fly, take what lies around and come back after a death. Who has the most kills when the time is
//! up, or first reaches the limit, wins.

mod config;
mod map;
mod path;
mod pickup;
mod pilot;
mod predict;
mod rows;
mod ship;
mod spawn;
mod targets;
mod weapons;

use std::collections::BTreeMap;

use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Outcome, PlayerId, Profile, State,
    Tick, World,
};

pub use config::{BeamConfig, Config, MapSource, PickupConfig, RocketConfig, ShipConfig};
pub use pickup::{Item, Pickup};
pub use pilot::Mind;
pub use predict::Ahead;
pub use rows::{Event, Input, Own, View, Weapon};
pub use ship::Ship;
pub use weapons::Rocket;

use map::Map;
use targets::Targets;
use weapons::Salvo;

/// The rules of Arena.
pub struct Arena {
    config: Config,
    map: Map,
}

/// What is in the world.
#[derive(Clone, Debug, State)]
pub enum Entity {
    /// A player's ship.
    Ship(Ship),
    /// A rocket in flight.
    Rocket(Rocket),
    /// Something to take.
    Pickup(Pickup),
    /// The tick at which the match's time is up, for all to see.
    Clock(Tick),
}

/// The match's state beside the entities.
#[derive(Clone, Debug, Default, State)]
pub struct Global {
    ships: BTreeMap<PlayerId, EntityKey>,
    ends_at: Tick,
    /// Between two matches: ships fly, but nobody is hurt any more.
    is_over: bool,
}

impl Game for Arena {
    const ID: &'static str = "arena";
    const REVISION: u32 = 2;

    type Config = Config;
    type Global = Global;
    type Entity = Entity;
    type Input = Input;
    type View = View;
    type Own = Own;
    type Event = Event;
    type Message = Never;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { config: config.clone(), map: config.map.parse()? })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        let ends_at = ctx.tick + ctx.ticks(self.config.time_limit_s);
        *ctx.global = Global { ends_at, ..Global::default() };
        // An empty world has room for the clock.
        let _ = ctx.world.spawn(Entity::Clock(ends_at));
        self.lay_pickups(ctx);
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _profile: &Profile) {
        let position = self.spawn_place(&spawn::living(ctx.world), ctx.rng);
        let ship = Ship::new(player, position, ctx.tick, &self.config);
        // `fire` leaves room for a ship of every seat.
        if let Ok(key) = ctx.world.spawn(Entity::Ship(ship)) {
            ctx.global.ships.insert(player, key);
        }
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        if let Some(key) = ctx.global.ships.remove(&player) {
            ctx.world.despawn(key);
        }
        // The seat's next player is not to score with them.
        ctx.world.retain(|_, entity| !matches!(entity, Entity::Rocket(rocket) if rocket.player == player));
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        self.respawn(ctx);
        self.fly(ctx, inputs);
        if ctx.global.is_over {
            return;
        }
        let targets = Targets::of(ctx.world);
        let mut salvo = Salvo::default();
        self.fire(ctx, inputs, &targets, &mut salvo);
        self.move_rockets(ctx, &targets, &mut salvo);
        self.land(ctx, salvo);
        self.take_pickups(ctx, &targets);
        self.end_match(ctx);
    }

    fn view(&self, _key: EntityKey, entity: &Entity) -> Option<View> {
        Some(match entity {
            Entity::Ship(ship) => ship.view(),
            Entity::Rocket(rocket) => rocket.view(),
            Entity::Pickup(Pickup { item, position, back_at }) => {
                View::Pickup { item: *item, x: position.x, y: position.y, present: back_at.is_none() }
            }
            Entity::Clock(ends_at) => View::Clock { ends_at: ends_at.0 },
        })
    }

    fn is_remembered(&self, entity: &Entity) -> bool {
        matches!(entity, Entity::Ship(_))
    }

    fn own(&self, ctx: &Context<'_, Self>, player: PlayerId) -> Option<Own> {
        let Entity::Ship(ship) = ctx.world.get(*ctx.global.ships.get(&player)?)? else { return None };
        let wait = |ready: Tick| ready.since(ctx.tick).clamp(0, i32::from(u16::MAX)) as u16;
        Some(Own {
            x: ship.position.x,
            y: ship.position.y,
            vx: ship.velocity.x,
            vy: ship.velocity.y,
            ammo: ship.ammo,
            beam_wait: wait(ship.beam_ready),
            rocket_wait: wait(ship.rocket_ready),
            respawn_wait: if ship.is_alive() { 0 } else { wait(ship.respawn_at) },
        })
    }

    fn outcome(&self, ctx: &Context<'_, Self>) -> Option<Outcome> {
        if !ctx.global.is_over {
            return None;
        }
        let mut ships: Vec<_> = ships(ctx.world).collect();
        ships.sort_by_key(|ship| (u16::MAX - ship.kills, ship.deaths, ship.player));
        let standings = ships.into_iter().map(|ship| (ship.player, i32::from(ship.kills))).collect();
        Some(Outcome { standings })
    }
}

impl Arena {
    /// Flies all living ships as their players wish.
    fn fly(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        let dt = ctx.dt();
        for (_, entity) in ctx.world.iter_mut() {
            let Entity::Ship(ship) = entity else { continue };
            let Some(input) = inputs.of(ship.player).filter(|_| ship.is_alive()) else { continue };
            ship.obey(*input, dt, &self.config.ship, &self.map);
        }
        if self.config.ship.solid {
            self.push_apart(ctx.world);
        }
    }

    /// Moves ships out of each other's way: all of them from where they were before any has moved.
    fn push_apart(&self, world: &mut World<Entity>) {
        let targets = Targets::of(world);
        for (_, entity) in world.iter_mut() {
            let Entity::Ship(ship) = entity else { continue };
            if !ship.is_alive() {
                continue;
            }
            let (me, from, reach) = (ship.player, ship.position, self.config.ship.radius_m * 2.0);
            for other in targets.within(from, reach).filter(|other| other.player != me) {
                ship.give_way(other.position, &self.config.ship, &self.map);
            }
        }
    }

    /// Ends the match when its time is up or somebody has reached the limit.
    fn end_match(&self, ctx: &mut Context<'_, Self>) {
        let is_late = !ctx.global.ends_at.is_after(ctx.tick);
        let is_won = ships(ctx.world).any(|ship| ship.kills >= self.config.score_limit);
        if is_late || is_won {
            ctx.global.is_over = true;
            ctx.world.retain(|_, entity| !matches!(entity, Entity::Rocket(_)));
        }
    }
}

fn ships(world: &World<Entity>) -> impl Iterator<Item = &Ship> {
    world.iter().filter_map(|(_, entity)| match entity {
        Entity::Ship(ship) => Some(ship),
        _ => None,
    })
}

fn ship_mut(world: &mut World<Entity>, key: EntityKey) -> Option<&mut Ship> {
    match world.get_mut(key) {
        Some(Entity::Ship(ship)) => Some(ship),
        _ => None,
    }
}
