//! `cargo xtask test`: all tests there are.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use cargo_metadata::MetadataCommand;
use clap::Args;

use crate::javascript;
use crate::process::{cargo, cargo_has, run_watched, shown};
use crate::proxies;

/// Cases of a test with random cases in a quick run.
const QUICK_CASES: &str = "200";

/// A game as a repository of its own would hold it: outside of the workspace.
const OWN_GAME: &str = "docs/own-game";

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Fewer random cases, and neither the documentation's tests, nor the game in docs/own-game, nor
    /// the tests in JavaScript.
    #[arg(long)]
    quick: bool,
    /// Arguments for the test runner, such as a filter; with them, only the workspace's tests run.
    #[arg(last = true)]
    runner: Vec<String>,
}

/// Tests that ran, by how they ended.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Adds what a closing line of a test runner says: nextest's `Summary [ 1.2s] 5 tests run: 4
    /// passed, 1 failed, 0 skipped`, libtest's `test result: ok. 5 passed; 0 failed; 1 ignored`, or
    /// the lines `# pass 5`, `# fail 0` of Node.js, whose newer versions have another sign.
    fn add(&mut self, line: &str) {
        if let Some(count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("\u{2139} ")) {
            match count.split_once(' ').map(|(word, number)| (word, number.parse::<u64>())) {
                Some(("pass", Ok(number))) => self.passed += number,
                Some(("fail" | "cancelled", Ok(number))) => self.failed += number,
                Some(("skipped" | "todo", Ok(number))) => self.skipped += number,
                _ => {}
            }
            return;
        }
        let counts = if line.trim_start().starts_with("Summary [") {
            line.split_once(" run: ")
        } else if line.starts_with("test result: ") {
            line.split_once(". ")
        } else {
            None
        };
        let Some((_, counts)) = counts else { return };
        for count in counts.split([',', ';']) {
            let mut words = count.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed" | "timed") => self.failed += number,
                Some("skipped" | "ignored") => self.skipped += number,
                _ => {}
            }
        }
    }
}

pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for mut command in commands(root, options)? {
        if options.quick {
            command.env("FRACAS_CASES", QUICK_CASES);
        }
        if !run_watched(&mut command, |line| counts.add(line))? {
            failures.push(shown(&command));
        }
    }
    println!(
        "\nTests: {} passed, {} failed, {} skipped, in {} s",
        counts.passed,
        counts.failed,
        counts.skipped,
        started.elapsed().as_secs()
    );
    if !failures.is_empty() {
        bail!("not all tests passed: {}", failures.join("; "));
    }
    if counts.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

fn commands(root: &Path, options: &Options) -> Result<Vec<Command>> {
    let runner: Vec<_> = options.runner.iter().map(String::as_str).collect();
    let is_whole = !options.quick && runner.is_empty();
    if is_whole {
        proxies::prepare();
    }
    let workspace = if cargo_has(root, "nextest") {
        println!("Running the tests with cargo-nextest.");
        cargo(root, &[&["nextest", "run", "--workspace", "--no-fail-fast"], &runner[..]].concat())
    } else {
        println!(
            "Running the tests with cargo test. cargo-nextest runs them faster: \
             `cargo install --locked cargo-nextest`."
        );
        let kinds = ["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"];
        cargo(root, &[&kinds[..], &["--"], &runner[..]].concat())
    };
    let mut commands = vec![workspace];
    if !is_whole {
        return Ok(commands);
    }
    commands.push(cargo(root, &["test", "--workspace", "--doc"]));
    // What the default features leave out.
    commands.push(cargo(root, &["test", "--package=fracas-server", "--features=jwt", "jwt"]));
    let planted = [
        "test",
        "--package=fracas-server",
        "--package=fracas-attack",
        "--features=planted-faults",
        "planted",
    ];
    commands.push(cargo(root, &planted));
    let target = MetadataCommand::new().current_dir(root).no_deps().exec()?.target_directory;
    let mut own_game = cargo(&root.join(OWN_GAME), &["test"]);
    // In the workspace's target folder, so that what both need is built once.
    own_game.env("CARGO_TARGET_DIR", &target);
    commands.push(own_game);
    commands.extend(javascript::tests(root, target.as_std_path())?);
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let mut counts = Counts::default();
        counts
            .add("     Summary [   1.234s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 3 skipped");
        counts.add("test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out");
        counts.add("6 passed, but this is no closing line");
        assert_eq!((counts.passed, counts.failed, counts.skipped), (10, 4, 5));
        for line in ["# tests 4", "# pass 2", "# fail 1", "\u{2139} pass 3", "# skipped 1"] {
            counts.add(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.skipped), (15, 5, 6));
    }
}
