//! Headless bots that play, and measure what they get.
//!
//! Each bot is a whole client: it has a WebSocket of its own, decodes every frame, and answers it
//! with the input of the game's [`Pilot`]. What is measured is told at
//! [`Report`].
//!
//! A game in a repository of its own gets its load tester with one line:
//! `fracas_bots::run::<MyGames>(std::env::args_os())`.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use fracas_shared::{GameList, GameVisitor, Pilot};

mod bot;
// Wired in by the swarm.
#[allow(dead_code)]
mod cli;
mod expect;
// Wired in by the swarm.
#[allow(dead_code)]
mod limits;
// Wired in by the swarm.
#[allow(dead_code)]
mod plan;
mod progress;
mod record;
mod report;
// Wired in by the swarm.
#[allow(dead_code)]
mod scenario;
mod swarm;
// Wired in by the swarm.
#[allow(dead_code)]
mod units;

pub use expect::Verdict;
pub use report::{Quantiles, Report};

use cli::Options;

/// Some bot failed to join or was disconnected, or there was no server.
const FAILED: u8 = 1;
/// The arguments make no sense.
const WRONG_USAGE: u8 = 2;
/// Something was not as expected.
const CROSSED: u8 = 99;

/// Runs the load tester for these games, and gives the process's exit code: 0 when every bot joined
/// and left as it should and all was as expected, 1 when a bot did not, 2 when the arguments make no sense, 99 when
/// something was not as expected.
pub fn run<L: GameList>(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // When even this cannot be printed, the exit code says it.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(WRONG_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let mut choice = Choice { options: &options, known: Vec::new(), report: None };
    L::visit_all(&mut choice);
    match choice.report {
        None => {
            let known = choice.known.join(", ");
            eprintln!("fracas-bots: no game '{}' in this build; there are: {known}", options.game());
            ExitCode::from(WRONG_USAGE)
        }
        Some(Err(error)) => {
            eprintln!("fracas-bots: {error:#}");
            ExitCode::from(FAILED)
        }
        Some(Ok(report)) => {
            let mut stdout = std::io::stdout();
            let table = report.table(stdout.is_terminal());
            // A reader that went away early, as `head` does, has what it wanted.
            let _ = stdout.write_all(table.as_bytes());
            if let Err(error) = options.json.as_ref().map_or(Ok(()), |path| report.write_json(path)) {
                eprintln!("fracas-bots: {error:#}");
                return ExitCode::from(FAILED);
            }
            match (report.is_fine(), report.is_as_expected()) {
                (false, _) => ExitCode::from(FAILED),
                (true, false) => ExitCode::from(CROSSED),
                (true, true) => ExitCode::SUCCESS,
            }
        }
    }
}

/// Runs the game that was asked for, if the list has it.
struct Choice<'a> {
    options: &'a Options,
    known: Vec<&'static str>,
    report: Option<anyhow::Result<Report>>,
}

impl GameVisitor for Choice<'_> {
    fn visit<G: Pilot>(&mut self) {
        self.known.push(G::ID);
        if self.options.game() == G::ID {
            self.report = Some(swarm::run::<G>(self.options));
        }
    }
}
