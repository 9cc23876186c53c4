//! The load tester on a terminal of its own.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::game::TagGames;
use crate::server::{self, Behaviour};

/// What the process below is to do: arguments, line by line.
const ARGUMENTS: &str = "TAG_BOTS_ARGUMENTS";
/// A thread of it panics when there is this file.
const PANIC_FILE: &str = "TAG_BOTS_PANIC_FILE";

const WAIT_MAX: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

const ENTER_SCREEN: &str = "\x1b[?1049h";
const LEAVE_SCREEN: &str = "\x1b[?1049l";
/// How each screen of another size begins.
const CLEAR: &str = "\x1b[2J";
const FOOTER: &str = " ends the run";

/// The load tester as a process: this test, run by others, is its `main`.
#[test]
#[ignore = "does nothing but for other tests, which run it"]
fn load_tester() -> ExitCode {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return ExitCode::SUCCESS };
    if let Some(file) = std::env::var_os(PANIC_FILE) {
        std::thread::spawn(move || {
            wait_until(|| Path::new(&file).exists());
            panic!("something fell over");
        });
    }
    fracas_bots::run::<TagGames>(arguments.lines().map(Into::into))
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !is_so() {
        assert!(Instant::now() < deadline, "this takes too long");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// A command that runs three bots for so long.
fn command(duration: &str) -> Command {
    let url = server::start(Behaviour::Play);
    let arguments = ["fracas-bots", "--url", &url, "--game", "tag", "--clients", "3", "--metrics", "off"];
    let mut all = arguments.to_vec();
    all.extend(["--ramp", "1000/s", "--duration", duration]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "terminal::load_tester", "--ignored", "--nocapture"]);
    command.env(ARGUMENTS, all.join("\n")).env("TERM", "xterm-256color");
    command
}

/// Both ends of a terminal, and what was written to it.
struct Terminal {
    ours: OwnedFd,
    theirs: File,
    seen: String,
}

impl Terminal {
    fn open() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let no_control = OFlags::NOCTTY.bits() as i32;
        let theirs = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(path).unwrap();
        let terminal = Self { ours, theirs, seen: String::new() };
        terminal.set_size(110, 34);
        terminal
    }

    fn start(&self, command: &mut Command) -> Child {
        let end = || self.theirs.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
    }

    fn set_size(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.theirs, size).unwrap();
    }

    /// How the terminal treats what is typed and written.
    fn modes(&self) -> String {
        format!("{:?}", tcgetattr(&self.theirs).unwrap())
    }

    fn press(&self, keys: &[u8]) {
        assert_eq!(rustix::io::write(&self.ours, keys).unwrap(), keys.len());
    }

    /// Reads what was written, and waits for it a moment.
    fn read(&mut self) {
        let moment = Timespec { tv_sec: 0, tv_nsec: LOOK_INTERVAL.subsec_nanos().into() };
        let mut bytes = [0; 4096];
        while poll(&mut [PollFd::new(&self.ours, PollFlags::IN)], Some(&moment)).unwrap() > 0 {
            let count = rustix::io::read(&self.ours, &mut bytes).unwrap();
            // A letter in two parts matters to nobody here.
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn wait_until(&mut self, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        while !is_so(&self.seen) {
            assert!(Instant::now() < deadline, "{}", self.seen);
            self.read();
        }
    }

    /// Waits until the process has ended and all it wrote was read.
    fn wait_for_end(&mut self, child: &mut Child) -> ExitStatus {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let ended = child.try_wait().unwrap();
            self.read();
            match ended {
                Some(status) => return status,
                None => assert!(Instant::now() < deadline, "{}", self.seen),
            }
        }
    }

    /// Changes the size, and waits until all is drawn again.
    fn resize(&mut self, child: &Child, columns: u16, rows: u16) {
        self.read();
        let before = self.seen.matches(CLEAR).count();
        self.set_size(columns, rows);
        signal(child, Signal::WINCH);
        self.wait_until(|seen| seen.matches(CLEAR).count() > before);
    }

    /// Resizes the terminal until the screen says that all bots play.
    fn wait_for_bots(&mut self, child: &Child) {
        self.wait_until(|seen| seen.contains(FOOTER));
        let mut widths = (60..120).cycle();
        while !self.seen.contains("3 of 3") {
            self.resize(child, widths.next().unwrap(), 24);
        }
    }

    /// What came after the dashboard.
    fn after_dashboard(&self) -> &str {
        let (dashboard, after) =
            self.seen.rsplit_once(LEAVE_SCREEN).unwrap_or_else(|| panic!("{}", self.seen));
        assert!(dashboard.contains(ENTER_SCREEN) && !after.contains(ENTER_SCREEN), "{}", self.seen);
        after
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn assert_report(text: &str) {
    for row in ["3 of 3 joined", "update gap", "input to state"] {
        assert!(text.contains(row), "{text}");
    }
}

/// Plays on terminals of many sizes until somebody presses these keys.
fn check_a_key_ends_the_run(keys: &[u8]) {
    let mut terminal = Terminal::open();
    let modes = terminal.modes();
    let mut child = terminal.start(&mut command("1h"));
    terminal.wait_for_bots(&child);
    assert_ne!(terminal.modes(), modes, "keys come at once");
    for (columns, rows) in [(40, 10), (1, 1), (300, 100), (200, 2), (3, 60), (110, 34)] {
        terminal.resize(&child, columns, rows);
    }
    terminal.press(b"\x1b[Ax");
    terminal.press(keys);
    let status = terminal.wait_for_end(&mut child);
    assert!(status.success(), "{status}: {}", terminal.seen);
    assert_report(terminal.after_dashboard());
    assert_eq!(terminal.modes(), modes);
}

#[test]
fn q_ends_a_run_with_its_report() {
    check_a_key_ends_the_run(b"q");
}

#[test]
fn ctrl_c_ends_a_run_with_its_report() {
    check_a_key_ends_the_run(b"\x03");
}

#[test]
fn who_asks_twice_does_not_wait() {
    let mut terminal = Terminal::open();
    let modes = terminal.modes();
    let mut child = terminal.start(&mut command("1h"));
    terminal.wait_until(|seen| seen.contains(FOOTER));
    terminal.press(b"qq");
    assert_eq!(terminal.wait_for_end(&mut child).code(), Some(130));
    assert!(!terminal.after_dashboard().contains("update gap"));
    assert_eq!(terminal.modes(), modes);
}

#[test]
fn a_killed_run_gives_the_terminal_back() {
    let mut terminal = Terminal::open();
    let modes = terminal.modes();
    let mut child = terminal.start(&mut command("1h"));
    terminal.wait_until(|seen| seen.contains(FOOTER));
    signal(&child, Signal::TERM);
    assert_eq!(terminal.wait_for_end(&mut child).code(), Some(143));
    terminal.after_dashboard();
    assert_eq!(terminal.modes(), modes);
}

#[test]
fn what_a_panic_says_is_to_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panic");
    let mut terminal = Terminal::open();
    let modes = terminal.modes();
    let mut child = terminal.start(command("1h").env(PANIC_FILE, &file));
    terminal.wait_for_bots(&child);
    std::fs::write(&file, "").unwrap();
    terminal.wait_until(|seen| seen.contains("something fell over"));
    assert!(terminal.after_dashboard().contains("something fell over"));
    assert_eq!(terminal.modes(), modes);
    signal(&child, Signal::INT);
    assert!(terminal.wait_for_end(&mut child).success(), "{}", terminal.seen);
    assert_report(terminal.after_dashboard());
}

#[test]
fn a_run_outlives_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut terminal = Terminal::open();
    let end = || terminal.theirs.try_clone().unwrap();
    let mut command = command("1s");
    let mut child =
        command.stdin(end()).stderr(end()).stdout(File::create(&report).unwrap()).spawn().unwrap();
    drop(command);
    terminal.wait_until(|seen| seen.contains(FOOTER));
    drop(terminal);
    signal(&child, Signal::HUP);
    let mut ended = None;
    wait_until(|| {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert!(ended.unwrap().success());
    assert_report(&std::fs::read_to_string(&report).unwrap());
}
