//! How many clients one core carries.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::limits::CONNECTIONS_MAX;
use serde_json::json;

use crate::bots::BotsReport;
use crate::bounds::Bound;
use crate::handshakes::Handshakes;
use crate::load::{Load, Pace, Shape, Window};
use crate::place::{self, Place};
use crate::report::Report;
use crate::times::Times;

/// Ticks that may be missed, in percent of all.
const MISSED_PERCENT_MAX: f64 = 0.1;
/// The update gap at the 99th percentile, in ticks.
const GAP_TICKS_MAX: f64 = 1.5;
/// A handshake at the 99th percentile, in milliseconds.
const HANDSHAKE_MS_MAX: f64 = 50.0;
/// By how many clients a search climbs.
const STEP: u64 = 100;
/// A crowd that looks later than this at the 99th percentile measures itself, in milliseconds.
const CROWD_LATE_MS_MAX: f64 = 5.0;

/// How many live clients one core carries.
///
/// Some of them are `fracas-bots`, which decode all that they get and check it; the others are a crowd that reads the heads of
/// all updates and sends inputs. Meanwhile new connections are opened. All is well when less than 0.1 % of the ticks are
/// missed, no viewer is left behind, the update gap has a 99th percentile of 1.5 ticks at most, and a handshake of 50 ms.
/// To be held: `--clients 1750 --tick-hz 60` and `--clients 3500 --tick-hz 30`.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients together.
    #[arg(long, default_value_t = 1750)]
    clients: u64,
    /// Those among them that check what they get.
    #[arg(long, default_value_t = 100)]
    bots: u64,
    /// Ticks of a room in a second, and so updates of each client.
    #[arg(long, default_value_t = 60)]
    tick_hz: u16,
    /// How long is measured.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    #[command(flatten)]
    pace: Pace,
    /// Connections that are opened in a second while it is measured.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 20.0)]
    handshakes: f64,
    /// Go on with 100 clients more each time, until something is not held, and say what.
    #[arg(long)]
    search: bool,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held. A search holds what its first step holds.
pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(
        options.seconds >= 1.0 && options.handshakes > 0.0,
        "a window has a second at least, with handshakes"
    );
    let place = Place::take(&options.place)?;
    let mut reports = vec![measure(options.clients, options, &place)?];
    if !options.search {
        return place.tell(&reports);
    }
    let mut clients = options.clients;
    while reports.iter().all(|report| report.broken().next().is_none())
        && clients + STEP <= CONNECTIONS_MAX as u64
    {
        println!("{}", reports[reports.len() - 1].table());
        clients += STEP;
        reports.push(measure(clients, options, &place)?);
    }
    let last = &reports[reports.len() - 1];
    println!("{}", last.table());
    let broken: Vec<_> = last.broken().map(Bound::sentence).collect();
    if broken.is_empty() {
        println!("all is well up to {clients} clients, and a server takes no more");
    } else {
        println!("at {clients} clients something gives way: {}", broken.join("; "));
    }
    place.write(&reports)?;
    Ok(reports[0].broken().next().is_none())
}

fn measure(clients: u64, options: &Options, place: &Place) -> Result<Report> {
    let Options { bots, tick_hz, pace: Pace { inputs, ramp }, .. } = *options;
    let shape = Shape { clients, bots, stalling: 0, tick_hz, inputs, ramp };
    let length = Duration::from_secs_f64(options.seconds);
    let mut load = Load::start(&shape, length, place)?;
    eprintln!("{clients} clients at {tick_hz} Hz: measuring for {} s", options.seconds);
    let handshakes = Handshakes::begin(load.server.address(), options.handshakes);
    let window = load.watch(length, place)?;
    let (handshakes, refused) = handshakes.end()?;
    let bots = load.take_bots().map(crate::bots::Bots::end).transpose()?;
    let mut report = Report::new(&shape.sentence());
    tell(&mut report, &shape, &window, &handshakes);
    let ms = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1000.0);
    report.bound(Bound::new("missed ticks", " %", MISSED_PERCENT_MAX, window.missed_percent()));
    report.bound(Bound::new("stale viewers' skipped ticks", "", 0.0, window.told.count("missed") as f64));
    let keyframes = window.told.count("keyframes_again") as f64;
    report.bound(Bound::new("stale viewers' keyframes", "", 0.0, keyframes));
    report.bound(Bound::new("clients that have not joined", "", 0.0, load.crowd.absent as f64));
    report.bound(Bound::new("clients lost", "", 0.0, window.told.count("lost") as f64));
    let gap = ms(window.told.gaps.quantile_s(0.99));
    report.bound(Bound::new("p99 update gap", " ms", GAP_TICKS_MAX * shape.tick_ms(), gap));
    let handshake = ms(handshakes.quantile_s(0.99));
    report.bound(Bound::new("p99 handshake", " ms", HANDSHAKE_MS_MAX, handshake));
    report.bound(Bound::new("handshakes refused", "", 0.0, refused as f64));
    if let Some(bots) = &bots {
        tell_bots(&mut report, bots);
    }
    Ok(report)
}

/// What the server and its clients did in the window.
pub(crate) fn tell(report: &mut Report, shape: &Shape, window: &Window, handshakes: &Times) {
    let Window { told, metrics, seconds, .. } = window;
    report.head("ms");
    report.times("update gap", "update_gap", &told.gaps);
    report.times("handshake", "handshake", handshakes);
    report.times("the crowd's own lateness", "crowd_lateness", &told.sweeps);
    let lateness = metrics.buckets("fracas_tick_lateness_seconds");
    let ms = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1000.0);
    let shares = [0.5, 0.99, 0.999].map(|share| ms(lateness.quantile(share)));
    report.quantiles("a tick's lateness", [shares[0], shares[1], shares[2], ms(lateness.max())]);
    report.put("tick_lateness_ms", json!({ "p50": shares[0], "p99": shares[1], "p99_9": shares[2] }));
    report.figure("server", "server_cores", window.cores(), " cores");
    report.figure("updates of the crowd", "updates_per_s", told.count("updates") as f64 / seconds, " /s");
    report.figure("inputs of the crowd", "inputs_per_s", told.count("inputs") as f64 / seconds, " /s");
    let on_time = metrics.value("fracas_inputs_total{fate=\"on_time\"}");
    report.figure("inputs on time", "inputs_on_time_per_s", on_time / seconds, " /s");
    report.figure("ticks made", "ticks_per_s", window.ticks() / seconds, " /s");
    report.figure("ticks dropped or caught up", "missed_ticks", window.missed_ticks(), "");
    let stale = metrics.value("fracas_frames_total{kind=\"stale\"}");
    report.figure("frames for who was behind", "stale_frames", stale, "");
    report.figure("work of the fullest group", "burst_ms", window.burst_ms().unwrap_or(0.0), " ms");
    report.put("clients", json!(shape.clients));
    report.put("tick_hz", json!(shape.tick_hz));
    if ms(told.sweeps.quantile_s(0.99)).is_some_and(|late| late > CROWD_LATE_MS_MAX) {
        report.row("", "the crowd itself is late: these figures are its own and not the server's");
    }
}

/// What those who check have found.
fn tell_bots(report: &mut Report, bots: &BotsReport) {
    report.row("bots", &bots.sentence());
    let gap = ["p50", "p99", "p999", "max"].map(|percentile| bots.ms("update_gap", percentile));
    report.quantiles("update gap of the bots", gap);
    report.put("bots_update_gap_ms", json!({ "p50": gap[0], "p99": gap[1], "p99_9": gap[2], "max": gap[3] }));
    report.bound(Bound::new("what bots found amiss", "", 0.0, bots.problems() as f64));
}
