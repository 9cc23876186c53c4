//! Random schemas, and snapshots and rows that they describe.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_shared::packet::LooseRow;
use fracas_shared::quant::code_max;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Tick};

use crate::cases::{one_of, random_bytes};

/// Kinds with fields of every kind and width.
pub(crate) fn random_kinds(rng: &mut Rng) -> Vec<Kind> {
    let kinds = if rng.chance(0.02) { 32 } else { rng.below(5) };
    (0..kinds).map(|number| random_kind(rng, number)).collect()
}

fn random_kind(rng: &mut Rng, number: u32) -> Kind {
    let fields = if rng.chance(0.02) { 64 } else { rng.below(8) };
    let field = |number| Field::new(format!("f{number}"), random_field(rng));
    Kind { name: format!("K{number}"), fields: (0..fields).map(field).collect() }
}

fn random_field(rng: &mut Rng) -> FieldKind {
    let bits = 1 + rng.below(32) as u8;
    match rng.below(10) {
        0 => FieldKind::Bool,
        1 => FieldKind::Uint { bits },
        2 => FieldKind::Int { bits },
        3 => FieldKind::Fixed { min: f64::from(rng.range(-1e6, 1e6)), step: 0.125, bits },
        4 => FieldKind::Angle { bits },
        5 => {
            let names = if rng.chance(0.05) { 256 } else { 1 + rng.below(9) };
            FieldKind::Enum { names: (0..names).map(|name| format!("n{name}")).collect() }
        }
        6 => FieldKind::Entity,
        7 => FieldKind::Player,
        8 => FieldKind::Text,
        _ => FieldKind::Bytes,
    }
}

/// A code for a field that is no string: often at an end of its range.
fn random_code(rng: &mut Rng, bits: u8) -> u32 {
    let max = code_max(bits);
    match rng.below(4) {
        0 => 0,
        1 => max,
        _ => rng.bits() & max,
    }
}

/// A room's rows, changed at random from tick to tick.
#[derive(Clone)]
pub(crate) struct Scene {
    kinds: Vec<Kind>,
    tick: Tick,
    rows: BTreeMap<u16, (u8, Vec<u32>)>,
    strings: BTreeMap<u32, Arc<[u8]>>,
}

impl Scene {
    pub(crate) fn new(rng: &mut Rng, kinds: Vec<Kind>) -> Self {
        // Close enough to the end of a tick's numbers to pass it now and then.
        let tick = Tick(if rng.chance(0.1) { u32::MAX - rng.below(8) } else { rng.bits() });
        let mut scene = Self { kinds, tick, rows: BTreeMap::new(), strings: BTreeMap::new() };
        let entities = if rng.chance(0.01) { 300 } else { rng.below(10) };
        for _ in 0..entities {
            scene.enter(rng);
        }
        scene
    }

    /// One to four ticks later; at times with nothing changed at all.
    pub(crate) fn step(&mut self, rng: &mut Rng) {
        self.tick += rng.below(4);
        self.step_by_one(rng);
    }

    /// A tick later.
    pub(crate) fn step_by_one(&mut self, rng: &mut Rng) {
        self.tick += 1;
        match rng.below(10) {
            0 => return,
            1 => self.rows.clear(),
            _ => {}
        }
        for _ in 0..rng.below(6) {
            match rng.below(6) {
                0 => self.enter(rng),
                1 => self.leave(rng),
                2 => self.become_another_kind(rng),
                3 => self.replace_a_string(rng),
                _ => self.update(rng),
            }
        }
    }

    /// Goes on from this tick.
    pub(crate) fn skip_to(&mut self, tick: Tick) {
        self.tick = tick;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(self.tick);
        // Any order will do.
        for (id, (kind, codes)) in self.rows.iter().rev() {
            let id = EntityId::new(*id).expect("ids are from 1");
            snapshot.push(id, *kind, |out| out.extend_from_slice(codes));
        }
        let named = self.rows.values().flat_map(|(kind, codes)| {
            let fields = &self.kinds[*kind as usize].fields;
            fields.iter().zip(codes).filter(|(field, _)| field.kind.is_string()).map(|(_, code)| *code)
        });
        let strings = named.filter_map(|place| Some((place, self.strings.get(&place)?.clone())));
        snapshot.seal(strings.collect::<BTreeMap<_, _>>());
        snapshot
    }

    fn enter(&mut self, rng: &mut Rng) {
        if self.kinds.is_empty() {
            return;
        }
        let id = match rng.below(8) {
            0 => 1,
            1 => u16::MAX,
            2..5 => 1 + rng.below(20) as u16,
            _ => 1 + rng.below(u32::from(u16::MAX)) as u16,
        };
        let kind = rng.below(self.kinds.len() as u32) as u8;
        let fields = self.kinds[kind as usize].fields.len();
        self.rows.insert(id, (kind, vec![0; fields]));
        for field in 0..fields {
            if rng.chance(0.7) {
                let code = self.code(rng, kind, field, 0);
                self.row(id).1[field] = code;
            }
        }
    }

    fn leave(&mut self, rng: &mut Rng) {
        if let Some(id) = self.any(rng) {
            self.rows.remove(&id);
        }
    }

    fn become_another_kind(&mut self, rng: &mut Rng) {
        if let Some(id) = self.any(rng) {
            let kind = rng.below(self.kinds.len() as u32) as u8;
            let fields = self.kinds[kind as usize].fields.len();
            self.rows.insert(id, (kind, vec![0; fields]));
        }
    }

    fn update(&mut self, rng: &mut Rng) {
        let Some(id) = self.any(rng) else { return };
        let (kind, codes) = self.row(id).clone();
        for (field, from) in codes.into_iter().enumerate() {
            if rng.chance(0.5) {
                let code = self.code(rng, kind, field, from);
                self.row(id).1[field] = code;
            }
        }
    }

    /// Another string at the place of one that rows name.
    fn replace_a_string(&mut self, rng: &mut Rng) {
        if let Some(place) = self.strings.keys().nth(rng.below(4) as usize).copied() {
            self.strings.insert(place, random_string(rng));
        }
    }

    fn code(&mut self, rng: &mut Rng, kind: u8, field: usize, from: u32) -> u32 {
        let kind = &self.kinds[kind as usize].fields[field].kind;
        if kind.is_string() {
            let place = *one_of(rng, &[0, 1, 2, 3, 500, 1023]);
            if place != 0 && !self.strings.contains_key(&place) {
                self.strings.insert(place, random_string(rng));
            }
            return place;
        }
        if rng.chance(0.5) {
            // A small step, through zero at times.
            let step = rng.below(65).wrapping_sub(32);
            return from.wrapping_add(step) & code_max(kind.bits());
        }
        random_code(rng, kind.bits())
    }

    fn any(&self, rng: &mut Rng) -> Option<u16> {
        let place = rng.below(self.rows.len() as u32) as usize;
        self.rows.keys().nth(place).copied()
    }

    fn row(&mut self, id: u16) -> &mut (u8, Vec<u32>) {
        self.rows.get_mut(&id).expect("the entity is there")
    }
}

fn random_string(rng: &mut Rng) -> Arc<[u8]> {
    if rng.chance(0.1) { vec![rng.bits() as u8; 255].into() } else { random_bytes(rng, 12).into() }
}

/// A row that stands alone; none when there are no kinds.
pub(crate) fn random_loose_row(rng: &mut Rng, kinds: &[Kind]) -> Option<LooseRow> {
    let kind = rng.below(kinds.len() as u32);
    let mut row = LooseRow { kind: kind as u8, ..LooseRow::default() };
    for field in &kinds.get(kind as usize)?.fields {
        let code = if !field.kind.is_string() {
            random_code(rng, field.kind.bits())
        } else if rng.chance(0.2) {
            0
        } else {
            let mut string = random_string(rng).to_vec();
            string.push(b'.');
            string.truncate(255);
            row.strings.push(string);
            row.strings.len() as u32
        };
        row.codes.push(code);
    }
    Some(row)
}
