use clap::CommandFactory;

use super::*;
use crate::plan::Plan;
use crate::scenario::{Group, Scenario, StageKind};

fn parse(arguments: &[&str]) -> Options {
    Options::try_parse_from(std::iter::once(&"fracas-bots").chain(arguments)).unwrap()
}

fn scenario(arguments: &[&str]) -> Scenario {
    parse(arguments).scenario().unwrap()
}

fn s(s: f64) -> Duration {
    Duration::from_secs_f64(s)
}

#[test]
fn the_command_is_sound() {
    Options::command().debug_assert();
}

#[test]
fn the_help_is_right() {
    let help = Options::command().term_width(0).render_long_help().to_string();
    let metrics = MetricsUrl::of_host("host");
    let shipped = Scenario::shipped().collect::<Vec<_>>().join(", ");
    for part in [
        format!("Run this scenario: {shipped}, or a file"),
        format!("[default: {CLIENTS_DEFAULT}]"),
        format!("[default: {}s]", DURATION_DEFAULT.as_secs()),
        format!("[default: {RAMP_DEFAULT}/s]"),
        format!("[default: {SEED_DEFAULT}]"),
        format!("[default: {GAME_DEFAULT}]"),
        format!("[default: {}]", Behaviour::default()),
        format!("[default: `{}` at port {} of", metrics.path, metrics.port),
    ] {
        assert!(help.contains(&part), "{part} is missing in\n{help}");
    }
    let places: Vec<_> =
        ["\nLoad:", "\nBots:", "\nReport:", "\nScale:", "\nExit code:"].map(|part| help.find(part)).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
}

#[test]
fn what_the_server_would_refuse_is_said_at_once() {
    let check = |arguments: &[&str], problem: &str| {
        let all = std::iter::once(&"fracas-bots").chain(arguments);
        let error = Options::try_parse_from(all).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    };
    check(&["--create-options", "[1]"], "a JSON object");
    check(&["--create-options", "{"], "no JSON");
    check(&["--create-options", "{}", "--room", "x"], "cannot be used with");
    check(&["--name-prefix", &"x".repeat(27)], "at most 32 bytes, so its prefix 26");
    check(&["--clients", "0"], "0 is not in 1..");
    check(&["--url", "https://x"], "needs TLS");
    check(&["--duration", "soon"], "no duration");
    check(&["--line", "5g"], "'5g' is no line: give one of none, lan, broadband");
    check(&["--line", "latency=9999"], "`latency_ms`: 9999 is not from 0 to 5000");
    check(&["--behaviour", "wild"], "[possible values: pilot, idle, chaos, slow, recorded]");
    check(&["--reconnect", "0.5"], "'0.5' is no share");
    check(&["--scenario", "smoke", "--ramp", "5/s"], "cannot be used with");
    check(&["--scenario", "smoke", "--reconnect", "5%"], "cannot be used with");
    check(&["--target", "tcp"], "[possible values: fracas, websocket, socketio]");
    check(&["--metrics", "on"], "'on' is no address: write one as http://127.0.0.1:3001/metrics, or off");
    check(&["--metrics", "http://:3001"], "there is no host");
    check(&["--threads", "0"], "0 is not in 1..");
    check(&["--capacity-max", "9"], "--find-capacity");
    check(&["--find-capacity", "--record-inputs", "x"], "cannot be used with");
    check(&["--coordinator", "0.0.0.0:3002"], "--workers");
    check(&["--workers", "3"], "--coordinator");
    check(&["--workers", "0", "--coordinator", "0.0.0.0:3002"], "0 is not in 1..");
    check(&["--coordinator", "3002", "--workers", "3"], "write a host and a port");
    check(&["--worker", "127.0.0.1:0"], "nobody listens at port 0");
    check(&["--worker", "h:1", "--coordinator", "h:2", "--workers", "3"], "cannot be used with");
    check(&["--worker", "h:1", "--clients", "3"], "cannot be used with");
    check(&["--worker", "h:1", "--name-prefix", "x"], "cannot be used with");
    check(&["--worker", "h:1", "--find-capacity"], "cannot be used with");
}

#[test]
fn a_worker_has_flags_of_its_own() {
    let options =
        parse(&["--worker", "10.0.0.1:3002", "--threads", "2", "--plain", "--url", "10.0.0.2:3000"]);
    assert_eq!((options.worker.as_deref(), options.threads), (Some("10.0.0.1:3002"), Some(2)));
}

#[test]
fn metrics_are_beside_the_server_unless_they_are_said_to_be_elsewhere() {
    let url = |arguments: &[&str]| parse(arguments).metrics_url().map(|url| url.to_string());
    assert_eq!(url(&["--url", "ws://10.0.0.2:80/x"]).as_deref(), Some("http://10.0.0.2:3001/metrics"));
    assert_eq!(url(&["--url", "[::1]:80"]).as_deref(), Some("http://[::1]:3001/metrics"));
    assert_eq!(url(&["--metrics", "off"]), None);
    assert_eq!(url(&["--metrics", "http://h:9/a/b"]).as_deref(), Some("http://h:9/a/b"));
    assert_eq!(url(&["--metrics", "http://h:9/"]).as_deref(), Some("http://h:9/metrics"));
}

#[test]
fn flags_make_a_scenario() {
    let made = scenario(&[]);
    let stages: Vec<_> =
        made.stages.iter().map(|stage| (stage.name.as_str(), stage.lasts, stage.kind)).collect();
    let to = StageKind::Clients { to: 100 };
    assert_eq!(stages, [("ramp", s(1.0), to), ("hold", s(20.0), to)]);
    assert_eq!((made.seed, &made.groups[..]), (1, &[Group::of("arena", Behaviour::Pilot)][..]));

    let made = scenario(&[
        "--clients=50",
        "--ramp=25/s",
        "--duration=10s",
        "--reconnect=40%",
        "--seed=7",
        "--game=dots",
        "--behaviour=recorded",
        "--recording=x.jsonl",
        "--inputs=20/s",
        "--session=30s",
        "--think=1s",
        "--line=4g",
        "--create-options={\"seats\": 4}",
        "--expect=failed<=0",
    ]);
    let stages: Vec<_> = made.stages.iter().map(|stage| stage.lasts).collect();
    assert_eq!(stages, [s(2.0), s(4.5), s(1.0), s(4.5)]);
    assert_eq!(made.stages[2].kind, StageKind::Reconnect { share: 0.4 });
    assert_eq!((made.seed, made.peak_clients(), made.expect.len()), (7, 50, 1));
    let group = &made.groups[0];
    assert_eq!((group.name.as_str(), group.game.as_str()), ("dots recorded", "dots"));
    assert_eq!((group.inputs_per_s, group.session, group.think), (Some(20.0), Some(s(30.0)), s(1.0)));
    assert_eq!((group.line.latency_ms, group.room_options.as_str()), (60, "{\"seats\": 4}"));
    assert_eq!(group.recording, Some("x.jsonl".into()));
    Plan::new(&made).unwrap();
}

#[test]
fn flags_change_a_scenario() {
    let smoke = Scenario::builtin("smoke").unwrap();
    assert_eq!(scenario(&["--scenario", "smoke"]), smoke);
    let changed = scenario(&[
        "--scenario=smoke",
        "--clients=40",
        "--duration=1m",
        "--seed=7",
        "--line=3g",
        "--room=K3V9QX",
        "--behaviour=idle",
        "--session=9s",
        "--inputs=5/s",
        "--expect=kills>=1",
    ]);
    assert_eq!((changed.peak_clients(), changed.stages[1].lasts, changed.seed), (40, s(60.0), 7));
    assert_eq!(changed.expect.len(), smoke.expect.len() + 1);
    for (group, before) in changed.groups.iter().zip(&smoke.groups) {
        assert_eq!(group.name, before.name);
        assert_eq!((group.behaviour, group.line), (Behaviour::Idle, "3g".parse().unwrap()));
        assert_eq!((group.room_id.as_deref(), group.session), (Some("K3V9QX"), Some(s(9.0))));
        assert_eq!(group.inputs_per_s, Some(5.0));
    }
    let think = scenario(&["--scenario=soak", "--think=5s"]);
    assert_eq!(think.groups.iter().map(|group| group.think).collect::<Vec<_>>(), [s(5.0), s(0.0)]);
}

#[test]
fn groups_without_a_name_are_still_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mix.toml");
    let groups = "[[groups]]\nroom = {seats = 4}\n[[groups]]\nbehaviour = 'recorded'\nrecording = 'x'\n";
    std::fs::write(&path, format!("[[stages]]\nclients = 9\nfor = '1s'\n{groups}[[groups]]\nname = 'x'"))
        .unwrap();
    let path = path.to_str().unwrap();
    let changed = scenario(&["--scenario", path, "--game=dots", "--behaviour=chaos", "--room=x"]);
    let names: Vec<_> = changed.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["dots chaos", "dots chaos 2", "x"]);
    let recorded = scenario(&["--scenario", path, "--recording=y"]);
    assert_eq!(recorded.groups[1].recording, Some("y".into()));
    let error = parse(&["--scenario", path, "--duration=1s"]).scenario().unwrap_err();
    assert!(
        error.contains("no stage of scenario 'mix' holds its number of clients: leave it out"),
        "{error}"
    );
}

#[test]
fn what_makes_no_sense_is_told() {
    let check = |arguments: &[&str], problem: &str| {
        let error = parse(arguments).scenario().unwrap_err();
        assert!(error.contains(problem), "{error}");
    };
    check(&["--scenario", "smokey"], "there is no scenario 'smokey'");
    check(&["--think", "1s"], "give --session, too");
    check(&["--scenario", "smoke", "--think", "1s"], "give --session, too");
    check(&["--session", "10ms"], "`session`: 0.01 s is less than 1 s");
    check(&["--inputs", "1000/s"], "up to 480 in a second");
    check(&["--behaviour", "recorded"], "give its file by --recording");
    check(&["--recording", "x"], "give --behaviour recorded, too");
    check(&["--scenario", "smoke", "--recording", "x"], "give --behaviour recorded, too");
    check(&["--find-capacity", "--clients", "9", "--capacity-max", "8"], "more than --capacity-max 8");
    check(&["--ramp", "0.0001/s"], "they may take 168 h at most");
    check(
        &["--ramp", "0.0000000000000000000001/s"],
        "--ramp: at 0.0000000000000000000001/s, 100 clients take",
    );
    check(&["--room", ""], "the bytes of `room_id`: 0 is not");
    check(&["--game", &"x".repeat(65)], "the bytes of `name`");
}
