//! Two workers and a coordinator do what one process does.

use std::collections::BTreeMap;
use std::thread;

use serde_json::Value;

use crate::game::TagGames;
use crate::server::{self, Behaviour};
use crate::{assert_code, code_of};

/// Sessions that come and go, of two groups.
const SCENARIO: &str = r#"
seed = 11
[[stages]]
clients = 6
for = "300ms"
[[stages]]
for = "2s"
[[stages]]
clients = 0
for = "300ms"
[[groups]]
share = 2
game = "tag"
inputs = "20/s"
session = "1s"
[[groups]]
name = "others"
game = "tag"
inputs = "50/s"
"#;

/// A port that was free a moment ago.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Runs the load tester, and gives its report.
fn report(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let json = ["--json", file.to_str().unwrap()];
    let all = ["fracas-bots"].iter().chain(arguments).chain(&json).map(Into::into);
    assert_code(fracas_bots::run::<TagGames>(all), 0);
    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
}

/// A report of so many workers, theirs, and the inputs that the server has heard of each player.
fn shared_run(workers: usize, scenario: &str) -> (Value, Vec<Value>, BTreeMap<String, Vec<Vec<u8>>>) {
    let (url, heard) = server::start_hearing(Behaviour::Play);
    let (address, count) = (free_port(), workers.to_string());
    let reports = thread::scope(|scope| {
        let mut work = Vec::new();
        for _ in 0..workers {
            work.push(scope.spawn(|| report(&["--worker", &address, "--url", &url, "--threads", "2"])));
        }
        let coordinator = [
            "--coordinator",
            &address,
            "--workers",
            &count,
            "--url",
            &url,
            "--scenario",
            scenario,
            "--metrics",
            "off",
        ];
        let whole = report(&coordinator);
        (whole, work.into_iter().map(|work| work.join().unwrap()).collect())
    });
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    (reports.0, reports.1, heard)
}

/// How often each time was measured, by kind and bar.
fn bars(report: &Value) -> BTreeMap<(String, String), u64> {
    let distributions = report["distributions"].as_object().unwrap();
    let of = |(kind, bars): (&String, &Value)| {
        let bar = |bar: &Value| ((kind.clone(), bar["to_ms"].to_string()), bar["count"].as_u64().unwrap());
        bars.as_array().unwrap().iter().map(bar).collect::<Vec<_>>()
    };
    distributions.iter().flat_map(of).collect()
}

#[test]
fn workers_do_what_one_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let scenario = scenario.to_str().unwrap();
    let (url, heard) = server::start_hearing(Behaviour::Play);
    let alone = report(&["--url", &url, "--scenario", scenario, "--metrics", "off"]);
    let heard_alone = std::mem::take(&mut *heard.lock().unwrap());
    let (shared, parts, heard) = shared_run(2, scenario);
    // The same sessions, joins and inputs.
    assert_eq!(shared["plan"], alone["plan"]);
    assert!(alone["plan"]["sessions"].as_u64().unwrap() > 6, "{alone}");
    assert_eq!([&shared["joined"], &shared["failed"]], [&alone["joined"], &alone["failed"]]);
    assert_eq!(shared["inputs_planned"], alone["inputs_planned"]);
    assert_eq!([&shared["inputs_sent"], &alone["inputs_sent"]], [&alone["inputs_planned"]; 2]);
    assert!(heard_alone.len() > 6 && heard_alone == heard, "the very same inputs of the same players");
    // What the coordinator has is what its workers have, together.
    let mut sum: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (bar, count) in parts.iter().flat_map(bars) {
        *sum.entry(bar).or_default() += count;
    }
    assert_eq!(bars(&shared), sum);
    for figure in ["joined", "updates_received", "updates_expected", "inputs_sent", "kills"] {
        let of_parts: u64 = parts.iter().map(|part| part[figure].as_u64().unwrap()).sum();
        assert_eq!(shared[figure].as_u64(), Some(of_parts), "{figure}");
    }
    assert_eq!((&shared["tester"]["processes"], &alone["tester"]["processes"]), (&2.into(), &1.into()));
}

#[test]
fn a_worker_without_a_coordinator_says_so() {
    // It gives up at once where the address is none.
    let arguments = ["fracas-bots", "--worker", "nowhere"].map(Into::into);
    assert_eq!(code_of(fracas_bots::run::<TagGames>(arguments)), code_of(2.into()));
}

#[test]
fn a_worker_that_cannot_play_ends_its_own_run_alone() {
    let (url, _) = server::start_hearing(Behaviour::Play);
    let address = free_port();
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            let arguments = ["fracas-bots", "--worker", &address, "--url", &url].map(Into::into);
            fracas_bots::run::<Nothing>(arguments)
        });
        let worker = scope.spawn(|| {
            // The stranger first.
            assert_code(stranger.join().unwrap(), 1);
            report(&["--worker", &address, "--url", &url])
        });
        let whole = report(&[
            "--coordinator",
            &address,
            "--workers",
            "1",
            "--url",
            &url,
            "--game",
            "tag",
            "--clients",
            "2",
            "--ramp",
            "1000/s",
            "--duration",
            "300ms",
            "--metrics",
            "off",
        ]);
        assert_eq!(whole["joined"], 2);
        worker.join().unwrap();
    });
}

/// A build without games.
struct Nothing;

impl fracas_shared::GameList for Nothing {
    fn visit_all(_: &mut impl fracas_shared::GameVisitor) {}
}
