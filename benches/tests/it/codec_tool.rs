//! `cargo xtask codec`: on small traces.

mod wrong;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fracas_benches::codec::ArenaTrace;
use fracas_benches::codec::tool::{Options, Report, configurations, measure};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use tempfile::TempDir;

const SCHEMA: &str = r#"{"fields": [
    {"name": "x", "kind": "fixed", "min": 0, "step": 0.03125, "bits": 12, "velocity": "vx"},
    {"name": "vx", "kind": "fixed", "min": -8, "step": 0.25, "bits": 6},
    {"name": "dx", "kind": "int", "bits": 7},
    {"name": "hp", "kind": "uint", "bits": 7}]}"#;

/// A schema and a trace, as files.
struct Files {
    folder: TempDir,
    options: Options,
}

impl Files {
    fn new(schema: &str, trace: impl AsRef<[u8]>) -> Self {
        Self::named("trace.csv", schema, trace)
    }

    fn named(name: &str, schema: &str, trace: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options {
            schema: folder.path().join("schema.json"),
            trace: folder.path().join(name),
            baseline: 1,
            per_frame: None,
            json: None,
        };
        fs::write(&options.schema, schema).expect("a new file");
        fs::write(&options.trace, trace).expect("a new file");
        Self { folder, options }
    }

    fn with_baseline(mut self, baseline: u32) -> Self {
        self.options.baseline = baseline;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn measure(&self) -> anyhow::Result<Report> {
        measure(&self.options, &configurations())
    }

    fn json(&self) -> Value {
        self.measure().expect("the trace is right").json()
    }
}

/// The arena's crowd; ticks in steps of 10, entities from 1,000 on.
fn arena_csv(ticks: u64) -> String {
    let mut trace = ArenaTrace::new(60, 42);
    let mut text = "tick,entity,health,x,y,aim\n".to_owned();
    for tick in 1..=ticks {
        for (entity, [x, y, aim, health]) in trace.step().into_iter().enumerate() {
            writeln!(text, "{},{},{health},{x},{y},{aim}", tick * 10, entity + 1_000).expect("it is memory");
        }
    }
    text
}

fn arena_schema() -> String {
    serde_json::to_string(&ArenaTrace::schema()[0]).expect("a schema is plain data")
}

fn rows(rows: &[&str]) -> String {
    format!("tick,entity,x,vx,dx,hp\n{}\n", rows.join("\n"))
}

#[track_caller]
fn assert_error(files: &Files, parts: &[&str]) {
    let error = match files.measure() {
        Ok(report) => panic!("no error, and {}", report.json()),
        Err(error) => format!("{error:#}"),
    };
    for part in parts {
        assert!(error.contains(part), "not `{part}` in: {error}");
    }
}

#[test]
fn a_trace_is_measured() {
    let json = Files::new(&arena_schema(), arena_csv(40)).json();
    let found = &json["configurations"][0];
    assert_eq!(found["frames"], 39);
    assert_eq!(found["entity_updates"], 39 * 64);
    assert_eq!(found["keyframes"], 1);
    assert_eq!(found["round_trip"], true);
    let number = |name: &str| found[name].as_f64().unwrap_or_else(|| panic!("{name} in {found}"));
    assert_eq!(number("bits_per_update"), number("delta_bytes") * 8.0 / (39.0 * 64.0));
    assert_eq!(number("bytes_per_frame"), number("delta_bytes") / 39.0);
    assert!(number("bytes_per_frame_p50") <= number("bytes_per_frame_max"));
    assert!(number("encode_ns_per_entity") > 0.0 && number("decode_ns_per_entity") > 0.0);
    assert!(number("keyframe_bytes") > number("bytes_per_frame_max"), "a keyframe has all codes");
    let entropy = |name: &str| json["entropy"][name].as_f64().unwrap_or_else(|| panic!("{name} in {json}"));
    assert!((8.0..11.0).contains(&entropy("first_differences_bits")), "{json}");
    assert!((4.0..7.0).contains(&entropy("second_differences_bits")), "{json}");
}

#[test]
fn a_baseline_is_frames_back() {
    let files = Files::new(&arena_schema(), arena_csv(40)).with_baseline(30);
    let json = files.json();
    let found = &json["configurations"][0];
    assert_eq!((&found["frames"], &found["keyframes"]), (&10.into(), &30.into()));
    assert!(json["entropy"]["second_differences_bits"].is_null(), "nothing has a difference 30 frames ago");
    assert_error(&files.with_baseline(40), &["40 frames", "a longer trace or a smaller --baseline"]);
}

#[test]
fn entities_come_and_go() {
    let text =
        rows(&["1,7,1,0,0,9", "1,18446744073709551615,2,0,0,9", "2,7,1,0,0,9", "5,8,1,0,0,9", "5,7,1,0,0,8"]);
    let json = Files::new(SCHEMA, text).json();
    let trace = &json["trace"];
    assert_eq!((&trace["entered"], &trace["left"], &trace["changed"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!((&trace["entities"], &trace["rows"]), (&3.into(), &5.into()));
    assert_eq!(json["configurations"][0]["entity_updates"], 2);
}

#[test]
fn columns_may_be_in_any_order_and_more() {
    let text = "\u{feff}hp, who ,tick,dx,x,entity,vx\r\n9,Ann,1,3,1,7,0\r\n8,Ann,2,3,1,7, 0\r\n";
    let json = Files::new(SCHEMA, text).json();
    assert_eq!(json["configurations"][0]["entity_updates"], 1);
    assert!(json["notes"].to_string().contains("not looked at: who"), "{json}");
}

#[test]
fn an_int_is_a_code_or_a_value() {
    let check = |dx: [&str; 3], note: &str| {
        let rows_of = |(place, dx): (usize, &str)| format!("{},7,1,0,{dx},9", place + 1);
        let lines: Vec<_> = dx.into_iter().enumerate().map(rows_of).collect();
        let json = Files::new(SCHEMA, rows(&lines.iter().map(String::as_str).collect::<Vec<_>>())).json();
        assert!(json["notes"].to_string().contains(note), "{json}");
    };
    check(["63", "64", "127"], "`dx` has no negative number, so it has codes: the value is code - 64");
    check(["63", "0", "-64"], "`dx` has negative numbers, so it has values: the code is value + 64");
    let text = rows(&["1,7,1,0,64,9", "2,7,1,0,-1,9"]);
    assert_error(&Files::new(SCHEMA, text), &["line 2", "`dx`", "64 is beyond its 7 bits, -64 to 63"]);
}

#[test]
fn a_trace_may_be_compressed() {
    let (schema, text) = (arena_schema(), arena_csv(12));
    let plain = Files::new(&schema, &text).json();
    // Two frames of zstd, and between them one that is to be skipped.
    let (start, end) = text.split_at(text.len() / 3);
    let compress = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
    let skipped = [&0x184D_2A50_u32.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
    let bytes = [compress(start), skipped, compress(end)].concat();
    let compressed = Files::named("trace.csv.zst", &schema, &bytes).json();
    let bytes_of = |json: &Value| json["configurations"][0]["delta_bytes"].clone();
    assert_eq!(bytes_of(&plain), bytes_of(&compressed));

    let cut = Files::named("trace.csv.zst", &schema, &bytes[..bytes.len() - 9]);
    assert_error(&cut, &["trace.csv.zst", "no whole file of zstd"]);
    assert_error(&Files::named("trace.csv.zst", &schema, &text), &["no whole file of zstd"]);
}

fn codec(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fracas-codec"));
    command.args(arguments).current_dir(folder).output().expect("the program starts")
}

#[test]
fn the_program_writes_what_it_measured() {
    let files = Files::new(&arena_schema(), arena_csv(8)).with_baseline(2);
    let folder = files.folder.path();
    let inputs = ["--schema", "schema.json", "--trace", "trace.csv", "--baseline", "2"];
    let outputs = ["--per-frame", "sizes.csv", "--json", "summary.json"];
    let output = codec(&[&inputs[..], &outputs].concat(), folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("384 updates") && stdout.contains("Every frame came back"), "{stdout}");

    let summary = fs::read_to_string(files.path("summary.json")).expect("--json was given");
    let summary: Value = serde_json::from_str(&summary).expect("it is JSON");
    let found = &summary["configurations"][0];
    let sizes = fs::read_to_string(files.path("sizes.csv")).expect("--per-frame was given");
    let mut lines = sizes.lines();
    assert_eq!(lines.next(), Some("tick,bytes"));
    let sizes: Vec<(u64, u64)> = lines
        .map(|line| line.split_once(',').expect("two columns"))
        .map(|(tick, bytes)| (tick.parse().expect("a tick"), bytes.parse().expect("a number")))
        .collect();
    let sum = |sizes: &[(u64, u64)]| Value::from(sizes.iter().map(|(_, bytes)| bytes).sum::<u64>());
    assert_eq!(
        sizes.iter().map(|(tick, _)| *tick).collect::<Vec<_>>(),
        (1..=8).map(|tick| tick * 10).collect::<Vec<_>>()
    );
    assert_eq!(sum(&sizes[..2]), found["keyframe_bytes"]);
    assert_eq!(sum(&sizes[2..]), found["delta_bytes"]);
}

#[test]
fn the_programs_exit_code_tells_who_is_wrong() {
    let files = Files::new(SCHEMA, rows(&["1,7,128,0,0,900"]));
    let check = |arguments: &[&str], code: i32, said: &str| {
        let output = codec(arguments, files.folder.path());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.code() == Some(code) && text.contains(said), "{arguments:?}: {text}");
    };
    let files_are = ["--schema", "schema.json", "--trace", "trace.csv"];
    check(&files_are, 1, "error: trace.csv, line 2: column `hp`: 900 is beyond its 7 bits");
    check(&["--schema", "schema.json", "--trace", "none.csv"], 1, "cannot read none.csv");
    check(&[&files_are[..], &["--json", "none/summary.json"]].concat(), 1, "cannot write none/summary.json");
    check(&["--schema", "schema.json"], 2, "--trace");
    check(&[&files_are[..], &["--baseline", "65"]].concat(), 2, "65 is not in 1..=64");
    check(&[&files_are[..], &["--wrong"]].concat(), 2, "--wrong");
    check(&["--help"], 0, "cargo xtask codec --schema schema.json --trace frames.csv.zst");
}
