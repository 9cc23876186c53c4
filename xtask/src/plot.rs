//! `cargo xtask bench plot`: figures as pictures.

mod chart;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use self::chart::{Bar, Chart};

/// A server of `cargo xtask bench floor`: its name there, and what it is called and said to do in a picture.
const SERVERS: [(&str, &str, &str); 4] = [
    ("skeleton", "Skeleton", "one read, one write"),
    ("io_uring", "Skeleton, io_uring", "one call for all"),
    ("product", "Fracas", "the whole server"),
    ("naive", "Naive", "tokio-tungstenite"),
];
/// The one that a picture is about.
const PRODUCT: &str = "product";

/// Draws each case of these files into a file of its own.
pub(crate) fn run(files: &[PathBuf], out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for file in files {
        let name = || file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", name()))?;
        let json: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", name()))?;
        let one = std::slice::from_ref(&json);
        for figures in json["cases"].as_array().map_or(one, Vec::as_slice) {
            let (case, chart) = floor(figures).with_context(|| {
                format!("{} is none that `cargo xtask bench floor --json FILE` writes", name())
            })?;
            let picture = out.join(format!("floor-{case}.svg"));
            fs::write(&picture, chart.svg())
                .with_context(|| format!("cannot write {}", picture.display()))?;
            println!("{}", picture.display());
        }
    }
    Ok(())
}

/// The picture of a case's figures, and the case's name.
fn floor(figures: &Value) -> Option<(String, Chart)> {
    let case = &figures["case"];
    let number = |name: &str| case[name].as_f64();
    let (rooms, seats) = (number("rooms")?, number("seats")?);
    let rooms = if rooms == 1.0 { format!("a room of {seats}") } else { format!("{rooms} rooms of {seats}") };
    let subtitle = format!(
        "{} clients in {rooms}, {} Hz, {} inputs a second of each",
        number("clients")?,
        number("tick_hz")?,
        number("inputs_per_s")?
    );
    let bars: Vec<_> = SERVERS
        .iter()
        .filter_map(|(name, label, does)| {
            let spread = &figures["us_per_update"][name];
            let ratio = &figures["ratios_to_skeleton"][name]["median"];
            Some(Bar {
                label: (*label).to_owned(),
                remark: (*does).to_owned(),
                least: spread["least"].as_f64()?,
                low: spread["interval_95"]["low"].as_f64()?,
                median: spread["median"].as_f64()?,
                high: spread["interval_95"]["high"].as_f64()?,
                most: spread["most"].as_f64()?,
                ratio: ratio.as_f64(),
                is_subject: *name == PRODUCT,
            })
        })
        .collect();
    if bars.is_empty() {
        return None;
    }
    let rounds = figures["rounds_counted"].as_u64()?;
    let mut notes = vec![format!(
        "Bars: the median of {rounds} rounds. Thick lines: its 95 % interval; thin ones: from the least to the most."
    )];
    let circumstances: Vec<_> =
        ["date", "machine"].iter().filter_map(|name| figures[name].as_str()).collect();
    if !circumstances.is_empty() {
        notes.push(format!("{}.", circumstances.join(", ")));
    }
    let problems = figures["problems"].as_array()?.iter().filter_map(Value::as_str);
    Some((
        case["name"].as_str()?.to_owned(),
        Chart {
            title: "Processor time of the server for each update that a client gets".to_owned(),
            subtitle,
            axis: "microseconds for each update; \u{d7}: times what the skeleton takes".to_owned(),
            bars,
            notes,
            warnings: problems.map(|problem| format!("Not to be relied on: {problem}.")).collect(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures() -> Value {
        let spread = |median: f64| {
            json!({
                "median": median,
                "least": median - 1.0,
                "most": median + 2.0,
                "interval_95": { "low": median - 0.5, "high": median + 0.5 },
            })
        };
        json!({
            "case": {
                "name": "rooms-of-8", "clients": 400, "rooms": 50, "seats": 8, "tick_hz": 30, "inputs_per_s": 30.0,
            },
            "date": "2026-11-28",
            "machine": "2 cores of <something>",
            "problems": ["3 rounds count, and 11 are needed"],
            "rounds_counted": 3,
            "us_per_update": { "skeleton": spread(10.0), "product": spread(20.0) },
            "ratios_to_skeleton": { "product": spread(2.0) },
        })
    }

    #[test]
    fn figures_that_floor_writes_become_a_picture() {
        let (case, chart) = floor(&figures()).expect("a picture");
        assert_eq!(case, "rooms-of-8");
        assert_eq!(chart.bars.len(), 2, "those who took part");
        let svg = chart.svg();
        for words in [
            "400 clients in 50 rooms of 8, 30 Hz, 30 inputs a second of each",
            "microseconds",
            "2026-11-28, 2 cores of &lt;something>",
            "3 rounds count",
            "Fracas",
            "20.0",
        ] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
    }

    #[test]
    fn files_with_several_cases_become_several_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = figures();
        other["case"]["name"] = "room-of-200".into();
        let file = folder.path().join("figures.json");
        fs::write(&file, json!({ "cases": [figures(), other] }).to_string()).unwrap();
        let out = folder.path().join("new/folder");
        run(std::slice::from_ref(&file), &out).unwrap();
        for name in ["floor-rooms-of-8.svg", "floor-room-of-200.svg"] {
            assert!(fs::read_to_string(out.join(name)).unwrap().starts_with("<svg"));
        }
        fs::write(&file, "{}").unwrap();
        assert!(run(&[file], &out).unwrap_err().to_string().contains("bench floor --json"));
    }
}
