//! The report as one page that can be looked at, sent and printed: a file that asks for nothing else.

use std::fmt::Write;

use crate::report::words::{Unit, count, date, duration, escaped, line};
use crate::report::{Report, UPDATES_SHARE_MIN};

mod axis;
mod nines;
mod over_time;
mod pen;
mod plot;
mod tables;

const STYLE: &str = include_str!("html/style.css");
/// Shows what was at the moment under the pointer; the page is whole without it.
const SCRIPT: &str = include_str!("html/script.js");
/// The page loads nothing, and runs this one script: of the hash that browsers make of it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      script-src 'sha256-BDyaeXDP4N8oTauk8xZTt8cGS4yZDY+K5ESarQLuaII='; \
                      base-uri 'none'; form-action 'none'";

/// A longer fact gets twice the room.
const FACT_LETTERS: usize = 22;

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{PATTERNS}<main>\n\
         {header}{bottleneck}{tiles}{expectations}\
         <section class=\"time\" aria-label=\"The run over time\">\n{over_time}</section>\n\
         <section><h2>Distributions</h2>\n{nines}{quantiles}</section>\n\
         {troubles}{conduct}</main>\n{footer}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title = escaped(&title(report)),
        header = header(report),
        bottleneck = bottleneck(report),
        tiles = tiles(report),
        expectations = tables::expectations(report),
        over_time = over_time::section(report),
        nines = nines::section(report),
        quantiles = tables::quantiles(report),
        troubles = tables::troubles(report),
        conduct = tables::conduct(report),
        footer = footer(report),
    )
}

/// What plots fill areas with.
const PATTERNS: &str = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\
    <pattern id=\"hatching\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><path d=\"M0 0V6\"/></pattern></defs></svg>\n";

fn title(report: &Report) -> String {
    let name = if report.scenario.is_empty() { &report.game } else { &report.scenario };
    if name.is_empty() { "Load test".into() } else { format!("{name}: load test") }
}

fn header(report: &Report) -> String {
    let (class, sign, word) = if !report.is_fine() {
        ("failed", "✕", "Failed")
    } else if report.is_as_expected() {
        ("held", "✓", "Held")
    } else {
        ("crossed", "!", "Crossed")
    };
    let name = if report.scenario.is_empty() { "Load test" } else { &report.scenario };
    let mut html = format!(
        "<header class=\"{class}\">\n<p class=\"verdict\"><span aria-hidden=\"true\">{sign}</span> \
         <strong>{word}</strong> <em>{why}</em></p>\n<h1>{name}</h1>\n",
        why = escaped(&why(report)),
        name = escaped(name)
    );
    if !report.about.is_empty() {
        let _ = writeln!(html, "<p class=\"lead\">{}</p>", escaped(&report.about));
    }
    html + &facts(report) + "</header>\n"
}

/// The verdict in a sentence.
fn why(report: &Report) -> String {
    let crossed = report.expectations.iter().filter(|verdict| !verdict.held).count();
    let expected = match (report.expectations.len(), crossed) {
        (0, _) => "nothing else was expected".into(),
        (all, 0) => format!("all {all} expectations held"),
        (all, crossed) => format!("{crossed} of {all} expectations crossed"),
    };
    let bots = if report.is_fine() {
        "Every bot joined and left as it should".into()
    } else {
        let (failed, cut_off) = (count(report.failed.into()), count(report.disconnects.into()));
        format!("{failed} bots did not join, {cut_off} were disconnected")
    };
    let doubt = if report.tester.is_bottleneck { " But the load tester was the bottleneck." } else { "" };
    format!("{bots}; {expected}.{doubt}")
}

fn facts(report: &Report) -> String {
    let began = if report.began_unix_s == 0 { String::new() } else { date(report.began_unix_s) };
    let lines = if report.line.is_none() { "as they are".into() } else { line(&report.line) };
    let facts = [
        ("Began", began),
        ("Target", report.target.clone()),
        ("Server", report.url.clone()),
        ("Game", report.game.clone()),
        ("Clients", count(report.clients.into())),
        ("Played for", duration(report.duration_s)),
        ("Rooms", count(report.rooms as f64)),
        ("Lines", lines),
        ("Seed", report.seed.to_string()),
        ("Plan", report.plan.digest.clone()),
    ];
    let mut html = String::from("<dl class=\"facts\">\n");
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let class = if fact.chars().count() > FACT_LETTERS { " class=\"wide\"" } else { "" };
        let _ = writeln!(html, "<div{class}><dt>{name}</dt><dd>{}</dd></div>", escaped(fact));
    }
    html + "</dl>\n"
}

fn bottleneck(report: &Report) -> String {
    if !report.tester.is_bottleneck {
        return String::new();
    }
    format!(
        "<aside class=\"warning\" role=\"alert\"><h2><span aria-hidden=\"true\">⚠</span> The load tester was \
         the bottleneck</h2><p>These figures are the load tester's own, not the server's. {}</p></aside>\n",
        escaped(&report.tester.why)
    )
}

/// A figure that is looked at first.
struct Tile {
    name: &'static str,
    value: String,
    more: String,
    is_bad: bool,
}

fn tiles(report: &Report) -> String {
    let mut tiles = vec![joined(report), updates(report)];
    tiles.push(time("Update gap", &report.update_gap_ms));
    tiles.push(time("Input to state", &report.input_to_state_ms));
    tiles.push(traffic(report));
    tiles.push(counts("Violations", "promises that the server broke", &report.violations));
    tiles.push(counts("Errors", "of the bots and their connections", &report.errors));
    if report.plan.drops > 0 || report.resumed > 0 {
        tiles.push(resumed(report));
    }
    tiles.extend(report.server.as_ref().map(server));
    tiles.push(tester(report));
    let mut html = String::from("<h2 class=\"unseen\">Key figures</h2>\n<ul class=\"tiles\">\n");
    for Tile { name, value, more, is_bad } in tiles {
        let (class, sign) = if is_bad { (" class=\"bad\"", "<i>!</i> ") } else { ("", "") };
        let (value, more) = (escaped(&value), escaped(&more));
        let _ = writeln!(
            html,
            "<li{class}><h3>{sign}{name}</h3><p class=\"value\">{value}</p><p>{more}</p></li>"
        );
    }
    html + "</ul>\n"
}

fn joined(report: &Report) -> Tile {
    let (failed, cut_off) = (count(report.failed.into()), count(report.disconnects.into()));
    Tile {
        name: "Sessions joined",
        value: count(report.joined.into()),
        more: format!(
            "{failed} failed, {cut_off} disconnected; {} at a time at most",
            count(report.clients.into())
        ),
        is_bad: !report.is_fine(),
    }
}

fn updates(report: &Report) -> Tile {
    let (received, expected) = (report.updates_received as f64, report.updates_expected as f64);
    let worst = report.updates_received_share_min;
    Tile {
        name: "Updates received",
        value: if expected > 0.0 { Unit::Share.say(received / expected) } else { "–".into() },
        more: format!(
            "{} of {} expected; the worst bot {}",
            count(received),
            count(expected),
            Unit::Share.say(worst)
        ),
        is_bad: expected > 0.0 && worst < UPDATES_SHARE_MIN,
    }
}

fn time(name: &'static str, times: &crate::times::Quantiles) -> Tile {
    if times.count == 0 {
        return Tile { name, value: "–".into(), more: "nothing was measured".into(), is_bad: false };
    }
    let [p50, p99, p999, max] = [times.p50, times.p99, times.p999, times.max].map(|ms| Unit::Ms.say(ms));
    let more = format!("99 of 100 at most; median {p50}, p99.9 {p999}, max {max}");
    Tile { name, value: p99, more, is_bad: false }
}

fn traffic(report: &Report) -> Tile {
    let [received, sent] = [report.rx_bytes_per_client_per_s, report.tx_bytes_per_client_per_s]
        .map(|rate| Unit::BytesPerS.say(rate));
    Tile {
        name: "Traffic of a client",
        value: received,
        more: format!("received, and {sent} sent"),
        is_bad: false,
    }
}

fn counts(name: &'static str, what: &str, counts: &std::collections::BTreeMap<String, u64>) -> Tile {
    let (all, kinds) = (counts.values().sum::<u64>(), counts.len());
    let kinds = if kinds == 1 { "1 kind".into() } else { format!("{kinds} kinds") };
    Tile {
        name,
        value: count(all as f64),
        more: if all == 0 { what.to_owned() } else { format!("of {kinds}: {what}") },
        is_bad: all > 0,
    }
}

fn resumed(report: &Report) -> Tile {
    let (lost, planned) = (count(report.seats_lost.into()), count(report.plan.drops as f64));
    Tile {
        name: "Seats taken up again",
        value: count(report.resumed.into()),
        more: format!("after {planned} drops on purpose; {lost} seats lost"),
        is_bad: report.seats_lost > 0,
    }
}

fn server(server: &crate::timeline::ServerPoint) -> Tile {
    let (dropped, overruns) = (count(server.dropped as f64), count(server.overruns as f64));
    Tile {
        name: "Tick work of the server",
        value: Unit::Ms.say(server.work_p99_ms),
        more: format!(
            "99 of 100 at most; {overruns} overruns, {dropped} dropped; {}",
            Unit::Cores.say(server.cpu_cores)
        ),
        is_bad: server.dropped > 0,
    }
}

fn tester(report: &Report) -> Tile {
    let tester = &report.tester;
    Tile {
        name: "Load tester's lateness",
        value: if tester.lateness_ms.count == 0 {
            "–".into()
        } else {
            Unit::Ms.say(tester.lateness_ms.p99)
        },
        more: format!(
            "99 of 100 at most; {} of {} threads",
            Unit::Cores.say(tester.cpu_cores),
            tester.threads
        ),
        is_bad: tester.is_bottleneck,
    }
}

fn footer(report: &Report) -> String {
    let digest = match report.plan.digest.as_str() {
        "" => String::new(),
        digest => format!(", plan <code>{}</code>", escaped(digest)),
    };
    format!("<footer><p>fracas-bots {}{digest}</p></footer>\n", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
