//! A room's frames on their way to viewers who join, stall and come back: each holds what the server thinks it
//! does, bit for bit. So does a decoder that was written in another language, from the page about the protocol alone.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use fracas_shared::frame::{Baseline, FrameCodec, FrameEncoder};
use fracas_shared::limits::BASELINE_AGE_MAX;
use fracas_shared::message::PROTOCOL_VERSION;
use fracas_shared::packet::ServerTag;
use fracas_shared::quant::code_max;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Schema, Tick};
use serde_json::{Value, json};

use crate::cases::check_cases;
use crate::golden::{from_hex, to_hex};
use crate::samples::{Scene, random_kinds};

const TICKS: usize = 40;
const VIEWERS: usize = 3;
/// Of a frame's head.
const ALL_FLAGS: u8 = 0x3f;

/// One viewer: what it holds, what the server knows of that, and what is still on the line.
#[derive(Default)]
struct Viewer {
    held: Option<Snapshot>,
    line: VecDeque<Vec<u8>>,
    /// The tick of the last frame that was sent, which it will hold, and how much it will know of moves.
    sent: Option<(usize, u8)>,
    stalls: u32,
}

impl Viewer {
    /// The frame of the newest of these snapshots, if its line takes one.
    fn send(&mut self, encoder: &mut FrameEncoder, shown: &[Snapshot], rng: &mut Rng) {
        if self.stalls > 0 {
            self.stalls -= 1;
            return;
        }
        if rng.chance(0.1) {
            self.stalls = rng.below(12);
        }
        if rng.chance(0.05) {
            // It lost its connection, and what was under way with it.
            *self = Self::default();
        }
        let (last, newest) = (shown.len() - 1, &shown[shown.len() - 1]);
        let age = |place: usize| newest.tick().since(shown[place].tick()) as u32;
        let sent = self.sent.filter(|(place, _)| age(*place) <= BASELINE_AGE_MAX);
        let baseline = sent.map(|(place, depth)| Baseline { snapshot: &shown[place], depth });
        let mut frame = Vec::new();
        encoder.encode(baseline, newest, rng.chance(0.3), &mut frame);
        let depth = sent.map_or(0, |(place, depth)| Baseline::depth_after(depth, age(place)));
        self.sent = Some((last, depth));
        self.line.push_back(frame);
    }

    /// Some of what is on the line arrives, or all of it.
    fn receive(&mut self, encoder: &FrameEncoder, shown: &[Snapshot], all: bool, rng: &mut Rng) {
        while (all || rng.chance(0.7))
            && let Some(frame) = self.line.pop_front()
        {
            let snapshot = encoder.codec().decode(self.held.as_ref(), &frame).expect("a frame decodes");
            let told = shown.iter().rfind(|shown| shown.tick() == snapshot.tick());
            assert_eq!(Some(&snapshot), told);
            self.held = Some(snapshot);
        }
    }
}

#[test]
fn viewers_hold_what_the_server_thinks_they_do() {
    check_cases(|rng| {
        let kinds = random_kinds(rng);
        let mut encoder = FrameEncoder::new(&kinds);
        let mut scene = Scene::new(rng, kinds);
        let mut shown: Vec<Snapshot> = Vec::new();
        let mut viewers: Vec<Viewer> = (0..VIEWERS).map(|_| Viewer::default()).collect();
        for tick in 0..TICKS {
            let mut snapshot = scene.snapshot();
            if let Some(last) = shown.last() {
                encoder.follow(last, &mut snapshot);
            }
            shown.push(snapshot);
            for viewer in &mut viewers {
                viewer.send(&mut encoder, &shown, rng);
                viewer.receive(&encoder, &shown, tick + 1 == TICKS, rng);
            }
            if rng.chance(0.8) { scene.step_by_one(rng) } else { scene.step(rng) }
        }
    });
}

/// A viewer's frames of a random room, and what it holds after each.
fn random_trace(rng: &mut Rng) -> Value {
    let kinds = random_kinds(rng);
    let mut scene = Scene::new(rng, kinds.clone());
    trace(rng, kinds, TICKS, |rng| {
        let snapshot = scene.snapshot();
        if rng.chance(0.8) {
            scene.step_by_one(rng);
        } else {
            scene.step(rng);
        }
        snapshot
    })
}

/// The same of ships that mostly go on as they did, so that the encoder learns what to expect.
fn ships_trace(rng: &mut Rng) -> Value {
    const SHIPS: u16 = 20;
    let field = |name, kind| Field::new(name, kind);
    let place = FieldKind::Fixed { min: 0.0, step: 1.0 / 32.0, bits: 12 };
    let fields = vec![
        field("x", place.clone()),
        field("y", place),
        field("aim", FieldKind::Angle { bits: 10 }),
        field("hp", FieldKind::Uint { bits: 7 }),
    ];
    let masks = fields.iter().map(|field| code_max(field.kind.bits())).collect::<Vec<_>>();
    let mut tick = Tick(u32::MAX - 50);
    let mut ships = vec![[[0_i32; 2]; 4]; SHIPS.into()];
    trace(rng, vec![Kind { name: "Ship".into(), fields }], 4 * TICKS, |rng| {
        let mut snapshot = Snapshot::new(tick);
        for (id, ship) in (1..).zip(&mut ships) {
            for (place, [code, speed]) in ship.iter_mut().enumerate() {
                let turn = rng.below(5) as i32 - 2;
                *speed = match place {
                    3 if rng.chance(0.02) => turn,
                    3 => 0,
                    _ => (*speed + turn).clamp(-20, 20),
                };
                *code += *speed;
            }
            snapshot.push(EntityId::new(id).expect("from 1 on"), 0, |codes| {
                codes.extend(ship.iter().zip(&masks).map(|([code, _], mask)| *code as u32 & mask));
            });
        }
        snapshot.seal(BTreeMap::new());
        tick += 1;
        snapshot
    })
}

fn trace(rng: &mut Rng, kinds: Vec<Kind>, ticks: usize, mut next: impl FnMut(&mut Rng) -> Snapshot) -> Value {
    let mut encoder = FrameEncoder::new(&kinds);
    let schema = Schema {
        game: "random".into(),
        revision: 1,
        views: kinds,
        own: Vec::new(),
        inputs: Vec::new(),
        events: Vec::new(),
        messages: Vec::new(),
    };
    let (mut shown, mut viewer, mut frames) = (Vec::<Snapshot>::new(), Viewer::default(), Vec::new());
    for _ in 0..ticks {
        let mut snapshot = next(rng);
        if let Some(last) = shown.last() {
            encoder.follow(last, &mut snapshot);
        }
        shown.push(snapshot);
        viewer.send(&mut encoder, &shown, rng);
        for frame in viewer.line.drain(..) {
            let snapshot = &shown[shown.len() - 1];
            let bytes = to_hex(&[&[ServerTag::Frame as u8], &frame[..]].concat());
            let entities: Vec<Value> =
                snapshot.rows().map(|row| json!({ "id": row.id.get(), "codes": row.codes })).collect();
            frames.push(json!({
                "bytes": bytes, "tick": snapshot.tick().0, "hash": snapshot.hash(), "entities": entities,
            }));
        }
    }
    json!({ "schema": schema.to_json(), "frames": frames })
}

/// What frames have been like since this form of them is in use. It only changes with [`PROTOCOL_VERSION`].
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/frames.json");

fn golden() -> Vec<Value> {
    let text = fs::read_to_string(GOLDEN).expect("the golden traces are there");
    let golden: Value = serde_json::from_str(&text).expect("they are JSON");
    assert_eq!(
        golden["protocol"], PROTOCOL_VERSION,
        "other frames need new golden traces: see `write_golden`"
    );
    golden["traces"].as_array().expect("a list").clone()
}

/// For a new form of frames: `cargo test -p fracas-shared -- --ignored write_golden`.
#[test]
#[ignore = "writes a file"]
fn write_golden() {
    let mut rng = Rng::new(11, 0);
    let traces = [random_trace, random_trace, random_trace, ships_trace].map(|trace| trace(&mut rng));
    let traces = traces.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n");
    let text = format!("{{\"protocol\":{PROTOCOL_VERSION},\"traces\":[\n{traces}\n]}}\n");
    fs::write(GOLDEN, text).expect("it can be written");
}

#[test]
fn golden_traces_decode() {
    let mut flags = 0;
    for trace in golden() {
        let schema = Schema::from_json(trace["schema"].as_str().expect("a schema")).expect("a schema");
        let codec = FrameCodec::new(&schema.views);
        let mut held: Option<Snapshot> = None;
        for frame in trace["frames"].as_array().expect("frames") {
            let bytes = from_hex(frame["bytes"].as_str().expect("bytes"));
            let snapshot =
                codec.decode(held.as_ref(), &bytes[1..]).expect("it was a frame when it was written");
            flags |= bytes[1];
            assert_eq!(frame["tick"], snapshot.tick().0);
            assert_eq!(frame["hash"], snapshot.hash());
            held = Some(snapshot);
        }
    }
    assert_eq!(flags, ALL_FLAGS, "all that a frame may carry is in one of them");
}

#[test]
fn a_decoder_made_by_the_page_alone_reads_traces() {
    let mut traces = golden();
    let mut rng = Rng::new(7, 0);
    for _ in 0..30 {
        traces.push(random_trace(&mut rng));
    }
    let decoder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/frames.py");
    let mut python = Command::new("python3")
        .arg(decoder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`python3` cannot be started: this test needs Python 3.8 or newer, without packages");
    let mut input = python.stdin.take().expect("it is piped");
    input.write_all(Value::from(traces).to_string().as_bytes()).expect("it reads all");
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let frames: usize = said.split(' ').next().and_then(|count| count.parse().ok()).expect("a count");
    assert!(frames > 500, "{said}");
}
