//! Rounds in which all servers take their turn.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fracas_benches::tape::{Tape, record};
use fracas_benches::{Circumstances, Interrupt};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bounds::Bounds;
use crate::cases::{self, Case};
use crate::options::Options;
use crate::report::{Figures, Round};
use crate::run::measure;
use crate::server::Kind;
use crate::uring::Ring;

/// Measures all that is wanted; whether the run counts and holds what is asked.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if options.list {
        for case in cases::all() {
            println!("{:36} {}", case.name, case.sentence());
        }
        return Ok(true);
    }
    let (cases, interrupt, folder) = (options.cases()?, Interrupt::listen()?, TempDir::new()?);
    let (mut is_good, mut told) = (true, Vec::new());
    for case in &cases {
        let figures = rounds(case, options, folder.path(), &interrupt)?;
        println!("{}", figures.table());
        is_good &= figures.is_valid() && figures.bounds_are_held();
        told.push(figures.json());
    }
    if let Some(file) = &options.json {
        let told = if told.len() == 1 { told.remove(0) } else { json!({ "cases": told }) };
        write(file, &told)?;
    }
    Ok(is_good)
}

fn write(file: &Path, told: &Value) -> Result<()> {
    std::fs::write(file, format!("{told:#}\n")).with_context(|| format!("cannot write {}", file.display()))
}

/// Measures one case.
fn rounds(case: &Case, options: &Options, folder: &Path, interrupt: &Interrupt) -> Result<Figures> {
    let (tape, mut kinds, mut remarks) = (tape(case, options, folder)?, options.kinds(), Vec::new());
    if kinds.contains(&Kind::IoUring)
        && let Err(error) = Ring::probe()
    {
        kinds.retain(|kind| *kind != Kind::IoUring);
        remarks.push(format!("no io_uring here: {error:#}"));
    }
    let mut rounds: Vec<Round> = Vec::new();
    let mut good = 0;
    // A round that does not count is made up for, but not for ever.
    while good < options.rounds && rounds.len() < options.rounds + options.rounds / 2 {
        let number = rounds.len();
        let mut round = Round::default();
        for place in 0..kinds.len() {
            let kind = turn(&kinds, number, place);
            eprint!(
                "\r{}: round {}, {good} of {} count: {:10} ",
                case.name,
                number + 1,
                options.rounds,
                kind.name()
            );
            round.runs.insert(kind, measure(kind, case, options, &tape, folder, interrupt)?);
        }
        good += usize::from(round.counts());
        rounds.push(round);
    }
    eprintln!();
    let bounds = Bounds { to_skeleton_max: options.to_skeleton_max, to_naive_max: options.to_naive_max };
    Ok(Figures {
        case: case.clone(),
        circumstances: Circumstances::here()?,
        kinds,
        rounds,
        rounds_wanted: options.rounds,
        bounds,
        remarks,
    })
}

/// Who is next. Each round begins with another one and every other one goes backwards, so that none always follows the
/// same one.
fn turn(kinds: &[Kind], round: usize, place: usize) -> Kind {
    let place = if round.is_multiple_of(2) { place } else { kinds.len() - 1 - place };
    kinds[(round / 2 + place) % kinds.len()]
}

/// The tape to be played to the case's clients.
fn tape(case: &Case, options: &Options, folder: &Path) -> Result<PathBuf> {
    let length = options.tape_length(case);
    if let Some(path) = &options.tape {
        check(&Tape::read(path)?, case, length)?;
        return Ok(path.clone());
    }
    eprintln!("{}: recording a match of {:.0} s", case.name, length.as_secs_f64());
    let (path, tape) = (folder.join("tape"), record(&case.shape, length)?);
    check(&tape, case, length)?;
    tape.write(&path)?;
    Ok(path)
}

/// Checks that a tape has what the case needs.
fn check(tape: &Tape, case: &Case, length: Duration) -> Result<()> {
    let (seats, tick_hz) = (usize::from(case.shape.seats), case.shape.tick_hz);
    ensure!(
        tape.seats.len() == seats && tape.tick_hz == tick_hz,
        "the tape has {} seats at {} Hz, and the case {seats} at {tick_hz} Hz",
        tape.seats.len(),
        tape.tick_hz
    );
    let (has, needs) = (tape.seconds(), length.as_secs_f64());
    // The last tick may be missing.
    ensure!(has > needs - 1.0, "the tape is {has:.1} s long, and the case takes {needs:.1} s");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns() {
        let kinds = Kind::ALL;
        let mut first = Vec::new();
        for round in 0..8 {
            let mut order: Vec<_> = (0..4).map(|place| turn(&kinds, round, place)).collect();
            first.push(order[0]);
            order.sort_unstable();
            assert_eq!(order, kinds, "each once");
        }
        for kind in kinds {
            assert_eq!(
                first.iter().filter(|other| **other == kind).count(),
                2,
                "{kind:?} is as often the first"
            );
        }
    }
}
