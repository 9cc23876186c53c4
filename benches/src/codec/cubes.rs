//! The cube scene: rigid bodies that push each other, as numbers that travel.
//!
//! The scene that state codecs are measured on (Fiedler, "Snapshot Compression", 2015), simulated anew:
//! 900 cubes of 0.4 m lie on a plane, 1 m from one to the next, and the player's cube of 1.5 m rolls
//! among them. It takes a new direction every 0.5 to 2 s, and for some seconds at a time attracts what
//! is near, so that a clump rolls along and falls apart. What nobody touches comes to rest and sleeps.
//!
//! A seed's trace is the same on every machine. Its script is ours: figures published for the original
//! are of the same kind of motion, not of the same ticks.

use std::f32::consts::FRAC_1_SQRT_2;

use fracas_shared::glam::Vec2;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Rng, Tick};
use rapier3d::math::{Rotation, Vector};
use rapier3d::prelude::{ColliderBuilder, PhysicsWorld, RigidBody, RigidBodyBuilder, RigidBodyHandle};

use super::snapshot_of;

/// Entities of the scene; the first is the player's cube.
pub const CUBES: usize = 901;
/// Fields of each: x, y, z (upwards), which of its orientation's components is the largest, the others.
pub const CUBE_FIELDS: usize = 7;
/// Ticks per second.
pub const CUBE_HZ: u16 = 60;
/// Of how many ticks figures are: 30 s.
pub const CUBE_TICKS: usize = 1_800;

/// The codes of one cube.
pub type CubeRow = [u32; CUBE_FIELDS];

const GRID: u16 = 30;
const CUBE_M: f32 = 0.4;
const PLAYER_M: f32 = 1.5;
/// More than 1, or the player's cube would slide where it is to roll.
const FRICTION: f32 = 1.2;
const SETTLING_TICKS: u32 = 120;

/// The player's drive, in m/s^2, and the speed from which on it does nothing, in m/s.
const DRIVE: f32 = 35.0;
const SPEED: f32 = 3.5;
/// The distance from the middle at which the player turns back to it.
const TURN_M: f32 = 12.0;
/// How far the attraction reaches, and how strong it is at 1 m, in m/s^2: it falls with the square.
const ATTRACTION_M: f32 = 3.5;
const ATTRACTION: f32 = 120.0;
/// The least and the most ticks of a direction, of an attraction, and between two of these.
const DIRECTION_TICKS: [u32; 2] = [30, 120];
const ATTRACTION_TICKS: [u32; 2] = [120, 300];
const PAUSE_TICKS: [u32; 2] = [60, 180];

const STEPS_PER_M: f32 = 512.0;
/// How far the plane reaches to each side: as far as its codes do.
const REACH_M: f32 = 256.0;
const PLANE_BITS: u8 = 18;
const HEIGHT_BITS: u8 = 14;
const COMPONENT_BITS: u8 = 9;

/// Ticks of the scene, one after the other, without end.
pub struct CubeTrace {
    rng: Rng,
    tick: Tick,
    script: Script,
    world: PhysicsWorld,
    cubes: Vec<RigidBodyHandle>,
}

/// What the player does, and for how many ticks more.
#[derive(Default)]
struct Script {
    direction: Vec2,
    direction_ticks: u32,
    attracts: bool,
    attracts_ticks: u32,
}

impl CubeTrace {
    /// The trace of this seed, with all cubes at rest.
    pub fn new(seed: u64) -> Self {
        let mut world = PhysicsWorld { gravity: Vector::Z * -9.81, ..PhysicsWorld::default() };
        world.integration_parameters.dt = 1.0 / f32::from(CUBE_HZ);
        let plane = ColliderBuilder::cuboid(REACH_M, REACH_M, 1.0).friction(FRICTION);
        world.insert(RigidBodyBuilder::fixed().translation(-Vector::Z), plane);
        let mut put = |side_m: f32, x: f32, y: f32, z: f32| {
            let half_m = side_m / 2.0;
            let cube = ColliderBuilder::cuboid(half_m, half_m, half_m).friction(FRICTION);
            world.insert(RigidBodyBuilder::dynamic().translation(Vector::new(x, y, z)), cube).0
        };
        // The player's cube falls onto those in the middle.
        let mut cubes = vec![put(PLAYER_M, 0.0, 0.0, PLAYER_M)];
        let metres = |place: u16| f32::from(place) - f32::from(GRID - 1) / 2.0;
        for (y, x) in (0..GRID).flat_map(|y| (0..GRID).map(move |x| (y, x))) {
            cubes.push(put(CUBE_M, metres(x), metres(y), CUBE_M / 2.0));
        }
        (0..SETTLING_TICKS).for_each(|_| world.step());
        Self { rng: Rng::new(seed, 0), tick: Tick(0), script: Script::default(), world, cubes }
    }

    /// The schema of its entities.
    pub fn schema() -> Vec<Kind> {
        let fixed = |min_m: f32, bits| FieldKind::Fixed {
            min: min_m.into(),
            step: f64::from(STEPS_PER_M).recip(),
            bits,
        };
        let component = FieldKind::Uint { bits: COMPONENT_BITS };
        let fields = vec![
            Field::new("x", fixed(-REACH_M, PLANE_BITS)),
            Field::new("y", fixed(-REACH_M, PLANE_BITS)),
            Field::new("z", fixed(0.0, HEIGHT_BITS)),
            Field::new("largest", FieldKind::Uint { bits: 2 }),
            Field::new("a", component.clone()),
            Field::new("b", component.clone()),
            Field::new("c", component),
        ];
        vec![Kind { name: "Cube".into(), fields }]
    }

    /// Bits of each field.
    pub fn bits() -> [u32; CUBE_FIELDS] {
        let kinds = Self::schema();
        std::array::from_fn(|field| u32::from(kinds[0].fields[field].kind.bits()))
    }

    /// The codes of all cubes at the next tick.
    pub fn step(&mut self) -> Vec<CubeRow> {
        self.tick = self.tick.next();
        self.script.step(&mut self.rng);
        self.drive();
        if self.script.attracts {
            self.attract();
        }
        self.world.step();
        self.cubes.iter().map(|cube| row(&self.world.bodies[*cube])).collect()
    }

    /// The next tick as a snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let rows = self.step();
        snapshot_of(self.tick, &rows)
    }

    fn drive(&mut self) {
        let Self { script, world, cubes, .. } = self;
        let player = &mut world.bodies[cubes[0]];
        let place = Vec2::new(player.translation().x, player.translation().y);
        if place.length() > TURN_M {
            script.direction = -place.normalize();
        }
        let direction = Vector::new(script.direction.x, script.direction.y, 0.0);
        if player.linvel().dot(direction) < SPEED {
            let speed = DRIVE * world.integration_parameters.dt;
            player.apply_impulse(direction * (speed * player.mass()), true);
        }
    }

    /// Draws the player's cube and those near it together.
    fn attract(&mut self) {
        let Self { world, cubes, .. } = self;
        let (player, others) = (cubes[0], &cubes[1..]);
        let place = world.bodies[player].translation();
        let speed = ATTRACTION * world.integration_parameters.dt;
        // Without what the others pull at it, the player's cube would be lifted by those below.
        let mut reaction = Vector::ZERO;
        for cube in others {
            let way = place - world.bodies[*cube].translation();
            let distance_m = way.length().max(CUBE_M);
            if distance_m > ATTRACTION_M {
                continue;
            }
            let cube = &mut world.bodies[*cube];
            let impulse = way * (speed * cube.mass() / (distance_m * distance_m * distance_m));
            cube.apply_impulse(impulse, true);
            reaction -= impulse;
        }
        world.bodies[player].apply_impulse(reaction, true);
    }
}

impl Script {
    fn step(&mut self, rng: &mut Rng) {
        let ticks = |rng: &mut Rng, [least, most]: [u32; 2]| least + rng.below(most - least + 1);
        if self.direction_ticks == 0 {
            self.direction = rng.direction();
            self.direction_ticks = ticks(rng, DIRECTION_TICKS);
        }
        if self.attracts_ticks == 0 {
            self.attracts = !self.attracts;
            self.attracts_ticks = ticks(rng, if self.attracts { ATTRACTION_TICKS } else { PAUSE_TICKS });
        }
        self.direction_ticks -= 1;
        self.attracts_ticks -= 1;
    }
}

fn row(cube: &RigidBody) -> CubeRow {
    let place = cube.translation();
    let across = |m: f32| code((m + REACH_M) * STEPS_PER_M, PLANE_BITS);
    let mut row = [across(place.x), across(place.y), code(place.z * STEPS_PER_M, HEIGHT_BITS), 0, 0, 0, 0];
    row[3..].copy_from_slice(&smallest_three(*cube.rotation()));
    row
}

/// Which component of a unit quaternion is the largest in size, and the codes of the other three.
///
/// These are between -1/sqrt(2) and 1/sqrt(2). The largest is positive: a quaternion and its negative
/// are one orientation.
fn smallest_three(rotation: Rotation) -> [u32; 4] {
    let components = rotation.to_array();
    let size = |place: &usize| components[*place].abs();
    let largest =
        (1..4).fold(0, |largest, place| if size(&place) > size(&largest) { place } else { largest });
    let scale = components[largest].signum() * FRAC_1_SQRT_2;
    let code_max = f32::from((1u16 << COMPONENT_BITS) - 1);
    let mut codes = [largest as u32; 4];
    let others = (0..4).filter(|place| *place != largest);
    for (component, to) in others.zip(&mut codes[1..]) {
        *to = code((components[component] * scale + 0.5) * code_max, COMPONENT_BITS);
    }
    codes
}

/// The nearest whole number of so many bits.
fn code(value: f32, bits: u8) -> u32 {
    (value.round() as u32).min((1 << bits) - 1)
}
