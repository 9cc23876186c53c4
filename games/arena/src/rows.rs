//! What travels: inputs, views, what a player alone sees, and events.
//!
//! Positions are metres from the map's upper left corner, x to the right and y downwards; velocities
//! are metres per second; angles are radians from +x towards +y, so clockwise on the screen.

use fracas_shared::glam::Vec2;
use fracas_shared::{PlayerId, Row, RowEnum, State, quant};

use crate::pickup::Item;

/// How exactly the rules know where a ship is and how fast it is: to 1/1024 m and 1/1024 m/s, as
/// [`Own`] says it.
const STEP: f64 = 1.0 / 1024.0;

/// A position as [`Own`] can say it.
pub(crate) fn round_position(position: Vec2) -> Vec2 {
    let round = |at| quant::fixed_value(quant::fixed_code(at, 0.0, STEP, 17), 0.0, STEP);
    Vec2::new(round(position.x), round(position.y))
}

/// A velocity as [`Own`] can say it.
pub(crate) fn round_velocity(velocity: Vec2) -> Vec2 {
    let round = |speed| quant::fixed_value(quant::fixed_code(speed, -32.0, STEP, 16), -32.0, STEP);
    Vec2::new(round(velocity.x), round(velocity.y))
}

/// What a player does in one tick. The default is to stand still.
#[derive(Clone, Copy, Debug, Default, Row, State)]
pub struct Input {
    /// To the right, 127 at full speed; negative to the left.
    pub x: i8,
    /// Down, 127 at full speed; negative up.
    pub y: i8,
    /// Where the ship aims, in radians.
    #[row(angle(bits = 10))]
    pub aim: f32,
    /// Fires the beam as soon as it is ready.
    pub beam: bool,
    /// Fires a rocket as soon as one is ready.
    pub rocket: bool,
}

/// An entity as everyone sees it.
#[derive(Clone, Debug, PartialEq, Row)]
pub enum View {
    /// A player's ship. Between two lives it lies where it fell.
    Ship {
        /// Whose it is.
        player: PlayerId,
        /// Its middle.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12), velocity = vx, jump = 1.0)]
        x: f32,
        /// Its middle.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12), velocity = vy, jump = 1.0)]
        y: f32,
        /// Its velocity.
        #[row(fixed(min = -32.0, step = 0.0625, bits = 10))]
        vx: f32,
        /// Its velocity.
        #[row(fixed(min = -32.0, step = 0.0625, bits = 10))]
        vy: f32,
        /// Where it aims.
        #[row(angle(bits = 10))]
        aim: f32,
        /// 0 to the config's `ship.health`.
        #[row(uint(bits = 7))]
        health: u8,
        /// Whether it flies, shoots and can be hit.
        alive: bool,
        /// Whom it killed, in this match.
        #[row(uint(bits = 10))]
        kills: u16,
        /// How often it died, in this match.
        #[row(uint(bits = 10))]
        deaths: u16,
    },
    /// A rocket in flight.
    Rocket {
        /// Who fired it.
        player: PlayerId,
        /// Where it is.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12), velocity = vx)]
        x: f32,
        /// Where it is.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12), velocity = vy)]
        y: f32,
        /// Its velocity, the same for all its flight.
        #[row(fixed(min = -64.0, step = 0.125, bits = 10))]
        vx: f32,
        /// Its velocity, the same for all its flight.
        #[row(fixed(min = -64.0, step = 0.125, bits = 10))]
        vy: f32,
    },
    /// A place where something to take lies, or will again.
    Pickup {
        /// What it gives.
        item: Item,
        /// Where it lies.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        x: f32,
        /// Where it lies.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        y: f32,
        /// Whether it is there now.
        present: bool,
    },
    /// The match's clock: exactly one.
    Clock {
        /// The tick at which the time is up.
        ends_at: u32,
    },
}

/// What a player alone sees of the own ship: where it is as exactly as the rules know it, so that a
/// client can run it ahead, and what it can do.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Own {
    /// Its middle.
    #[row(fixed(min = 0.0, step = STEP, bits = 17))]
    pub x: f32,
    /// Its middle.
    #[row(fixed(min = 0.0, step = STEP, bits = 17))]
    pub y: f32,
    /// Its velocity.
    #[row(fixed(min = -32.0, step = STEP, bits = 16))]
    pub vx: f32,
    /// Its velocity.
    #[row(fixed(min = -32.0, step = STEP, bits = 16))]
    pub vy: f32,
    /// Rockets left.
    #[row(uint(bits = 6))]
    pub ammo: u8,
    /// Ticks until the beam can fire again; 0 when it can.
    #[row(uint(bits = 12))]
    pub beam_wait: u16,
    /// Ticks until a rocket can be fired again, if there is one; 0 when it can.
    #[row(uint(bits = 12))]
    pub rocket_wait: u16,
    /// Ticks until the next life begins; 0 while there is one.
    #[row(uint(bits = 13))]
    pub respawn_wait: u16,
}

/// What hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RowEnum)]
pub enum Weapon {
    /// Hits at once.
    Beam,
    /// Flies and explodes.
    Rocket,
}

/// What happens at one moment.
#[derive(Clone, Debug, PartialEq, Row)]
pub enum Event {
    /// A beam was fired.
    Beam {
        /// Who fired.
        player: PlayerId,
        /// Where it begins.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        x: f32,
        /// Where it begins.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        y: f32,
        /// Where it ends: at a ship, at a wall or where its range does.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        to_x: f32,
        /// Where it ends.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        to_y: f32,
    },
    /// A rocket exploded.
    Explosion {
        /// Who fired it.
        player: PlayerId,
        /// Where.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        x: f32,
        /// Where.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        y: f32,
    },
    /// A ship lost health.
    Hit {
        /// Whose ship.
        victim: PlayerId,
        /// Who did it.
        by: PlayerId,
        /// With what.
        weapon: Weapon,
        /// Health lost.
        #[row(uint(bits = 7))]
        damage: u8,
    },
    /// A ship lost its last health.
    Kill {
        /// Whose ship.
        victim: PlayerId,
        /// Who did it.
        killer: PlayerId,
        /// With what.
        weapon: Weapon,
    },
    /// A pickup was taken.
    Taken {
        /// Who took it.
        player: PlayerId,
        /// What it gave.
        item: Item,
    },
    /// A ship began another life.
    Respawn {
        /// Whose ship.
        player: PlayerId,
        /// Where.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        x: f32,
        /// Where.
        #[row(fixed(min = 0.0, step = 0.03125, bits = 12))]
        y: f32,
    },
}
