use super::*;
use crate::report::sample;
use crate::timeline::Point;

/// The line of the table that begins with this.
fn row(table: &str, name: &str) -> String {
    let row = table.lines().find(|line| line.trim_start().starts_with(name));
    row.unwrap_or_else(|| panic!("{name} is missing in\n{table}")).to_owned()
}

#[test]
fn the_same_run_has_not_changed() {
    let report = sample::fine();
    let table = compare(&report, &report, false);
    assert!(table.contains("0 worse, 0 better"), "{table}");
    assert!(!table.contains("not comparable") && !table.contains('\x1b'), "{table}");
    assert!(row(&table, "update gap p50").ends_with('='), "{table}");
}

#[test]
fn what_became_worse_is_red() {
    let (fine, rich) = (sample::fine(), sample::rich());
    let table = compare(&fine, &rich, false);
    for name in
        ["input to state p99", "failed", "worst bot's updates", "violation tick_back", "dropped ticks"]
    {
        assert!(row(&table, name).ends_with("worse"), "{table}");
    }
    let gap = row(&table, "update gap p99");
    assert!(gap.contains("41.0 ms") && gap.contains("412 ms") && gap.contains("+904.9 %"), "{gap}");
    let coloured = compare(&fine, &rich, true);
    assert!(coloured.contains("\x1b[31minput to state p99"), "{coloured}");
    assert!(compare(&rich, &fine, true).contains("\x1b[32minput to state p99"));
}

#[test]
fn chance_is_dim() {
    let old = sample::fine();
    let judged = |change: fn(&mut Report), name: &str| {
        let mut new = old.clone();
        change(&mut new);
        row(&compare(&old, &new, true), name)
    };
    judged(|new| new.update_gap_ms.p50 += 0.9, "\x1b[2mupdate gap p50");
    judged(|new| new.tick_age_ms.p50 += 0.09, "\x1b[2mtick age p50");
    judged(|new| new.update_gap_ms.p50 += 1.1, "\x1b[31mupdate gap p50");
    judged(|new| new.tick_age_ms.p50 += 0.2, "\x1b[31mtick age p50");
    judged(|new| new.rx_bytes_per_client_per_s *= 1.04, "\x1b[2mreceived by a client");
    judged(|new| new.rx_bytes_per_client_per_s *= 0.9, "\x1b[32mreceived by a client");
    judged(|new| new.updates_received_share_min = 0.998, "\x1b[31mworst bot's updates");
    judged(|new| new.failed = 1, "\x1b[31mfailed");
    judged(|new| new.kills *= 2, "\x1b[1mkills");
}

#[test]
fn other_runs_are_not_comparable() {
    let old = sample::fine();
    let mut new = Report { clients: 500, seed: 8, target: "other\x1b[2J".into(), ..old.clone() };
    new.plan.digest = "0123".into();
    new.line.latency_ms = 0;
    new.tester.is_bottleneck = true;
    let table = compare(&old, &new, false);
    for difference in [
        "plan 9f2c41d07be83a65 and 0123",
        "clients 800 and 500",
        "seed 7 and 8",
        "target fracas and other\u{fffd}[2J",
        "line ",
        "the new figures are the load tester's own",
    ] {
        assert!(
            table.contains(&format!("not comparable: {difference}")),
            "{difference} is missing in\n{table}"
        );
    }
}

#[test]
fn what_was_not_measured_is_not_judged() {
    let (nothing, fine) = (Report::default(), sample::fine());
    assert!(compare(&nothing, &nothing, false).contains("0 worse, 0 better"));
    let table = compare(&nothing, &fine, false);
    assert!(row(&table, "update gap p50").contains('–'), "{table}");
    assert!(!row(&table, "server's memory").contains("worse"), "{table}");
}

#[test]
fn reports_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut report = sample::rich();
    std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
    report.messages.clear();
    assert_eq!(load(&path).unwrap(), report);
    assert_eq!(report.timeline.first().map(|point: &Point| point.at_s), Some(0.0));
}

#[test]
fn what_is_no_report_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let problem = || format!("{:#}", load(&path).unwrap_err());
    assert!(problem().contains("report.json cannot be read"), "{}", problem());
    let check = |text: &str, wanted: &str| {
        std::fs::write(&path, text).unwrap();
        assert!(problem().contains(wanted), "{}", problem());
    };
    check("clients: 3", "report.json is no JSON: ");
    check("[1]", "is no report of fracas-bots: it has no `clients`");
    check("{\"clients\": 3, \"updates_received\": 1}", "it has no `update_gap_ms`");
    let wrong = "{\"clients\": \"many\", \"updates_received\": 1, \"update_gap_ms\": {}}";
    check(wrong, "is no report that this version can read: ");
}
