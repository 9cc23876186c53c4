//! Every quick attack by a few strangers, and a few restarts: the tool works, and the server does as it should.

use std::path::Path;
use std::process::Command;

/// Those that are not about the server's patience.
const QUICK: [&str; 12] = [
    "endless-head",
    "noise",
    "noisy-frames",
    "cut-off",
    "wrong-version",
    "huge-message",
    "endless-fragments",
    "ping-flood",
    "input-flood",
    "chat-flood",
    "used-ticket",
    "hammering",
];

/// Runs the tool with these arguments, and expects of each of these lines that it is there and fine. What is a matter of time is
/// left out: that is for a machine with nothing else to do.
fn expect(arguments: &[&str], lines: &[&str]) {
    let program = Path::new(env!("CARGO_BIN_EXE_fracas-attack"));
    let output = Command::new(program).args(arguments).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let is_ok = |what: &str| {
        told.lines()
            .any(|line| line.strip_prefix("ok ").is_some_and(|line| line.trim_start().starts_with(what)))
    };
    for what in lines {
        assert!(is_ok(what), "{what}:\n{told}{complaint}");
    }
}

#[test]
fn quick_attacks_end_as_they_should() {
    let raid = [&["raid", "--connections=12", "--at-once=6", "--bots=2"], &QUICK[..]].concat();
    expect(&raid, &[&QUICK[..], &["memory", "panics: 0", "the server stopped"]].concat());
}

#[test]
fn matches_outlive_their_servers() {
    for end in ["kill", "term"] {
        expect(
            &["restarts", "--times=2", "--bots=8", "--by", end],
            &[
                "16 of 16 returns to the seat; 0 seats lost",
                "8 bots joined, 0 failed",
                "made again from the journal",
            ],
        );
    }
}
