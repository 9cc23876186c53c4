//! The dashboard of some runs, in some sizes.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use super::palette::Palette;
use super::view;
use crate::plan::PlannedStage;
use crate::record::{Counts, Errors};
use crate::status::Status;
use crate::timeline::{Point, ServerPoint};
use crate::times::Quantiles;

/// What a status refers to.
#[derive(Default)]
struct Run {
    elapsed_s: u64,
    stages: Vec<PlannedStage>,
    counts: Counts,
    errors: BTreeMap<String, Errors>,
    timeline: Vec<Point>,
    warning: Option<&'static str>,
}

impl Run {
    /// One in which much has happened.
    fn rich() -> Self {
        let stage = |name: &str, from, to| PlannedStage {
            name: name.into(),
            from: Duration::from_secs(from),
            to: Duration::from_secs(to),
        };
        let error = |count, first: &str| Errors { count, first: first.into() };
        Self {
            elapsed_s: 200,
            stages: vec![stage("ramp", 0, 50), stage("hold", 50, 250), stage("spike", 250, 300)],
            counts: Counts { joined: 1204, failed: 3, disconnects: 1, resumed: 17, ..Counts::default() },
            errors: BTreeMap::from([
                ("refused_room_full".into(), error(3, "the room is full")),
                ("swapped_id".into(), error(12, "7 was \x1b[31m3's\n\u{202e}in tick 80123, 世界")),
                ("closed".into(), error(1, &"the server closed the connection ".repeat(8))),
            ]),
            timeline: (0..200).map(point).collect(),
            warning: None,
        }
    }

    fn draw(&self, width: u16, height: u16) -> Terminal<TestBackend> {
        self.draw_by(Palette { is_coloured: true }, "", width, height)
    }

    fn draw_by(&self, palette: Palette, said: &str, width: u16, height: u16) -> Terminal<TestBackend> {
        let status = Status {
            scenario: "soak",
            url: "ws://127.0.0.1:3000",
            elapsed: Duration::from_secs(self.elapsed_s),
            lasts: Duration::from_mins(5),
            stages: &self.stages,
            is_stopping: false,
            counts: &self.counts,
            errors: &self.errors,
            timeline: &self.timeline,
            warning: self.warning,
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(frame, &status, said, palette)).unwrap();
        terminal
    }
}

/// What was measured in a second of the rich run.
fn point(second: u32) -> Point {
    let wave = f64::from(second % 40);
    let quantiles = |p50: f64| Quantiles {
        count: 100,
        mean: p50,
        p50,
        p90: p50 * 1.2,
        p99: p50 * 1.5,
        p999: p50 * 3.0,
        max: p50 * 40.0,
    };
    Point {
        at_s: second.into(),
        lasts_s: 1.0,
        planned: (second * 24).min(1200),
        playing: (second * 24).min(1196),
        updates: u64::from(second * 720).min(35_880),
        inputs: 35_870,
        rx_bytes: 2_345_678,
        tx_bytes: 678_901,
        update_gap_ms: quantiles(33.34 + wave / 10.0),
        tick_age_ms: quantiles(0.4),
        input_to_state_ms: quantiles(35.1),
        ping_ms: quantiles(1.25),
        lateness_ms: quantiles(0.06),
        server: Some(ServerPoint {
            dropped: 2,
            work_p99_ms: 1.0 + wave / 8.0,
            rooms: 150,
            players: 1196,
            memory_bytes: 87_654_321,
            cpu_cores: 0.4 + wave / 100.0,
            ..ServerPoint::default()
        }),
        ..Point::default()
    }
}

#[test]
fn a_run_on_screens_of_many_sizes() {
    let mut run = Run::rich();
    assert_snapshot!("rich_40x10", run.draw(40, 10).backend());
    assert_snapshot!("rich_80x24", run.draw(80, 24).backend());
    run.warning = Some("the load tester was 12.5 ms late itself at p99");
    assert_snapshot!("rich_120x36", run.draw(120, 36).backend());
}

#[test]
fn a_run_of_which_nothing_is_known() {
    let run = Run::default();
    assert_snapshot!("empty_40x10", run.draw(40, 10).backend());
    assert_snapshot!("empty_80x24", run.draw(80, 24).backend());
    assert_snapshot!("empty_120x36", run.draw(120, 36).backend());
}

#[test]
fn any_size_will_do() {
    let mut rich = Run::rich();
    rich.warning = Some("the load tester used 99 % of its cores");
    let small = (0..=60).step_by(3).flat_map(|width| (0..=14).map(move |height| (width, height)));
    let large =
        (60..=210).step_by(15).flat_map(|width| (0..=64).step_by(8).map(move |height| (width, height)));
    for (width, height) in small.chain(large) {
        for run in [&rich, &Run::default()] {
            run.draw(width, height);
        }
    }
}

#[test]
fn what_was_said_stands_at_the_bottom() {
    let run = Run::rich();
    let terminal = run.draw_by(Palette { is_coloured: true }, "stopping; once more to stop at once", 80, 24);
    let screen = terminal.backend().to_string();
    assert!(screen.lines().last().unwrap().contains("stopping; once more to stop at once"), "{screen}");
}

#[test]
fn a_warning_is_loud() {
    let mut run = Run::rich();
    run.warning = Some("late");
    for is_coloured in [true, false] {
        let terminal = run.draw_by(Palette { is_coloured }, "", 80, 24);
        let loud = Modifier::REVERSED | Modifier::BOLD;
        let cells = terminal.backend().buffer().content.iter();
        let text: String = cells.filter(|cell| cell.modifier.contains(loud)).map(Cell::symbol).collect();
        assert_eq!(text.trim(), "The figures are the load tester's own: late");
    }
}

#[test]
fn figures_stand_out_from_what_they_are_called() {
    let terminal = Run::rich().draw(80, 24);
    let cells = terminal.backend().buffer().content.iter();
    let text: String =
        cells.filter(|cell| !cell.modifier.contains(Modifier::DIM)).map(Cell::symbol).collect();
    assert!(text.contains("35.9k/s"), "{text}");
    assert!(!text.contains("updates"), "{text}");
}

#[test]
fn there_are_only_the_terminals_own_colours_and_none_where_nobody_wants_any() {
    let colours = |is_coloured| {
        let terminal = Run::rich().draw_by(Palette { is_coloured }, "", 200, 60);
        let cells = &terminal.backend().buffer().content;
        let mut colours: Vec<Color> = cells.iter().flat_map(|cell| [cell.fg, cell.bg]).collect();
        colours.retain(|colour| *colour != Color::Reset);
        colours
    };
    assert!(colours(true).iter().all(|colour| matches!(colour, Color::Red | Color::Cyan)));
    assert!(!colours(true).is_empty());
    assert_eq!(colours(false), []);
}
