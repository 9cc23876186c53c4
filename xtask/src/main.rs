//! The project's own commands: `cargo xtask help`.

mod attack;
mod bench;
mod ci;
mod codec;
mod counts;
mod debian;
mod fuzz;
mod javascript;
mod new_game;
mod plot;
mod process;
mod proxies;
mod soak;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory, Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The project's own commands", arg_required_else_help = true)]
struct Cli {
    /// The workspace to work in.
    #[arg(long, global = true, hide = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests: the workspace's, those in its documentation, the game in docs/own-game, and
    /// those in JavaScript, some of them in a browser.
    Test(test::Options),
    /// Run all that must pass before a change goes in: tests, formatting, clippy, documentation, instruction counts.
    Ci,
    /// Run the tests with random cases a million times, optimised and with all assertions.
    Fuzz {
        /// Cases of each test.
        #[arg(long, default_value_t = 1_000_000)]
        cases: u64,
        /// Instead, let coverage guide what is read as frames and as journals, for so many seconds. It needs a C++ compiler.
        #[arg(long, value_name = "SECONDS", conflicts_with = "cases")]
        guided: Option<u32>,
    },
    /// Attack a server in every way that strangers do, while bots play on it.
    Attack {
        /// What `fracas-attack raid --help` lists: attacks, how many connections, how many bots.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Measure something; without a name, list what there is.
    Bench {
        #[command(subcommand)]
        bench: Option<Bench>,
    },
    /// Measure the state codec on a trace of any entities: bytes, time, and that every frame comes back as
    /// it went. `cargo xtask codec --help` tells of the files.
    #[command(disable_help_flag = true)]
    Codec {
        /// What `--help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run something for long.
    #[command(subcommand)]
    Soak(Soak),
    /// Make a new game, small and playable, that server and bots know from then on.
    NewGame(NewGame),
}

// The first line of each is its line in the list.
#[derive(Subcommand)]
enum Bench {
    /// List what there is to be measured.
    List,
    /// What a tick of the arena takes without a net: microseconds, bytes and allocations.
    ///
    /// It takes some seconds.
    Tick {
        /// `ROOMS [TICKS]`: 50 rooms for 1,000 ticks.
        #[arg(trailing_var_arg = true)]
        options: Vec<String>,
    },
    /// How many instructions a tick, a frame and its fan-out take, beside a reference that is kept.
    ///
    /// It counts them by callgrind of valgrind, on Linux on x86-64 only, and fails when a count is more than 5 % off its
    /// reference in benches/counts.json, or when a steady tick takes memory from the allocator.
    Counts {
        /// Take what is counted as the new reference.
        #[arg(long)]
        accept: bool,
    },
    /// What frames take of three traces: bytes and nanoseconds, beside the entropy and other codecs.
    ///
    /// It takes half a minute. `cargo xtask codec` does the same with anybody's data.
    Codec {
        /// `encode` or `decode`: that alone, over and over, for a profiler to look at.
        #[arg(trailing_var_arg = true)]
        options: Vec<String>,
    },
    /// What an update takes of the server's processor, beside a skeleton, `io_uring` and a naive server.
    ///
    /// The skeleton only reads each socket once and writes it once at its tick; the naive server is one of
    /// tokio-tungstenite. Needs two cores that have nothing else to do; it takes some minutes for each case.
    #[command(disable_help_flag = true)]
    Floor {
        /// What `--help` lists: `--case rooms-of-8`, `--list`, `--rounds 11`, `--json FILE` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// What an update takes by each door: WebSocket, Socket.IO, and a plain server beside them.
    ///
    /// It takes some minutes. `FRACAS_BENCH_PAIR=WITH:WITHOUT` measures two programs of `fracas-server` instead.
    Door,
    /// How long a server of 1,000 rooms takes to list a page of them.
    ///
    /// It takes some seconds.
    Listing,
    /// How netcode feels over simulated lines: the same figures on every machine.
    ///
    /// Predictions, inputs, others, shots, time, cheats, and what it costs. It takes some minutes.
    Netcode {
        /// `--json FILE` writes the figures; `--short` measures less.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// What the load tester takes, beside a program that reads and writes the same bytes and does nothing else.
    ///
    /// Needs two cores that have nothing else to do; it takes some minutes.
    Bots {
        /// What `fracas-bots-bench pairs --help` lists: `--clients 1000`, `--pairs 11`, `--seconds 10`,
        /// `--json FILE` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// How many live clients one core carries, and with `--search` how many more until something gives way.
    ///
    /// Needs two cores that have nothing else to do, as all do that follow.
    #[command(disable_help_flag = true)]
    Capacity {
        /// What `--help` lists: `--clients 1750`, `--tick-hz 60`, `--search` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// How late ticks begin under load, beside a thread that does nothing but sleep.
    ///
    /// It takes more than ten minutes.
    #[command(disable_help_flag = true)]
    Lateness {
        /// What `--help` lists: `--clients 1750`, `--tick-hz 60`, `--minutes 10`, `--hogs 2` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// How long an input takes until an update shows it.
    #[command(disable_help_flag = true)]
    Input {
        /// What `--help` lists: `--clients 400`, `--samples 600` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// How long a join takes until the first whole state is there, while others play.
    #[command(disable_help_flag = true)]
    Join {
        /// What `--help` lists: `--clients 500`, `--samples 400` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// What clients that stop reading cost the others and the server.
    #[command(disable_help_flag = true)]
    Stalled {
        /// What `--help` lists: `--clients 400`, `--percent 10` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// What memory a connection costs that has joined and does nothing.
    #[command(disable_help_flag = true)]
    Idle {
        /// What `--help` lists: `--clients 9000`, `--tick-hz 1,10` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// What the journal costs: pairs of servers with and without one.
    #[command(disable_help_flag = true)]
    Journal {
        /// What `--help` lists: `--clients 400`, `--pairs 11` and more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Whether it is so, what the load tester reports: against a server that delays by a known schedule.
    ///
    /// It takes a minute.
    BotsTruth {
        /// What `fracas-bots-bench truth --help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Draw what `floor --json FILE` has written: a picture (SVG) for each case.
    Plot {
        /// What was written.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The folder to draw into.
        #[arg(long, default_value = "benches/plots", value_name = "FOLDER")]
        out: PathBuf,
    },
}

#[derive(Subcommand)]
enum Soak {
    /// Kill the server again and again while bots play: no match may be lost.
    Restarts {
        /// Those of `fracas-attack restarts`; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Play the same matches in a debug and in a release build: every tick must be the same.
    Determinism {
        /// Ticks to play.
        #[arg(long, default_value_t = 100_000)]
        ticks: u64,
    },
    /// Fill a crowded room with clients that answer and never read: they cost little, and nobody else
    /// anything.
    SlowReaders {
        /// What `fracas-attack slow-readers --help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Let players drop and come back in every unlucky way: all must keep seat and score.
    Resume {
        /// How often, all players together.
        #[arg(long, default_value_t = 10_000)]
        cycles: u32,
        /// Players at one time.
        #[arg(long, default_value_t = 200)]
        players: u32,
    },
}

#[derive(Args)]
struct NewGame {
    /// The game's id: a lower-case word.
    name: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let root: &Path = &cli.root;
    let result = match cli.command {
        Command::Test(options) => test::run(root, &options),
        Command::Ci => ci::run(root),
        Command::Fuzz { guided: Some(seconds), .. } => fuzz::guided(root, seconds),
        Command::Fuzz { cases, guided: None } => fuzz::run(root, cases),
        Command::Attack { options } => attack::run(root, "raid", &options),
        Command::Bench { bench } => run_bench(root, bench.unwrap_or(Bench::List)),
        Command::Codec { options } => return codec::run(root, &options),
        Command::Soak(Soak::SlowReaders { options }) => attack::run(root, "slow-readers", &options),
        Command::Soak(Soak::Restarts { options }) => attack::run(root, "restarts", &options),
        Command::Soak(Soak::Determinism { ticks }) => soak::determinism(root, ticks),
        Command::Soak(Soak::Resume { cycles, players }) => soak::resume(root, cycles, players),
        Command::NewGame(NewGame { name }) => new_game::run(root, &name),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_bench(root: &Path, bench: Bench) -> Result<()> {
    match bench {
        Bench::List => {
            Cli::command().find_subcommand("bench").into_iter().for_each(bench::list);
            Ok(())
        }
        Bench::Tick { options } => bench::of_cargo(root, "tick", &options),
        Bench::Counts { accept } => counts::run(root, accept),
        Bench::Codec { options } => bench::of_cargo(root, "codec", &options),
        Bench::Floor { options } => bench::floor(root, &options),
        Bench::Door => bench::of_cargo(root, "door", &[]),
        Bench::Listing => bench::of_cargo(root, "listing", &[]),
        Bench::Netcode { options } => bench::of_cargo(root, "netcode", &options),
        Bench::Bots { options } => bench::bots(root, "pairs", &options),
        Bench::Capacity { options } => bench::load(root, "capacity", &options),
        Bench::Lateness { options } => bench::load(root, "lateness", &options),
        Bench::Input { options } => bench::load(root, "input", &options),
        Bench::Join { options } => bench::load(root, "join", &options),
        Bench::Stalled { options } => bench::load(root, "stalled", &options),
        Bench::Idle { options } => bench::load(root, "idle", &options),
        Bench::Journal { options } => bench::load(root, "journal", &options),
        Bench::BotsTruth { options } => bench::bots(root, "truth", &options),
        Bench::Plot { files, out } => plot::run(&files, &out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benches_have_a_line_each() {
        Cli::command().debug_assert();
        let cli = Cli::command();
        let bench = cli.find_subcommand("bench").expect("it is a command");
        for command in bench.get_subcommands() {
            let line = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!((20..=110).contains(&line.len()), "{}: {line}", command.get_name());
        }
    }
}
