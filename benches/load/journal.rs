//! What the journal costs.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use crate::bounds::Bound;
use crate::load::{Load, Pace, Shape, Window};
use crate::place::{self, Place};
use crate::report::Report;

/// How many times the processor time of a server without one.
const RATIO_MAX: f64 = 1.03;

/// What the journal costs: processor time of the server for each update that a client got.
///
/// In each pair two servers run at once on one core, with as many clients each: one writes its journal, the other one does not,
/// and either is started first as often. What else the machine does meets both. The median of the pairs' ratios is at most 1.03.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients of each server.
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
    /// How long each pair is looked at, in seconds.
    #[arg(long, default_value_t = 10.0)]
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

impl Taken {
    fn of(window: &Window, clients: u64) -> Self {
        let bytes = window.metrics.value("fracas_journal_bytes_total");
        Self {
            us: window.cpu_s * 1e6 / window.told.count("updates") as f64,
            journal_bytes: bytes / clients as f64 / window.seconds * 60.0,
        }
    }
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, tick_hz, pace: Pace { inputs, ramp }, pairs, seconds, .. } = *options;
    ensure!(pairs >= 1 && seconds >= 1.0, "a pair and a second at least");
    let shape = Shape { clients, bots: 0, stalling: 0, tick_hz, inputs, ramp };
    let place = Place::take(&options.place)?;
    let start = |journal: &str| Load::start_with(&shape, Duration::ZERO, &place, &[journal])?.whole();
    let mut found = Vec::new();
    for pair in 0..pairs {
        eprintln!("pair {} of {pairs}", pair + 1);
        let (mut without, mut with) = if pair.is_multiple_of(2) {
            let without = start("--journal=off")?;
            (without, start("--journal=on")?)
        } else {
            let with = start("--journal=on")?;
            (start("--journal=off")?, with)
        };
        let before = (without.begin_window()?, with.begin_window()?);
        place.interrupt.pause(Duration::from_secs_f64(seconds))?;
        let windows = (without.window_since(&before.0)?, with.window_since(&before.1)?);
        found.push((Taken::of(&windows.0, clients), Taken::of(&windows.1, clients)));
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
