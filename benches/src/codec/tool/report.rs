//! What was found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fracas_shared::schema::Kind;
use serde_json::{Value, json};

use super::super::entropy::Entropies;
use super::measure::Measured;
use super::options::Options;
use super::trace::Trace;
use super::updates::Counts;

/// All figures of a run.
pub struct Report {
    file: String,
    baseline: u32,
    frames: u32,
    rows: u64,
    entities: u64,
    row_bits: u32,
    counts: Counts,
    entropies: Entropies,
    measured: Vec<Measured>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        kind: &Kind,
        trace: &Trace,
        (counts, entropies): (Counts, Entropies),
        measured: Vec<Measured>,
    ) -> Self {
        Self {
            file: options.trace.display().to_string(),
            baseline: options.baseline,
            frames: trace.frames(),
            rows: trace.rows(),
            entities: trace.entities(),
            row_bits: kind.fields.iter().map(|field| u32::from(field.kind.bits())).sum(),
            counts,
            entropies,
            measured,
            notes: trace.notes(),
        }
    }

    fn changed_share(&self) -> f64 {
        self.counts.changed as f64 / self.counts.updates as f64
    }

    /// The figures with stable names; what there is nothing of is null.
    pub fn json(&self) -> Value {
        let Counts { updates, changed, entered, left } = self.counts;
        let configuration = |measured: &Measured| {
            let figures = Figures::new(measured, updates);
            json!({
                "name": measured.name,
                "frames": figures.frames,
                "entity_updates": updates,
                "entity_rows": measured.rows,
                "changed_share": self.changed_share(),
                "delta_bytes": figures.bytes,
                "bytes_per_frame": figures.mean,
                "bytes_per_frame_p50": figures.p50,
                "bytes_per_frame_p99": figures.p99,
                "bytes_per_frame_max": figures.max,
                "bits_per_update": figures.bits_per_update,
                "bytes_per_update": figures.bits_per_update / 8.0,
                "encode_ns_per_entity": measured.encode_ns_per_entity,
                "decode_ns_per_entity": measured.decode_ns_per_entity,
                "keyframes": measured.keyframes,
                "keyframe_bytes": measured.keyframe_bytes,
                // What does not come back is an error, and there is no report.
                "round_trip": true,
            })
        };
        json!({
            "trace": {
                "file": self.file,
                "frames": self.frames,
                "rows": self.rows,
                "entities": self.entities,
                "row_bits": self.row_bits,
                "changed": changed,
                "entered": entered,
                "left": left,
            },
            "baseline": self.baseline,
            "configurations": self.measured.iter().map(configuration).collect::<Vec<_>>(),
            "entropy": {
                "first_differences_bits": self.entropies.differences,
                "second_differences_bits": self.entropies.second_differences,
            },
            "notes": self.notes,
        })
    }

    /// The figures as a text of some lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Counts { updates, entered, left, .. } = self.counts;
        writeln!(
            out,
            "{}: {} entities in {} frames, {} rows",
            self.file, self.entities, self.frames, self.rows
        )?;
        writeln!(
            out,
            "baseline {} back (frames are numbered in order, whatever their ticks); keyframes, the first ones: {}",
            self.baseline, self.baseline
        )?;
        writeln!(
            out,
            "{updates} updates, {} % of which change anything; {entered} entered, {left} left",
            number(self.changed_share() * 100.0, 1)
        )?;
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "{:32}{:>19}{:>33}{:>10}{:>28}",
            "", "per update", "bytes per frame", "keyframe", "ns per entity"
        )?;
        let cells =
            ["bits", "bytes", "mean", "p50", "p99", "max", "bytes", "encode", "decode"].map(str::to_owned);
        write_row(out, "", &cells)?;
        for measured in &self.measured {
            let Figures { mean, p50, p99, max, bits_per_update: bits, .. } = Figures::new(measured, updates);
            let cells = [
                number(bits, 3),
                number(bits / 8.0, 3),
                number(mean, 1),
                p50.to_string(),
                p99.to_string(),
                max.to_string(),
                measured.keyframe_bytes.to_string(),
                number(measured.encode_ns_per_entity, 1),
                number(measured.decode_ns_per_entity, 1),
            ];
            write_row(out, measured.name, &cells)?;
        }
        let controls = [
            ("control: codes as they are", f64::from(self.row_bits)),
            ("control: entropy of differences", self.entropies.differences),
            ("control: of second differences", self.entropies.second_differences),
        ];
        for (name, bits) in controls {
            write_row(out, name, &[number(bits, 3), number(bits / 8.0, 3)])?;
        }
        writeln!(out)?;
        writeln!(out, "Every frame came back as it went.")
    }
}

/// Of the frames that are no keyframes.
struct Figures {
    frames: u64,
    bytes: u64,
    mean: f64,
    p50: usize,
    p99: usize,
    max: usize,
    bits_per_update: f64,
}

impl Figures {
    fn new(measured: &Measured, updates: u64) -> Self {
        let frames = measured.sizes.values().sum();
        let bytes = measured.sizes.iter().map(|(size, count)| *size as u64 * count).sum();
        Self {
            frames,
            bytes,
            mean: bytes as f64 / frames as f64,
            p50: quantile(&measured.sizes, frames, 0.5),
            p99: quantile(&measured.sizes, frames, 0.99),
            max: quantile(&measured.sizes, frames, 1.0),
            bits_per_update: bytes as f64 * 8.0 / updates as f64,
        }
    }
}

/// The size that this share of the frames does not exceed.
fn quantile(sizes: &BTreeMap<usize, u64>, frames: u64, share: f64) -> usize {
    let wanted = (frames as f64 * share).ceil() as u64;
    let mut passed = 0;
    let is_it = |(_, count): &(&usize, &u64)| {
        passed += **count;
        passed >= wanted
    };
    sizes.iter().find(is_it).map_or(0, |(size, _)| *size)
}

fn write_row(out: &mut String, name: &str, cells: &[String]) -> std::fmt::Result {
    write!(out, "{name:32}")?;
    for (cell, width) in cells.iter().zip([10, 9, 12, 7, 7, 7, 10, 10, 9, 9]) {
        write!(out, "{cell:>width$}")?;
    }
    writeln!(out)
}

/// A figure, or a dash when there is none.
fn number(figure: f64, decimals: usize) -> String {
    if figure.is_finite() { format!("{figure:.decimals$}") } else { "-".into() }
}
