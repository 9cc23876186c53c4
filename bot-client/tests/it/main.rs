//! The load tester against a server that behaves as a test wants it to.

use std::process::ExitCode;

use serde_json::{Value, json};

mod crew;
mod game;
mod server;
mod targets;
mod terminal;

use game::TagGames;
use server::Behaviour;

/// Runs the load tester, and gives its exit code and report.
fn run(url: &str, arguments: &[&str]) -> (ExitCode, Value) {
    run_for("300ms", url, arguments)
}

fn run_for(duration: &str, url: &str, arguments: &[&str]) -> (ExitCode, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.json");
    let base = ["fracas-bots", "--url", url, "--game", "tag", "--ramp", "1000/s", "--duration", duration];
    let violations = directory.path().join("violations");
    let files = ["--json", file.to_str().unwrap(), "--save-violations", violations.to_str().unwrap()];
    let all = base.iter().chain(&files).chain(arguments).map(Into::into);
    let code = fracas_bots::run::<TagGames>(all);
    let report = std::fs::read(&file).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    (code, report)
}

/// `ExitCode` cannot be compared, but printed.
fn code_of(code: ExitCode) -> String {
    format!("{code:?}")
}

fn assert_code(code: ExitCode, expected: u8) {
    assert_eq!(code_of(code), code_of(expected.into()));
}

#[test]
fn bots_play_and_leave() {
    let url = server::start(Behaviour::Play);
    let (code, report) = run(&url, &["--clients", "5", "--seed", "7"]);
    assert_code(code, 0);
    assert_eq!([&report["clients"], &report["joined"], &report["failed"]], [5, 5, 0]);
    assert_eq!(report["disconnects"], 0);
    assert_eq!(report["errors"], json!({}));
    assert_eq!(report["rooms"], 1);
    assert_eq!(report["seed"], 7);
    assert_eq!(report["updates_received"], report["updates_expected"]);
    assert!(report["updates_expected"].as_u64().unwrap() > 5 * 10, "{report}");
    assert_eq!(report["updates_received_share_min"], 1.0);
    assert_eq!(report["kills"], 5, "one tag for each bot");
    assert_eq!(report["view_hash_mismatches"], 0);
    for times in ["update_gap_ms", "input_to_state_ms"] {
        let p50 = report[times]["p50"].as_f64().unwrap();
        assert!(p50 > 0.0 && p50 <= report[times]["max"].as_f64().unwrap(), "{report}");
    }
    assert!(report["rx_bytes_per_client_per_s"].as_f64().unwrap() > 0.0);
    assert!(report["tx_bytes_per_client_per_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn missing_updates_are_counted() {
    let url = server::start(Behaviour::SkipEveryFourth);
    let (code, report) = run(&url, &["--clients", "2"]);
    // All miss the same ones: that is a server that sends less often.
    assert_code(code, 0);
    let share = report["updates_received_share_min"].as_f64().unwrap();
    assert!((0.6..0.9).contains(&share), "{share}");
}

#[test]
fn bots_play_over_bad_lines() {
    let url = server::start(Behaviour::Play);
    let (code, report) = run(&url, &["--clients", "3", "--line", "latency=100,jitter=5"]);
    assert_code(code, 0);
    assert_eq!((&report["line"]["latency_ms"], &report["line"]["jitter_ms"]), (&100.into(), &5.into()));
    assert_eq!(report["updates_received"], report["updates_expected"]);
    assert_eq!(report["view_hash_mismatches"], 0);
    // There and back, each of them up to 5 ms earlier.
    assert!(report["input_to_state_ms"]["p50"].as_f64().unwrap() >= 90.0, "{report}");
}

#[test]
fn what_is_not_as_expected_has_its_own_code() {
    let url = server::start(Behaviour::Play);
    let (code, report) =
        run(&url, &["--clients", "2", "--expect", "joined>=2", "--expect", "update_gap.max<1m"]);
    assert_code(code, 2);
    assert_eq!(report, Value::Null, "a minute is no unit of times");
    let (code, report) =
        run(&url, &["--clients", "2", "--expect", "joined>=2", "--expect", "update_gap.max<60s"]);
    assert_code(code, 0);
    assert_eq!(
        (&report["expectations"][0]["held"], &report["expectations"][1]["held"]),
        (&true.into(), &true.into())
    );
    let gap = "update_gap.max<1us";
    let (code, report) = run(&url, &["--clients", "2", "--expect", "joined>=2", "--expect", gap]);
    assert_code(code, 99);
    assert_eq!(
        (&report["expectations"][1]["expected"], &report["expectations"][1]["held"]),
        (&gap.into(), &false.into())
    );
    let url = server::start(Behaviour::Refuse);
    assert_code(run(&url, &["--clients", "2", "--expect", "joined>=2"]).0, 1);
}

#[test]
fn a_refused_bot_is_a_failure() {
    let url = server::start(Behaviour::Refuse);
    let (code, report) = run(&url, &["--clients", "3"]);
    assert_code(code, 1);
    assert_eq!([&report["joined"], &report["failed"], &report["disconnects"]], [0, 3, 0]);
    assert_eq!(report["errors"], json!({ "refused_room_full": 3 }));
}

#[test]
fn a_closed_bot_is_a_disconnect() {
    let url = server::start(Behaviour::CloseAfterTen);
    let (code, report) = run(&url, &["--clients", "3"]);
    assert_code(code, 1);
    assert_eq!([&report["joined"], &report["failed"], &report["disconnects"]], [3, 0, 3]);
    assert_eq!(report["errors"], json!({ "closed_room_failed": 3 }));
}

#[test]
fn another_state_than_the_servers_is_found_out() {
    let url = server::start(Behaviour::WrongHash);
    let (_, report) = run(&url, &["--clients", "1"]);
    assert!(report["view_hash_mismatches"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn without_a_server_there_is_no_report() {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, report) = run(&address.to_string(), &["--clients", "3"]);
    assert_code(code, 1);
    assert_eq!(report, Value::Null);
}

#[test]
fn wrong_usage_has_its_own_code() {
    for arguments in [["--game", "chess"], ["--clients", "many"], ["--no-such", "option"], ["--line", "5g"]] {
        let all = std::iter::once("fracas-bots").chain(arguments).map(Into::into);
        assert_code(fracas_bots::run::<TagGames>(all), 2);
    }
}
