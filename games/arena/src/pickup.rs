//! Pickups: what lies around, is taken by who needs it and comes back later.

use fracas_shared::glam::Vec2;
use fracas_shared::{Context, PlayerId, RowEnum, State, Tick};
use smallvec::SmallVec;

use crate::rows::Event;
use crate::ship::Ship;
use crate::targets::Targets;
use crate::{Arena, Entity, ship_mut};

/// How far from a ship's side a pickup may lie and still be taken, in metres.
const REACH_M: f32 = 0.4;
/// More ships do not lie at pickups in a tick, as a rule.
const FEW: usize = 8;

/// What a pickup gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, RowEnum)]
pub enum Item {
    /// Health, for who has not all of it.
    Health,
    /// Rockets, for who can hold more.
    Ammo,
}

/// A place where something lies, or will again.
#[derive(Clone, Debug, State)]
pub struct Pickup {
    pub(crate) item: Item,
    pub(crate) position: Vec2,
    /// When it comes back; none while it is there.
    pub(crate) back_at: Option<Tick>,
}

impl Arena {
    /// Puts the map's pickups into an empty world.
    pub(crate) fn lay_pickups(&self, ctx: &mut Context<'_, Self>) {
        for &(position, item) in &self.map.pickups {
            let pickup = Pickup { item, position, back_at: None };
            // The world's limit is far above a map's.
            let _ = ctx.world.spawn(Entity::Pickup(pickup));
        }
    }

    /// Gives pickups to the first ship in reach that needs them, and brings back taken ones.
    pub(crate) fn take_pickups(&self, ctx: &mut Context<'_, Self>, targets: &Targets) {
        let reach = self.config.ship.radius_m + REACH_M;
        let mut taken = SmallVec::<[_; FEW]>::new();
        for (key, entity) in ctx.world.iter_mut() {
            let Entity::Pickup(pickup) = entity else { continue };
            if pickup.back_at.is_some_and(|back_at| !back_at.is_after(ctx.tick)) {
                pickup.back_at = None;
            }
            if pickup.back_at.is_none() {
                taken.extend(
                    targets.within(pickup.position, reach).map(|target| (key, pickup.item, target.key)),
                );
            }
        }
        let back_at = ctx.tick + ctx.ticks(self.config.pickup.return_s);
        for (key, item, ship_key) in taken {
            let Some(Entity::Pickup(Pickup { back_at: None, .. })) = ctx.world.get(key) else { continue };
            let Some(player) = ship_mut(ctx.world, ship_key).and_then(|ship| self.give(item, ship)) else {
                continue;
            };
            if let Some(Entity::Pickup(pickup)) = ctx.world.get_mut(key) {
                pickup.back_at = Some(back_at);
            }
            ctx.emit(Event::Taken { player, item });
        }
    }

    /// Gives to a ship; the player whose it is, if it needed that.
    fn give(&self, item: Item, ship: &mut Ship) -> Option<PlayerId> {
        let (has, gets, most) = match item {
            Item::Health => (&mut ship.health, self.config.pickup.health, self.config.ship.health),
            Item::Ammo => (&mut ship.ammo, self.config.pickup.ammo, self.config.rocket.ammo_max),
        };
        let needs = *has < most;
        *has = has.saturating_add(gets).min(most);
        needs.then_some(ship.player)
    }
}
