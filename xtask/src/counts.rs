//! `cargo xtask bench counts`: instructions of what a server does again and again, beside a reference.
//!
//! Instructions do not depend on what else the machine does, so a few percent more are seen at once. They do depend on
//! the target, and a little on the compiler.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::bench::{build, program};
use crate::debian;
use crate::process::{Compiler, starts};

/// Where the reference was counted; elsewhere nothing is.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const REFERENCE: &str = "benches/counts.json";
/// The program, and its package.
const PROGRAM: &str = "fracas-counts";
/// So many ticks are counted: those by which one run has more than another.
const TICKS: u32 = 300;
/// How far a count may be from its reference, as a share of that.
const TOLERANCE: f64 = 0.05;
const ACCEPT: &str = "`cargo xtask bench counts --accept`";

/// What was counted once, or is now.
#[derive(Debug, PartialEq)]
struct Counts {
    date: String,
    rustc: String,
    target: String,
    /// By the scene's name.
    instructions_per_tick: BTreeMap<String, f64>,
}

/// Counts, and compares with the reference or takes a new one.
pub(crate) fn run(root: &Path, accept: bool) -> Result<()> {
    let Compiler { host, version } = Compiler::of(root)?;
    if host != TARGET {
        println!(
            "SKIPPED: instructions are compared on {TARGET} alone, and this is {host}: targets differ in them."
        );
        return Ok(());
    }
    require_valgrind()?;
    build(root, &[(PROGRAM, PROGRAM)])?;
    let program = program(root, PROGRAM)?;
    let mut counted =
        Counts { date: today()?, rustc: version, target: host, instructions_per_tick: BTreeMap::new() };
    let mut problems = Vec::new();
    for line in printed(Command::new(&program).arg("scenes"))?.lines() {
        let scene = line.split(' ').next().unwrap_or_default();
        counted.instructions_per_tick.insert(scene.to_owned(), instructions_per_tick(&program, scene)?);
        let took = printed(Command::new(&program).args(["allocations", scene, &TICKS.to_string()]))?;
        if took.trim() != "0" {
            problems.push(format!("{scene}: {} of {TICKS} steady ticks took memory, see above", took.trim()));
        }
    }
    let file = root.join(REFERENCE);
    if accept {
        fs::write(&file, counted.to_json()).with_context(|| format!("cannot write {REFERENCE}"))?;
        println!("This is the reference from now on: {REFERENCE}");
    }
    let reference = fs::read_to_string(&file).with_context(|| format!("no reference; {ACCEPT} takes one"))?;
    let reference =
        Counts::of_json(&reference).with_context(|| format!("{REFERENCE} is none; {ACCEPT} takes one"))?;
    println!("{}", table(&counted, &reference));
    problems.extend(counted.differences(&reference));
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

/// Installs it where that needs nobody's leave. Elsewhere, if it is missing, an error that says how to.
fn require_valgrind() -> Result<()> {
    if starts("valgrind") {
        return Ok(());
    }
    if debian::may_install() {
        println!("Counting instructions needs valgrind, and there is none: installing Debian's.");
        return debian::install(&["valgrind"]).context("cannot install valgrind");
    }
    bail!("counting instructions needs valgrind: install it, on Debian by `apt-get install valgrind`")
}

/// What the counted ticks of a scene take: by how much a run in which twice as many are counted exceeds one of as many.
/// So neither the start nor what comes before and between those ticks is in it.
fn instructions_per_tick(program: &Path, scene: &str) -> Result<f64> {
    let run = |counted: u32| {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        command.args(["play", scene, &counted.to_string(), &(2 * TICKS).to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start valgrind")
    };
    let (less, more) = (run(TICKS)?, run(2 * TICKS)?);
    let (less, more) = (instructions(less)?, instructions(more)?);
    let of_ticks = more.checked_sub(less).context("more ticks took fewer instructions")?;
    Ok(of_ticks as f64 / f64::from(TICKS))
}

fn instructions(valgrind: Child) -> Result<u64> {
    let ended = valgrind.wait_with_output()?;
    let told = String::from_utf8_lossy(&ended.stderr);
    collected(&told)
        .filter(|_| ended.status.success())
        .with_context(|| format!("valgrind counted nothing:\n{told}"))
}

/// What callgrind says at its end: `==7== Collected : 1234`.
fn collected(told: &str) -> Option<u64> {
    told.lines().find_map(|line| line.split_once(" Collected : ")?.1.trim().parse().ok())
}

fn printed(command: &mut Command) -> Result<String> {
    let ended = command.stderr(Stdio::inherit()).output()?;
    ensure!(ended.status.success(), "{PROGRAM} ended with {}", ended.status);
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn today() -> Result<String> {
    Ok(String::from_utf8_lossy(&Command::new("date").args(["-u", "+%F"]).output()?.stdout).trim().to_owned())
}

impl Counts {
    fn of_json(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| Some(json[name].as_str()?.to_owned());
        let counts = json["instructions_per_tick"].as_object()?.iter();
        Some(Self {
            date: word("date")?,
            rustc: word("rustc")?,
            target: word("target")?,
            instructions_per_tick: counts
                .map(|(name, count)| Some((name.clone(), count.as_f64()?)))
                .collect::<Option<_>>()?,
        })
    }

    fn to_json(&self) -> String {
        let Self { date, rustc, target, instructions_per_tick } = self;
        let json = json!({
            "date": date,
            "rustc": rustc,
            "target": target,
            "instructions_per_tick": instructions_per_tick,
        });
        format!("{json:#}\n")
    }

    /// What is too far from the reference, in sentences.
    fn differences(&self, reference: &Self) -> Vec<String> {
        let since = &reference.date;
        let difference = |(scene, count): (&String, &f64)| {
            let Some(before) = reference.instructions_per_tick.get(scene) else {
                return Some(format!("{scene} has no reference: {ACCEPT} takes one"));
            };
            let more = count / before - 1.0;
            let percent = (more.abs()) * 100.0;
            if more > TOLERANCE {
                Some(format!(
                    "{scene} takes {percent:.1} % more instructions than on {since}: find out why, and if it is to be \
                     so, {ACCEPT} takes it as the new reference"
                ))
            } else if more < -TOLERANCE {
                Some(format!(
                    "{scene} takes {percent:.1} % fewer instructions than on {since}: the reference is to be renewed by \
                     {ACCEPT}, so that it cannot be lost again unseen"
                ))
            } else {
                None
            }
        };
        let mut differences: Vec<_> = self.instructions_per_tick.iter().filter_map(difference).collect();
        if !differences.is_empty() && self.rustc != reference.rustc {
            let (now, then) = (&self.rustc, &reference.rustc);
            differences.push(format!(
                "this is {now}, and the reference is of {then}: that alone may make a difference"
            ));
        }
        differences
    }
}

/// For people.
fn table(counted: &Counts, reference: &Counts) -> String {
    let mut text = format!("{:12}{:>20}{:>12}{:>8}\n", "", "instructions a tick", reference.date, "ratio");
    for (scene, count) in &counted.instructions_per_tick {
        let before = reference.instructions_per_tick.get(scene);
        let cell = |figure: Option<String>| figure.unwrap_or_else(|| "-".into());
        // Writing to memory does not fail.
        let _ = writeln!(
            text,
            "{scene:12}{count:>20.0}{:>12}{:>8}",
            cell(before.map(|before| format!("{before:.0}"))),
            cell(before.map(|before| format!("{:.3}", count / before))),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rustc: &str, counts: &[(&str, f64)]) -> Counts {
        Counts {
            date: "2026-11-28".into(),
            rustc: rustc.into(),
            target: TARGET.into(),
            instructions_per_tick: counts
                .iter()
                .map(|(scene, count)| ((*scene).to_owned(), *count))
                .collect(),
        }
    }

    #[test]
    fn references_come_back_as_they_were_written() {
        let written = counts("rustc 1.95.0", &[("encode", 31_000.25), ("tick", 80_000.0)]);
        assert_eq!(Counts::of_json(&written.to_json()), Some(written));
        assert_eq!(Counts::of_json("{}"), None);
    }

    #[test]
    fn what_valgrind_says_is_understood() {
        let told = "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n";
        assert_eq!(collected(told), Some(1_234_567));
        assert_eq!(collected("valgrind: no such program"), None);
    }

    #[test]
    fn more_and_fewer_are_told_and_what_lies_between_is_not() {
        let reference =
            counts("rustc 1", &[("same", 100.0), ("most", 105.0), ("more", 100.0), ("fewer", 100.0)]);
        let counted = counts(
            "rustc 1",
            &[("same", 95.5), ("most", 110.0), ("more", 105.1), ("fewer", 94.9), ("new", 1.0)],
        );
        let told = counted.differences(&reference);
        let [fewer, more, new] = &told[..] else { panic!("{told:?}") };
        assert!(fewer.starts_with("fewer takes 5.1 % fewer") && fewer.contains("--accept"), "{fewer}");
        assert!(more.starts_with("more takes 5.1 % more") && more.contains("--accept"), "{more}");
        assert!(new.starts_with("new has no reference"), "{new}");
        assert!(table(&counted, &reference).contains("0.955"));
    }

    #[test]
    fn another_compiler_is_named_when_there_is_a_difference() {
        let reference = counts("rustc 1", &[("tick", 100.0)]);
        assert_eq!(counts("rustc 2", &[("tick", 101.0)]).differences(&reference), [""; 0]);
        let told = counts("rustc 2", &[("tick", 111.0)]).differences(&reference);
        assert!(told.len() == 2 && told[1].contains("rustc 2"), "{told:?}");
    }
}
