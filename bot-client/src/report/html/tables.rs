//! The report's tables.

use std::fmt::Write;

use crate::expect::Verdict;
use crate::report::Report;
use crate::report::words::{Unit, count, duration, escaped, moment};
use crate::times::{Quantiles, Time};

/// Letters of a message that are shown.
const MESSAGE_LETTERS_MAX: usize = 500;

/// A table of its own kind; nothing without rows.
fn table(class: &str, caption: &str, heads: &[&str], rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads = heads.join("</th><th scope=\"col\">");
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"{class}\"><caption>{caption}</caption>\n\
         <thead><tr><th scope=\"col\">{heads}</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// What was expected, and what was found.
pub(super) fn expectations(report: &Report) -> String {
    let mut rows = String::new();
    for verdict in &report.expectations {
        let (class, word) = if verdict.held { ("good", "✓ held") } else { ("bad", "✕ crossed") };
        let _ = writeln!(
            rows,
            "<tr><td class=\"{class}\">{word}</td><th scope=\"row\"><code>{}</code></th><td>{}</td></tr>",
            escaped(&verdict.expected),
            escaped(&found(verdict))
        );
    }
    let table = table("expectations", "What the run was to show", &["Verdict", "Expected", "Found"], &rows);
    if table.is_empty() { table } else { format!("<section><h2>Expectations</h2>\n{table}</section>\n") }
}

fn found(verdict: &Verdict) -> String {
    let figure = verdict.expected.split('.').next().unwrap_or_default();
    let unit = match figure {
        figure if Time::ALL.iter().any(|(_, name)| *name == figure) => Some(Unit::Ms),
        figure if figure.contains("share") => Some(Unit::Share),
        figure if figure.contains("bytes_per") => Some(Unit::BytesPerS),
        _ => None,
    };
    match (verdict.found, unit) {
        (None, _) => "nothing was measured".into(),
        (Some(found), Some(unit)) => unit.say(found),
        (Some(found), None) if found.fract() == 0.0 => count(found),
        (Some(found), None) => format!("{found:.3}"),
    }
}

/// All times of the run.
pub(super) fn quantiles(report: &Report) -> String {
    let times = [
        ("Connect", &report.connect_ms),
        ("Join", &report.join_ms),
        ("Update gap", &report.update_gap_ms),
        ("Input to state", &report.input_to_state_ms),
        ("Tick age", &report.tick_age_ms),
        ("Ping", &report.ping_ms),
        ("Away", &report.away_ms),
        ("Tester's lateness", &report.tester.lateness_ms),
    ];
    let rows: String = times.iter().map(|(name, times)| quantiles_row(name, times)).collect();
    let heads = ["Time", "Measured", "Mean", "p50", "p90", "p99", "p99.9", "Max"];
    table("figures", "Times of the whole run: so many of a hundred are at most so long", &heads, &rows)
}

fn quantiles_row(name: &str, times: &Quantiles) -> String {
    let Quantiles { count: measured, mean, p50, p90, p99, p999, max } = *times;
    let cell = |ms: f64| format!("<td>{}</td>", if measured == 0 { "–".into() } else { Unit::Ms.say(ms) });
    let cells: String = [mean, p50, p90, p99, p999, max].into_iter().map(cell).collect();
    format!("<tr><th scope=\"row\">{name}</th><td>{}</td>{cells}</tr>\n", count(measured as f64))
}

/// Errors and violations, with what the first of each kind said.
pub(super) fn troubles(report: &Report) -> String {
    let mut rows = String::new();
    let kinds = [("violation", &report.violations), ("error", &report.errors)];
    for (what, counts) in kinds {
        for (kind, times) in counts.iter().filter(|(_, times)| **times > 0) {
            let message = report.messages.get(kind).map_or("", String::as_str);
            let _ = writeln!(
                rows,
                "<tr><td>{what}</td><th scope=\"row\"><code>{}</code></th><td>{}</td>\
                 <td class=\"message\"><bdi>{}</bdi></td></tr>",
                escaped(kind),
                count(*times as f64),
                escaped(&cut(message))
            );
        }
    }
    let heads = ["What", "Kind", "Times", "The first one said"];
    let table = table("troubles", "How often each kind occurred", &heads, &rows);
    if table.is_empty() {
        table
    } else {
        format!("<section><h2>Errors and violations</h2>\n{table}</section>\n")
    }
}

/// The begin of a message that is too long.
fn cut(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// What was planned and how it was carried out.
pub(super) fn conduct(report: &Report) -> String {
    let mut stages = String::new();
    for stage in &report.stages {
        let _ = writeln!(
            stages,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&stage.name),
            moment(stage.from_s),
            moment(stage.to_s),
            duration(stage.to_s - stage.from_s)
        );
    }
    let stages = table("stages-table", "Stages", &["Stage", "From", "To", "Length"], &stages);
    format!("<section class=\"conduct\"><h2>How it was run</h2>\n{}{stages}</section>\n", numbers(report))
}

fn numbers(report: &Report) -> String {
    let tester = &report.tester;
    let whole = |number: f64| count(number);
    let mut numbers = vec![
        ("Sessions planned", whole(report.plan.sessions as f64)),
        ("Drops planned", whole(report.plan.drops as f64)),
        ("Inputs sent", whole(report.inputs_sent as f64)),
        ("Inputs planned", whole(report.inputs_planned as f64)),
        ("View hashes that differed", whole(report.view_hash_mismatches as f64)),
        ("Points that bots made", whole(report.kills as f64)),
        ("Processes of the load tester", whole(tester.processes.into())),
        ("Its threads", whole(tester.threads.into())),
        ("Processor that it used", Unit::Cores.say(tester.cpu_cores)),
    ];
    if let Some(server) = &report.server {
        numbers.extend([
            ("Ticks of the server", whole(server.ticks as f64)),
            ("Overruns", whole(server.overruns as f64)),
            ("Dropped ticks", whole(server.dropped as f64)),
            ("Stale frames", whole(server.stale_frames as f64)),
            ("Processor that the server used", Unit::Cores.say(server.cpu_cores)),
            ("Memory of the server", Unit::Bytes.say(server.memory_bytes as f64)),
        ]);
    }
    let mut rows = String::new();
    for (name, number) in numbers {
        let _ = writeln!(rows, "<tr><th scope=\"row\">{name}</th><td>{number}</td></tr>");
    }
    table("numbers", "Numbers of the whole run", &["Figure", "Value"], &rows)
}
