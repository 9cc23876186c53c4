//! The dashboard as a whole.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};

use super::graphs;
use super::layout::{Layout, Part};
use super::palette::Palette;
use super::parts::{self, Row};
use super::progress;
use super::times;
use crate::status::Status;

/// From this width on there are margins.
const MARGIN_WIDTH: u16 = 60;
/// From this width on the graphs are beside the times.
const BESIDE_WIDTH: u16 = 96;
const TIMES_WIDTH: u16 = 51;
const GAP: u16 = 3;
/// Kinds of errors that are worth a row before graphs are tall, and at all.
const ERRORS_FIRST: u16 = 3;
const ERRORS_MAX: u16 = 12;
/// Rows of a graph.
const GRAPH_HEIGHT_MAX: u16 = 8;

/// Draws what there is room for.
pub(super) fn draw(frame: &mut Frame<'_>, status: &Status<'_>, said: &str, palette: Palette) {
    let margin = Margin::new(u16::from(frame.area().width >= MARGIN_WIDTH), 0);
    let area = frame.area().inner(margin);
    let rows = Rows::new(status, palette, area.width);
    let is_beside = area.width >= BESIDE_WIDTH;
    let layout = Layout::new(area, wishes(status, &rows, is_beside));
    let (times, graphs) = if is_beside {
        beside(layout.of(Part::Times))
    } else {
        (layout.of(Part::Times), layout.of(Part::Graphs))
    };
    parts::title(frame, layout.of(Part::Title), status);
    progress::draw(frame, layout.of(Part::Progress), status, palette);
    parts::warning(frame, layout.of(Part::Warning), status, palette);
    frame.render_widget(rows.bots, layout.of(Part::Bots));
    times::draw(frame, times, status);
    graphs::draw(frame, graphs, status, palette);
    frame.render_widget(rows.traffic, layout.of(Part::Traffic));
    frame.render_widget(rows.server, layout.of(Part::Server));
    parts::errors(frame, layout.of(Part::Errors), status, palette);
    parts::footer(frame, layout.of(Part::Footer), status, said);
}

fn beside(area: Rect) -> (Rect, Rect) {
    let graphs_x = TIMES_WIDTH + GAP;
    let graphs = Rect { x: area.x + graphs_x, width: area.width.saturating_sub(graphs_x), ..area };
    (Rect { width: TIMES_WIDTH.min(area.width), ..area }, graphs)
}

/// What takes as many rows as its width makes it.
struct Rows {
    bots: Row,
    traffic: Row,
    server: Row,
}

impl Rows {
    fn new(status: &Status<'_>, palette: Palette, width: u16) -> Self {
        Self {
            bots: parts::bots(status, palette, width),
            traffic: parts::traffic(status, width),
            server: parts::server(status, palette, width),
        }
    }
}

/// How many rows each part is to have, the most important first.
fn wishes(status: &Status<'_>, rows: &Rows, is_beside: bool) -> Vec<(Part, u16)> {
    let kinds = status.errors.len() as u16;
    let mut wishes = vec![
        (Part::Title, 1),
        (Part::Progress, 1),
        (Part::Warning, u16::from(status.warning.is_some())),
        (Part::Bots, 1),
        (Part::Times, times::HEIGHT_LEAST),
        (Part::Footer, 1),
        (Part::Errors, 1),
        (Part::Bots, rows.bots.height().min(2)),
        (Part::Server, 1),
        (Part::Times, times::HEIGHT),
        (Part::Traffic, 1),
        (Part::Bots, rows.bots.height()),
    ];
    let graphs = if is_beside { Part::Times } else { Part::Graphs };
    wishes.extend([
        (graphs, graphs::height(1)),
        (Part::Errors, 1 + kinds.min(1)),
        (Part::Progress, 2),
        (Part::Server, rows.server.height()),
        (Part::Traffic, rows.traffic.height()),
        (Part::Errors, 1 + kinds.min(ERRORS_FIRST)),
        (Part::AboveBots, 1),
        (Part::AboveTimes, 1),
        (Part::AboveTraffic, 1),
        (Part::AboveErrors, 1),
        (Part::AboveGraphs, u16::from(!is_beside)),
    ]);
    wishes.extend((2..=3).map(|height| (graphs, graphs::height(height))));
    wishes.push((Part::Errors, 1 + kinds.min(ERRORS_MAX)));
    wishes.extend((4..=GRAPH_HEIGHT_MAX).map(|height| (graphs, graphs::height(height))));
    wishes
}
