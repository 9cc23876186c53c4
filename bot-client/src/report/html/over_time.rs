//! What happened when: plots over one axis of time, so that cause and effect stand below each other.

use std::fmt::Write;

use crate::report::html::axis::time_marks;
use crate::report::html::pen::{Line, Shape, Spot};
use crate::report::html::plot::{Ground, Plot};
use crate::report::words::{Unit, duration, moment};
use crate::report::{Report, Tester};
use crate::timeline::{Point, ServerPoint};
use crate::times::Quantiles;

/// In a window in which the load tester was later than that, as a rule, times are its own.
const LATE_MS: f64 = 10.0;
/// The share of its threads' time that a load tester is busy when it has none left.
const BUSY: f64 = 0.9;

/// The section's plots, and what hatching means if there is some.
pub(super) fn section(report: &Report) -> String {
    if report.timeline.is_empty() {
        return "<p class=\"none\">Nothing was written down on the way.</p>\n".into();
    }
    let ground = ground(report);
    let mut html = String::new();
    if !ground.doubts.is_empty() {
        html += "<p class=\"doubts\"><svg viewBox=\"0 0 28 12\" aria-hidden=\"true\">\
                 <rect class=\"doubt\" width=\"28\" height=\"12\"/></svg>Hatched: the load tester itself \
                 was late or had no time left. What is shown there is not to be trusted.</p>\n";
    }
    for (heading, plots) in groups(report) {
        let _ = writeln!(html, "<section class=\"group\"><h2>{heading}</h2>");
        for (at, mut plot) in plots.into_iter().enumerate() {
            plot.id = format!("{}-{at}", heading.to_lowercase().replace(' ', "-"));
            html += &plot.figure(&ground);
        }
        html += "</section>\n";
    }
    html
}

fn ground(report: &Report) -> Ground {
    let ends = report.timeline.iter().map(|point| point.at_s + point.lasts_s);
    let until = ends.chain(report.stages.iter().map(|stage| stage.to_s)).fold(0.001, f64::max);
    let stage = |stage: &crate::report::StageSpan| (stage.from_s, stage.to_s, stage.name.clone());
    Ground {
        until,
        name: "time since the run began",
        marks: time_marks(until),
        say: moment,
        stages: report.stages.iter().map(stage).collect(),
        doubts: doubts(&report.timeline, &report.tester),
    }
}

/// Windows in which the load tester was late, those that touch as one.
fn doubts(timeline: &[Point], tester: &Tester) -> Vec<(f64, f64)> {
    let busy_cores = if tester.threads > 0 { f64::from(tester.threads) * BUSY } else { f64::INFINITY };
    let mut doubts: Vec<(f64, f64)> = Vec::new();
    for point in timeline {
        if point.lateness_ms.p99 <= LATE_MS && point.cpu_cores < busy_cores {
            continue;
        }
        let to = point.at_s + point.lasts_s;
        match doubts.last_mut() {
            Some(last) if point.at_s - last.1 < point.lasts_s / 2.0 => last.1 = to,
            _ => doubts.push((point.at_s, to)),
        }
    }
    doubts
}

fn groups(report: &Report) -> Vec<(&'static str, Vec<Plot>)> {
    let timeline = &report.timeline;
    let mut groups =
        vec![("Load", load(timeline)), ("What players felt", felt(timeline)), ("Trouble", trouble(timeline))];
    if timeline.iter().any(|point| point.server.is_some()) {
        groups.push(("Server", server(report)));
    }
    groups.push(("Load tester", tester(timeline)));
    groups
}

fn load(timeline: &[Point]) -> Vec<Plot> {
    let line = |name, tone, shape, of| line(timeline, name, tone, shape, of);
    vec![
        plot(
            "Bots",
            "How many bots there were to be, and how many had a seat.",
            Unit::Count,
            vec![
                line("planned", "t4", Shape::Steps, &|point| Some(point.planned.into())),
                line("playing", "t1", Shape::Area, &|point| Some(point.playing.into())),
            ],
        ),
        plot(
            "Messages",
            "Updates that all bots received and inputs that they sent, in a second.",
            Unit::PerS,
            vec![
                line("updates", "t1", Shape::Line, &|point| per_s(point, point.updates)),
                line("inputs", "t2", Shape::Line, &|point| per_s(point, point.inputs)),
            ],
        ),
        plot(
            "Traffic",
            "Bytes that all bots received and sent, in a second.",
            Unit::BytesPerS,
            vec![
                line("received", "t1", Shape::Line, &|point| per_s(point, point.rx_bytes)),
                line("sent", "t2", Shape::Line, &|point| per_s(point, point.tx_bytes)),
            ],
        ),
    ]
}

fn felt(timeline: &[Point]) -> Vec<Plot> {
    let times = |title, about, of: fn(&Point) -> &Quantiles| percentiles(timeline, title, about, of);
    vec![
        times("Update gap", "From one update of a bot to its next.", |point| &point.update_gap_ms),
        times("Input to state", "From an input to the first state that shows it.", |point| {
            &point.input_to_state_ms
        }),
        times("Tick age", "How much later than the earliest of its room a tick's state came.", |point| {
            &point.tick_age_ms
        }),
        times("Ping", "To the server and back, through its queues.", |point| &point.ping_ms),
        times("Join", "From asking for a seat to the first whole state.", |point| &point.join_ms),
    ]
}

fn trouble(timeline: &[Point]) -> Vec<Plot> {
    let line = |name, tone, of| line(timeline, name, tone, Shape::Bars, of);
    vec![
        plot(
            "Errors and violations",
            &format!("How many there were in each {}.", window(timeline)),
            Unit::Count,
            vec![line("errors and violations", "t3", &|point| Some(point.errors as f64))],
        ),
        plot(
            "Bots that failed or came back",
            &format!(
                "In each {}: bots that got no seat or lost theirs, and those that dropped their connection \
                 on purpose and have their seat again.",
                window(timeline)
            ),
            Unit::Count,
            vec![
                line("failed", "t3", &|point| Some(point.failed.into())),
                line("resumed", "t5", &|point| Some(point.resumed.into())),
            ],
        ),
    ]
}

/// How long a window is, in words.
fn window(timeline: &[Point]) -> String {
    format!("window of {}", duration(timeline.first().map_or(0.0, |point| point.lasts_s)))
}

fn server(report: &Report) -> Vec<Plot> {
    let timeline = &report.timeline;
    let of_server = |name, tone, shape, of: fn(&ServerPoint) -> f64| {
        line(timeline, name, tone, shape, &|point| point.server.as_ref().map(of))
    };
    let time = |name, tone, of| of_server(name, tone, Shape::Line, of);
    let bars = |name, tone, of| of_server(name, tone, Shape::Bars, of);
    let work = vec![time("p50", "t1", |at| at.work_p50_ms), time("p99", "t3", |at| at.work_p99_ms)];
    let late = vec![time("p50", "t1", |at| at.lateness_p50_ms), time("p99", "t3", |at| at.lateness_p99_ms)];
    let lost = vec![
        bars("stale frames", "t2", |at| at.stale_frames as f64),
        bars("overruns", "t5", |at| at.overruns as f64),
        bars("dropped ticks", "t3", |at| at.dropped as f64),
    ];
    let cores = vec![of_server("cores", "t1", Shape::Area, |at| at.cpu_cores)];
    let memory = vec![of_server("memory", "t1", Shape::Area, |at| at.memory_bytes as f64)];
    let mut work = plot("Tick work", "From a tick's begin to its end.", Unit::Ms, work);
    work.limit = period_ms(timeline).map(|ms| (format!("period, {}", Unit::Ms.say(ms)), ms));
    vec![
        work,
        plot("Tick lateness", "From a tick's deadline to its begin.", Unit::Ms, late),
        plot(
            "Ticks and frames that were lost",
            &format!(
                "In each {}: frames for viewers that had missed some, ticks that took longer than their \
                 period, and ticks whose time was dropped.",
                window(timeline)
            ),
            Unit::Count,
            lost,
        ),
        plot("Processor", "Cores that the server used.", Unit::Cores, cores),
        plot("Memory", "In use at each window's end.", Unit::Bytes, memory),
    ]
}

/// The time between two ticks of a room, as the ticks of all rooms tell it: what it is in most windows.
/// None when rooms came and went so fast that it tells nothing.
fn period_ms(timeline: &[Point]) -> Option<f64> {
    let period = |point: &Point| {
        let server = point.server.as_ref()?;
        let ticks = server.ticks + server.dropped;
        (ticks > 0 && server.rooms > 0).then(|| point.lasts_s * 1000.0 * server.rooms as f64 / ticks as f64)
    };
    let mut periods: Vec<f64> = timeline.iter().filter_map(period).collect();
    periods.sort_by(f64::total_cmp);
    let middle = *periods.get(periods.len() / 2)?;
    let alike = periods.iter().filter(|period| (**period - middle).abs() <= middle * 0.05).count();
    (alike * 2 > periods.len()).then_some(middle)
}

fn tester(timeline: &[Point]) -> Vec<Plot> {
    let cores = line(timeline, "cores", "t1", Shape::Area, &|point| Some(point.cpu_cores));
    vec![
        percentiles(timeline, "Lateness", "How late the load tester itself was.", |point| &point.lateness_ms),
        plot("Processor of the load tester", "Cores that it used.", Unit::Cores, vec![cores]),
    ]
}

fn percentiles(timeline: &[Point], title: &str, about: &str, of: fn(&Point) -> &Quantiles) -> Plot {
    let of_window = |name: &str, tone, quantile: fn(&Quantiles) -> f64| {
        let value = |point: &Point| (of(point).count > 0).then(|| quantile(of(point)));
        line(timeline, name, tone, Shape::Line, &value)
    };
    let lines = vec![
        of_window("p50", "t1", |quantiles| quantiles.p50),
        of_window("p90", "t2", |quantiles| quantiles.p90),
        of_window("p99", "t3", |quantiles| quantiles.p99),
        of_window("max", "t4", |quantiles| quantiles.max),
    ];
    plot(title, about, Unit::Ms, lines)
}

fn plot(title: &str, about: &str, unit: Unit, lines: Vec<Line>) -> Plot {
    Plot { id: String::new(), title: title.into(), about: about.into(), unit, lines, limit: None }
}

/// A line with a spot for each window, and one without a value where windows are missing.
fn line(
    timeline: &[Point],
    name: &str,
    tone: &'static str,
    shape: Shape,
    of: &dyn Fn(&Point) -> Option<f64>,
) -> Line {
    let mut spots: Vec<Spot> = Vec::with_capacity(timeline.len());
    for point in timeline {
        let from = spots.last().map_or(0.0, |spot| spot.to);
        if point.at_s - from > point.lasts_s / 2.0 {
            spots.push(Spot { from, to: point.at_s, value: None });
        }
        let value = of(point).filter(|value| value.is_finite());
        spots.push(Spot { from: point.at_s, to: point.at_s + point.lasts_s, value });
    }
    Line { name: name.into(), tone, shape, spots }
}

fn per_s(point: &Point, count: u64) -> Option<f64> {
    (point.lasts_s > 0.0).then(|| count as f64 / point.lasts_s)
}
