//! How figures went over the last minutes.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::Sparkline;

use super::palette::Palette;
use super::text::{NOTHING, clock, ms, number};
use crate::status::Status;
use crate::timeline::Point;

/// How far back a graph goes.
const REACH_S: f64 = 300.0;
const LABEL_WIDTH: u16 = 15;
const VALUE_WIDTH: u16 = 9;
/// From this height on there is an empty row below a graph.
const GAP_HEIGHT_MIN: u16 = 3;
/// Bars are whole numbers: so many make one of the figure.
const PRECISION: f64 = 1000.0;

/// A figure: what it is called, where it is found, and how it is written.
struct Graph(&'static str, fn(&Point) -> Option<f64>, fn(f64) -> String);

const GRAPHS: [Graph; 5] = [
    Graph("playing", |point| Some(point.playing.into()), number),
    Graph("updates/s", |point| Some(point.updates as f64 / point.lasts_s.max(0.001)), number),
    Graph("update gap p99", |point| Some(point.update_gap_ms.p99), with_ms),
    Graph("tick work p99", |point| Some(point.server.as_ref()?.work_p99_ms), with_ms),
    Graph("server cores", |point| Some(point.server.as_ref()?.cpu_cores), cores),
];

fn with_ms(value: f64) -> String {
    format!("{} ms", ms(value))
}

fn cores(value: f64) -> String {
    format!("{value:.2}")
}

/// Rows of all graphs and their head, by those of one graph.
pub(super) const fn height(of_one: u16) -> u16 {
    1 + GRAPHS.len() as u16 * of_one
}

/// Draws all graphs, as tall as there is room for.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, palette: Palette) {
    let bars_width = area.width.saturating_sub(LABEL_WIDTH + VALUE_WIDTH + 1);
    let of_one = area.height.saturating_sub(1) / GRAPHS.len() as u16;
    if of_one == 0 || bars_width == 0 {
        return;
    }
    let recent = Recent::new(status.timeline, bars_width.into());
    let head =
        if recent.points.is_empty() { String::new() } else { format!("last {}", clock(recent.lasts())) };
    frame.render_widget(Line::styled(head, Palette::label()), Rect { height: 1, ..area });
    for (place, graph) in (0u16..).zip(&GRAPHS) {
        let area = Rect { y: area.y + 1 + place * of_one, height: of_one, ..area };
        draw_graph(frame, area, graph, &recent, palette);
    }
}

/// Points that are shown, so many in one bar.
struct Recent<'a> {
    points: &'a [Point],
    in_one: usize,
}

impl<'a> Recent<'a> {
    /// Bars begin at whole multiples since the run began, so that they move to the left and do not
    /// change as they do.
    fn new(timeline: &'a [Point], bars: usize) -> Self {
        let end = timeline.last().map_or(0.0, |last| last.at_s + last.lasts_s);
        let reaching = timeline.partition_point(|point| point.at_s < end - REACH_S);
        let in_one = (timeline.len() - reaching).div_ceil(bars).max(1);
        let bars_before = timeline.len().div_ceil(in_one).saturating_sub(bars);
        let points = &timeline[bars_before * in_one..];
        Self { points, in_one }
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.points.iter().map(|point| point.lasts_s).sum())
    }

    /// The highest of each bar.
    fn bars(&self, value: fn(&Point) -> Option<f64>) -> Vec<Option<u64>> {
        let highest = |points: &[Point]| points.iter().filter_map(value).reduce(f64::max);
        let whole = |value: f64| (value * PRECISION) as u64;
        self.points.chunks(self.in_one).map(|points| highest(points).map(whole)).collect()
    }
}

fn draw_graph(frame: &mut Frame<'_>, area: Rect, graph: &Graph, recent: &Recent<'_>, palette: Palette) {
    let Graph(label, of, write) = graph;
    let last = recent.points.last().and_then(of).map_or_else(|| NOTHING.to_owned(), write);
    let head = Line::from(vec![
        Span::styled(format!("{label:<0$}", LABEL_WIDTH.into()), Palette::label()),
        Span::raw(format!("{last:>0$}", VALUE_WIDTH.into())),
    ]);
    frame.render_widget(head, Rect { height: 1, ..area });
    let bars_x = LABEL_WIDTH + VALUE_WIDTH + 1;
    // Tall ones would flow into each other.
    let height = if area.height < GAP_HEIGHT_MIN { area.height } else { area.height - 1 };
    let bars = Rect { x: area.x + bars_x, width: area.width - bars_x, height, ..area };
    let sparkline = Sparkline::default()
        .data(recent.bars(*of))
        .bar_set(bar::NINE_LEVELS)
        .style(palette.bar())
        .absent_value_symbol(" ");
    frame.render_widget(sparkline, bars);
}
