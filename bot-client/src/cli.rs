//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use fracas_client::{LineProfile, ServerUrl};
use fracas_shared::limits::CONNECTIONS_MAX;

use crate::expect::Expectation;
use crate::limits::{THREADS_MAX, WORKERS_MAX};
use crate::scenario::{Behaviour, GAME_DEFAULT, SEED_DEFAULT};
use crate::units::{parse_duration, parse_pause, parse_rate, parse_share};

mod scenario;
mod values;

pub(crate) use values::{Metrics, MetricsUrl, Target};

use values::{parse_endpoint, parse_peer, parse_prefix, parse_room_json};

// What is said in the help where nothing is given. It is no default of clap's, because what is given
// is more than what a scenario says, and what is not given is less.
const CLIENTS_DEFAULT: u32 = 100;
const DURATION_DEFAULT: Duration = Duration::from_secs(20);
const RAMP_DEFAULT: f64 = 100.0;

const LOAD: &str = "Load";
const BOTS: &str = "Bots";
const REPORT: &str = "Report";
const SCALE: &str = "Scale";

const EXIT_CODES: &str = "\
Exit code:
  0   every bot joined and left as it should, and all was as expected
  1   a bot failed to join or was disconnected, or there was no server
  2   the arguments or the scenario make no sense
  99  something was not as --expect or the scenario has it";

/// What a worker is told by its coordinator, or leaves to it.
const NOT_FOR_WORKERS: [&str; 24] = [
    "target",
    "scenario",
    "clients",
    "ramp",
    "duration",
    "reconnect",
    "restarts",
    "seed",
    "game",
    "behaviour",
    "inputs",
    "session",
    "think",
    "recording",
    "line",
    "room",
    "room_json",
    "name_prefix",
    "expect",
    "html",
    "compare",
    "metrics",
    "record_inputs",
    "find_capacity",
];

/// Headless bots that play a game, and measure what they get.
#[derive(Clone, Debug, Parser)]
#[command(name = "fracas-bots", version, after_help = EXIT_CODES)]
pub(crate) struct Options {
    /// The server: ws://host:port, http://host:port or host:port.
    #[arg(long, default_value = "ws://127.0.0.1:3000", env = "FRACAS_URL")]
    pub(crate) url: ServerUrl,

    /// What a server that does not let everyone in wants to see.
    #[arg(long, env = "FRACAS_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// What the server speaks.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) target: Target,

    /// Run this scenario: smoke, soak, spike, reconnect-storm, slow-readers, or a file like theirs. Other
    /// flags change what it says: --clients its highest number, --duration its longest hold, flags of
    /// bots all of its groups.
    #[arg(long, value_name = "NAME|FILE", help_heading = LOAD)]
    pub(crate) scenario: Option<String>,

    /// How many bots play at once [default: 100].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX as i64), help_heading = LOAD)]
    pub(crate) clients: Option<u32>,

    /// How long they play once all have joined: 500ms, 20s, 2m, 1h [default: 20s].
    #[arg(long, value_parser = parse_duration, help_heading = LOAD)]
    pub(crate) duration: Option<Duration>,

    /// How many bots connect in a second [default: 100/s].
    #[arg(long, value_name = "RATE", value_parser = parse_rate, conflicts_with = "scenario", help_heading = LOAD)]
    pub(crate) ramp: Option<f64>,

    /// Let this share of the bots lose their connection and come back, evenly over the middle tenth of
    /// the duration: 50%.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "scenario", help_heading = LOAD)]
    pub(crate) reconnect: Option<f64>,

    /// The server is restarted meanwhile: bots whose connection is lost take their seats up again, and it is
    /// no failure when they have them.
    #[arg(long, help_heading = LOAD)]
    pub(crate) restarts: bool,

    /// What the bots' sessions and decisions are drawn from. The same seed gives the same bots; what they
    /// get to see depends on the network all the same [default: 1].
    #[arg(long, help_heading = LOAD)]
    pub(crate) seed: Option<u64>,

    /// The game to play [default: arena].
    #[arg(long, help_heading = BOTS)]
    pub(crate) game: Option<String>,

    /// How the bots play [default: pilot].
    #[arg(long, value_enum, help_heading = BOTS)]
    pub(crate) behaviour: Option<Behaviour>,

    /// How many inputs a bot sends in a second, as in 20/s [default: one each tick].
    #[arg(long, value_name = "RATE", value_parser = parse_rate, help_heading = BOTS)]
    pub(crate) inputs: Option<f64>,

    /// How long a bot stays on average, until it leaves and another one takes its place: 30s [default: to
    /// the end].
    #[arg(long, value_name = "MEAN", value_parser = parse_duration, help_heading = BOTS)]
    pub(crate) session: Option<Duration>,

    /// How long it takes on average until that other one comes: 500ms [default: 0s].
    #[arg(long, value_name = "MEAN", value_parser = parse_pause, help_heading = BOTS)]
    pub(crate) think: Option<Duration>,

    /// The inputs that bots of behaviour `recorded` send, as --record-inputs has written them.
    #[arg(long, value_name = "FILE", help_heading = BOTS)]
    pub(crate) recording: Option<PathBuf>,

    /// Make each bot's line worse, both ways: none, lan, broadband, wifi, 4g, 3g, satellite, or some of
    /// `latency=100,jitter=20,stall=200,stall_every=10000,rate=1000`, in ms and kbit/s.
    #[arg(long, value_name = "LINE", help_heading = BOTS)]
    pub(crate) line: Option<LineProfile>,

    /// Play in this room only. Otherwise the bots fill rooms, and create what they need.
    #[arg(long, value_name = "ID", help_heading = BOTS)]
    pub(crate) room: Option<String>,

    /// Options of the rooms that the bots create, as a JSON object.
    #[arg(
        long = "create-options",
        value_name = "JSON",
        conflicts_with = "room",
        value_parser = parse_room_json,
        help_heading = BOTS
    )]
    pub(crate) room_json: Option<String>,

    /// The bots' names are this and a number.
    #[arg(long, default_value = "bot", value_parser = parse_prefix, help_heading = BOTS)]
    pub(crate) name_prefix: String,

    /// What the run is to show, else the exit code is 99; may be given several times. A figure, <, <=, > or >=, and
    /// a time or a number: `input_to_state.p99<60ms`, `update_gap.max<=0.1s`, `updates_received_share_min>=99.9%`,
    /// `failed<=3`. Times have .p and any percentile, .mean and .max; the other figures are those of the report.
    #[arg(long, value_name = "EXPECTATION", help_heading = REPORT)]
    pub(crate) expect: Vec<Expectation>,

    /// Write the report to this file, too.
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub(crate) json: Option<PathBuf>,

    /// Write the report as a page to this file.
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub(crate) html: Option<PathBuf>,

    /// Compare with an earlier report, which --json has written.
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub(crate) compare: Option<PathBuf>,

    /// Where the server tells of itself, to be put beside what the bots saw; `off` to ask nothing
    /// [default: `/metrics` at port 3001 of the server's host, if there is anything].
    #[arg(long, value_name = "URL|off", help_heading = REPORT)]
    pub(crate) metrics: Option<Metrics>,

    /// Show no dashboard, but a line now and then.
    #[arg(long, help_heading = REPORT)]
    pub(crate) plain: bool,

    /// Where to keep what shows that the server did wrong.
    #[arg(long, value_name = "DIR", default_value = "fracas-violations", help_heading = REPORT)]
    pub(crate) save_violations: PathBuf,

    /// Write all inputs of the bots to this file, for --recording.
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub(crate) record_inputs: Option<PathBuf>,

    /// How many threads drive the bots [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX), help_heading = SCALE)]
    pub(crate) threads: Option<u16>,

    /// Find out for how many clients all is as expected: run again and again with other numbers.
    #[arg(long, conflicts_with_all = ["record_inputs", "coordinator"], help_heading = SCALE)]
    pub(crate) find_capacity: bool,

    /// The highest number that --find-capacity tries.
    #[arg(
        long,
        value_name = "N",
        requires = "find_capacity",
        value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX as i64),
        help_heading = SCALE
    )]
    pub(crate) capacity_max: Option<u32>,

    /// Run a part of the bots of the coordinator at this address, and tell it what they saw.
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_parser = parse_peer,
        conflicts_with_all = NOT_FOR_WORKERS,
        conflicts_with = "coordinator",
        help_heading = SCALE
    )]
    pub(crate) worker: Option<String>,

    /// Wait at this address for --workers, let them run the bots, and report what all of them saw.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_endpoint, requires = "workers", help_heading = SCALE)]
    pub(crate) coordinator: Option<String>,

    /// How many workers there are to be before the run begins.
    #[arg(
        long,
        value_name = "N",
        requires = "coordinator",
        value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX),
        help_heading = SCALE
    )]
    pub(crate) workers: Option<u16>,
}

impl Options {
    /// Where the server's metrics are; none to ask for nothing. Only where it was given is it an
    /// error that there is nothing.
    pub(crate) fn metrics_url(&self) -> Option<MetricsUrl> {
        match &self.metrics {
            Some(Metrics::Off) => None,
            Some(Metrics::At(url)) => Some(url.clone()),
            None => Some(MetricsUrl::of_host(self.url.host())),
        }
    }

    pub(crate) fn game(&self) -> &str {
        self.game.as_deref().unwrap_or(GAME_DEFAULT)
    }

    pub(crate) fn clients(&self) -> u32 {
        self.clients.unwrap_or(CLIENTS_DEFAULT)
    }

    pub(crate) fn duration(&self) -> Duration {
        self.duration.unwrap_or(DURATION_DEFAULT)
    }

    pub(crate) fn ramp(&self) -> f64 {
        self.ramp.unwrap_or(RAMP_DEFAULT)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(SEED_DEFAULT)
    }
}

#[cfg(test)]
mod tests;
