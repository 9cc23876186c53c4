//! The arena makes the same match every time: twice, across processes, in every build.
//!
//! `FRACAS_TICKS` says for how long. The line of `chain` and 16 hex digits is what to compare
//! between builds.

use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::{env, fs};

use fracas_games::Games;
use fracas_shared::{GameList, GameVisitor, Pilot};
use fracas_sim::conformance::{Chain, Script};
use fracas_sim::{Room, RoomOptions, Viewers};

const GAME: &str = "arena";
const SEED: u64 = 16;
const SEATS: u16 = 16;
/// A match is moved to a fresh process every so many ticks.
const RESTORE_TICKS: u32 = 1_000;

/// Tells a child process of this test the tick to stop at and the file to go on from.
const LEG: &str = "FRACAS_DETERMINISM_LEG";

/// All 16 seats are played by pilots, while players come and go all the time. Three runs give one
/// chain: one in this process, one in another, and one that goes on in a fresh process, from its
/// checkpoint's bytes, every 1,000 ticks.
#[test]
fn three_runs_make_one_match() {
    if let Ok(leg) = env::var(LEG) {
        let (to_tick, path) = leg.split_once(' ').expect("a tick and a path");
        return run_leg(to_tick.parse().expect("a tick"), Path::new(path));
    }
    let ticks = match env::var("FRACAS_TICKS") {
        Ok(ticks) => ticks.parse().expect("FRACAS_TICKS is a number of ticks"),
        Err(_) => 3 * RESTORE_TICKS,
    };
    let mut again = Leg::new("again");
    again.start(ticks);
    // It runs behind this run, a thousand ticks at a time.
    let mut restored = Leg::new("restored");
    let mut earlier = None;
    let (chain, _) = run(None, ticks, |tick, chain| {
        if tick % RESTORE_TICKS == 0 || tick == ticks {
            restored.check(earlier.replace((tick, chain)));
            restored.start(tick);
        }
    });
    restored.check(earlier);
    again.check(Some((ticks, chain)));
    // On a line of its own, whatever the test runner has left on this one.
    println!("\nchain {chain}");
}

/// A run in other processes.
struct Leg {
    file: PathBuf,
    process: Option<Child>,
}

impl Leg {
    fn new(name: &str) -> Self {
        let file = format!("determinism-{name}-{}", process::id());
        Self { file: Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), process: None }
    }

    /// Goes on to a tick in a process of its own: this very test, told by the environment.
    fn start(&mut self, to_tick: u32) {
        let name = concat!(module_path!(), "::three_runs_make_one_match");
        let name = name.split_once("::").map_or(name, |(_, name)| name);
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        command.args([name, "--exact", "--nocapture"]);
        // What it says of itself is not to be mistaken for what this run says.
        command.stdout(Stdio::null());
        command.env(LEG, format!("{to_tick} {}", self.file.display()));
        self.process = Some(command.spawn().expect("this program can be started"));
    }

    /// Waits for the process, if there is one, which must have come to this tick with this chain.
    fn check(&mut self, expected: Option<(u32, Chain)>) {
        let (Some(mut process), Some((tick, chain))) = (self.process.take(), expected) else { return };
        assert!(process.wait().expect("a child can be waited for").success(), "see the message above");
        let (theirs, _) = read(&self.file).expect("the leg left its file");
        assert_eq!(theirs, chain, "{}: another match by tick {tick}", self.file.display());
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // After a failure only; it may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_file(&self.file);
    }
}

/// Goes on from the file, if it is there, and leaves the chain and a checkpoint in it.
fn run_leg(to_tick: u32, file: &Path) {
    let (chain, checkpoint) = run(read(file), to_tick, |_, _| {});
    let mut bytes = chain.0.to_le_bytes().to_vec();
    bytes.extend(checkpoint);
    fs::write(file, bytes).expect("the leg's file can be written");
}

fn read(file: &Path) -> Option<(Chain, Vec<u8>)> {
    let bytes = fs::read(file).ok()?;
    let (chain, checkpoint) = bytes.split_first_chunk()?;
    Some((Chain(u64::from_le_bytes(*chain)), checkpoint.to_vec()))
}

/// Plays to a tick, from the beginning or from a chain and a checkpoint, and gives both again.
fn run(from: Option<(Chain, Vec<u8>)>, to_tick: u32, each_tick: impl FnMut(u32, Chain)) -> (Chain, Vec<u8>) {
    let mut run = Run { from, to_tick, each_tick, result: None };
    Games::visit_all(&mut run);
    run.result.expect("the arena is among the games")
}

struct Run<F> {
    from: Option<(Chain, Vec<u8>)>,
    to_tick: u32,
    each_tick: F,
    result: Option<(Chain, Vec<u8>)>,
}

impl<F: FnMut(u32, Chain)> GameVisitor for Run<F> {
    fn visit<G: Pilot>(&mut self) {
        if G::ID != GAME {
            return;
        }
        let script = Script::<G>::new(SEED);
        let (mut chain, mut room) = if let Some((chain, checkpoint)) = self.from.take() {
            (chain, Room::<G>::restore(&checkpoint).expect("our own checkpoint"))
        } else {
            let options = RoomOptions { seats: SEATS, bots: SEATS, ..RoomOptions::of::<G>() };
            (Chain::default(), Room::open(options, SEED).expect("the game's own options"))
        };
        while room.simulation().tick().0 != self.to_tick {
            script.play(&mut room);
            room.tick(&mut Viewers::default());
            chain.push(room.simulation().hash());
            (self.each_tick)(room.simulation().tick().0, chain);
        }
        self.result = Some((chain, room.checkpoint()));
    }
}
