//! What is to be measured, by the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_benches::tape::ROOM_FILLS_TICKS;

use crate::cases::{self, Case};
use crate::server::Kind;

/// After all are to be shown the match, before anything is measured.
const SETTLING: Duration = Duration::from_millis(1500);
/// For how long clients go on after the window.
const AFTERMATH: Duration = Duration::from_millis(1500);
/// What a tape has more than a run needs: a room waits for its players, and those who leave get updates, too.
const SPARE: Duration = Duration::from_secs(8);

const EXIT_CODES: &str = "\
Exit code: 0 when the run is valid and all bounds are held, 1 otherwise. A run is valid when enough rounds count and
the skeleton's own figures differ by at most 15 %. A round counts when no client was lost, all joined in time and got as
many updates as they were to get.";

/// Which cases, how often and how long.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Options {
    /// The case to measure, several with commas between, or `all`; --list tells what there is. The options below
    /// change what it says.
    #[arg(long = "case", value_name = "NAME", default_value = "rooms-of-8", value_delimiter = ',')]
    cases: Vec<String>,
    /// List the cases and measure nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// How many clients; they fill whole rooms.
    #[arg(long)]
    clients: Option<u32>,
    /// Seats of a room.
    #[arg(long)]
    seats: Option<u16>,
    /// Ticks of a room in a second, and so updates of each client.
    #[arg(long)]
    tick_hz: Option<u16>,
    /// Inputs of each client in a second.
    #[arg(long, value_name = "PER_SECOND")]
    inputs: Option<f64>,
    /// How many rounds are to count. With less than 11 it is a trial, which is never valid.
    #[arg(long, default_value_t = 11)]
    pub(crate) rounds: usize,
    /// How long each server is measured in a round.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Clients that come in a second.
    #[arg(long, default_value_t = 500)]
    pub(crate) ramp: u32,
    /// Leave a server out: io-uring or naive, or both with a comma between.
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    without: Vec<Kind>,
    /// The core of the server.
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,
    /// The core of the clients.
    #[arg(long, default_value_t = 1)]
    pub(crate) client_core: usize,
    /// Play this tape, which `fracas-bots-bench record` has written; otherwise one is recorded for each case.
    #[arg(long, value_name = "FILE")]
    pub(crate) tape: Option<PathBuf>,
    /// Ask that the product takes at most so many times what the skeleton takes.
    #[arg(long, value_name = "RATIO")]
    pub(crate) to_skeleton_max: Option<f64>,
    /// Ask that it takes at most so many times what the naive server takes.
    #[arg(long, value_name = "RATIO")]
    pub(crate) to_naive_max: Option<f64>,
    /// Write the figures to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// What is to be measured, one after the other.
    pub(crate) fn cases(&self) -> Result<Vec<Case>> {
        let mut chosen = Vec::new();
        for name in &self.cases {
            if name == "all" {
                chosen.extend(cases::all());
            } else {
                chosen.push(cases::named(name)?);
            }
        }
        for case in &mut chosen {
            let before = case.clone();
            case.clients = self.clients.unwrap_or(case.clients);
            case.shape.seats = self.seats.unwrap_or(case.shape.seats);
            case.shape.tick_hz = self.tick_hz.unwrap_or(case.shape.tick_hz);
            case.shape.inputs_per_s = self.inputs.unwrap_or(case.shape.inputs_per_s);
            if *case != before {
                "custom".clone_into(&mut case.name);
            }
            case.check()?;
        }
        ensure!(self.server_core != self.client_core, "server and clients need a core of their own each");
        ensure!(self.seconds >= 1.0, "{} s: a window of at least a second can be measured", self.seconds);
        Ok(chosen)
    }

    /// The servers that take turns; the first is the control.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| kind.is_needed() || !self.without.contains(kind)).collect()
    }

    /// How long a server is measured.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// From the start of the clients to the window's begin.
    pub(crate) fn warm_up(&self, case: &Case) -> Duration {
        Duration::from_secs_f64(f64::from(case.clients) / f64::from(self.ramp)) + Self::settling(case)
    }

    /// From the last one's joining to the window's begin: rooms that are played from a tape wait for their players.
    fn settling(case: &Case) -> Duration {
        Duration::from_secs_f64(ROOM_FILLS_TICKS as f64 / f64::from(case.shape.tick_hz)) + SETTLING
    }

    /// How long clients play once all have joined.
    pub(crate) fn play_time(&self, case: &Case) -> Duration {
        Self::settling(case) + self.window() + AFTERMATH
    }

    /// How long the tape is.
    pub(crate) fn tape_length(&self, case: &Case) -> Duration {
        self.warm_up(case) + self.window() + AFTERMATH + SPARE
    }
}
