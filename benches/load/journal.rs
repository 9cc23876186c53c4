//! What the journal costs.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use crate::bounds::Bound;
use crate::load::{Load, Pace, Shape};
use crate::place::{self, Place};
use crate::report::Report;

/// How many times the processor time of a server without one.
const RATIO_MAX: f64 = 1.03;

/// What the journal costs: processor time of the server for each update that a client got.
///
/// Pairs take turns: in each, one server writes its journal and another one does not, each as often first as second, with the
/// same clients. The median of the pairs' ratios is at most 1.03.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients together.
    #[arg(long, default_value_t = 400)]
    clients: u64,
    /// Ticks of a room in a second.
    #[arg(long, default_value_t = 30)]
    tick_hz: u16,
    #[command(flatten)]
    pace: Pace,
    /// How many pairs.
    #[arg(long, default_value_t = 11)]
    pairs: u32,
    /// How long each server is looked at, in seconds.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    #[command(flatten)]
    place: place::Options,
}

/// What one server took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// For each update, in microseconds.
    us: f64,
    /// Bytes of the journal in a minute, for each client.
    journal_bytes: f64,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, tick_hz, pace: Pace { inputs, ramp }, pairs, seconds, .. } = *options;
    ensure!(pairs >= 1 && seconds >= 1.0, "a pair and a second at least");
    let shape = Shape { clients, bots: 0, stalling: 0, tick_hz, inputs, ramp };
    let place = Place::take(&options.place)?;
    let measure = |journal: &str| -> Result<Taken> {
        let mut load = Load::start_with(&shape, Duration::ZERO, &place, &[journal])?.whole()?;
        let window = load.watch(Duration::from_secs_f64(seconds), &place)?;
        let bytes = window.metrics.value("fracas_journal_bytes_total");
        Ok(Taken {
            us: window.cpu_s * 1e6 / window.told.count("updates") as f64,
            journal_bytes: bytes / clients as f64 / window.seconds * 60.0,
        })
    };
    let mut found = Vec::new();
    for pair in 0..pairs {
        eprintln!("pair {} of {pairs}", pair + 1);
        found.push(if pair.is_multiple_of(2) {
            let without = measure("--journal=off")?;
            (without, measure("--journal=on")?)
        } else {
            let with = measure("--journal=on")?;
            (measure("--journal=off")?, with)
        });
    }
    place.tell(&[report(&shape.sentence(), &found)])
}

fn report(title: &str, found: &[(Taken, Taken)]) -> Report {
    let mut report = Report::new(title);
    report.row("", "   without us     with us       ratio");
    let mut ratios = Vec::new();
    for (number, (without, with)) in found.iter().enumerate() {
        let ratio = with.us / without.us;
        report.row(
            &format!("pair {}", number + 1),
            &format!("{:>13.2} {:>11.2} {ratio:>11.3}", without.us, with.us),
        );
        ratios.push(ratio);
    }
    report.put("ratios", json!(ratios));
    let bytes = found.iter().map(|(_, with)| with.journal_bytes).sum::<f64>() / found.len() as f64;
    report.figure(
        "journal, checkpoints too",
        "journal_bytes_per_player_minute",
        bytes,
        " bytes for a player's minute",
    );
    ratios.sort_by(f64::total_cmp);
    report.bound(Bound::new("median of the ratios", "", RATIO_MAX, ratios.get(ratios.len() / 2).copied()));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_to_a_server_without() {
        let pairs = |ratios: &[f64]| {
            let taken = |us| Taken { us, journal_bytes: 1.0 };
            let found: Vec<_> = ratios.iter().map(|ratio| (taken(20.0), taken(20.0 * ratio))).collect();
            report("", &found).broken().count()
        };
        assert_eq!(pairs(&[1.5, 1.02, 0.9]), 0);
        assert_eq!(pairs(&[1.04, 1.05, 0.9]), 1);
    }
}
