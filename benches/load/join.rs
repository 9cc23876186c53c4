//! How long a join takes.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::Rng;

use crate::bounds::Bound;
use crate::load::{Load, Pace, SEATS, Shape};
use crate::place::{self, Place};
use crate::prober::{Prober, random_time};
use crate::times::Times;
use crate::waits::Waits;

/// What may come to a tick and the turn of a group, in milliseconds.
const ABOVE_MS_MAX: f64 = 1.0;

/// How long a join takes until the first whole state is there, while others play.
///
/// One client after the other comes, asks for a seat at a random moment, and leaves. At the 99th percentile that takes at
/// most a tick, and what a turn of a group of rooms takes, and 1 ms.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// The others. They leave a seat in one of their rooms.
    #[arg(long, default_value_t = 500)]
    clients: u64,
    /// Ticks of a room in a second.
    #[arg(long, default_value_t = 30)]
    tick_hz: u16,
    #[command(flatten)]
    pace: Pace,
    /// How many joins are measured.
    #[arg(long, default_value_t = 400)]
    samples: u32,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let Options { clients, tick_hz, pace: Pace { inputs, ramp }, samples, .. } = *options;
    ensure!(
        !clients.is_multiple_of(SEATS.into()) && samples >= 1,
        "{clients} clients fill rooms of {SEATS}: one seat is to be left, for who joins"
    );
    let shape = Shape { clients, bots: 0, stalling: 0, tick_hz, inputs, ramp };
    let place = Place::take(&options.place)?;
    let mut load = Load::start(&shape, Duration::ZERO, &place)?.whole()?;
    let (before, mut rng, mut times) = (load.server.metrics()?, Rng::new(1, 0), Times::new());
    let period = Duration::from_secs(1) / u32::from(tick_hz);
    load.crowd.ask()?;
    for sample in 0..samples {
        if sample.is_multiple_of(50) {
            eprint!("\r{sample} of {samples} joins  ");
        }
        let mut prober = Prober::connect(load.server.address())?;
        place.interrupt.pause(random_time(&mut rng, 2 * period))?;
        times.record(prober.join(&shape.room())?);
        prober.listen(period)?;
        prober.leave()?;
        place.interrupt.pause(random_time(&mut rng, 2 * period))?;
    }
    eprintln!();
    let waits = Waits {
        name: "join to first whole state",
        key: "join",
        bound: "p99 of a join",
        times: &times,
        above_ms_max: ABOVE_MS_MAX,
    };
    let title = format!("{}, while others join", shape.sentence());
    let (mut report, told) = waits.report(&title, &shape, &mut load, &before)?;
    report.bound(Bound::new("the others' skipped ticks", "", 0.0, told.count("missed") as f64));
    place.tell(&[report])
}
