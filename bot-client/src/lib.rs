//! Headless bots that play, and measure what they get.
//!
//! Each bot is a whole client: it has a WebSocket of its own, decodes every frame, checks what it sees, and
//! answers with the inputs of the game's [`Pilot`](fracas_shared::Pilot). What is measured is told at
//! [`Report`].
//!
//! A game in a repository of its own gets its load tester with one line:
//! `fracas_bots::run::<MyGames>(std::env::args_os())`.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use fracas_shared::GameList;

mod audit;
mod capacity;
mod cli;
mod crew;
mod dashboard;
mod expect;
mod lane;
mod limits;
mod plan;
mod player;
mod progress;
mod record;
mod report;
mod scenario;
mod scrape;
mod screen;
mod setup;
mod status;
mod swarm;
mod target;
mod timeline;
mod times;
mod units;

pub use expect::Verdict;
pub use report::{Bar, Capacity, Planned, Report, StageSpan, Tester};
pub use timeline::{Point, ServerPoint};
pub use times::Quantiles;

use cli::Options;
use setup::{Run, Stop};

/// Some bot failed to join or was disconnected, or there was no server.
const FAILED: u8 = 1;
/// The arguments make no sense.
const WRONG_USAGE: u8 = 2;
/// Something was not as expected.
const CROSSED: u8 = 99;

/// Runs the load tester for these games, and gives the process's exit code: 0 when every bot joined
/// and left as it should, the server kept its promises and all was as expected, 1 when not, 2 when the
/// arguments make no sense, 99 when something was not as expected.
pub fn run<L: GameList>(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // When even this cannot be printed, the exit code says it.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(WRONG_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match setup::run::<L>(&options) {
        Ok(Run { is_fine: false, .. }) => ExitCode::from(FAILED),
        Ok(Run { is_as_expected: false, .. }) => ExitCode::from(CROSSED),
        Ok(_) => ExitCode::SUCCESS,
        Err(Stop::WrongUsage(problem)) => {
            say(&problem);
            ExitCode::from(WRONG_USAGE)
        }
        Err(Stop::Failed(error)) => {
            say(&format!("{error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Says what is wrong, if somebody still listens.
fn say(problem: &str) {
    let _ = writeln!(std::io::stderr(), "fracas-bots: {problem}");
}
