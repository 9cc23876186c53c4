//! The reference trace: a crowd in an arena, as numbers that travel.
//!
//! 64 players in a square of 128 m, places in 1/32 m, aims in 1/1024 of a turn. Each chooses a new
//! direction about twice a second and flies there at 6 m/s, its velocity following within 0.12 s;
//! aims turn by a velocity that wanders (an Ornstein-Uhlenbeck process), with a little noise of the
//! hand. It stands for a game of ours without being one: no codec may know its rules.

use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Rng, Tick};

use crate::snapshot_of;

/// Entities of the trace, all of them moving.
const PLAYERS: usize = 64;
/// Fields of each: x, y, aim and health.
const FIELDS: usize = 4;

const SIDE_M: f32 = 128.0;
const SPEED_MPS: f32 = 6.0;
const RESPONSE_S: f32 = 0.12;
/// From one direction to the next, on average.
const DIRECTION_S: f32 = 0.5;
/// Of the velocity of an aim: how fast it is usually, in radians per second, and for how long it
/// stays the same.
const AIM_SPEED: f32 = 1.6;
const AIM_MEMORY_S: f32 = 0.2;
/// In radians.
const AIM_NOISE: f32 = 0.002;
/// How often somebody is hit, per second.
const HITS_PER_S: f32 = 0.3;

#[derive(Clone, Copy, Default)]
struct Player {
    x: f32,
    y: f32,
    vx: f32,
    vy: f32,
    direction: f32,
    aim: f32,
    aim_speed: f32,
    health: i32,
}

/// Ticks of the trace, one after the other, without end.
pub struct ArenaTrace {
    rng: Rng,
    dt: f32,
    tick: Tick,
    players: Vec<Player>,
}

impl ArenaTrace {
    /// The trace of this seed, at so many ticks per second.
    pub fn new(tick_hz: u16, seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0);
        let mut player = || Player {
            x: rng.range(5.0, SIDE_M - 5.0),
            y: rng.range(5.0, SIDE_M - 5.0),
            direction: turn(&mut rng),
            aim: turn(&mut rng),
            aim_speed: AIM_SPEED * normal(&mut rng),
            health: 100,
            ..Player::default()
        };
        let players = (0..PLAYERS).map(|_| player()).collect();
        Self { rng, dt: 1.0 / f32::from(tick_hz), tick: Tick(0), players }
    }

    /// The schema of its entities.
    pub fn schema() -> Vec<Kind> {
        let place = FieldKind::Fixed { min: 0.0, step: 0.03125, bits: 12 };
        let fields = vec![
            Field::new("x", place.clone()),
            Field::new("y", place),
            Field::new("aim", FieldKind::Angle { bits: 10 }),
            Field::new("health", FieldKind::Uint { bits: 7 }),
        ];
        vec![Kind { name: "Player".into(), fields }]
    }

    /// Bits of each field.
    pub fn bits() -> [u32; FIELDS] {
        let kinds = Self::schema();
        std::array::from_fn(|field| u32::from(kinds[0].fields[field].kind.bits()))
    }

    /// The codes of all entities at the next tick.
    pub fn step(&mut self) -> Vec<[u32; FIELDS]> {
        self.tick = self.tick.next();
        let Self { rng, dt, players, .. } = self;
        players.iter_mut().map(|player| player.step(rng, *dt)).collect()
    }

    /// The next tick as a snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let rows = self.step();
        snapshot_of(self.tick, &rows)
    }
}

impl Player {
    fn step(&mut self, rng: &mut Rng, dt: f32) -> [u32; FIELDS] {
        if rng.chance(dt / DIRECTION_S) {
            self.direction = turn(rng);
        }
        let follows = 1.0 - (-dt / RESPONSE_S).exp();
        self.vx += (SPEED_MPS * self.direction.cos() - self.vx) * follows;
        self.vy += (SPEED_MPS * self.direction.sin() - self.vy) * follows;
        self.x += self.vx * dt;
        self.y += self.vy * dt;
        let inside = 0.0..SIDE_M - 0.1;
        if !inside.contains(&self.x) {
            (self.vx, self.direction) = (-self.vx, std::f32::consts::PI - self.direction);
            self.x = self.x.clamp(inside.start, inside.end);
        }
        if !inside.contains(&self.y) {
            (self.vy, self.direction) = (-self.vy, -self.direction);
            self.y = self.y.clamp(inside.start, inside.end);
        }
        let keeps = (-dt / AIM_MEMORY_S).exp();
        self.aim_speed = self.aim_speed * keeps + AIM_SPEED * (1.0 - keeps * keeps).sqrt() * normal(rng);
        self.aim += self.aim_speed * dt;
        if rng.chance(HITS_PER_S * dt) {
            self.health -= 5 + rng.below(20) as i32;
            if self.health <= 0 {
                self.health = 100;
            }
        }
        let aim = (self.aim + AIM_NOISE * normal(rng)) / std::f32::consts::TAU * 1024.0;
        [
            (self.x * 32.0).round() as u32,
            (self.y * 32.0).round() as u32,
            aim.round().rem_euclid(1024.0) as u32 & 1023,
            self.health as u32,
        ]
    }
}

fn turn(rng: &mut Rng) -> f32 {
    rng.range(0.0, std::f32::consts::TAU)
}

/// A number of the standard normal distribution (Box and Muller).
fn normal(rng: &mut Rng) -> f32 {
    let (length, turn) = (1.0 - rng.unit(), turn(rng));
    (-2.0 * length.ln()).sqrt() * turn.cos()
}
