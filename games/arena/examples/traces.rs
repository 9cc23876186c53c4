//! Ships as a client runs them ahead, to the bit: what a predictor in another language is tested against.
//!
//! `cargo run -p fracas-arena --example traces -- 1000000 7` writes at least so many ticks, made with the
//! seed 7. Numbers are little-endian and floats are their bits; a place is x and y, two `f32`, and a motion is
//! x, y, vx and vy. The stream is one room after another:
//!
//! - `u32`: how many bytes of the room follow;
//! - `u32`, and so many bytes: its config as JSON;
//! - `u16`: its ticks per second;
//! - records until the room's bytes end, each after a `u8` that says which one it is:
//!   - 0, a life begins with what the server shows: the tick `u32`; of the own row the motion, ammo `u8`,
//!     `beam_wait` `u16` and `rocket_wait` `u16`; of the own ship aim `f32` and health `u8`;
//!   - 1, the others are these ships from now on: how many `u8`; of each its player's seat `u8`, whether it
//!     is alive `u8`, and its place;
//!   - 2, a tick. Its input: x `i8`, y `i8`, aim `f32` before it is rounded, and a `u8`, 1 for the beam plus 2
//!     for a rocket. The ship after it: the motion, aim `f32`, `beam_ready` `u32`, `rocket_ready` `u32`, ammo
//!     `u8`. The rockets in flight: how many `u8`, and the place of each. The events that it foretold: how
//!     many `u8`; of each a `u8`, 0 for a beam and 1 for an explosion, and the place where it ends.
//!
//! The own player has seat 0.

use std::env;
use std::f32::consts::TAU;
use std::io::{self, BufWriter, Write};

use fracas_arena::{
    Ahead, Arena, BeamConfig, Config, Event, Input, MapSource, Own, RocketConfig, ShipConfig, View,
};
use fracas_shared::game::Events;
use fracas_shared::glam::Vec2;
use fracas_shared::packet::LooseRow;
use fracas_shared::{EntityId, Game, PlayerId, Predict, PredictStep, Rng, Seen, Tick};

const TICKS_PER_ROOM: u32 = 4000;
const LIFE_TICKS_MAX: u32 = 500;
const OTHERS_MAX: u32 = 5;
/// Others appear as far away as this, in metres, along each axis.
const NEAR_M: f32 = 1.2;
const FAR_M: f32 = 8.0;
/// What [`Own`] can say of a metre, and of a metre per second.
const STEPS_PER_UNIT: u32 = 1024;
const ME: PlayerId = PlayerId(0);

fn main() -> io::Result<()> {
    let number = |place: usize, default: u64| {
        env::args().nth(place).map_or(default, |word| word.parse().expect("usage: traces [ticks [seed]]"))
    };
    let (ticks, seed) = (number(1, 1_000_000), number(2, 1));
    let mut out = BufWriter::new(io::stdout().lock());
    for room in 0..ticks.div_ceil(TICKS_PER_ROOM.into()) {
        let bytes = room_bytes(&mut Rng::new(seed, room));
        out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        out.write_all(&bytes)?;
    }
    out.flush()
}

fn room_bytes(rng: &mut Rng) -> Vec<u8> {
    let tick_hz = pick(rng, &[20, 30, 60, 128, 20, 30, 60, 128, 5, 240]);
    let config = random_config(rng, tick_hz);
    let json = serde_json::to_string(&config).expect("a config is JSON");
    let mut out = Trace::default();
    out.u32(json.len() as u32);
    out.0.extend(json.as_bytes());
    out.u16(tick_hz);
    let mut played = Played::new(&config, tick_hz, rng);
    let mut left = TICKS_PER_ROOM;
    while left > 0 {
        let ticks = left.min(1 + rng.below(LIFE_TICKS_MAX));
        left -= ticks;
        played.life(ticks, rng, &mut out);
    }
    out.0
}

/// A number of a range, also the ends of it.
fn random_of(rng: &mut Rng, low: f32, usual: f32, high: f32) -> f32 {
    let between = rng.range(low, high);
    pick(rng, &[low, usual, high, between])
}

fn random_config(rng: &mut Rng, tick_hz: u16) -> Config {
    let radius_m = random_of(rng, 0.2, 0.4, 0.45);
    // Just as fast as a tick can be divided into so many steps: one less or more is a matter of a bit.
    let steps = 1 + rng.below(8);
    let border_mps = (radius_m * 0.5 * steps as f32 * f32::from(tick_hz)).clamp(1.0, 30.0);
    let usual_mps = random_of(rng, 1.0, 8.0, 30.0);
    Config {
        map: match rng.below(3) {
            0 => MapSource::Name("crossfire".into()),
            1 => MapSource::Name("duel".into()),
            _ => MapSource::Rows(random_map(rng)),
        },
        ship: ShipConfig {
            radius_m,
            speed_mps: pick(rng, &[usual_mps, usual_mps, border_mps]),
            acceleration_mps2: random_of(rng, 5.0, 60.0, 500.0),
            health: 100,
            solid: rng.chance(0.5),
        },
        beam: BeamConfig {
            damage: 18,
            cooldown_s: random_of(rng, 0.05, 0.35, 10.0),
            range_m: random_of(rng, 2.0, 24.0, 180.0),
        },
        rocket: RocketConfig {
            damage: 70,
            splash_m: 2.5,
            speed_mps: random_of(rng, 2.0, 16.0, 60.0),
            life_s: random_of(rng, 0.1, 2.0, 10.0),
            cooldown_s: random_of(rng, 0.05, 0.9, 10.0),
            ammo_at_start: 3,
            ammo_max: 9,
        },
        ..Config::default()
    }
}

/// Narrow ways, corners that touch, open places.
fn random_map(rng: &mut Rng) -> Vec<String> {
    let (width, height) = (5 + rng.below(60), 5 + rng.below(30));
    let walls = rng.range(0.05, 0.5);
    let mut rows: Vec<String> = (0..height)
        .map(|_| (0..width).map(|_| if rng.chance(walls) { '#' } else { '.' }).collect())
        .collect();
    rows[0].replace_range(..1, "S");
    rows
}

/// A room of which one ship is predicted.
struct Played {
    rules: Arena,
    solid: bool,
    speed: f32,
    tick_hz: u16,
    /// The upper left corners of the cells without a wall.
    floor: Vec<(u32, u32)>,
    tick: Tick,
    others: Vec<(EntityId, View)>,
    hand: Hand,
}

impl Played {
    fn new(config: &Config, tick_hz: u16, rng: &mut Rng) -> Self {
        let Ok(serde_json::Value::Array(rows)) = serde_json::to_value(&config.map) else {
            panic!("a map is written as rows");
        };
        let cells = (0u32..).zip(&rows).flat_map(|(y, row)| {
            let letters = row.as_str().unwrap_or_default().chars();
            (0u32..).zip(letters).filter(|(_, letter)| *letter != '#').map(move |(x, _)| (x, y))
        });
        Self {
            rules: Arena::new(config).expect("it is within its ranges"),
            solid: config.ship.solid,
            speed: config.ship.speed_mps,
            tick_hz,
            floor: cells.collect(),
            // Ticks wrap within some rooms.
            tick: Tick(if rng.chance(0.2) { u32::MAX - rng.below(TICKS_PER_ROOM) } else { rng.bits() }),
            others: Vec::new(),
            hand: Hand::default(),
        }
    }

    /// Plays so many ticks, from any place.
    fn life(&mut self, ticks: u32, rng: &mut Rng, out: &mut Trace) {
        self.tick += 1 + rng.below(100);
        let mut ahead = self.begin(rng, out);
        self.others.clear();
        self.meet_others(&ahead, rng, out);
        for _ in 0..ticks {
            if rng.chance(if self.solid { 0.3 } else { 0.03 }) {
                self.meet_others(&ahead, rng, out);
            }
            self.tick += 1;
            let input = self.hand.input(rng);
            out.u8(2);
            out.input(input);
            let (tick, tick_hz) = (self.tick, self.tick_hz);
            let seen = Seen { tick, tick_hz, me: ME, own: None, views: &self.others };
            let mut events = Events::default();
            let mut step = PredictStep::new(&seen, tick, &mut events);
            self.rules.advance(&mut ahead, &as_sent(input), &mut step);
            out.ahead(&self.rules.show(&ahead), &ahead);
            out.events(&events.into_list().collect::<Vec<_>>());
        }
    }

    fn begin(&self, rng: &mut Rng, out: &mut Trace) -> Ahead {
        let (x, y) = self.floor[rng.below(self.floor.len() as u32) as usize];
        // Also on the very corner of a cell.
        let mut within = |cell: u32| {
            let steps = if rng.chance(0.1) { 0 } else { rng.below(STEPS_PER_UNIT) };
            (cell * STEPS_PER_UNIT + steps) as f32
        };
        let place = Vec2::new(within(x), within(y)) / STEPS_PER_UNIT as f32;
        let most = (self.speed * STEPS_PER_UNIT as f32) as u32;
        let mut speed = || (rng.below(2 * most) as f32 - most as f32) / STEPS_PER_UNIT as f32;
        let velocity = Vec2::new(speed(), speed()) * if rng.chance(0.5) { 0.0 } else { 1.0 };
        let mut wait = || if rng.chance(0.5) { 0 } else { rng.below(30) as u16 };
        let (beam_wait, rocket_wait) = (wait(), wait());
        let own = Own {
            x: place.x,
            y: place.y,
            vx: velocity.x,
            vy: velocity.y,
            ammo: rng.below(64) as u8,
            beam_wait,
            rocket_wait,
            respawn_wait: 0,
        };
        let (aim, health) = (rng.unit() * TAU, 1 + rng.below(127) as u8);
        out.u8(0);
        out.u32(self.tick.0);
        out.motion(&own);
        out.u8(own.ammo);
        out.u16(own.beam_wait);
        out.u16(own.rocket_wait);
        out.f32(aim);
        out.u8(health);
        let ship = View::Ship {
            player: ME,
            x: 0.0,
            y: 0.0,
            vx: 0.0,
            vy: 0.0,
            aim,
            health,
            alive: true,
            kills: 0,
            deaths: 0,
        };
        let views = [(id_of(ME), ship)];
        let seen = Seen { tick: self.tick, tick_hz: self.tick_hz, me: ME, own: Some(&own), views: &views };
        self.rules.ahead(&seen).expect("the ship is alive")
    }

    /// Puts others around the ship: near, far, at the very same place.
    fn meet_others(&mut self, ahead: &Ahead, rng: &mut Rng, out: &mut Trace) {
        let count = rng.below(OTHERS_MAX + 1) as u16;
        // The own ship may be among what a screen shows.
        let first = if rng.chance(0.1) { ME.0 } else { ME.0 + 1 };
        self.others.clear();
        out.u8(1);
        out.u8(count as u8);
        for player in (first..first + count).map(PlayerId) {
            let reach = pick(rng, &[NEAR_M, FAR_M]);
            let off = Vec2::new(rng.range(-reach, reach), rng.range(-reach, reach));
            let along = [off, Vec2::new(off.x, 0.0), Vec2::new(0.0, off.y), Vec2::ZERO];
            let off = if rng.chance(0.8) { off } else { pick(rng, &along) };
            let (place, alive) = (ahead.position() + off, rng.chance(0.8));
            out.u8(player.0 as u8);
            out.u8(alive.into());
            out.place(place);
            let Vec2 { x, y } = place;
            let ship = View::Ship {
                player,
                x,
                y,
                vx: 0.0,
                vy: 0.0,
                aim: 0.0,
                health: 1,
                alive,
                kills: 0,
                deaths: 0,
            };
            self.others.push((id_of(player), ship));
        }
    }
}

/// What a player's hand does: it holds a direction for a while, turns, and fires.
#[derive(Default)]
struct Hand {
    x: i8,
    y: i8,
    /// Ticks until it goes elsewhere.
    held: u32,
    aim: f32,
    /// How far it turns in a tick.
    turn: f32,
    beam: bool,
    rocket: bool,
}

impl Hand {
    fn input(&mut self, rng: &mut Rng) -> Input {
        if self.held == 0 {
            self.go(rng);
            // Mostly for moments; also until it has pushed against a wall for long.
            self.held = 1 + if rng.chance(0.8) { rng.below(12) } else { rng.below(120) };
            self.turn = if rng.chance(0.5) { 0.0 } else { rng.range(-0.5, 0.5) };
            (self.beam, self.rocket) = (rng.chance(0.5), rng.chance(0.3));
        }
        self.held -= 1;
        self.aim += self.turn;
        if rng.chance(0.02) {
            self.aim =
                pick(rng, &[0.0, TAU / 4.0, TAU / 8.0, -TAU / 2.0, 1e6]) * rng.range(-1.0, 1.0).round();
        }
        let Self { x, y, aim, beam, rocket, .. } = *self;
        Input { x, y, aim, beam, rocket }
    }

    fn go(&mut self, rng: &mut Rng) {
        let side = |rng: &mut Rng| pick(rng, &[-127, 0, 127]);
        (self.x, self.y) = match rng.below(8) {
            0..3 => (side(rng), side(rng)),
            // Any length, also longer than a wish may be.
            3 => (rng.bits() as i8, rng.bits() as i8),
            4 | 5 => (self.x.saturating_neg(), self.y.saturating_neg()),
            6 => (0, 0),
            _ => {
                let wish = rng.direction() * 127.0 * rng.unit();
                (wish.x.round() as i8, wish.y.round() as i8)
            }
        };
    }
}

/// The bytes of a room.
#[derive(Default)]
struct Trace(Vec<u8>);

impl Trace {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }

    fn place(&mut self, place: Vec2) {
        self.f32(place.x);
        self.f32(place.y);
    }

    fn motion(&mut self, own: &Own) {
        self.place(Vec2::new(own.x, own.y));
        self.place(Vec2::new(own.vx, own.vy));
    }

    fn input(&mut self, input: Input) {
        self.0.extend(input.x.to_le_bytes());
        self.0.extend(input.y.to_le_bytes());
        self.f32(input.aim);
        self.u8(u8::from(input.beam) | u8::from(input.rocket) << 1);
    }

    fn ahead(&mut self, shown: &[(Option<EntityId>, View)], ahead: &Ahead) {
        let [(_, View::Ship { x, y, vx, vy, aim, .. }), rockets @ ..] = shown else {
            panic!("the ship is shown first");
        };
        self.place(Vec2::new(*x, *y));
        self.place(Vec2::new(*vx, *vy));
        self.f32(*aim);
        self.u32(ahead.beam_ready().0);
        self.u32(ahead.rocket_ready().0);
        self.u8(ahead.ammo());
        self.u8(rockets.len() as u8);
        for (_, rocket) in rockets {
            let View::Rocket { x, y, .. } = rocket else { panic!("only rockets follow the ship") };
            self.place(Vec2::new(*x, *y));
        }
    }

    fn events(&mut self, events: &[Event]) {
        self.u8(events.len() as u8);
        for event in events {
            match event {
                Event::Beam { to_x, to_y, .. } => {
                    self.u8(0);
                    self.place(Vec2::new(*to_x, *to_y));
                }
                Event::Explosion { x, y, .. } => {
                    self.u8(1);
                    self.place(Vec2::new(*x, *y));
                }
                other => panic!("{other:?} is never foretold"),
            }
        }
    }
}

/// An input as the server reads it: with the numbers that travel.
fn as_sent(input: Input) -> Input {
    LooseRow::of(&input, |_| None).value().expect("an input names no entity")
}

fn id_of(player: PlayerId) -> EntityId {
    EntityId::new(player.0 + 1).expect("it is above 0")
}

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len() as u32) as usize]
}
