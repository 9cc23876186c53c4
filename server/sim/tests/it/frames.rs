//! Which frame a viewer gets: on the baseline that it holds, or a keyframe.

use fracas_shared::Tick;
use fracas_shared::limits::{
    BASELINE_AGE_MAX, BASELINES_MAX, DELTAS_PER_TICK_MAX, FRAME_BYTES_MAX, TEXTS_MAX,
};
use fracas_sim::conformance::Arrival;
use fracas_sim::{FrameCounts, RoomOptions};

use crate::table::Table;
use crate::tokens::{Config, Tokens};

/// The frame counts without bytes: fresh, stale, keyframe.
fn counts(frames: &FrameCounts) -> (u32, u32, u32) {
    (frames.fresh, frames.stale, frames.keyframe)
}

#[test]
fn a_late_viewer_gets_a_keyframe_and_then_deltas() {
    let mut table = Table::new(4, 4);
    table.ticks(10);
    let viewer = table.watch(None);
    table.tick();
    assert_eq!(table.flush_newest(viewer), [(Tick(11), None)]);
    table.tick();
    assert_eq!(table.flush_newest(viewer), [(Tick(12), Some(Tick(11)))]);
}

#[test]
fn viewers_of_one_baseline_share_one_frame() {
    let mut table = Table::new(4, 4);
    for _ in 0..3 {
        table.watch(None);
    }
    for tick in 1..5 {
        table.tick();
        let frames = table.lines.iter().flat_map(|(port, _)| port.flush());
        let frames = frames.filter_map(|arrival| match arrival {
            Arrival::State(state) => Some(state.frame.as_ptr()),
            Arrival::Message(_) => None,
        });
        let frames: Vec<_> = frames.collect();
        assert!(frames.len() == 3 && frames.iter().all(|frame| *frame == frames[0]), "tick {tick}");
    }
}

#[test]
fn a_stale_viewer_gets_a_delta_from_what_it_holds() {
    let mut table = Table::new(4, 4);
    let viewer = table.watch(None);
    table.tick();
    table.flush_newest(viewer);
    table.ticks(6);
    let report = table.tick();
    assert_eq!(counts(&report.frames), (0, 1, 0));
    assert_eq!(table.flush_newest(viewer), [(Tick(8), Some(Tick(1)))]);
}

#[test]
fn a_frame_that_was_begun_is_the_next_baseline() {
    let mut table = Table::new(4, 4);
    let viewer = table.watch(None);
    table.tick();
    table.lines[viewer].0.begin();
    table.ticks(3);
    assert_eq!(table.flush_newest(viewer), [(Tick(1), None), (Tick(4), Some(Tick(1)))]);
}

#[test]
fn a_frame_begun_while_the_next_is_made_is_its_baseline() {
    let mut table = Table::new(4, 4);
    let viewer = table.watch(None);
    table.tick();
    table.flush_newest(viewer);
    table.tick();
    table.lines[viewer].0.begin_before_put();
    table.tick();
    let states = [(Tick(2), Some(Tick(1))), (Tick(3), Some(Tick(2)))];
    assert_eq!(table.flush_newest(viewer), states);
}

#[test]
fn viewers_of_too_many_baselines_share_the_keyframe() {
    let mut table = Table::new(4, 4);
    let viewers = DELTAS_PER_TICK_MAX + 3;
    for _ in 0..viewers {
        table.watch(None);
    }
    for viewer in 0..viewers {
        table.tick();
        table.flush_newest(viewer);
    }
    let report = table.tick();
    assert_eq!(counts(&report.frames), (0, DELTAS_PER_TICK_MAX as u32, 3));
    for viewer in 0..viewers {
        table.flush_newest(viewer);
    }
}

#[test]
fn a_frame_that_is_too_long_is_reported_and_not_sent() {
    let check = |still_tokens: u16| {
        let config = Config { still_tokens, name_bytes: u8::MAX, ..Config::default() };
        let mut table = Table::open(RoomOptions { bots: 0, config, ..RoomOptions::of::<Tokens>() });
        let viewer = table.watch(None);
        let bytes = table.tick().frames.frame_bytes_max as usize;
        (bytes > FRAME_BYTES_MAX, table.flush(viewer).len())
    };
    assert_eq!(check(900), (false, 1));
    assert_eq!(check(1200), (true, 0));
}

#[test]
fn so_many_snapshots_are_kept_for_who_is_behind() {
    // As many viewers, each of them stuck one tick later than the one before.
    let check = |viewers: usize, baseline: Option<Tick>| {
        let mut table = Table::new(4, 4);
        for _ in 0..viewers {
            table.watch(None);
        }
        for viewer in 0..viewers {
            table.tick();
            table.flush_newest(viewer);
        }
        table.tick();
        assert_eq!(table.flush_newest(0), [(Tick(viewers as u32 + 1), baseline)]);
    };
    check(BASELINES_MAX, Some(Tick(1)));
    check(BASELINES_MAX + 1, None);
}

#[test]
fn a_viewer_beyond_the_oldest_baseline_gets_a_keyframe() {
    let check = |age: u32, baseline: Option<Tick>| {
        let mut table = Table::new(4, 4);
        let viewer = table.watch(None);
        table.tick();
        table.flush_newest(viewer);
        table.ticks(age);
        assert_eq!(table.flush_newest(viewer), [(Tick(1 + age), baseline)]);
    };
    check(BASELINE_AGE_MAX, Some(Tick(1)));
    check(BASELINE_AGE_MAX + 1, None);
}

#[test]
fn a_keyframe_is_owed_until_one_was_begun() {
    let mut table = Table::new(4, 4);
    let viewer = table.watch(None);
    table.tick();
    table.flush_newest(viewer);
    table.viewers[viewer].resync();
    table.ticks(3);
    table.lines[viewer].1.forget();
    assert_eq!(table.flush_newest(viewer), [(Tick(4), None)]);
    table.tick();
    assert_eq!(table.flush_newest(viewer), [(Tick(5), Some(Tick(4)))]);
}

#[test]
fn texts_reach_healthy_and_stale_viewers() {
    let mut table = Table::new(2, 0);
    let player = table.join("first name");
    let (healthy, stale) = (table.watch(None), table.watch(None));
    table.tick();
    table.flush_newest(stale);
    for turn in 0..200 {
        table.rename(player, &format!("name {}", turn / 3));
        table.tick();
        table.flush_newest(healthy);
        let named = format!("name {}", turn / 3);
        assert!(table.views(healthy).iter().any(|view| *view.name == *named), "turn {turn}");
        if turn % 17 == 16 {
            table.flush_newest(stale);
            assert!(table.views(stale).iter().any(|view| *view.name == *named), "turn {turn}");
        }
    }
}

#[test]
fn texts_beyond_the_table_are_empty_and_come_when_there_is_room() {
    let config = Config { still_tokens: TEXTS_MAX as u16, ..Config::default() };
    let mut table = Table::open(RoomOptions { config, ..RoomOptions::of::<Tokens>() });
    let (player, other) = (table.join("one too many"), table.join("still 0"));
    let viewer = table.watch(None);
    let named = |table: &mut Table, name: &str| {
        table.tick();
        table.flush_newest(viewer);
        table.views(viewer).iter().filter(|view| *view.name == *name).count()
    };
    assert_eq!((named(&mut table, ""), named(&mut table, "still 0")), (1, 2));
    table.rename(other, "still 1");
    table.rename(player, "still 2");
    assert_eq!((named(&mut table, ""), named(&mut table, "still 2")), (0, 2));
}
