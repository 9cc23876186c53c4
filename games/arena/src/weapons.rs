//! Weapons: the beam, which hits at once, and the rocket, which flies and explodes.
//!
//! All hits of a tick land together, after everyone has fired: two ships can kill each other, and a
//! low seat is no advantage.

use fracas_shared::glam::Vec2;
use fracas_shared::limits::{ENTITIES_MAX, SEATS_MAX};
use fracas_shared::tick::ticks_of;
use fracas_shared::{AsSeen, Context, EntityKey, Inputs, PlayerId, State, Tick, math};

use crate::rows::{Event, View, Weapon};
use crate::ship::Cooldowns;
use crate::targets::{Targets, meets};
use crate::{Arena, Entity, ship_mut};

/// How far before a wall a rocket explodes, in metres: its flash is to be seen from its own side.
const FUSE_M: f32 = 0.05;

/// A rocket in flight.
#[derive(Clone, Debug, PartialEq, State)]
pub struct Rocket {
    pub(crate) player: PlayerId,
    pub(crate) position: Vec2,
    pub(crate) velocity: Vec2,
    /// When it explodes where it is.
    pub(crate) ends_at: Tick,
}

/// Where another player's living ship is.
pub(crate) fn other_ship(view: &View, me: PlayerId) -> Option<Vec2> {
    match *view {
        View::Ship { player, x, y, alive: true, .. } if player != me => Some(Vec2::new(x, y)),
        _ => None,
    }
}

impl Rocket {
    /// How everyone sees it.
    pub(crate) fn view(&self) -> View {
        let Self { player, position, velocity, .. } = *self;
        View::Rocket { player, x: position.x, y: position.y, vx: velocity.x, vy: velocity.y }
    }
}

/// Damage that lands at the end of the tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    victim: EntityKey,
    by: PlayerId,
    weapon: Weapon,
    damage: u8,
}

/// What the weapons did in one tick.
#[derive(Debug, Default)]
pub(crate) struct Salvo {
    hits: Vec<Hit>,
    /// What is told after the kills: of a tick with more events than may be, it is these that are
    /// dropped.
    effects: Vec<Event>,
}

impl Arena {
    /// Fires what the inputs ask for and what is ready.
    pub(crate) fn fire(
        &self,
        ctx: &mut Context<'_, Self>,
        inputs: &Inputs<'_, Self>,
        targets: &Targets,
        salvo: &mut Salvo,
    ) {
        let cooldowns = self.cooldowns(ctx.tick_hz);
        // So many places of the world stay free of rockets that there is one for each seat's ship.
        let rockets_max = ENTITIES_MAX - usize::from(SEATS_MAX);
        for (player, input) in inputs.iter() {
            let has_room = ctx.world.len() < rockets_max;
            let Some(&key) = ctx.global.ships.get(&player) else { continue };
            let Some(ship) = ship_mut(ctx.world, key).filter(|ship| ship.is_alive()) else { continue };
            let shots = ship.fire(*input, ctx.tick, cooldowns, has_room);
            let (from, direction) = (ship.position, math::direction(ship.aim));
            if shots.beam {
                // It hits whom the player saw there.
                self.beam(ctx, player, from, direction, targets, salvo);
            }
            if shots.rocket {
                let rocket = self.launch(player, from, direction, ctx.tick, ctx.tick_hz);
                // `fire` has seen that there is room.
                let _ = ctx.world.spawn(Entity::Rocket(rocket));
            }
        }
    }

    /// The first ship that a player saw in the way of a beam, and how far it is.
    // Never inlined, so that a profile tells what it costs.
    #[inline(never)]
    fn first_seen_hit(
        &self,
        ctx: &Context<'_, Self>,
        past: &AsSeen<'_, View>,
        player: PlayerId,
        from: Vec2,
        direction: Vec2,
        range: f32,
    ) -> Option<(f32, EntityKey)> {
        let radius = self.config.ship.radius_m;
        // What it may have moved since, and a little more.
        let near = radius + self.config.ship.speed_mps * ctx.dt() * 1.5 + 0.1;
        let hits = past.entities().filter_map(|entity| {
            other_ship(entity.rough(), player)
                .filter(|ship| meets(from, direction, *ship, near).is_some())?;
            let ship = other_ship(&entity.view(), player)?;
            let distance = meets(from, direction, ship, radius).filter(|distance| *distance <= range)?;
            // A shot at one life does not hurt the next one.
            let is_that_life = matches!(ctx.world.get(entity.key),
                Some(Entity::Ship(ship)) if !ship.lives_since.is_after(past.time().tick()));
            is_that_life.then_some((distance, entity.key))
        });
        hits.min_by(|(a, _), (b, _)| a.total_cmp(b))
    }

    /// From one shot to the next, in ticks.
    pub(crate) fn cooldowns(&self, tick_hz: u16) -> Cooldowns {
        Cooldowns {
            beam: ticks_of(self.config.beam.cooldown_s, tick_hz),
            rocket: ticks_of(self.config.rocket.cooldown_s, tick_hz),
        }
    }

    /// Fires a beam, which hits the first ship that it meets: of those that the player saw, where it
    /// saw them.
    fn beam(
        &self,
        ctx: &Context<'_, Self>,
        player: PlayerId,
        from: Vec2,
        direction: Vec2,
        targets: &Targets,
        salvo: &mut Salvo,
    ) {
        let range = self.map.reach(from, direction, self.config.beam.range_m);
        let hit = match ctx.as_seen_by(player) {
            Some(past) => self.first_seen_hit(ctx, &past, player, from, direction, range),
            None => targets
                .first_hit(player, from, direction, range, self.config.ship.radius_m)
                .map(|(distance, target)| (distance, target.key)),
        };
        let to = from + direction * hit.map_or(range, |(distance, _)| distance);
        salvo.effects.push(Event::Beam { player, x: from.x, y: from.y, to_x: to.x, to_y: to.y });
        salvo.hits.extend(hit.map(|(_, victim)| Hit {
            victim,
            by: player,
            weapon: Weapon::Beam,
            damage: self.config.beam.damage,
        }));
    }

    /// A rocket as it leaves a ship.
    pub(crate) fn launch(
        &self,
        player: PlayerId,
        position: Vec2,
        direction: Vec2,
        now: Tick,
        tick_hz: u16,
    ) -> Rocket {
        let velocity = direction * self.config.rocket.speed_mps;
        Rocket { player, position, velocity, ends_at: now + ticks_of(self.config.rocket.life_s, tick_hz) }
    }

    /// Moves the rockets and explodes those that meet something or whose time is up.
    pub(crate) fn move_rockets(&self, ctx: &mut Context<'_, Self>, targets: &Targets, salvo: &mut Salvo) {
        let (now, dt) = (ctx.tick, ctx.dt());
        let mut exploded = Vec::new();
        ctx.world.retain(|_, entity| {
            let Entity::Rocket(rocket) = entity else { return true };
            let flies = self.fly_rocket(rocket, targets, now, dt);
            if !flies {
                exploded.push((rocket.player, rocket.position));
            }
            flies
        });
        for (player, position) in exploded {
            salvo.effects.push(Event::Explosion { player, x: position.x, y: position.y });
            salvo.hits.extend(self.explosion_hits(player, position, targets));
        }
    }

    /// Flies a rocket for one tick of `dt` seconds; whether it still flies then.
    pub(crate) fn fly_rocket(&self, rocket: &mut Rocket, targets: &Targets, now: Tick, dt: f32) -> bool {
        let length = self.config.rocket.speed_mps * dt;
        let direction = rocket.velocity / self.config.rocket.speed_mps;
        let free = self.map.reach(rocket.position, direction, length);
        let radius = self.config.ship.radius_m;
        let hit = targets.first_hit(rocket.player, rocket.position, direction, free, radius);
        let stop = match hit {
            Some((distance, _)) => distance,
            None if free < length => (free - FUSE_M).max(0.0),
            None => free,
        };
        rocket.position += direction * stop;
        hit.is_none() && free >= length && rocket.ends_at.is_after(now)
    }

    /// Whom an explosion hurts: the less, the farther from the middle, and nobody behind a wall.
    fn explosion_hits(&self, by: PlayerId, position: Vec2, targets: &Targets) -> impl Iterator<Item = Hit> {
        let (radius, splash) = (self.config.ship.radius_m, self.config.rocket.splash_m);
        targets.within(position, splash + radius).filter_map(move |target| {
            let distance = (target.position.distance(position) - radius).max(0.0);
            let damage = (f32::from(self.config.rocket.damage) * (1.0 - distance / splash)).round() as u8;
            let hurts = damage > 0 && target.player != by && self.map.sees(position, target.position);
            hurts.then_some(Hit { victim: target.key, by, weapon: Weapon::Rocket, damage })
        })
    }

    /// Takes the health that the tick's hits cost, counts who dies, and tells of it all.
    pub(crate) fn land(&self, ctx: &mut Context<'_, Self>, salvo: Salvo) {
        let respawn_at = ctx.tick + ctx.ticks(self.config.respawn_s);
        let Salvo { hits, mut effects } = salvo;
        for Hit { victim, by, weapon, damage } in hits {
            let Some(ship) = ship_mut(ctx.world, victim).filter(|ship| ship.is_alive()) else { continue };
            let (victim, damage) = (ship.player, damage.min(ship.health));
            ship.health -= damage;
            let dies = !ship.is_alive();
            if dies {
                ship.deaths += 1;
                ship.velocity = Vec2::ZERO;
                ship.respawn_at = respawn_at;
            }
            effects.push(Event::Hit { victim, by, weapon, damage });
            if dies {
                let killer = ctx.global.ships.get(&by).copied();
                if let Some(killer) = killer.and_then(|key| ship_mut(ctx.world, key)) {
                    killer.kills += 1;
                }
                ctx.emit(Event::Kill { victim, killer: by, weapon });
            }
        }
        for effect in effects {
            ctx.emit(effect);
        }
    }
}
