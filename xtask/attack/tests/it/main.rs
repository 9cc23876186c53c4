//! Every quick attack, by a few strangers: the tool works, and the server answers as it should.

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

#[test]
fn quick_attacks_end_as_they_should() {
    let program = Path::new(env!("CARGO_BIN_EXE_fracas-attack"));
    let output = Command::new(program)
        .args(["raid", "--connections=12", "--at-once=6", "--bots=2"])
        .args(QUICK)
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let is_ok = |what: &str| {
        told.lines()
            .any(|line| line.strip_prefix("ok ").is_some_and(|line| line.trim_start().starts_with(what)))
    };
    // What the bots get is left out: that is for a machine with nothing else to do.
    for what in QUICK.iter().chain(&["memory", "panics: 0", "the server stopped"]) {
        assert!(is_ok(what), "{what}:\n{told}{complaint}");
    }
}
