//! A server that commits a fault on purpose is found out by the load tester, which says what it is.

use std::path::Path;
use std::process::ExitCode;
use std::thread;

use fracas_games::Games;
use fracas_server::config::Switch;
use fracas_server::{Config, Listeners, PlantedFault, Shutdown, run};
use serde_json::Value;

/// What a run of bots against a server with this fault says.
fn report(fault: Option<PlantedFault>) -> (ExitCode, Value, Vec<String>) {
    // One lane, so that a room's bots can tell what the others had.
    run_bots(fault, &["--clients", "16", "--ramp", "100/s", "--duration", "8s", "--threads", "1"])
}

/// The same, with these arguments.
fn run_bots(fault: Option<PlantedFault>, more: &[&str]) -> (ExitCode, Value, Vec<String>) {
    let free = "127.0.0.1:0".parse().unwrap();
    let mut config = Config { listen: free, admin_listen: None, journal: Switch::Off, ..Config::default() };
    config.planted_fault = fault;
    let listeners = Listeners::bind(&config).unwrap();
    let url = listeners.public.local_addr().unwrap().to_string();
    let shutdown = Shutdown::new();
    let stop = shutdown.clone();
    let server = thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(run::<Games>(config, listeners, stop)).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let (json, evidence) = (folder.path().join("report.json"), folder.path().join("evidence"));
    let (json_text, evidence_text) = (json.display().to_string(), evidence.display().to_string());
    let usual = ["fracas-bots", "--url", &url, "--metrics", "off"];
    let files = ["--json", &json_text, "--save-violations", &evidence_text];
    let arguments = usual.iter().chain(&files).chain(more).map(Into::into);
    let code = fracas_bots::run::<Games>(arguments);
    shutdown.begin();
    server.join().unwrap();
    (code, serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap(), files_of(&evidence))
}

fn files_of(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// A run against a server with this fault, again when the machine was so busy that nobody can be blamed.
fn check(fault: PlantedFault, violation: &str) {
    for _ in 0..5 {
        let (code, report, evidence) = report(Some(fault));
        let kinds: Vec<&String> = report["violations"].as_object().unwrap().keys().collect();
        assert!(kinds.iter().all(|kind| *kind == violation), "{fault}: {kinds:?}");
        if kinds.is_empty() && fault == PlantedFault::SkippedUpdate {
            continue;
        }
        assert_eq!(kinds, [violation], "{fault}: {report}");
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(1)), "{fault}");
        if fault != PlantedFault::LeakedSeat {
            let names_it = |file: &String| file.contains(violation) && file.contains("last_messages");
            assert!(evidence.iter().any(names_it), "{fault}: {evidence:?}");
        }
        return;
    }
    panic!("{fault} was not noticed");
}

#[test]
fn a_planted_skipped_update() {
    check(PlantedFault::SkippedUpdate, "update_skipped");
}

#[test]
fn a_planted_swapped_id() {
    check(PlantedFault::SwappedId, "id_swapped");
}

#[test]
fn a_planted_wrong_hash() {
    check(PlantedFault::WrongHash, "view_hash");
}

#[test]
fn a_planted_lost_input() {
    check(PlantedFault::LostInput, "input_lost");
}

#[test]
fn a_planted_leaked_seat() {
    check(PlantedFault::LeakedSeat, "seat_leaked");
}

#[test]
fn nothing_is_found_where_no_fault_is_planted() {
    let (code, report, evidence) = report(None);
    assert_eq!(report["violations"], serde_json::json!({}), "{report}");
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS), "{report}");
    assert!(evidence.is_empty());
}

#[test]
fn the_smoke_scenario_ends_well_where_no_fault_is_planted() {
    let (code, report, evidence) = run_bots(None, &["--scenario", "smoke"]);
    for (figure, count) in
        [("joined", 20), ("failed", 0), ("disconnects", 0), ("resumed", 10), ("seats_lost", 0)]
    {
        assert_eq!(report[figure], count, "{figure}: {report}");
    }
    assert_eq!(report["inputs_sent"], report["inputs_planned"]);
    assert_eq!((&report["violations"], evidence.len()), (&serde_json::json!({}), 0));
    let has_held = report["expectations"].as_array().unwrap().iter().all(|verdict| verdict["held"] == true);
    // A machine with much to do may be late, and then the code says so.
    let expected = ExitCode::from(if has_held { 0 } else { 99 });
    assert_eq!(format!("{code:?}"), format!("{expected:?}"));
}
