//! Rows and state as a game would write them: every kind of field and every attribute.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fracas_shared::glam::{Vec2, Vec3};
use fracas_shared::id::EntityKey;
use fracas_shared::{EntityId, EntityRef, PlayerId, Rng, Row, RowEnum, State, Tick, World};

/// A field of names.
#[derive(Clone, Copy, Debug, PartialEq, RowEnum)]
pub(crate) enum Weapon {
    Bow,
    Staff,
    Axe,
}

/// A union of kinds.
#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) enum Thing {
    Avatar {
        player: PlayerId,
        rival: Option<PlayerId>,
        #[row(fixed(min = -64.0, step = 0.03125, bits = 12))]
        x: f32,
        #[row(angle(bits = 10))]
        aim: f32,
        weapon: Weapon,
        target: EntityRef,
        name: Arc<str>,
        skin: Arc<[u8]>,
    },
    Number {
        flag: bool,
        a: u8,
        b: u16,
        c: u32,
        d: i8,
        e: i16,
        f: i32,
        #[row(uint(bits = 7))]
        narrow: u32,
        #[row(int(bits = 5))]
        signed: i8,
    },
    Wall,
}

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Row)]
pub(crate) struct Press {
    pub(crate) r#move: bool,
    #[row(uint(bits = 3))]
    pub(crate) force: u8,
}

/// State of every type that state is made of.
#[derive(Clone, Debug, State)]
pub(crate) struct Everything {
    pub(crate) flags: (bool, ()),
    pub(crate) unsigned: ((u8, u16), (u32, u64)),
    pub(crate) signed: ((i8, i16), (i32, i64)),
    pub(crate) floats: (f32, f64),
    pub(crate) vectors: (Vec2, Vec3),
    pub(crate) texts: (String, Arc<str>),
    pub(crate) players: BTreeMap<PlayerId, Option<Phase>>,
    pub(crate) queue: VecDeque<Tick>,
    pub(crate) ids: BTreeSet<EntityId>,
    pub(crate) grid: [Vec<u16>; 3],
    pub(crate) size: usize,
    pub(crate) rng: Rng,
    pub(crate) world: World<Phase>,
}

/// A variant of each shape.
#[derive(Clone, Debug, PartialEq, State)]
pub(crate) enum Phase {
    Idle,
    Chasing(EntityKey, f32),
    Named { name: String, left: u32 },
}
