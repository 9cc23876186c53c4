//! The times of the last window.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::palette::Palette;
use super::text::{NOTHING, ms};
use crate::status::Status;
use crate::timeline::Point;
use crate::times::Quantiles;

/// A time: what it is called, how important it is, and where it is found.
struct Time(&'static str, u16, fn(&Point) -> &Quantiles);

const TIMES: [Time; 7] = [
    Time("connect", 6, |point| &point.connect_ms),
    Time("join", 5, |point| &point.join_ms),
    Time("update gap", 0, |point| &point.update_gap_ms),
    Time("tick age", 2, |point| &point.tick_age_ms),
    Time("input to state", 1, |point| &point.input_to_state_ms),
    Time("ping", 3, |point| &point.ping_ms),
    Time("tester is late", 4, |point| &point.lateness_ms),
];

/// Rows of all of it, and of what says something.
pub(super) const HEIGHT: u16 = 1 + TIMES.len() as u16;
pub(super) const HEIGHT_LEAST: u16 = 4;

const LABEL_WIDTH: u16 = 15;
const COLUMNS: [&str; 4] = ["p50", "p90", "p99", "max"];

/// Draws as many times as there is room for, the most important ones.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>) {
    let last = status.timeline.last();
    let width = (area.width.saturating_sub(LABEL_WIDTH) / COLUMNS.len() as u16).clamp(6, 9).into();
    let mut rows = area.rows();
    let Some(head) = rows.next() else { return };
    let titles = COLUMNS.map(|title| format!("{title:>width$}")).concat();
    let label = last.map_or_else(|| "ms".to_owned(), |point| format!("ms, last {:.0} s", point.lasts_s));
    let label = format!("{label:<0$}", LABEL_WIDTH.into());
    frame.render_widget(Line::styled(label + &titles, Palette::label()), head);
    let shown = TIMES.iter().filter(|Time(_, rank, _)| rank + 1 < area.height);
    for (Time(name, _, of), row) in shown.zip(rows) {
        let label = Span::styled(format!("{name:<0$}", LABEL_WIDTH.into()), Palette::label());
        let figures = figures(last.map(of), width);
        frame.render_widget(Line::from(vec![label, figures]), row);
    }
}

fn figures(quantiles: Option<&Quantiles>, width: usize) -> Span<'static> {
    let cells = match quantiles {
        Some(q) if q.count > 0 => [q.p50, q.p90, q.p99, q.max].map(ms),
        _ => [NOTHING; 4].map(str::to_owned),
    };
    Span::raw(cells.map(|cell| format!("{cell:>width$}")).concat())
}
