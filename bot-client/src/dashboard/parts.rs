//! The parts of the dashboard that are text.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::palette::Palette;
use super::text::{NOTHING, bytes, clock, cut, harmless, ms, number};
use crate::record::Errors;
use crate::status::Status;
use crate::timeline::{Point, ServerPoint};

/// Columns of the name of a row, and between its figures.
const NAME_WIDTH: usize = 9;
const FIGURE_GAP: usize = 2;
/// Columns of how often an error came.
const COUNT_WIDTH: usize = 7;

/// A name and figures, in as many lines as they need.
pub(super) struct Row(Vec<Line<'static>>);

impl Row {
    /// Puts figures behind a name; each is what it is called, its value, and how that looks.
    fn new(name: &'static str, width: u16, figures: Vec<(&'static str, String, Style)>) -> Self {
        let start = |name: &str| Line::from(Span::styled(format!("{name:<NAME_WIDTH$}"), Palette::label()));
        let mut lines = vec![start(name)];
        for (label, value, style) in figures {
            let spans = [
                Span::styled(format!("{label} "), Palette::label()),
                Span::styled(value, style),
                Span::raw(" ".repeat(FIGURE_GAP)),
            ];
            let taken = spans[0].width() + spans[1].width();
            let last = lines.last_mut().expect("there is the first one");
            if last.width() + taken > width.into() && last.spans.len() > 1 {
                lines.push(start(""));
            }
            lines.last_mut().expect("there is the first one").spans.extend(spans);
        }
        Self(lines)
    }

    pub(super) fn height(&self) -> u16 {
        self.0.len() as u16
    }
}

impl Widget for Row {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        for (line, row) in self.0.into_iter().zip(area.rows()) {
            line.render(row, buffer);
        }
    }
}

/// What is run against what, and for how long.
pub(super) fn title(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>) {
    let time = format!(" {} / {}", clock(status.elapsed), clock(status.lasts));
    let time_width = Span::raw(&time).width() as u16;
    let scenario = harmless(status.scenario);
    let name = Span::styled(cut(&scenario, area.width.saturating_sub(time_width)), Palette::strong());
    let free = area.width.saturating_sub(time_width + name.width() as u16 + 2);
    let url = Span::styled(format!("  {}", cut(&harmless(status.url), free)), Palette::label());
    frame.render_widget(Line::from(vec![name, url]), area);
    frame.render_widget(Line::styled(time, Palette::strong()).right_aligned(), area);
}

/// Why the figures are not to be believed.
pub(super) fn warning(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, palette: Palette) {
    if let Some(warning) = status.warning {
        let text = format!(" The figures are the load tester's own: {}", harmless(warning));
        let text = cut(&text, area.width);
        frame.render_widget(Line::styled(format!("{text:<0$}", area.width.into()), palette.alarm()), area);
    }
}

/// How many bots there are, and how they fare.
pub(super) fn bots(status: &Status<'_>, palette: Palette, width: u16) -> Row {
    let counts = status.counts;
    let (playing, planned) = status.timeline.last().map_or((0, 0), |point| (point.playing, point.planned));
    let count = |label, count: u64, style| (label, count.to_string(), style);
    let figures = vec![
        ("playing", format!("{playing} of {planned}"), Palette::strong()),
        count("failed", counts.failed, palette.trouble(counts.failed)),
        count("disconnected", counts.disconnects, palette.trouble(counts.disconnects)),
        count("joined", counts.joined, Palette::figure()),
        count("resumed", counts.resumed, Palette::figure()),
        count("seats lost", counts.seats_lost, palette.trouble(counts.seats_lost)),
    ];
    Row::new("bots", width, figures)
}

/// What went over all lines together in the last window.
pub(super) fn traffic(status: &Status<'_>, width: u16) -> Row {
    let last = status.timeline.last();
    let rate = |count: fn(&Point) -> u64, text: fn(f64) -> String| {
        let rate = |point: &Point| format!("{}/s", text(count(point) as f64 / point.lasts_s.max(0.001)));
        last.map_or_else(|| NOTHING.to_owned(), rate)
    };
    let figures = vec![
        ("received", rate(|point| point.rx_bytes, bytes), Palette::figure()),
        ("sent", rate(|point| point.tx_bytes, bytes), Palette::figure()),
        ("updates", rate(|point| point.updates, number), Palette::figure()),
        ("inputs", rate(|point| point.inputs, number), Palette::figure()),
    ];
    Row::new("traffic", width, figures)
}

/// What the server says of itself.
pub(super) fn server(status: &Status<'_>, palette: Palette, width: u16) -> Row {
    match status.timeline.last().and_then(|point| point.server.as_ref()) {
        Some(server) => Row::new("server", width, server_figures(server, palette)),
        None => Row::new("server", width, vec![("metrics", NOTHING.to_owned(), Palette::figure())]),
    }
}

fn server_figures(server: &ServerPoint, palette: Palette) -> Vec<(&'static str, String, Style)> {
    let work = format!("p99 {} ms", ms(server.work_p99_ms));
    vec![
        ("dropped ticks", server.dropped.to_string(), palette.trouble(server.dropped)),
        ("cores", format!("{:.2}", server.cpu_cores), Palette::figure()),
        ("memory", bytes(server.memory_bytes as f64), Palette::figure()),
        ("rooms", server.rooms.to_string(), Palette::figure()),
        ("players", server.players.to_string(), Palette::figure()),
        ("tick work", work, palette.trouble(server.overruns)),
    ]
}

/// Errors and violations: how many, and of each kind what the first one said.
pub(super) fn errors(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, palette: Palette) {
    let mut kinds: Vec<(&String, &Errors)> = status.errors.iter().collect();
    kinds.sort_by_key(|(_, errors)| std::cmp::Reverse(errors.count));
    let total: u64 = kinds.iter().map(|(_, errors)| errors.count).sum();
    let mut rows = area.rows();
    let Some(head) = rows.next() else { return };
    let total = match kinds.len() {
        0 => Span::styled("none", Palette::figure()),
        1 => Span::styled(total.to_string(), palette.bad()),
        kinds => Span::styled(format!("{total} of {kinds} kinds"), palette.bad()),
    };
    let name = Span::styled(format!("{:<NAME_WIDTH$}", "errors"), Palette::label());
    frame.render_widget(Line::from(vec![name, total]), head);
    for ((kind, errors), row) in kinds.into_iter().zip(rows) {
        frame.render_widget(error(kind, errors, row.width, palette), row);
    }
}

fn error(kind: &str, errors: &Errors, width: u16, palette: Palette) -> Line<'static> {
    let count = Span::styled(format!("{:>COUNT_WIDTH$}  ", errors.count), Palette::strong());
    let kind = Span::styled(harmless(kind), palette.bad());
    let free = width.saturating_sub((count.width() + kind.width() + 2) as u16);
    let first = Span::raw(format!("  {}", cut(&harmless(&errors.first), free)));
    Line::from(vec![count, kind, first])
}

/// What was said last, and which keys there are.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, said: &str) {
    let mut spans = Vec::new();
    if !said.is_empty() {
        spans.push(Span::styled(format!("{said}  "), Palette::strong()));
    }
    if !status.is_stopping {
        spans.push(Span::styled("q", Palette::strong()));
        spans.push(Span::styled(" ends the run, with its report", Palette::label()));
    }
    frame.render_widget(Line::from(spans), area);
}
