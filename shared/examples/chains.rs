//! Viewers' frames over long times, as bytes and as what they stand for: what a client in another language is
//! tested against.
//!
//! `cargo run -p fracas-shared --example chains -- 100 7` writes 100 cases beginning with the seed 7, one JSON
//! object on each line: a schema, and frames of one viewer, each with its tick, its view hash and its strings, or
//! the error that it ends in; what such a frame builds on stays as it was. Every other case is a room whose encoder
//! learns, and a viewer at the end of a line that delays and gets lost with all that is on it: it joins again, or resumes
//! from what it holds, misses ticks and gets spoilt frames. The others are frames of random bytes.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use fracas_shared::frame::{Baseline, FrameEncoder, FrameError};
use fracas_shared::packet::ServerTag;
use fracas_shared::quant::code_max;
use fracas_shared::schema::{FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Schema, Tick};
use serde_json::{Value, json};

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/cases.rs"]
mod cases;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/samples.rs"]
mod samples;

use samples::random_kinds;

const TICKS: u32 = 160;
const WILD_FRAMES: u32 = 24;
const WILD_BYTES_MAX: usize = 120;
const WILD_TRIES_MAX: u32 = 8;

// Flags of a frame's head.
const KEYFRAME: u8 = 1;
const HASH: u8 = 2;
const STRINGS: u8 = 4;
const COMINGS: u8 = 16;
const AGE: u8 = 32;

fn main() -> io::Result<()> {
    let number = |place: usize, default: u64| {
        env::args().nth(place).map_or(default, |word| word.parse().expect("usage: chains [cases [seed]]"))
    };
    let (cases, seed) = (number(1, 100), number(2, 0));
    let mut out = BufWriter::new(io::stdout().lock());
    for seed in seed..seed + cases {
        writeln!(out, "{}", case(seed))?;
    }
    out.flush()
}

fn case(seed: u64) -> Value {
    let rng = &mut Rng::new(seed, 1);
    let views = random_kinds(rng);
    let schema = Schema {
        game: "random".into(),
        revision: 1,
        views,
        own: Vec::new(),
        inputs: Vec::new(),
        events: Vec::new(),
        messages: Vec::new(),
    };
    let mut viewer = Viewer::new(FrameEncoder::new(&schema.views));
    if seed.is_multiple_of(2) {
        viewer.follow_a_room(rng, &schema.views);
    } else {
        viewer.see_anything(rng);
    }
    json!({ "schema": schema.to_json(), "frames": viewer.frames })
}

struct Viewer {
    encoder: FrameEncoder,
    held: Option<Snapshot>,
    frames: Vec<Value>,
}

impl Viewer {
    fn new(encoder: FrameEncoder) -> Self {
        Self { encoder, held: None, frames: Vec::new() }
    }

    /// Whether the frame could be decoded.
    fn see(&mut self, frame: &[u8]) -> bool {
        let decoded = self.encoder.codec().decode(self.held.as_ref(), frame);
        let mut bytes = vec![ServerTag::Frame as u8];
        bytes.extend_from_slice(frame);
        self.frames.push(match &decoded {
            Ok(snapshot) => {
                let strings: BTreeMap<_, _> =
                    snapshot.strings().iter().map(|(place, string)| (place, to_hex(string))).collect();
                json!({
                    "bytes": to_hex(&bytes), "tick": snapshot.tick().0, "hash": snapshot.hash(), "strings": strings,
                })
            }
            Err(error) => {
                let code = match error {
                    FrameError::WrongBaseline { .. } => "wrong_baseline",
                    FrameError::WrongHash { .. } => "wrong_hash",
                    FrameError::OutOfBits(_) | FrameError::Malformed(_) => "malformed",
                };
                json!({ "bytes": to_hex(&bytes), "error": code })
            }
        });
        let is_good = decoded.is_ok();
        self.held = decoded.ok().or(self.held.take());
        is_good
    }

    fn follow_a_room(&mut self, rng: &mut Rng, kinds: &[Kind]) {
        let mut room = Moving::new(rng, kinds);
        let mut newest = Snapshot::new(Tick(room.tick.0.wrapping_sub(1)));
        // What the room has shown, and what was sent of it but has not arrived; each with how much is known of it by
        // who holds it.
        let (mut shown, mut line) = (Vec::<Snapshot>::new(), VecDeque::new());
        let (mut sent, mut arrived): (Option<(usize, u8)>, _) = (None, None);
        let mut stall = 0;
        for place in 0..TICKS as usize {
            let mut snapshot = room.snapshot();
            self.encoder.follow(&newest, &mut snapshot);
            shown.push(snapshot.clone());
            newest = snapshot;
            room.step(rng);
            if rng.chance(0.04) {
                line.clear();
                // Who joins again still has what it saw, but the room builds on nothing.
                sent = if rng.chance(0.5) { arrived } else { None };
            }
            if stall > 0 {
                stall -= 1;
            } else {
                stall = if rng.chance(0.06) { rng.below(40) } else { 0 };
                let age = |place: usize| newest.tick().since(shown[place].tick());
                let base = sent.filter(|(place, _)| age(*place) <= 64);
                let baseline = base.map(|(place, depth)| Baseline { snapshot: &shown[place], depth });
                let mut frame = Vec::new();
                self.encoder.encode(baseline, &newest, rng.chance(0.3), &mut frame);
                let depth = base.map_or(0, |(old, depth)| Baseline::depth_after(depth, age(old) as u32));
                sent = Some((place, depth));
                line.push_back((frame, place, depth));
            }
            let is_last = place + 1 == TICKS as usize;
            while (is_last || rng.chance(0.7))
                && let Some((frame, place, depth)) = line.pop_front()
            {
                self.receive(rng, &frame, &shown[place]);
                arrived = Some((place, depth));
            }
        }
    }

    /// What arrives of a snapshot, at times after a spoilt copy of it.
    fn receive(&mut self, rng: &mut Rng, frame: &[u8], shown: &Snapshot) {
        if rng.chance(0.2) {
            let mut spoilt = frame.to_vec();
            cases::mutate(rng, &mut spoilt);
            if self.encoder.codec().decode(self.held.as_ref(), &spoilt).is_err() {
                self.see(&spoilt);
            }
        }
        assert!(self.see(frame), "it was just encoded");
        assert_eq!(self.held.as_ref(), Some(shown), "what the room thinks it holds");
    }

    /// Frames of random bytes, mostly such that show somebody who was not so before.
    fn see_anything(&mut self, rng: &mut Rng) {
        for _ in 0..WILD_FRAMES {
            let mut frame = self.anything(rng);
            for _ in 0..rng.below(WILD_TRIES_MAX) {
                let decoded = self.encoder.codec().decode(self.held.as_ref(), &frame);
                let before = |id| self.held.as_ref().and_then(|held| held.get(id));
                if decoded.is_ok_and(|snapshot| snapshot.rows().any(|row| before(row.id) != Some(row))) {
                    break;
                }
                frame = self.anything(rng);
            }
            self.see(&frame);
        }
    }

    /// Random bytes behind a head, as many of them as are looked at.
    fn anything(&self, rng: &mut Rng) -> Vec<u8> {
        let mut flags = rng.bits() as u8 & 0x3f & !HASH;
        if rng.chance(0.5) {
            flags &= !AGE;
        }
        // Upon nobody, little can be built.
        let keyframes = self.held.as_ref().map_or(1.0, |held| if held.is_empty() { 0.7 } else { 0.1 });
        if rng.chance(keyframes) {
            flags = (flags | KEYFRAME | COMINGS) & !AGE;
        } else {
            flags &= !KEYFRAME;
        }
        let age = if flags & AGE == 0 { 1 } else { 2 + rng.below(63) as u8 };
        let tick = self.held.as_ref().map_or(Tick(rng.bits()), Snapshot::tick).0.wrapping_add(age.into());
        let mut frame = vec![flags];
        frame.extend_from_slice(&tick.to_le_bytes()[..if flags & KEYFRAME == 0 { 1 } else { 4 }]);
        if flags & AGE != 0 {
            frame.push(age);
        }
        let head = frame.len();
        // Few strings come, and few entities enter.
        if flags & STRINGS != 0 {
            frame.extend_from_slice(&[0, rng.bits() as u8]);
        } else if flags & KEYFRAME != 0 {
            frame.push(0x80 | rng.below(32) as u8);
        }
        let few = rng.below(256) as u8;
        frame.extend((0..WILD_BYTES_MAX).map(|_| if rng.chance(0.2) { few } else { rng.bits() as u8 }));
        let codec = self.encoder.codec();
        let ends =
            (head..frame.len()).rev().find(|end| codec.decode(self.held.as_ref(), &frame[..*end]).is_ok());
        frame.truncate(ends.unwrap_or(head + rng.below(40) as usize));
        frame
    }
}

/// Rows that move, mostly as they did before.
struct Moving<'a> {
    kinds: &'a [Kind],
    tick: Tick,
    rows: BTreeMap<u16, Row>,
    strings: BTreeMap<u32, Arc<[u8]>>,
}

struct Row {
    kind: u8,
    codes: Vec<u32>,
    speeds: Vec<i32>,
}

impl<'a> Moving<'a> {
    fn new(rng: &mut Rng, kinds: &'a [Kind]) -> Self {
        let tick = Tick(if rng.chance(0.3) { u32::MAX - rng.below(100) } else { rng.bits() });
        let mut room = Self { kinds, tick, rows: BTreeMap::new(), strings: BTreeMap::new() };
        for _ in 0..rng.below(24) {
            room.enter(rng);
        }
        room
    }

    fn enter(&mut self, rng: &mut Rng) {
        if self.kinds.is_empty() {
            return;
        }
        let id = if rng.chance(0.5) { 1 + rng.below(30) } else { 1 + rng.below(65_535) } as u16;
        let kind = rng.below(self.kinds.len() as u32) as u8;
        let fields = self.kinds[usize::from(kind)].fields.len();
        self.rows.insert(id, Row { kind, codes: vec![0; fields], speeds: vec![0; fields] });
    }

    fn step(&mut self, rng: &mut Rng) {
        self.tick += if rng.chance(0.03) { 1 + rng.below(3) } else { 1 };
        if rng.chance(0.1) {
            self.enter(rng);
        }
        if rng.chance(0.1) {
            let place = rng.below(self.rows.len() as u32 + 1) as usize;
            let id = self.rows.keys().nth(place).copied();
            id.map(|id| self.rows.remove(&id));
        }
        for row in self.rows.values_mut() {
            if rng.chance(0.2) {
                continue;
            }
            let fields = &self.kinds[usize::from(row.kind)].fields;
            for ((field, code), speed) in fields.iter().zip(&mut row.codes).zip(&mut row.speeds) {
                let max = code_max(field.kind.bits());
                if field.kind.is_string() {
                    if rng.chance(0.02) {
                        *code = [0, 1, 2, 500, 1023][rng.below(5) as usize];
                        if *code != 0 && (rng.chance(0.3) || !self.strings.contains_key(code)) {
                            self.strings.insert(*code, cases::random_bytes(rng, 12).into());
                        }
                    }
                } else if matches!(
                    field.kind,
                    FieldKind::Fixed { .. } | FieldKind::Angle { .. } | FieldKind::Int { .. }
                ) {
                    match rng.below(40) {
                        0 => *speed = 0,
                        1 => *speed = rng.bits() as i32 >> rng.below(32),
                        2 => *code = rng.bits(),
                        3..20 => *speed = speed.wrapping_add(rng.below(9) as i32 - 4),
                        _ => {}
                    }
                    *code = code.wrapping_add_signed(*speed) & max;
                } else if rng.chance(0.05) {
                    *code = rng.bits() >> rng.below(32) & max;
                }
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(self.tick);
        let mut strings = BTreeMap::new();
        for (id, row) in &self.rows {
            let id = EntityId::new(*id).expect("ids are from 1");
            snapshot.push(id, row.kind, |out| out.extend_from_slice(&row.codes));
            for (field, code) in self.kinds[usize::from(row.kind)].fields.iter().zip(&row.codes) {
                if field.kind.is_string() && *code != 0 {
                    strings.insert(*code, self.strings[code].clone());
                }
            }
        }
        snapshot.seal(strings);
        snapshot
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}
