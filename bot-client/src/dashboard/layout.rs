//! Which parts there is room for.

use ratatui::layout::Rect;

/// The parts, from top to bottom.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Title,
    Progress,
    Warning,
    AboveBots,
    Bots,
    AboveTimes,
    Times,
    AboveGraphs,
    Graphs,
    AboveTraffic,
    Traffic,
    Server,
    AboveErrors,
    Errors,
    /// What nobody needs.
    Rest,
    Footer,
}

/// Where each part is; those that there is no room for have no height.
pub(super) struct Layout([Rect; Part::Footer as usize + 1]);

impl Layout {
    /// Gives parts their rows in the order of these wishes: a part that has some already grows by a
    /// later wish, when there is room for it all.
    pub(super) fn new(area: Rect, wishes: impl IntoIterator<Item = (Part, u16)>) -> Self {
        let mut areas = [Rect { height: 0, ..area }; Part::Footer as usize + 1];
        let mut free = area.height;
        for (part, rows) in wishes {
            let height = &mut areas[part as usize].height;
            let more = rows.saturating_sub(*height);
            if more <= free {
                *height += more;
                free -= more;
            }
        }
        areas[Part::Rest as usize].height = free;
        let mut y = area.y;
        for area in &mut areas {
            area.y = y;
            y += area.height;
        }
        Self(areas)
    }

    pub(super) fn of(&self, part: Part) -> Rect {
        self.0[part as usize]
    }
}
