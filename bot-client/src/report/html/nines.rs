//! Distributions of times over the whole run, by how many nines: what is rare has as much room as what
//! is usual.

use crate::report::html::axis::Mark;
use crate::report::html::pen::{Line, Shape, Spot};
use crate::report::html::plot::{Ground, Plot};
use crate::report::words::Unit;
use crate::report::{Bar, Report};

/// The two plots: what comes all the time while one plays, and the others.
const PLAYED: [&str; 4] = ["update_gap", "tick_age", "input_to_state", "ping"];
const TONES: [&str; 6] = ["t1", "t2", "t3", "t4", "t5", "t6"];
/// Nines that are shown at least and at most.
const NINES_MIN: f64 = 2.0;
const NINES_MAX: f64 = 7.0;

/// The section's plots.
pub(super) fn section(report: &Report) -> String {
    let measured = || report.distributions.iter().filter(|(_, bars)| bars.iter().any(|bar| bar.count > 0));
    let lines = |is_played: bool| -> Vec<Line> {
        let wanted = measured().filter(|(name, _)| PLAYED.contains(&name.as_str()) == is_played);
        wanted.zip(TONES.iter().cycle()).map(|((name, bars), tone)| line(name, tone, bars)).collect()
    };
    let plots = [("While playing", lines(true)), ("Coming in, and the load tester itself", lines(false))];
    let mut html = String::new();
    for (at, (title, lines)) in plots.into_iter().enumerate().filter(|(_, (_, lines))| !lines.is_empty()) {
        let ground = ground(&lines);
        let about = "So many of all are at most so long. Each mark is ten times as rare as the one before.";
        let id = format!("nines-{at}");
        let plot = Plot { id, title: title.into(), about: about.into(), unit: Unit::Ms, lines, limit: None };
        html += &plot.figure(&ground);
    }
    if html.is_empty() { "<p class=\"none\">No times were measured.</p>\n".into() } else { html }
}

fn line(name: &str, tone: &'static str, bars: &[Bar]) -> Line {
    let all: u64 = bars.iter().map(|bar| bar.count).sum();
    let (mut done, mut from, mut spots) = (0, 0.0, Vec::new());
    for bar in bars.iter().filter(|bar| bar.count > 0) {
        done += bar.count;
        let to = nines(done, all);
        spots.push(Spot { from, to, value: Some(bar.to_ms) });
        from = to;
    }
    Line { name: name.replace('_', " "), tone, shape: Shape::Steps, spots }
}

/// 0 for none, 1 for 9 of 10, 2 for 99 of 100. All are as many nines as half of the last one would be.
fn nines(done: u64, all: u64) -> f64 {
    let rest = (all.saturating_sub(done) as f64).max(0.5);
    (all as f64 / rest).log10().clamp(0.0, NINES_MAX)
}

fn ground(lines: &[Line]) -> Ground {
    let ends = lines.iter().filter_map(|line| line.spots.last()).map(|spot| spot.to);
    let until = ends.fold(NINES_MIN, f64::max);
    let mark = |nines: f64| Mark { at: nines, name: said(nines), is_spare: nines == 4.0 || nines > 5.0 };
    let half = Mark { at: 2f64.log10(), name: "50 %".into(), is_spare: true };
    let nines = (1..=until as u32).map(f64::from);
    Ground {
        until,
        name: "how many are at most so long",
        marks: [mark(0.0), half].into_iter().chain(nines.map(mark)).collect(),
        say: said,
        stages: Vec::new(),
        doubts: Vec::new(),
    }
}

/// As percent, with the digits that so many nines need.
fn said(nines: f64) -> String {
    let percent = 100.0 - 100.0 / 10f64.powf(nines);
    let digits = (nines + 0.999).floor().max(2.0) as usize - 2;
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_has_as_much_room() {
        assert_eq!([nines(0, 1000), nines(900, 1000), nines(990, 1000)], [0.0, 1.0, 2.0]);
        assert!((3.2..3.4).contains(&nines(1000, 1000)));
        assert_eq!(nines(u64::MAX, u64::MAX), NINES_MAX);
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(said), ["0 %", "90 %", "99 %", "99.9 %"]);
    }

    #[test]
    fn a_curve_rises_along_its_bars() {
        let bars = [(1.0, 90), (2.0, 0), (5.0, 9), (80.0, 1)].map(|(to_ms, count)| Bar { to_ms, count });
        let spots = line("a_b", "t1", &bars).spots;
        assert_eq!(
            spots.iter().map(|spot| spot.value).collect::<Vec<_>>(),
            [Some(1.0), Some(5.0), Some(80.0)]
        );
        assert_eq!((spots[0].from, spots[0].to, spots[1].to), (0.0, 1.0, 2.0));
    }
}
