//! Where lives begin: far from everyone else.

use fracas_shared::glam::Vec2;
use fracas_shared::{Context, Rng, World};

use crate::rows::Event;
use crate::{Arena, Entity, ship_mut, ships};

/// When even the best spawn point has a ship within this many metres, a life begins anywhere.
const CROWDED_M: f32 = 4.0;
/// How many random places are tried then.
const TRIES: usize = 8;

impl Arena {
    /// Begins the next lives of those whose wait is over.
    pub(crate) fn respawn(&self, ctx: &mut Context<'_, Self>) {
        let now = ctx.tick;
        let is_due = |entity: &Entity| match entity {
            Entity::Ship(ship) if !ship.is_alive() && !ship.respawn_at.is_after(now) => Some(ship.player),
            _ => None,
        };
        let due: Vec<_> = ctx.world.iter().filter_map(|(key, entity)| Some((key, is_due(entity)?))).collect();
        if due.is_empty() {
            return;
        }
        let mut living = living(ctx.world);
        for (key, player) in due {
            let position = self.spawn_place(&living, ctx.rng);
            living.push(position);
            if let Some(ship) = ship_mut(ctx.world, key) {
                ship.begin_life(position, now, &self.config);
            }
            ctx.emit(Event::Respawn { player, x: position.x, y: position.y });
        }
    }

    /// The spawn point with the most room between living ships, or a random place when there is
    /// little at all.
    pub(crate) fn spawn_place(&self, living: &[Vec2], rng: &mut Rng) -> Vec2 {
        let room = |place: Vec2| {
            living.iter().map(|ship| ship.distance_squared(place)).fold(f32::INFINITY, f32::min)
        };
        let roomiest = |places: &mut dyn Iterator<Item = Vec2>| {
            places.map(|place| (room(place), place)).max_by(|a, b| a.0.total_cmp(&b.0))
        };
        // From a random one on, so that equally good ones take turns.
        let (spawns, floor) = (&self.map.spawns, &self.map.floor);
        let (before, after) = spawns.split_at(rng.below(spawns.len() as u32) as usize);
        let best = roomiest(&mut after.iter().chain(before).copied());
        let mut anywhere = (0..TRIES).map(|_| floor[rng.below(floor.len() as u32) as usize]);
        match best {
            Some((room, place)) if room >= CROWDED_M * CROWDED_M => place,
            _ => roomiest(&mut anywhere).map_or(spawns[0], |(_, place)| place),
        }
    }
}

/// Where the living ships are.
pub(crate) fn living(world: &World<Entity>) -> Vec<Vec2> {
    ships(world).filter(|ship| ship.is_alive()).map(|ship| ship.position).collect()
}
