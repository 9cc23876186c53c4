//! How late ticks begin.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use crate::bounds::Bound;
use crate::hog;
use crate::load::{Load, Pace, Shape};
use crate::metrics::Buckets;
use crate::place::{self, Place};
use crate::report::Report;
use crate::sleeper;
use crate::times::Times;

/// How many times the sleeper's 99.9th percentile the server's may be.
const RATIO_MAX: f64 = 1.5;
/// By how much the server's median may be above the sleeper's, in microseconds.
const MEDIAN_ABOVE_US_MAX: f64 = 20.0;
/// From the start of a load to the end of its stretch, at most, beside the stretch itself.
const LOAD_TIME_MAX: Duration = Duration::from_secs(90);

/// How late ticks begin under load, beside a thread that does nothing but sleep.
///
/// Stretches take turns: in one the sleeper has the server's core, and wakes as often as a room ticks; in the next a server
/// has it, with clients as `capacity` has them. The server's 99.9th percentile is at most 1.5 times that of the sleeper, its
/// median at most 20 us above, and no tick is missed.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients together.
    #[arg(long, default_value_t = 1750)]
    clients: u64,
    /// Those among them that check what they get.
    #[arg(long, default_value_t = 0)]
    bots: u64,
    /// Ticks of a room in a second.
    #[arg(long, default_value_t = 60)]
    tick_hz: u16,
    #[command(flatten)]
    pace: Pace,
    /// All stretches together, without the time in which clients come.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How long a stretch is, in seconds.
    #[arg(long, default_value_t = 30.0)]
    stretch: f64,
    /// Processes that take all they can get of the server's core, in all stretches.
    #[arg(long, default_value_t = 0)]
    hogs: usize,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, bots, tick_hz, pace: Pace { inputs, ramp }, .. } = *options;
    ensure!(options.stretch >= 1.0, "{} s: a stretch has a second at least", options.stretch);
    let shape = Shape { clients, bots, stalling: 0, tick_hz, inputs, ramp };
    shape.check()?;
    let place = Place::take(&options.place)?;
    let stretch = Duration::from_secs_f64(options.stretch);
    let pairs = (options.minutes * 60.0 / options.stretch / 2.0).round().max(1.0) as u32;
    let mut found = Found { sleeper: Times::new(), server: Buckets::default(), missed: 0.0, cores: 0.0 };
    for pair in 0..pairs {
        // Each is as often the first as the other.
        for is_server in [!pair.is_multiple_of(2), pair.is_multiple_of(2)] {
            let name = if is_server { "server" } else { "sleeper" };
            eprintln!("pair {} of {pairs}: {name}", pair + 1);
            let hogs = |length| hog::start(options.hogs, place.options.server_core, length);
            if is_server {
                let _hogs = hogs(stretch + LOAD_TIME_MAX)?;
                let mut load = Load::start(&shape, stretch, &place)?.whole()?;
                let window = load.watch(stretch, &place)?;
                found.server.add(&window.metrics.buckets("fracas_tick_lateness_seconds"));
                found.missed += window.missed_ticks();
                found.cores += window.cores() / f64::from(pairs);
            } else {
                let _hogs = hogs(stretch)?;
                found.sleeper.add(&sleeper::measure(tick_hz.into(), stretch, &place)?);
            }
        }
    }
    let hogs = if options.hogs > 0 {
        format!(", {} hogs on the server's core", options.hogs)
    } else {
        String::new()
    };
    place.tell(&[found.report(&format!("{}{hogs}", shape.sentence()))])
}

/// What all stretches have shown.
struct Found {
    sleeper: Times,
    server: Buckets,
    missed: f64,
    cores: f64,
}

impl Found {
    fn report(&self, title: &str) -> Report {
        let us = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1e6);
        let shares = [0.5, 0.99, 0.999];
        let sleeper = shares.map(|share| us(self.sleeper.quantile_s(share)));
        let server = shares.map(|share| us(self.server.quantile(share)));
        let maxima = [us(self.sleeper.max_s()), us(self.server.max())];
        let of = |pair: (Option<f64>, Option<f64>)| Some(pair.0? / pair.1?);
        let ratios = [0, 1, 2].map(|place| of((server[place], sleeper[place])));
        let mut report = Report::new(title);
        report.head("us");
        report.quantiles("sleeper", [sleeper[0], sleeper[1], sleeper[2], maxima[0]]);
        report.quantiles("server", [server[0], server[1], server[2], maxima[1]]);
        report.quantiles("ratio", [ratios[0], ratios[1], ratios[2], of((maxima[1], maxima[0]))]);
        for (key, figures, max) in [("sleeper_us", sleeper, maxima[0]), ("server_us", server, maxima[1])] {
            report.put(key, json!({ "p50": figures[0], "p99": figures[1], "p99_9": figures[2], "max": max }));
        }
        report.row("", "the server's are by its metrics: its max is the upper end of a bucket");
        report.figure("wakes of the sleeper", "sleeper_wakes", self.sleeper.count() as f64, "");
        report.figure("ticks of the server", "ticks", self.server.count(), "");
        report.figure("ticks dropped or caught up", "missed_ticks", self.missed, "");
        report.figure("server", "server_cores", self.cores, " cores");
        report.bound(Bound::new("ratio of p99.9", "", RATIO_MAX, ratios[2]));
        let above = server[0].zip(sleeper[0]).map(|(server, sleeper)| server - sleeper);
        report.bound(Bound::new("p50 above the sleeper's", " us", MEDIAN_ABOVE_US_MAX, above));
        report.bound(Bound::new("missed ticks", "", 0.0, self.missed));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_server_is_held_to_the_sleeper() {
        let mut sleeper = Times::new();
        (0..1000).for_each(|_| sleeper.record(Duration::from_micros(20)));
        let broken = |bound: &str, missed| {
            let page = format!("x_bucket{{le=\"{bound}\"}} 0\nx_bucket{{le=\"+Inf\"}} 0\n");
            let page = format!("x_bucket{{le=\"0.00001\"}} 0\n{}", page.replace(" 0", " 1000"));
            let server = Metrics::read(&page).buckets("x");
            let found = Found { sleeper: sleeper.clone(), server, missed, cores: 0.5 };
            found.report("").broken().map(|bound| bound.name).collect::<Vec<_>>()
        };
        assert_eq!(broken("0.00003", 0.0), [""; 0]);
        assert_eq!(broken("0.00004", 1.0), ["ratio of p99.9", "missed ticks"]);
        assert_eq!(broken("0.0001", 0.0), ["ratio of p99.9", "p50 above the sleeper's"]);
    }
}
