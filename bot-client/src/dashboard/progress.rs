//! How far the run is, and in which stage.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::palette::Palette;
use super::text::{cut, harmless};
use crate::plan::PlannedStage;
use crate::status::Status;

/// A column that is reached by so many eighths.
const EIGHTHS: [&str; 9] = ["░", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
/// Columns for what is said beside the bar.
const BESIDE_MAX: u16 = 30;
/// A stage that is narrower is not set apart, and has no name below.
const STAGE_WIDTH_MIN: u16 = 3;

/// Draws a bar with a gap where a stage ends, and below it, if there is room, the stages' names.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, palette: Palette) {
    if area.is_empty() {
        return;
    }
    let percent = share(status.elapsed, status.lasts) * 100.0;
    let beside = format!(" {percent:.0} %  {}", harmless(status.stage()));
    let beside = Line::styled(cut(&beside, BESIDE_MAX.min(area.width)), Palette::strong());
    let width = area.width.saturating_sub(beside.width() as u16);
    let scale = Scale { lasts: status.lasts, width };
    frame.render_widget(beside, Rect { x: area.x + width, width: area.width - width, height: 1, ..area });
    draw_bar(frame, Rect { width, height: 1, ..area }, status, &scale, palette);
    if area.height > 1 {
        draw_names(frame, Rect { y: area.y + 1, width, height: 1, ..area }, status, &scale);
    }
}

/// Where a moment is on the bar.
struct Scale {
    lasts: Duration,
    width: u16,
}

impl Scale {
    fn column(&self, at: Duration) -> u16 {
        (share(at, self.lasts) * f64::from(self.width)).round() as u16
    }

    /// The columns of a stage, without that of the gap behind it.
    fn columns(&self, stage: &PlannedStage) -> std::ops::Range<u16> {
        let (from, to) = (self.column(stage.from), self.column(stage.to));
        let has_gap = to < self.width && to >= from + STAGE_WIDTH_MIN;
        from..to - u16::from(has_gap)
    }
}

fn share(at: Duration, lasts: Duration) -> f64 {
    if lasts.is_zero() { 1.0 } else { (at.as_secs_f64() / lasts.as_secs_f64()).min(1.0) }
}

fn draw_bar(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, scale: &Scale, palette: Palette) {
    let reached = (share(status.elapsed, status.lasts) * f64::from(area.width) * 8.0) as usize;
    let is_gap = |column: u16| {
        let ends_at = |stage: &PlannedStage| scale.columns(stage).end == column;
        column < area.width
            && status.stages.iter().any(|stage| ends_at(stage) && scale.column(stage.to) > column)
    };
    let bar: String = (0..area.width)
        .map(|column| match reached.saturating_sub(usize::from(column) * 8) {
            _ if is_gap(column) => " ",
            eighths => EIGHTHS[eighths.min(8)],
        })
        .collect();
    frame.render_widget(Line::styled(bar, palette.bar()), area);
}

fn draw_names(frame: &mut Frame<'_>, area: Rect, status: &Status<'_>, scale: &Scale) {
    for stage in status.stages {
        let columns = scale.columns(stage);
        let width = columns.len() as u16;
        if width < STAGE_WIDTH_MIN {
            continue;
        }
        let is_current = (stage.from..stage.to).contains(&status.elapsed);
        let style = if is_current { Palette::strong() } else { Palette::label() };
        let name = Line::styled(cut(&harmless(&stage.name), width), style);
        frame.render_widget(name, Rect { x: area.x + columns.start, width, ..area });
    }
}
