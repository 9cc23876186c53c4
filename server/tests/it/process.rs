use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use crate::server::{connect, get};

/// The binary on free ports; killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    greeting: String,
}

impl Process {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", &[&["--journal", "off"], flags].concat())
    }

    /// One that listens there.
    pub(crate) fn start_at(listen: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fracas-server"));
        command.args(["--listen", listen, "--admin-listen", "127.0.0.1:0"]).args(flags);
        Self::spawn(&mut command)
    }

    /// Starts what greets as a server does, perhaps after other lines.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, stdout, greeting: String::new() };
        process.read_greeting();
        process
    }

    /// Reads the next greeting, as of another server in its place; empty when there comes none.
    pub(crate) fn read_greeting(&mut self) {
        loop {
            self.greeting.clear();
            let bytes = self.stdout.read_line(&mut self.greeting).unwrap();
            if bytes == 0 || self.greeting.contains("listening on") {
                return;
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has started, and runs.
    pub(crate) fn children(&self) -> Vec<u32> {
        let id = self.id();
        let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        listed.split_whitespace().filter_map(|child| child.parse().ok()).collect()
    }

    /// The address after this word in the greeting.
    pub(crate) fn address(&self, word: &str) -> SocketAddr {
        let (_, url) = self.greeting.split_once(&format!("{word} on http")).unwrap();
        let (_, rest) = url.split_once("://").unwrap();
        rest.split([' ', '/']).next().unwrap().parse().unwrap()
    }

    pub(crate) fn send(&self, signals: &[&str]) {
        for signal in signals {
            let kill = format!("kill -{signal} {}", self.child.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// All that it logs until it ends.
    pub(crate) fn log(&mut self) -> String {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A shell that is killed does not take along what it runs. Once it has ended its number may be another one's.
        if let Ok(None) = self.child.try_wait() {
            for child in self.children() {
                let _ = Command::new("kill").args(["-KILL", &child.to_string()]).status();
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn greets_with_the_ports_it_has() {
    let process = Process::start(&[]);
    assert_eq!(get(process.address("listening"), "/rooms").0, 200);
    assert_eq!(get(process.address("metrics"), "/metrics").0, 200);
    assert!(process.greeting.ends_with("/metrics, Ctrl-C stops)\n"), "{}", process.greeting);

    let alone = Process::start(&["--admin-listen", "off"]);
    assert!(alone.greeting.ends_with("  (Ctrl-C stops)\n"), "{}", alone.greeting);
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["INT", "TERM"] {
        let mut process = Process::start(&[]);
        let _silent = connect(process.address("listening"));
        process.send(&[signal]);
        assert_eq!(process.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut process = Process::start(&[]);
    // A connection that has said nothing is waited for, so that both signals find the server up.
    let _silent = connect(process.address("listening"));
    assert_eq!(get(process.address("listening"), "/rooms").0, 200);
    process.send(&["STOP", "INT", "TERM", "CONT"]);
    assert_eq!(process.wait().code(), Some(130));
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let first = Process::start(&[]);
    let taken = first.address("listening").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_fracas-server"))
        .args(["--listen", "127.0.0.1:0", "--admin-listen", &taken])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("{taken} is in use: stop the other server")), "{error}");
    assert!(error.contains("--admin-listen 127.0.0.1:0") && error.lines().count() == 1, "{error}");
}

#[test]
fn it_logs_as_told() {
    let mut process = Process::start(&["--log-format", "json"]);
    process.send(&["TERM"]);
    let log = process.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let messages: Vec<_> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert!(messages.contains(&"stopping; once more to stop at once"), "{log}");

    let mut process = Process::start(&[]);
    process.send(&["TERM"]);
    let log = process.log();
    assert!(log.contains("stopping; once more to stop at once"), "{log}");
    assert!(!log.contains('\u{1b}'), "colours are for terminals: {log:?}");

    let mut process = Process::start(&["--log", "off"]);
    process.send(&["TERM"]);
    assert_eq!(process.log(), "");
}

#[test]
fn a_server_that_everyone_may_join_says_so_beyond_this_machine() {
    let warns = |flags: &[&str]| {
        let mut process = Process::start(flags);
        process.send(&["TERM"]);
        process.log().contains("may join; if that is not wanted, set `auth`")
    };
    assert!(warns(&["--listen", "0.0.0.0:0"]));
    assert!(!warns(&[]));
    assert!(!warns(&["--listen", "0.0.0.0:0", "--auth", "secret", "--auth-secret", "correct-horse-battery"]));
}

#[test]
fn a_server_that_makes_lines_worse_says_so() {
    let warns = |flags: &[&str]| {
        let mut process = Process::start(flags);
        process.send(&["TERM"]);
        process.log().contains("every player's line is made worse: latency=100,jitter=20,")
    };
    assert!(warns(&["--line", "latency=100,jitter=20"]));
    assert!(!warns(&["--line", "none"]));
}
