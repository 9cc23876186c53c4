//! Ships: how they fly, and how walls stop them.

use fracas_shared::glam::{IVec2, Vec2};
use fracas_shared::{PlayerId, State, Tick};

use crate::config::{Config, ShipConfig};
use crate::map::{Map, cell_of};

/// A player's ship. It is there for as long as its player is, also between two lives.
#[derive(Clone, Debug, State)]
pub struct Ship {
    pub(crate) player: PlayerId,
    pub(crate) position: Vec2,
    pub(crate) velocity: Vec2,
    /// In radians.
    pub(crate) aim: f32,
    /// 0 between two lives.
    pub(crate) health: u8,
    pub(crate) ammo: u8,
    /// When the beam can fire again.
    pub(crate) beam_ready: Tick,
    /// When a rocket can be fired again.
    pub(crate) rocket_ready: Tick,
    /// When the next life begins, for a ship that has none.
    pub(crate) respawn_at: Tick,
    pub(crate) kills: u16,
    pub(crate) deaths: u16,
}

impl Ship {
    /// A ship at the beginning of its first life.
    pub(crate) fn new(player: PlayerId, position: Vec2, now: Tick, config: &Config) -> Self {
        let mut ship = Self {
            player,
            position,
            velocity: Vec2::ZERO,
            aim: 0.0,
            health: 0,
            ammo: 0,
            beam_ready: now,
            rocket_ready: now,
            respawn_at: now,
            kills: 0,
            deaths: 0,
        };
        ship.begin_life(position, now, config);
        ship
    }

    /// Begins a life at this place.
    pub(crate) fn begin_life(&mut self, position: Vec2, now: Tick, config: &Config) {
        self.position = position;
        self.velocity = Vec2::ZERO;
        self.health = config.ship.health;
        self.ammo = config.rocket.ammo_at_start.min(config.rocket.ammo_max);
        self.beam_ready = now;
        self.rocket_ready = now;
    }

    /// Whether it flies, shoots and can be hit.
    pub(crate) fn is_alive(&self) -> bool {
        self.health > 0
    }

    /// Flies for one tick of `dt` seconds, with a wish of length 0 to 1 for the share of full speed.
    pub(crate) fn fly(&mut self, wish: Vec2, dt: f32, config: &ShipConfig, map: &Map) {
        let wished = wish.clamp_length_max(1.0) * config.speed_mps;
        self.velocity = self.velocity.move_towards(wished, config.acceleration_mps2 * dt);
        // In steps shorter than the radius, so that no wall is passed over at any tick rate.
        let steps = (self.velocity.length() * dt / (config.radius_m * 0.5)).ceil().max(1.0);
        for _ in 0..steps as u32 {
            self.position += self.velocity * (dt / steps);
            self.keep_out_of_walls(config.radius_m, map);
        }
    }

    /// Moves the circle out of the cells around its middle and takes the speed into them away, so
    /// that it slides along.
    ///
    /// A radius below half a cell means that only the eight cells around matter. The four sides come
    /// first, so that on a wall of many cells no corner between two of them is felt.
    fn keep_out_of_walls(&mut self, radius: f32, map: &Map) {
        let cell = cell_of(self.position);
        let (low, high) = (cell.as_vec2() + radius, cell.as_vec2() + 1.0 - radius);
        if self.position.x < low.x && map.is_wall(cell - IVec2::X) {
            self.position.x = low.x;
            self.velocity.x = self.velocity.x.max(0.0);
        }
        if self.position.x > high.x && map.is_wall(cell + IVec2::X) {
            self.position.x = high.x;
            self.velocity.x = self.velocity.x.min(0.0);
        }
        if self.position.y < low.y && map.is_wall(cell - IVec2::Y) {
            self.position.y = low.y;
            self.velocity.y = self.velocity.y.max(0.0);
        }
        if self.position.y > high.y && map.is_wall(cell + IVec2::Y) {
            self.position.y = high.y;
            self.velocity.y = self.velocity.y.min(0.0);
        }
        for corner in [IVec2::ZERO, IVec2::X, IVec2::Y, IVec2::ONE] {
            let point = (cell + corner).as_vec2();
            let away = self.position - point;
            let distance = away.length();
            if distance < radius && distance > 0.0 && map.is_wall(cell + corner * 2 - IVec2::ONE) {
                let outwards = away / distance;
                self.position = point + outwards * radius;
                self.velocity -= outwards * self.velocity.dot(outwards).min(0.0);
            }
        }
    }
}
