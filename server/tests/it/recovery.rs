//! A server that ends, and another one that goes on with its matches.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use fracas_client::{Client, Event, ReconnectPolicy, RoomWanted};
use fracas_dots::Dots;
use fracas_server::config::Switch;
use fracas_server::{Config, Invocation, program, replay};
use fracas_shared::{Game, PlayerId, Tick};
use tempfile::TempDir;

use crate::player::Player;
use crate::probe::{Message, Probe, ProbeGames, new_room};
use crate::process::Process;
use crate::server::{PATIENCE, Server, get};

const PLAYERS: usize = 4;

fn dots() -> RoomWanted {
    RoomWanted::JoinOrCreate { game: "dots".into(), options: r#"{"bots":2,"seats":8,"tick_hz":30}"#.into() }
}

fn flags(folder: &Path) -> [&str; 4] {
    ["--journal", "on", "--data-dir", folder.to_str().expect("a path in UTF-8")]
}

fn start(listen: &str, folder: &Path) -> Process {
    Process::start_at(listen, &flags(folder))
}

/// A server of probes in a process of its own: this test's own program.
fn start_probes(listen: &str, folder: &Path) -> Process {
    let mut arguments = vec!["probes", "--listen", listen, "--admin-listen", "127.0.0.1:0"];
    arguments.extend(flags(folder));
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.args(["--ignored", "--exact", "recovery::serves_probes", "--nocapture"]);
    Process::spawn(command.env("FRACAS_PROBES", arguments.join("\n")))
}

#[test]
#[ignore = "a server for other tests, which start it"]
fn serves_probes() {
    let arguments = std::env::var("FRACAS_PROBES").unwrap_or_default();
    assert!(!arguments.is_empty(), "another test says what it is to do");
    program::<ProbeGames>("probes", arguments.lines());
}

async fn join<G: Game>(address: SocketAddr, name: &str, room: RoomWanted) -> Player<G> {
    let mut client = Client::connect(&address.to_string(), name).await.expect("a server");
    client.set_reconnect(Some(ReconnectPolicy::default()));
    let mut player = Player::of(client);
    player.enter(room).await.expect("a seat");
    player
}

/// What a client saw last.
struct Seen {
    room: String,
    seat: PlayerId,
    tick: Tick,
}

impl Seen {
    fn by<G: Game>(player: &mut Player<G>) -> Self {
        Self { room: player.room().to_owned(), seat: player.seat(), tick: player.snapshot().tick() }
    }
}

/// Waits until the match goes on for a player, from where it was or later.
async fn goes_on<G: Game>(player: &mut Player<G>, seen: &Seen) {
    player.told.clear();
    let is_told =
        |player: &mut Player<G>| player.told.iter().any(|event| matches!(event, Event::TimeDropped { .. }));
    player.until("the match to go on", is_told).await;
    player.frames(5).await;
    assert_eq!((player.room(), player.seat()), (&*seen.room, seen.seat));
    assert!(player.snapshot().tick().is_after(seen.tick), "the match is where it was, or later");
}

/// Makes all matches of the folder again.
fn replayed(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fracas-server"));
    command.arg("replay").arg(folder).args(more).output().expect("it can be started")
}

#[tokio::test]
async fn players_of_a_server_that_is_killed_play_on() {
    let folder = TempDir::new().expect("a folder");
    let mut server = start("127.0.0.1:0", folder.path());
    let address = server.address("listening");
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        players.push(join::<Dots>(address, &format!("player {number}"), dots()).await);
    }
    for _ in 0..3 {
        let mut seen = Vec::new();
        for player in &mut players {
            player.frames(20).await;
            seen.push(Seen::by(player));
        }
        drop(server);
        server = start(&address.to_string(), folder.path());
        for (player, seen) in players.iter_mut().zip(&seen) {
            goes_on(player, seen).await;
        }
    }
    drop(server);
    let remade = replayed(folder.path(), &[]);
    let said = String::from_utf8_lossy(&remade.stdout);
    assert!(remade.status.success() && said.contains("of dots") && said.contains("as it was"), "{said}");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_leaves_its_matches_to_the_next() {
    let folder = TempDir::new().expect("a folder");
    let mut server = start("127.0.0.1:0", folder.path());
    let address = server.address("listening");
    let mut player = join::<Dots>(address, "ann", dots()).await;
    player.frames(10).await;
    let seen = Seen::by(&mut player);
    server.send(&["TERM"]);
    player
        .until("a goodbye", |player| player.told.iter().any(|event| matches!(event, Event::Lost { .. })))
        .await;
    assert!(server.wait().success());
    let _next = start(&address.to_string(), folder.path());
    goes_on(&mut player, &seen).await;
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = TempDir::new().expect("a folder");
    let _first = start("127.0.0.1:0", folder.path());
    let mut second = start("127.0.0.1:0", folder.path());
    assert!(second.log().contains("--data-dir"), "it says what to do");
}

#[tokio::test]
async fn a_panic_of_the_rules_is_seen_again() {
    let folder = TempDir::new().expect("a folder");
    let data_dir = folder.path().to_str().expect("a path in UTF-8").to_owned();
    let server = Server::start_of::<ProbeGames>(|config| {
        (config.journal, config.data_dir, config.sim_threads) = (Switch::On, data_dir.clone(), Some(1));
    });
    let mut player = Player::<Probe>::join(&server, "ann", new_room("")).await;
    player.frames(70).await;
    let room = player.room().to_owned();
    player.client.send_message(&Message::Fail { after_ms: 0 }).await.expect("a line");
    let _ = player.end().await;
    let last = player.snapshot().tick();
    server.stop();
    let again = |more: &[&str]| {
        let arguments = [&["probes", "replay", &data_dir, "--room", &room], more].concat();
        let Ok(Invocation::Replay(options)) = Config::load::<ProbeGames>(arguments) else {
            panic!("these are options of a replay");
        };
        let mut said = Vec::new();
        let is_well = replay::<ProbeGames>(&options, &mut said).expect("a journal");
        (is_well, String::from_utf8(said).expect("text"))
    };
    let (is_well, said) = again(&["--until-panic"]);
    let panics = format!("at tick {} the rules panic: player", last.next().0);
    assert!(is_well && said.contains(&panics), "{last:?}: {said}");
    let (is_well, said) = again(&[]);
    assert!(!is_well, "{said}");
}

#[tokio::test]
async fn a_match_that_takes_servers_down_is_set_aside() {
    let folder = TempDir::new().expect("a folder");
    let mut server = start_probes("127.0.0.1:0", folder.path());
    let address = server.address("listening");
    let mut other = join::<Probe>(address, "ann", new_room("")).await;
    let mut culprit = join::<Probe>(address, "bob", new_room("")).await;
    for time in 0..2 {
        other.frames(5).await;
        culprit.frames(5).await;
        let seen = [Seen::by(&mut other), Seen::by(&mut culprit)];
        culprit.client.send_message(&Message::Abort).await.expect("a line");
        assert_eq!(server.wait().code(), None, "a signal ends it");
        server = start_probes(&address.to_string(), folder.path());
        goes_on(&mut other, &seen[0]).await;
        if time == 0 {
            goes_on(&mut culprit, &seen[1]).await;
        }
    }
    let error = culprit.end().await;
    assert!(error.to_string().contains("seat"), "{error}");
    other.frames(5).await;
}

/// Kills the server that this process has started, and waits for the next one.
fn kill_child(parent: &mut Process) {
    let [child] = parent.children()[..] else { panic!("one server") };
    assert!(Command::new("kill").args(["-KILL", &child.to_string()]).status().expect("a command").success());
    parent.read_greeting();
}

#[tokio::test]
async fn a_supervised_server_is_started_again() {
    let folder = TempDir::new().expect("a folder");
    let mut server = start("127.0.0.1:0", folder.path());
    let address = server.address("listening");
    server.send(&["TERM"]);
    server.wait();
    let mut server =
        Process::start_at(&address.to_string(), &[&["--supervise"], &flags(folder.path())[..]].concat());
    let mut player = join::<Dots>(address, "ann", dots()).await;
    for _ in 0..10 {
        player.frames(5).await;
        let seen = Seen::by(&mut player);
        kill_child(&mut server);
        goes_on(&mut player, &seen).await;
    }
    let [child] = server.children()[..] else { panic!("one server") };
    server.send(&["TERM"]);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!Path::new(&format!("/proc/{child}")).exists(), "the server ended before its supervisor");
}

#[test]
fn a_server_that_cannot_start_is_not_tried_again() {
    let folder = TempDir::new().expect("a folder");
    let first = start("127.0.0.1:0", folder.path());
    let began = Instant::now();
    let taken = first.address("listening").to_string();
    let mut supervised = Process::start_at(&taken, &["--supervise", "--journal", "off"]);
    assert_eq!(supervised.wait().code(), Some(1));
    let log = supervised.log();
    assert!(log.contains("is in use") && log.contains("not tried again"), "{log}");
    assert!(began.elapsed() < PATIENCE);
}

/// A server on a disk of its own of that size, and another one in its place when that ended; what is done before each.
fn on_disk(size: &str, listen: SocketAddr, folder: &Path, first: &str, then: &str) -> Option<Process> {
    let is_possible =
        Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|tried| tried.status.success());
    if !is_possible {
        eprintln!("this system lets nobody have a disk of their own: not tried");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_fracas-server");
    let server =
        format!("'{program}' --listen {listen} --admin-listen 127.0.0.1:0 --journal on --data-dir data");
    let script = format!(
        "mkdir data && mount -t tmpfs -o size={size} none data && {first} && {{ {server}; {then} && exec {server}; }}"
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(folder);
    Some(Process::spawn(&mut command))
}

/// The value of a metric.
fn metric(admin: SocketAddr, name: &str) -> f64 {
    let (_, _, body) = get(admin, "/metrics");
    let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An address that is free now.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

#[tokio::test]
async fn matches_go_on_when_the_disk_is_full() {
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let (fill, then) = ("head -c 24000 /dev/zero > data/filler", "rm data/filler");
    let Some(mut server) = on_disk("48k", address, folder.path(), fill, then) else { return };
    let mut player = join::<Dots>(address, "ann", dots()).await;
    let admin = server.address("metrics");
    player.frames(5).await;
    let begun = Seen::by(&mut player);
    until("the disk is full", || metric(admin, "fracas_journal_failing") == 1.0).await;
    assert!(metric(admin, "fracas_journal_failures_total") >= 1.0);
    player.frames(30).await;
    kill_child(&mut server);
    // From where it was written last, which is later than where it began.
    player.told.clear();
    let is_back = |player: &mut Player<Dots>| {
        player.told.iter().any(|event| matches!(event, Event::TimeDropped { .. }))
    };
    player.until("the match to go on", is_back).await;
    player.frames(5).await;
    assert_eq!((player.room(), player.seat()), (&*begun.room, begun.seat));
    assert!(player.snapshot().tick().is_after(begun.tick));
    let admin = server.address("metrics");
    until("the journal is written again", || metric(admin, "fracas_journal_bytes_total") > 0.0).await;
    assert_eq!(metric(admin, "fracas_journal_failing"), 0.0);
}

#[tokio::test]
async fn a_server_starts_on_a_disk_that_is_full() {
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let fill = "{ head -c 100000 /dev/zero > data/filler; true; }";
    let Some(server) = on_disk("48k", address, folder.path(), fill, "true") else { return };
    let mut player = join::<Dots>(address, "ann", dots()).await;
    let admin = server.address("metrics");
    until("it is said", || metric(admin, "fracas_journal_failing") == 1.0).await;
    player.frames(5).await;
}

#[tokio::test]
async fn matches_go_on_from_what_can_only_be_read() {
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let then = "mount -o remount,ro none data";
    let Some(mut server) = on_disk("1m", address, folder.path(), "true", then) else { return };
    let mut player = join::<Dots>(address, "ann", dots()).await;
    player.frames(10).await;
    let seen = Seen::by(&mut player);
    kill_child(&mut server);
    goes_on(&mut player, &seen).await;
    let admin = server.address("metrics");
    until("it is said", || metric(admin, "fracas_journal_failing") == 1.0).await;
    player.frames(5).await;
}
