//! A server and its clients, from when all have joined.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use fracas_benches::process::Cpu;
use fracas_shared::limits::{CONNECTIONS_MAX, PHASE_ROOMS_MAX, PHASES_MAX, TICK_HZ_MAX};

use crate::bots::Bots;
use crate::crowd;
use crate::crowd_process::{CrowdProcess, Told};
use crate::metrics::Metrics;
use crate::place::Place;
use crate::product::Product;

/// Seats of a room.
pub(crate) const SEATS: u16 = 8;
/// After all have joined, before anything is measured.
const SETTLING: Duration = Duration::from_secs(2);
/// From when bots are started until the first of them is on its way, at most.
const HEAD_START: Duration = Duration::from_millis(500);
/// For how long bots play on after the window.
const AFTERMATH: Duration = Duration::from_millis(500);

/// What a load is like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// All of them together.
    pub(crate) clients: u64,
    /// Those among them who decode what they get and check it.
    pub(crate) bots: u64,
    /// Those among the others who may stop reading.
    pub(crate) stalling: u64,
    /// Ticks of a room in a second.
    pub(crate) tick_hz: u16,
    /// Inputs in a second of each of those who do not check.
    pub(crate) inputs: f64,
    /// How many of those come in a second.
    pub(crate) ramp: f64,
}

/// How fast clients come, and how much they say: what all loads are told in the same way.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Inputs in a second of each client of the crowd.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 10.0)]
    pub(crate) inputs: f64,
    /// Clients of the crowd that come in a second.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) ramp: f64,
}

/// A server with its clients.
pub(crate) struct Load {
    pub(crate) server: Product,
    pub(crate) crowd: CrowdProcess,
    bots: Option<Bots>,
}

/// What a server and its clients had counted when a window began.
pub(crate) struct Before {
    metrics: Metrics,
    cpu: Cpu,
    began: Instant,
}

/// What a window has shown.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) seconds: f64,
    /// What came to the server's counters.
    pub(crate) metrics: Metrics,
    /// What the crowd has seen.
    pub(crate) told: Told,
    /// Processor time of the server.
    pub(crate) cpu_s: f64,
}

impl Shape {
    /// Whether it can be played.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { clients, bots, tick_hz, .. } = self;
        ensure!(
            (1..=CONNECTIONS_MAX as u64).contains(clients),
            "{clients} clients: a server has 1 to {CONNECTIONS_MAX} (CONNECTIONS_MAX in shared/src/limits.rs)"
        );
        ensure!(bots < clients, "{bots} bots of {clients} clients: somebody else is to be there");
        ensure!(
            (1..=TICK_HZ_MAX).contains(tick_hz),
            "{tick_hz} Hz: a room has 1 to {TICK_HZ_MAX} (TICK_HZ_MAX in shared/src/limits.rs)"
        );
        ensure!(self.inputs > 0.0 && self.ramp > 0.0, "inputs and comers of a second are more than 0");
        Ok(())
    }

    /// The options of its rooms, in which no bots of the server's play.
    pub(crate) fn room(&self) -> String {
        format!(r#"{{"seats":{SEATS},"bots":0,"tick_hz":{}}}"#, self.tick_hz)
    }

    /// The time between two ticks, in milliseconds.
    pub(crate) fn tick_ms(&self) -> f64 {
        1000.0 / f64::from(self.tick_hz)
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        let Self { clients, bots, tick_hz, inputs, .. } = self;
        let checking =
            if *bots > 0 { format!(", {bots} of them check what they get") } else { String::new() };
        format!("{clients} clients in rooms of {SEATS} at {tick_hz} Hz, {inputs} inputs a second{checking}")
    }
}

impl Load {
    /// Starts the server, and waits until all are there, or no more come. Bots play on for a window of this length.
    pub(crate) fn start(shape: &Shape, window: Duration, place: &Place) -> Result<Self> {
        Self::start_with(shape, window, place, &[])
    }

    /// The same of a server with these settings.
    pub(crate) fn start_with(
        shape: &Shape,
        window: Duration,
        place: &Place,
        settings: &[&str],
    ) -> Result<Self> {
        shape.check()?;
        let server = Product::start(place, settings)?;
        let crowd = crowd::Options {
            server: server.address(),
            clients: (shape.clients - shape.bots) as usize,
            stalling: shape.stalling as usize,
            ramp: shape.ramp,
            game: "arena".into(),
            room: shape.room(),
            inputs: shape.inputs,
            apart: false,
        };
        let crowd = CrowdProcess::start(&crowd, place)?;
        // They come last: their report is then of the window and little else.
        let mut bots = None;
        if shape.bots > 0 {
            let length = SETTLING + window + AFTERMATH;
            bots = Some(Bots::start(shape.bots, &shape.room(), length, &server, place)?);
            place.interrupt.pause(HEAD_START + Bots::ramp(shape.bots))?;
        }
        place.interrupt.pause(SETTLING)?;
        Ok(Self { server, crowd, bots })
    }

    /// With all of its clients, or not at all.
    pub(crate) fn whole(self) -> Result<Self> {
        let absent = self.crowd.absent;
        ensure!(absent == 0, "{absent} clients have not joined: this is more than the server carries");
        Ok(self)
    }

    /// Looks on for so long.
    pub(crate) fn watch(&mut self, window: Duration, place: &Place) -> Result<Window> {
        let before = self.begin_window()?;
        place.interrupt.pause(window)?;
        self.window_since(&before)
    }

    /// Begins to look on.
    pub(crate) fn begin_window(&mut self) -> Result<Before> {
        let before =
            Before { metrics: self.server.metrics()?, cpu: self.server.cpu()?, began: Instant::now() };
        self.crowd.ask()?;
        Ok(before)
    }

    /// What was to be seen since then.
    pub(crate) fn window_since(&mut self, before: &Before) -> Result<Window> {
        let (told, cpu) = (self.crowd.ask()?, self.server.cpu()?);
        let seconds = before.began.elapsed().as_secs_f64();
        let metrics = self.server.metrics()?.since(&before.metrics);
        Ok(Window { seconds, metrics, told, cpu_s: (cpu - before.cpu).total_s() })
    }

    /// The bots, who are about to end; none when there were none.
    pub(crate) fn take_bots(&mut self) -> Option<Bots> {
        self.bots.take()
    }
}

impl Window {
    /// Ticks that were made.
    pub(crate) fn ticks(&self) -> f64 {
        self.metrics.value("fracas_ticks_total")
    }

    /// Ticks that were not made at their time: those whose time was dropped, and those that were made up for.
    pub(crate) fn missed_ticks(&self) -> f64 {
        self.metrics.value("fracas_ticks_dropped_total") + self.metrics.value("fracas_ticks_caught_up_total")
    }

    /// The same as a share of all ticks, in percent.
    pub(crate) fn missed_percent(&self) -> f64 {
        100.0 * self.missed_ticks() / self.ticks().max(1.0)
    }

    /// What a turn of the fullest group of rooms takes, as [`burst_ms`] has it.
    pub(crate) fn burst_ms(&self) -> Option<f64> {
        burst_ms(&self.metrics, self.told.count("rooms"))
    }

    /// How much of its core the server took.
    pub(crate) fn cores(&self) -> f64 {
        self.cpu_s / self.seconds
    }
}

/// What a turn of the fullest group of so many rooms takes in the mean, in milliseconds. None without ticks.
pub(crate) fn burst_ms(metrics: &Metrics, rooms: u64) -> Option<f64> {
    let mean_s = metrics.mean("fracas_tick_work_seconds")?;
    Some(mean_s * 1000.0 * rooms_of_group(rooms as usize) as f64)
}

/// How many of so many rooms take their turn together, at most: the server fills a phase before it opens another one, and
/// spreads rooms over all phases when these are full.
fn rooms_of_group(rooms: usize) -> usize {
    rooms.min(PHASE_ROOMS_MAX.max(rooms.div_ceil(PHASES_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_filled_first() {
        let all = [0, 5, 16, 50, 128, 129, 219].map(rooms_of_group);
        assert_eq!(all, [0, 5, 16, 16, 16, 17, 28]);
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let shape = Shape { clients: 400, bots: 100, stalling: 0, tick_hz: 30, inputs: 10.0, ramp: 500.0 };
        shape.check().expect("that can be played");
        for (shape, problem) in [
            (Shape { clients: 30_000, ..shape.clone() }, "CONNECTIONS_MAX"),
            (Shape { bots: 400, ..shape.clone() }, "somebody else"),
            (Shape { tick_hz: 0, ..shape.clone() }, "TICK_HZ_MAX"),
            (Shape { inputs: 0.0, ..shape }, "more than 0"),
        ] {
            assert!(shape.check().expect_err("not played").to_string().contains(problem));
        }
    }
}
