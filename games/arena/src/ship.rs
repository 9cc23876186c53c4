//! Ships: how they fly, and how walls stop them.

use fracas_shared::glam::{IVec2, Vec2};
use fracas_shared::{PlayerId, State, Tick};

use crate::config::{Config, ShipConfig};
use crate::map::{Map, cell_of};
use crate::rows::{Input, View, round_position, round_velocity};

/// A player's ship. It is there for as long as its player is, also between two lives.
#[derive(Clone, Debug, PartialEq, State)]
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
    /// The tick in which this life, or the last one, began.
    pub(crate) lives_since: Tick,
    /// When the next life begins, for a ship that has none.
    pub(crate) respawn_at: Tick,
    pub(crate) kills: u16,
    pub(crate) deaths: u16,
}

/// From one shot to the next, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cooldowns {
    pub(crate) beam: u32,
    pub(crate) rocket: u32,
}

/// What a ship fires in one tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shots {
    pub(crate) beam: bool,
    pub(crate) rocket: bool,
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
            lives_since: now,
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
        self.lives_since = now;
    }

    /// How everyone sees it.
    pub(crate) fn view(&self) -> View {
        View::Ship {
            player: self.player,
            x: self.position.x,
            y: self.position.y,
            vx: self.velocity.x,
            vy: self.velocity.y,
            aim: self.aim,
            health: self.health,
            alive: self.is_alive(),
            kills: self.kills,
            deaths: self.deaths,
        }
    }

    /// Whether it flies, shoots and can be hit.
    pub(crate) fn is_alive(&self) -> bool {
        self.health > 0
    }

    /// Aims and flies for one tick of `dt` seconds, as its player wishes.
    pub(crate) fn obey(&mut self, input: Input, dt: f32, config: &ShipConfig, map: &Map) {
        self.aim = input.aim;
        self.fly(Vec2::new(f32::from(input.x), f32::from(input.y)) / 127.0, dt, config, map);
    }

    /// Flies for one tick of `dt` seconds, with a wish of length 0 to 1 for the share of full speed.
    fn fly(&mut self, wish: Vec2, dt: f32, config: &ShipConfig, map: &Map) {
        let wished = wish.clamp_length_max(1.0) * config.speed_mps;
        self.velocity = self.velocity.move_towards(wished, config.acceleration_mps2 * dt);
        // In steps shorter than the radius, so that no wall is passed over at any tick rate.
        let steps = (self.velocity.length() * dt / (config.radius_m * 0.5)).ceil().max(1.0);
        for _ in 0..steps as u32 {
            self.position += self.velocity * (dt / steps);
            self.keep_out_of_walls(config.radius_m, map);
        }
        self.settle();
    }

    /// Moves out of the way of another ship by half of what they overlap: the other half is the
    /// other's to move. It stays out of walls.
    pub(crate) fn give_way(&mut self, other: Vec2, config: &ShipConfig, map: &Map) {
        let away = self.position - other;
        let overlap = config.radius_m * 2.0 - away.length();
        if overlap <= 0.0 {
            return;
        }
        // Two ships at the very same place go apart along x.
        let outwards = away.normalize_or(Vec2::X);
        self.position += outwards * (overlap * 0.5);
        self.velocity -= outwards * self.velocity.dot(outwards).min(0.0);
        self.keep_out_of_walls(config.radius_m, map);
        self.settle();
    }

    /// Rounds to what a client is told, so that it can run the ship ahead with the same numbers.
    fn settle(&mut self) {
        self.position = round_position(self.position);
        self.velocity = round_velocity(self.velocity);
    }

    /// Fires what the input asks for and what is ready.
    pub(crate) fn fire(&mut self, input: Input, now: Tick, cooldowns: Cooldowns, has_room: bool) -> Shots {
        let beam = input.beam && !self.beam_ready.is_after(now);
        if beam {
            self.beam_ready = now + cooldowns.beam;
        }
        let is_loaded = self.ammo > 0 && !self.rocket_ready.is_after(now);
        let rocket = input.rocket && is_loaded && has_room;
        if rocket {
            self.rocket_ready = now + cooldowns.rocket;
            self.ammo -= 1;
        }
        Shots { beam, rocket }
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
