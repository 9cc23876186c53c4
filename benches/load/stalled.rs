//! What clients that stop reading cost the others and the server.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::limits::ACK_TIME_MAX_S;
use serde_json::json;

use crate::bounds::Bound;
use crate::load::{Load, Pace, Shape};
use crate::place::{self, Place};
use crate::report::Report;
use crate::times::Times;

/// How many times the others' update gap of calm stretches theirs may be, at the 99.9th percentile.
const GAP_RATIO_MAX: f64 = 1.1;
/// Memory of the server for each that stalls, in KiB.
const STALLED_KIB_MAX: f64 = 64.0;
/// Until who reads again is as far as its room, in ticks.
const LIVE_AGAIN_TICKS_MAX: f64 = 2.0;
/// For how long they read again before the next stretch.
const DRAINING: Duration = Duration::from_secs(2);

/// What clients that stop reading cost the others and the server.
///
/// Stretches take turns: in one all read, in the next a part of the clients reads nothing and sends nothing; their kernel keeps
/// little for them. The others' update gap is at most 1.1 times that of the calm stretches at the 99.9th
/// percentile, the server takes 64 KiB at most for each that stalls, and who reads again is as far as its room within two
/// ticks.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients together.
    #[arg(long, default_value_t = 400)]
    clients: u64,
    /// Those of them that stop reading, in percent.
    #[arg(long, default_value_t = 10.0)]
    percent: f64,
    /// Ticks of a room in a second: so many that what the kernel keeps for who stalls is full before the stretch ends.
    #[arg(long, default_value_t = 60)]
    tick_hz: u16,
    #[command(flatten)]
    pace: Pace,
    /// How long a stretch is, in seconds; a client that acknowledges nothing for 10 is closed.
    #[arg(long, default_value_t = 8.0)]
    stretch: f64,
    /// How often they stall.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, tick_hz, pace: Pace { inputs, ramp }, .. } = *options;
    let stalling = (clients as f64 * options.percent / 100.0).round() as u64;
    ensure!((1..clients).contains(&stalling), "{stalling} of {clients} stall: some are to, and not all");
    ensure!(
        options.stretch >= 1.0 && options.stretch < ACK_TIME_MAX_S as f64 - 1.0,
        "{} s: a stretch has a second at least, and less than {ACK_TIME_MAX_S} (ACK_TIME_MAX_S)",
        options.stretch
    );
    let shape = Shape { clients, bots: 0, stalling, tick_hz, inputs, ramp };
    let place = Place::take(&options.place)?;
    let (stretch, mut found) = (Duration::from_secs_f64(options.stretch), Found::new());
    let mut load = Load::start(&shape, Duration::ZERO, &place)?.whole()?;
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        found.calm.add(&load.watch(stretch, &place)?.told.gaps);
        let before = load.server.resident_bytes()?;
        load.crowd.stall()?;
        place.interrupt.pause(stretch)?;
        let grown = load.server.resident_bytes()?.saturating_sub(before);
        found.grown_bytes = found.grown_bytes.max(grown);
        let told = load.crowd.drain()?;
        found.stalled.add(&told.gaps);
        found.missed += told.count("missed");
        found.lost += told.count("lost");
        place.interrupt.pause(DRAINING)?;
        let told = load.crowd.ask()?;
        found.live_again.add(&told.live_again);
        found.skipped += told.count("stalled_missed");
        found.lost += told.count("lost");
    }
    place.tell(&[found.report(&shape, options.rounds)])
}

/// What all stretches have shown.
struct Found {
    /// The others' update gaps.
    calm: Times,
    stalled: Times,
    live_again: Times,
    grown_bytes: u64,
    /// Ticks that the others were not shown.
    missed: u64,
    /// Ticks that those who stalled were never shown.
    skipped: u64,
    lost: u64,
}

impl Found {
    fn new() -> Self {
        Self {
            calm: Times::new(),
            stalled: Times::new(),
            live_again: Times::new(),
            grown_bytes: 0,
            missed: 0,
            skipped: 0,
            lost: 0,
        }
    }

    fn report(&self, shape: &Shape, rounds: u32) -> Report {
        let stalling = shape.stalling;
        let mut report =
            Report::new(&format!("{}; {stalling} of them stall, {rounds} times", shape.sentence()));
        report.head("ms");
        report.times("others' update gap, all read", "calm_update_gap", &self.calm);
        report.times("others' update gap, some stall", "stalled_update_gap", &self.stalled);
        report.times("reading again to live", "live_again", &self.live_again);
        let kib = self.grown_bytes as f64 / 1024.0 / stalling as f64;
        report.figure("memory for each that stalls", "stalled_kib", kib, " KiB");
        report.figure("ticks that these never got", "stalled_missed", self.skipped as f64, "");
        if self.skipped == 0 {
            report.row("", "the kernel has kept all that those did not read: the server has noticed nothing");
        }
        report.put("stalling", json!(stalling));
        let ratio = self.stalled.quantile_s(0.999).zip(self.calm.quantile_s(0.999));
        let ratio = ratio.map(|(stalled, calm)| stalled / calm);
        report.bound(Bound::new("ratio of the others' p99.9 update gap", "", GAP_RATIO_MAX, ratio));
        report.bound(Bound::new("memory for each that stalls", " KiB", STALLED_KIB_MAX, kib));
        let live_ms = self.live_again.max_s().map(|seconds| seconds * 1000.0);
        report.bound(Bound::new("until live again", " ms", LIVE_AGAIN_TICKS_MAX * shape.tick_ms(), live_ms));
        let away = (stalling * u64::from(rounds)).saturating_sub(self.live_again.count());
        report.bound(Bound::new("not live again", "", 0.0, away as f64));
        report.bound(Bound::new("clients lost", "", 0.0, self.lost as f64));
        report.bound(Bound::new("others' skipped ticks", "", 0.0, self.missed as f64));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_others_are_to_notice_nothing() {
        let shape = Shape { clients: 40, bots: 0, stalling: 2, tick_hz: 50, inputs: 10.0, ramp: 500.0 };
        let mut found = Found::new();
        found.calm.record(Duration::from_millis(20));
        found.stalled.record(Duration::from_millis(21));
        found.live_again.record(Duration::from_millis(30));
        found.live_again.record(Duration::from_millis(39));
        found.grown_bytes = 2 * 64 * 1024;
        let broken =
            |found: &Found| found.report(&shape, 1).broken().map(|bound| bound.name).collect::<Vec<_>>();
        assert_eq!(broken(&found), [""; 0]);
        (found.grown_bytes, found.lost) = (2 * 64 * 1024 + 1, 1);
        found.stalled.record(Duration::from_millis(23));
        let wrong = ["ratio of the others' p99.9 update gap", "memory for each that stalls", "clients lost"];
        assert_eq!(broken(&found), wrong);
    }
}
