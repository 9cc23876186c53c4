//! Random schemas with frames and rows of theirs, as bytes and as the values that they stand for: what
//! a client in another language is tested against.
//!
//! `cargo run -p fracas-shared --example vectors -- 100 7` writes 100 cases beginning with the seed 7,
//! one JSON object on each line: a schema, a viewer's frames one upon the other, and rows of each other
//! union. Bytes are in hexadecimal; what has no number in JSON is null.

use std::env;
use std::io::{self, BufWriter, Write};

use fracas_shared::frame::FrameCodec;
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, LooseRow, OwnHead, RowCodec, ServerTag};
use fracas_shared::quant;
use fracas_shared::row::Names;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Rng, Schema, Tick};
use serde_json::{Map, Value, json};

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/cases.rs"]
mod cases;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/samples.rs"]
mod samples;

use samples::{Scene, random_kinds, random_loose_row};

const FRAMES_PER_CASE: usize = 6;
const SEATS_MAX: u32 = fracas_shared::limits::SEATS_MAX as u32;

fn main() -> io::Result<()> {
    let number = |place: usize, default: u64| {
        env::args().nth(place).map_or(default, |word| word.parse().expect("usage: vectors [cases [seed]]"))
    };
    let (cases, seed) = (number(1, 100), number(2, 0));
    let mut out = BufWriter::new(io::stdout().lock());
    for seed in seed..seed + cases {
        writeln!(out, "{}", case(&mut Rng::new(seed, 0)))?;
    }
    out.flush()
}

fn case(rng: &mut Rng) -> Value {
    let schema = Schema {
        game: "random".into(),
        revision: 1,
        views: random_kinds(rng),
        own: random_kinds(rng),
        inputs: random_kinds(rng),
        events: random_kinds(rng),
        messages: random_kinds(rng),
    };
    json!({
        "schema": schema.to_json(),
        "frames": frames(rng, &schema.views),
        "own": own(rng, &schema.own),
        "events": events(rng, &schema.events),
        "input": input(rng, &schema.inputs),
        "message": message(rng, &schema.messages),
    })
}

/// Frames of a scene; each is a keyframe or builds on the one before it.
fn frames(rng: &mut Rng, kinds: &[Kind]) -> Value {
    let codec = FrameCodec::new(kinds);
    let mut scene = Scene::new(rng, kinds.to_vec());
    let mut baseline: Option<Snapshot> = None;
    let mut frames = Vec::new();
    for _ in 0..FRAMES_PER_CASE {
        let snapshot = scene.snapshot();
        let mut bytes = vec![ServerTag::Frame as u8];
        // As its viewer has it.
        let wanted = baseline.as_ref().filter(|_| rng.chance(0.85));
        codec.encode(wanted.map(Into::into), &snapshot, rng.chance(0.5), &mut bytes);
        let entities: Vec<_> = snapshot
            .rows()
            .map(|row| {
                let kind = &kinds[row.kind as usize];
                let values = values(kind, row.codes, &snapshot);
                json!({ "id": row.id.get(), "kind": kind.name, "codes": row.codes, "values": values })
            })
            .collect();
        frames.push(json!({
            "bytes": to_hex(&bytes), "tick": snapshot.tick().0, "hash": snapshot.hash(), "entities": entities,
        }));
        baseline = codec.decode(baseline.as_ref(), &bytes[1..]).ok();
        scene.step(rng);
    }
    Value::Array(frames)
}

fn own(rng: &mut Rng, kinds: &[Kind]) -> Value {
    let row = random_loose_row(rng, kinds);
    let input_margin = Some(rng.bits() as i8).filter(|margin| *margin != i8::MIN);
    let input_tick = Tick(rng.bits());
    let head = OwnHead { input_tick, input_margin, has_row: row.is_some() };
    let mut bytes = vec![ServerTag::Own as u8];
    head.write(&mut bytes);
    if let Some(row) = &row {
        RowCodec::new(kinds).encode(row, &mut bytes);
    }
    json!({
        "bytes": to_hex(&bytes), "inputTick": head.input_tick.0, "margin": head.input_margin,
        "row": row.map(|row| loose_row(kinds, &row)),
    })
}

fn events(rng: &mut Rng, kinds: &[Kind]) -> Value {
    let rows: Vec<_> = (0..rng.below(5)).filter_map(|_| random_loose_row(rng, kinds)).collect();
    let head = EventsHead { tick: Tick(rng.bits()), count: rows.len() as u8 };
    let mut bytes = vec![ServerTag::Events as u8];
    head.write(&mut bytes);
    RowCodec::new(kinds).encode_many(&rows, &mut bytes);
    let rows: Vec<_> = rows.iter().map(|row| loose_row(kinds, row)).collect();
    json!({ "bytes": to_hex(&bytes), "tick": head.tick.0, "rows": rows })
}

fn input(rng: &mut Rng, kinds: &[Kind]) -> Value {
    let Some((row, values)) = written_row(rng, kinds) else { return Value::Null };
    let (tick, ack) = (Tick(rng.bits()), Tick(rng.bits()));
    let mut bytes = vec![ClientTag::Input as u8];
    let view_lag = rng.bits() as u16;
    InputHead { tick, ack, view_lag }.write(&mut bytes);
    RowCodec::new(kinds).encode(&row, &mut bytes);
    json!({
        "bytes": to_hex(&bytes), "tick": tick.0, "ack": ack.0, "viewLag": view_lag,
        "kind": kinds[row.kind as usize].name, "values": values,
    })
}

fn message(rng: &mut Rng, kinds: &[Kind]) -> Value {
    let Some((row, values)) = written_row(rng, kinds) else { return Value::Null };
    let mut bytes = vec![ClientTag::Message as u8];
    RowCodec::new(kinds).encode(&row, &mut bytes);
    json!({ "bytes": to_hex(&bytes), "kind": kinds[row.kind as usize].name, "values": values })
}

/// A row as a client writes it, and the values that it is written from: at times out of their range.
fn written_row(rng: &mut Rng, kinds: &[Kind]) -> Option<(LooseRow, Value)> {
    let number = rng.below(kinds.len() as u32);
    let kind = kinds.get(number as usize)?;
    let mut row = LooseRow { kind: number as u8, ..LooseRow::default() };
    let mut values = Map::new();
    for field in &kind.fields {
        let (code, value) = if field.kind.is_string() {
            let (string, value) = random_string(rng, &field.kind);
            row.strings.push(string);
            (row.strings.len() as u32, value)
        } else {
            random_value(rng, &field.kind)
        };
        row.codes.push(code);
        values.insert(field.name.clone(), value);
    }
    Some((row, Value::Object(values)))
}

fn random_value(rng: &mut Rng, kind: &FieldKind) -> (u32, Value) {
    match *kind {
        FieldKind::Bool => {
            let value = rng.chance(0.5);
            (u32::from(value), json!(value))
        }
        FieldKind::Uint { bits } => {
            let value = rng.bits() >> rng.below(32);
            (quant::uint_code(value, bits), json!(value))
        }
        FieldKind::Int { bits } => {
            let value = rng.bits() as i32 >> rng.below(32);
            (quant::int_code(value, bits), json!(value))
        }
        FieldKind::Fixed { min, step, bits } => {
            let codes = f64::from(quant::code_max(bits));
            // Halves of a step too, and numbers beyond both ends.
            let place = (f64::from(rng.range(-0.2, 1.2)) * codes * 2.0).round() / 2.0;
            let value = (min + place * step) as f32;
            (quant::fixed_code(value, min, step, bits), json!(f64::from(value)))
        }
        FieldKind::Angle { bits } => {
            let value = match rng.below(4) {
                0 => rng.range(-1e-6, 1e-6),
                1 => rng.range(-1e4, 1e4),
                _ => rng.range(-7.0, 7.0),
            };
            (quant::angle_code(value, bits), json!(f64::from(value)))
        }
        FieldKind::Enum { ref names } => {
            let index = rng.below(names.len() as u32);
            (index, json!(names[index as usize]))
        }
        FieldKind::Entity => {
            let id = rng.bits() as u16;
            (u32::from(id), if id == 0 { Value::Null } else { json!(id) })
        }
        FieldKind::Player => {
            let code = rng.below(SEATS_MAX + 1);
            (code, code.checked_sub(1).map_or(Value::Null, |seat| json!(seat)))
        }
        FieldKind::Text | FieldKind::Bytes => unreachable!("strings are written elsewhere"),
    }
}

/// What is sent of a string, and the string, which may be too long.
fn random_string(rng: &mut Rng, kind: &FieldKind) -> (Vec<u8>, Value) {
    if *kind == FieldKind::Bytes {
        let bytes: Vec<_> = (0..rng.below(300)).map(|_| rng.bits() as u8).collect();
        let value = to_hex(&bytes);
        return (bytes[..bytes.len().min(255)].to_vec(), json!(value));
    }
    let letters = ['a', 'ß', '€', '🎲', '\u{feff}'];
    let text: String = (0..rng.below(120)).map(|_| letters[rng.below(5) as usize]).collect();
    (text.as_bytes()[..text.floor_char_boundary(255)].to_vec(), json!(text))
}

fn loose_row(kinds: &[Kind], row: &LooseRow) -> Value {
    let kind = &kinds[row.kind as usize];
    json!({ "kind": kind.name, "values": values(kind, &row.codes, row) })
}

fn values(kind: &Kind, codes: &[u32], names: &dyn Names) -> Value {
    let values =
        kind.fields.iter().zip(codes).map(|(field, code)| (field.name.clone(), value(field, *code, names)));
    Value::Object(values.collect())
}

fn value(field: &Field, code: u32, names: &dyn Names) -> Value {
    let string = || names.string_at(code).unwrap_or_default();
    match field.kind {
        FieldKind::Bool => json!(code == 1),
        FieldKind::Uint { .. } => json!(code),
        FieldKind::Int { bits } => json!(quant::int_value(code, bits)),
        FieldKind::Fixed { min, step, .. } => json!(f64::from(quant::fixed_value(code, min, step))),
        FieldKind::Angle { bits } => json!(f64::from(quant::angle_value(code, bits))),
        FieldKind::Enum { ref names } => json!(names.get(code as usize)),
        FieldKind::Entity => json!(Some(code).filter(|id| *id != 0)),
        FieldKind::Player => json!(code.checked_sub(1).filter(|seat| *seat < SEATS_MAX)),
        FieldKind::Text => json!(String::from_utf8_lossy(string())),
        FieldKind::Bytes => json!(to_hex(string())),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}
