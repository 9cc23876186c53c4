use fracas_shared::limits::{CONNECTIONS_MAX, INPUTS_PER_S_MAX};

use super::*;
use crate::limits::{GROUPS_MAX, NAME_BYTES_MAX, SCENARIO_BYTES_MAX, STAGES_MAX};
use crate::plan::Plan;

fn parse(text: &str) -> Result<Scenario, String> {
    file::parse("test", text, Path::new("folder"))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const EVERYTHING: &str = r#"
about = "All there is."
seed = 7
expect = ["input_to_state.p99<60ms", "failed<=0"]
[[stages]]
name = "up"
clients = 20
for = "2s"
[[stages]]
clients = 100
rate = "50/s"
[[stages]]
for = "10s"
[[stages]]
reconnect = "50%"
for = "500ms"
[[stages]]
clients = 0
rate = "100/s"
[[groups]]
name = "players"
share = 3
game = "dots"
behaviour = "recorded"
inputs = "20/s"
line = "4g"
session = "30s"
think = "500ms"
recording = "inputs.jsonl"
room = { tick_hz = 60, metadata = { mode = "duel", ranks = [1, 2.5, true] } }
[[groups]]
room_id = "K3V9QX"
"#;

#[test]
fn a_file_says_everything() {
    let scenario = parse(EVERYTHING).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.expect.len()), ("test", 7, 2));
    let stages: Vec<_> =
        scenario.stages.iter().map(|stage| (stage.name.as_str(), stage.lasts, stage.kind)).collect();
    let clients = |to| StageKind::Clients { to };
    let expected = [
        ("up", ms(2000), clients(20)),
        ("ramp", ms(1600), clients(100)),
        ("hold", ms(10_000), clients(100)),
        ("reconnect", ms(500), StageKind::Reconnect { share: 0.5 }),
        ("drain", ms(1000), clients(0)),
    ];
    assert_eq!(stages, expected);
    assert_eq!((scenario.lasts(), scenario.peak_clients()), (ms(15_100), 100));
    let [players, others] = &scenario.groups[..] else { panic!("two groups") };
    assert_eq!(players.session, Some(ms(30_000)));
    assert_eq!((players.think, players.inputs_per_s, players.line.latency_ms), (ms(500), Some(20.0), 60));
    assert_eq!(players.recording.as_deref(), Some(Path::new("folder/inputs.jsonl")));
    let room = r#"{"metadata":{"mode":"duel","ranks":[1,2.5,true]},"tick_hz":60}"#;
    assert_eq!(players.room_options, room);
    assert_eq!((others.name.as_str(), others.room_id.as_deref()), ("arena pilot", Some("K3V9QX")));
    assert_eq!(others.room_wanted(), RoomWanted::ById { room: "K3V9QX".into(), password: String::new() });
}

#[test]
fn another_process_reads_the_same() {
    let scenarios = Scenario::shipped().map(|name| Scenario::builtin(name).unwrap());
    for scenario in scenarios.chain([parse(EVERYTHING).unwrap()]) {
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario, "{json}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let scenario = parse("[[stages]]\nclients = 3\nfor = '1s'").unwrap();
    assert_eq!((scenario.seed, scenario.groups), (1, vec![Group::of("arena", Behaviour::Pilot)]));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let stage = |text: &str| format!("[[stages]]\nclients = 5\nfor = '1s'\n[[stages]]\n{text}");
    let group = |text: &str| format!("[[stages]]\nclients = 5\nfor = '1s'\n[[groups]]\n{text}");
    let check = |text: String, parts: &[&str]| {
        let error = parse(&text).expect_err(&text);
        for part in parts {
            assert!(error.contains(part), "'{part}' is missing in: {error}");
        }
    };
    check(stage("for = 'soon'"), &["line 5, column 7", "'soon' is no duration", "as in 20s"]);
    check(stage("rate = '5/m'\nclients = 9"), &["line 5", "'5/m' is no rate"]);
    check(stage("reconnect = '0.5'\nfor = '1s'"), &["line 5", "'0.5' is no share"]);
    check(stage("clients = -1\nfor = '1s'"), &["line 5", "expected u32"]);
    check(stage("until = '1s'"), &["line 5", "unknown field `until`", "`clients`"]);
    check(stage("clients = 9"), &["stage 2", "exactly one of `for`"]);
    check(stage("clients = 9\nfor = '1s'\nrate = '1/s'"), &["stage 2", "exactly one of `for`"]);
    check(stage("rate = '1/s'"), &["stage 2", "stays 5", "write `for`"]);
    check(stage("clients = 9\nrate = '0.0000000000000000000001/s'"), &["stage 2", "forever"]);
    check(stage("reconnect = '5%'\nclients = 9\nfor = '1s'"), &["stage 2", "a storm has `reconnect`"]);
    check(stage("name = ''\nfor = '1s'"), &["stage 2", "the bytes of `name`: 0 is not from 1"]);
    check(
        stage("clients = 0\nfor = '1s'\n[[stages]]\nreconnect = '5%'\nfor = '1s'"),
        &["stage 3", "nobody plays"],
    );
    check(stage("for = '168h'"), &["all stages take 168.0 h", "168 h at most"]);
    check("[[stages]]\nfor = '1s'".into(), &["nobody ever plays"]);
    check(String::new(), &["missing field `stages`"]);
    check("stages = []".into(), &["`stages`: 0 is not from 1 to 1000"]);
    check(group("behaviour = 'wild'"), &["line 5", "unknown variant `wild`", "`pilot`", "`recorded`"]);
    check(group("line = '5g'"), &["line 5", "'5g' is no line: give one of none, lan"]);
    check(group("share = 0"), &["group 1 ('arena pilot')", "`share`: 0 is not from"]);
    check(group("share = nan"), &["`share`: NaN is not from"]);
    check(group("think = '1s'"), &["group 1", "give `session`"]);
    check(group("session = '100ms'"), &["group 1", "`session`: 0.1 s is less than 1 s"]);
    check(group("behaviour = 'recorded'"), &["group 1", "name the file in `recording`"]);
    check(group("recording = 'x'"), &["group 1", "is for behaviour recorded, not pilot"]);
    check(group("room = {}\nroom_id = 'x'"), &["group 1", "leave one of them out"]);
    check(group("room = { at = 2020-01-01 }"), &["group 1", "`room`: JSON has no dates"]);
    check(group("room = { at = inf }"), &["group 1", "`room`: JSON has no infinite"]);
    check(group("[[groups]]"), &["two groups are called 'arena pilot'"]);
    check(group("expect = []"), &["line 5", "unknown field `expect`"]);
    check("expect = ['lag<1ms']\nstages = []".into(), &["line 1", "there is no figure 'lag'"]);
}

#[test]
fn everything_has_a_limit() {
    let check = |change: &dyn Fn(&mut Scenario), part: &str| {
        let mut scenario = parse(EVERYTHING).unwrap();
        change(&mut scenario);
        let error = scenario.check().unwrap_err();
        assert!(error.contains(part), "'{part}' is missing in: {error}");
    };
    let stage = |scenario: &Scenario| scenario.stages[2].clone();
    check(&|scenario| scenario.stages = vec![stage(scenario); STAGES_MAX + 1], "`stages`: 1001 is not");
    check(&|scenario| scenario.groups = vec![scenario.groups[0].clone(); GROUPS_MAX + 1], "`groups`: 101");
    check(&|scenario| scenario.expect = vec![scenario.expect[0].clone(); 101], "`expect`: 101");
    check(&|scenario| scenario.about = "x".repeat(1001), "`about`: 1001");
    check(&|scenario| scenario.groups[0].game = "x".repeat(NAME_BYTES_MAX + 1), "`game`: 65");
    check(&|scenario| scenario.groups[0].name = "a\nb".into(), "control characters");
    let more = CONNECTIONS_MAX as u32 + 1;
    check(&|scenario| scenario.stages[1].kind = StageKind::Clients { to: more }, "`clients`: 20001 is not");
    check(&|scenario| scenario.stages[3].kind = StageKind::Reconnect { share: 1.5 }, "150 % is no share");
    let more = f64::from(INPUTS_PER_S_MAX + 1);
    check(&|scenario| scenario.groups[0].inputs_per_s = Some(more), "up to 480 in a second, not 481");
    check(&|scenario| scenario.groups[0].room_options = "x".repeat(2049), "`room` as JSON: 2049");
    check(&|scenario| scenario.groups[0].line.latency_ms = 9999, "`line`: `latency_ms`: 9999");
}

#[test]
fn shipped_ones_are_found_by_name_and_others_by_path() {
    assert_eq!(Scenario::load("smoke").unwrap(), Scenario::builtin("smoke").unwrap());
    let error = Scenario::load("smokey").unwrap_err();
    for name in Scenario::shipped().chain(["no scenario 'smokey'"]) {
        assert!(error.contains(name), "{name} is missing in: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Scenario::load(path.to_str().unwrap())
    };
    let scenario = load(EVERYTHING).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.peak_clients()), ("mine", 100));
    assert_eq!(scenario.groups[0].recording, Some(folder.path().join("inputs.jsonl")));
    let error = load("stages = 3").unwrap_err();
    assert!(error.contains("mine.toml: ") && error.contains("line 1"), "{error}");
    let error = load(&"#".repeat(SCENARIO_BYTES_MAX as usize + 1)).unwrap_err();
    assert!(error.contains("cannot be read: it has more than 262144 bytes"), "{error}");
    assert!(Scenario::load(folder.path().to_str().unwrap()).unwrap_err().contains("cannot be read"));
}

#[test]
fn scenarios_are_scaled() {
    let scenario = parse(EVERYTHING).unwrap();
    let numbers = |peak: u32| scenario.scaled_to(peak).clients_after_stages().collect::<Vec<_>>();
    assert_eq!(numbers(100), [20, 100, 100, 100, 0]);
    assert_eq!(numbers(1003), [201, 1003, 1003, 1003, 0]);
    assert_eq!(numbers(2), [1, 2, 2, 2, 0], "none only where there were none");
    let scaled = scenario.scaled_to(1003);
    assert_eq!((scaled.peak_clients(), scaled.lasts()), (1003, scenario.lasts()));
    assert_eq!(scaled.stages[3], scenario.stages[3]);
}

#[test]
fn the_longest_hold_is_made_longer() {
    let mut soak = Scenario::builtin("soak").unwrap();
    soak.hold_for(ms(8 * 3_600_000)).unwrap();
    assert_eq!(soak.stages[3].lasts, ms(8 * 3_600_000));
    let mut ramp = parse("[[stages]]\nclients = 3\nfor = '1s'").unwrap();
    assert!(ramp.hold_for(ms(1)).unwrap_err().contains("no stage of scenario 'test' holds"));
}

#[test]
fn the_shipped_ones_are_what_they_are_said_to_be() {
    for name in Scenario::shipped() {
        let scenario = Scenario::builtin(name).unwrap();
        assert!(!scenario.about.is_empty() && scenario.expect.len() >= 3, "{name}");
        let plan = Plan::new(&scenario).unwrap();
        assert!(plan.sessions.len() >= scenario.peak_clients() as usize, "{name}");
    }
    let storms = |scenario: &Scenario| -> Vec<f64> {
        let kinds = scenario.stages.iter().map(|stage| stage.kind);
        kinds
            .filter_map(|kind| match kind {
                StageKind::Reconnect { share } => Some(share),
                StageKind::Clients { .. } => None,
            })
            .collect()
    };
    let [smoke, soak, spike, storm, slow] = SHIPPED.map(|(name, _)| Scenario::builtin(name).unwrap());
    assert!(smoke.lasts() < ms(25_000) && smoke.peak_clients() <= 50);
    assert_eq!((soak.lasts(), storms(&soak).len()), (ms(30 * 60_000), 3));
    assert!(soak.groups.iter().any(|group| group.session == Some(ms(60_000))));
    assert_eq!(spike.clients_after_stages().collect::<Vec<_>>(), [40, 40, 200, 200, 40, 40, 0]);
    assert_eq!((storm.peak_clients(), storms(&storm)), (200, vec![0.2, 0.5, 1.0]));
    let slow_ones = Plan::new(&slow).unwrap().sessions.iter().filter(|session| session.group == 1).count();
    assert_eq!((slow.groups[1].behaviour, slow_ones, slow.peak_clients()), (Behaviour::Slow, 10, 100));
}
