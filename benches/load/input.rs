//! How long an input takes until it is seen.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::Rng;

use crate::load::{Load, Pace, Shape};
use crate::place::{self, Place};
use crate::prober::{Prober, random_time};
use crate::speech::Inputs;
use crate::times::Times;
use crate::waits::Waits;

/// What may come to a tick and the turn of a group, in milliseconds.
const ABOVE_MS_MAX: f64 = 0.5;

/// How long an input takes until an update shows it: the server's part of it.
///
/// One client sends inputs for the next tick at random moments, and waits for the update that says it has used it. At the
/// 99th percentile that takes at most a tick, and what a turn of a group of rooms takes, and 0.5 ms.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// All clients together, the one that measures too.
    #[arg(long, default_value_t = 400)]
    clients: u64,
    /// Ticks of a room in a second.
    #[arg(long, default_value_t = 30)]
    tick_hz: u16,
    #[command(flatten)]
    pace: Pace,
    /// How many inputs are measured.
    #[arg(long, default_value_t = 600)]
    samples: u32,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, tick_hz, pace: Pace { inputs, ramp }, samples, .. } = *options;
    ensure!(clients >= 2 && samples >= 1, "two clients at least, and something to be measured");
    let shape = Shape { clients: clients - 1, bots: 0, stalling: 0, tick_hz, inputs, ramp };
    let place = Place::take(&options.place)?;
    let mut load = Load::start(&shape, Duration::ZERO, &place)?.whole()?;
    let mut prober = Prober::connect(load.server.address())?;
    prober.join(&shape.room())?;
    let (before, mut rng, mut times) = (load.server.metrics()?, Rng::new(1, 0), Times::new());
    let (period, mut frames) = (Duration::from_secs(1) / u32::from(tick_hz), Inputs::new());
    load.crowd.ask()?;
    for sample in 0..samples {
        place.interrupt.pause(Duration::ZERO)?;
        if sample.is_multiple_of(50) {
            eprint!("\r{sample} of {samples} inputs  ");
        }
        // From one update on, two ticks: at any moment of a tick, and the last input has been used.
        prober.listen(period + random_time(&mut rng, period))?;
        let newest = prober.newest()?;
        let began = Instant::now();
        prober.say(frames.stamped(sample as usize, newest))?;
        times.record(prober.until_used(newest.next())? - began);
    }
    eprintln!();
    let waits = Waits {
        name: "input to update",
        key: "input_to_update",
        bound: "p99 of an input to its update",
        times: &times,
        above_ms_max: ABOVE_MS_MAX,
    };
    let title = format!("{}, and one that measures", shape.sentence());
    let (report, _) = waits.report(&title, &shape, &mut load, &before)?;
    place.tell(&[report])
}
