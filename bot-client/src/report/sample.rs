//! Reports as they might be, for tests: five minutes with a ramp, a spike of bots, a server that stalls
//! and a load tester that is late.

use std::collections::BTreeMap;

use crate::expect::Verdict;
use crate::report::{Bar, Planned, Report, StageSpan, Tester};
use crate::timeline::{Point, ServerPoint};
use crate::times::Quantiles;

/// Seconds of the run, which are its windows.
const SECONDS: u32 = 300;
/// Milliseconds from one tick to the next.
const PERIOD_MS: f64 = 33.33;

/// A run in which something of everything went wrong.
pub(crate) fn rich() -> Report {
    let expected = |text: &str, found, held| Verdict { expected: text.into(), found, held };
    let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        counts.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    };
    Report {
        failed: 3,
        disconnects: 12,
        seats_lost: 2,
        updates_received_share_min: 0.871,
        violations: counts(&[("input_twice", 2), ("tick_back", 41)]),
        errors: counts(&[("refused_room_full", 3), ("timeout", 12), ("drop_<script>", 1)]),
        messages: [
            ("timeout", "nothing came for 10 s from ws://127.0.0.1:3000 in room 'K3V9QX'"),
            ("refused_room_full", "all seats of room 'r1' are taken"),
            ("drop_<script>", "</td><script>alert('\"1\" & 2')</script>\u{1b}[2J\u{202e}"),
            ("tick_back", "tick 4711 came after tick 4713"),
        ]
        .map(|(kind, message)| (kind.to_owned(), message.to_owned()))
        .into(),
        expectations: vec![
            expected("input_to_state.p99<60ms", Some(412.3), false),
            expected("update_gap.p50<=40ms", Some(33.34), true),
            expected("updates_received_share_min>=99%", Some(0.871), false),
            expected("join.p99<1s", None, false),
            expected("rx_bytes_per_client_per_s<4000", Some(1950.0), true),
        ],
        tester: Tester {
            processes: 2,
            threads: 4,
            cpu_cores: 1.31,
            lateness_ms: quantiles(90_000, 0.08, 0.31, 38.0, 110.0),
            is_bottleneck: true,
            why: "It looked at its sockets up to 110 ms late, from 4:00 to 4:12.".into(),
        },
        ..run(true)
    }
}

/// A run in which all went well.
pub(crate) fn fine() -> Report {
    run(false)
}

fn run(is_troubled: bool) -> Report {
    let timeline = timeline(is_troubled);
    let worst = if is_troubled { 1.0 } else { 0.0 };
    Report {
        scenario: "evening-rush".into(),
        about: "Players come after work, friends bring friends at once, and a few of them have bad lines."
            .into(),
        target: "fracas".into(),
        url: "ws://127.0.0.1:3000".into(),
        began_unix_s: 1_795_801_920,
        game: "arena, dots".into(),
        seed: 7,
        line: "latency=60,jitter=40,stall=200,stall_every=10000,rate=5000".parse().expect("a line"),
        duration_s: 225.0,
        clients: 800,
        joined: 812,
        resumed: 96,
        rooms: 100,
        updates_expected: 5_312_000,
        updates_received: if is_troubled { 5_290_412 } else { 5_312_000 },
        updates_received_share_min: 1.0,
        inputs_sent: 5_190_233,
        inputs_planned: 5_312_000,
        connect_ms: quantiles(815, 1.2, 2.8, 9.5, 31.0),
        join_ms: quantiles(812, 35.0, 61.0, 90.0 + 700.0 * worst, 110.0 + 1790.0 * worst),
        update_gap_ms: quantiles(5_290_000, 33.34, 36.1, 41.0 + 371.0 * worst, 60.0 + 2140.0 * worst),
        input_to_state_ms: quantiles(5_180_000, 96.0, 118.0, 140.0 + 310.0 * worst, 190.0 + 2100.0 * worst),
        tick_age_ms: quantiles(5_290_000, 0.4, 1.9, 7.0 + 200.0 * worst, 41.0 + 1900.0 * worst),
        ping_ms: quantiles(230_000, 61.0, 82.0, 101.0 + 200.0 * worst, 240.0 + 1900.0 * worst),
        rx_bytes_per_client_per_s: 1950.0,
        tx_bytes_per_client_per_s: 570.0,
        kills: 4821,
        server: timeline.last().and_then(|point| point.server.clone()).map(|server| ServerPoint {
            ticks: 810_000,
            overruns: 212 * u64::from(is_troubled),
            dropped: 47 * u64::from(is_troubled),
            stale_frames: 4100 * u64::from(is_troubled),
            ..server
        }),
        tester: Tester {
            processes: 2,
            threads: 4,
            cpu_cores: 1.1,
            lateness_ms: quantiles(90_000, 0.08, 0.31, 1.1, 4.0),
            ..Tester::default()
        },
        plan: Planned { sessions: 815, drops: 98, digest: "9f2c41d07be83a65".into() },
        stages: stages(),
        timeline,
        distributions: distributions(is_troubled),
        ..Report::default()
    }
}

fn stages() -> Vec<StageSpan> {
    let stage = |(name, from_s, to_s): (&str, f64, f64)| StageSpan { name: name.into(), from_s, to_s };
    let stages = [
        ("ramp", 0.0, 60.0),
        ("steady", 60.0, 150.0),
        ("spike: friends bring friends", 150.0, 165.0),
        ("after the spike", 165.0, 285.0),
        ("drain", 285.0, 300.0),
    ];
    stages.map(stage).into()
}

fn quantiles(count: u64, p50: f64, p90: f64, p99: f64, max: f64) -> Quantiles {
    Quantiles { count, mean: p50 * 1.04, p50, p90, p99, p999: f64::midpoint(p99, max), max }
}

fn bots_at(second: u32) -> (u32, u32) {
    match second {
        0..60 => (second * 10, (second * 10).saturating_sub(6)),
        60..150 => (600, 600),
        150..156 => (800, 600 + (second - 150) * 34),
        156..285 => (800, if (200..215).contains(&second) { 788 } else { 797 }),
        _ => (0, 797u32.saturating_sub((second - 284) * 60)),
    }
}

fn timeline(is_troubled: bool) -> Vec<Point> {
    let mut state = 1u32;
    let mut any = move || {
        // Numerical Recipes' generator: rough, but the same everywhere.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..SECONDS).map(|second| point(second, is_troubled, &mut any)).collect()
}

fn point(second: u32, is_troubled: bool, any: &mut impl FnMut() -> f64) -> Point {
    let (planned, playing) = bots_at(second);
    let is_stalled = is_troubled && (200..207).contains(&second);
    let is_late = is_troubled && (240..252).contains(&second);
    let is_spike = is_troubled && (150..160).contains(&second);
    let slow = if is_stalled { 1900.0 } else { 0.0 }
        + if is_late { 90.0 } else { 0.0 }
        + if is_spike { 25.0 } else { 0.0 };
    let load = f64::from(playing) / 800.0;
    let updates = if is_stalled { 40 } else { (f64::from(playing) * 30.0 * (0.97 + 0.03 * any())) as u64 };
    let mut times = |p50: f64, wide: f64, slow: f64| {
        let (p90, p99) = (p50 + wide * (0.8 + 0.4 * any()), p50 + wide * (2.0 + any()) + slow * 0.4);
        let count = if is_stalled && p50 < 30.0 { 0 } else { updates };
        quantiles(count, p50 + 0.05 * wide * any(), p90, p99, p99 * (1.1 + any() * any()) + slow * 0.6)
    };
    Point {
        at_s: f64::from(second),
        lasts_s: 1.0,
        planned,
        playing,
        joined: if second < 60 { 10 } else { 0 },
        failed: if is_stalled { 4 } else { 0 },
        resumed: u32::from(second.is_multiple_of(3) && second > 60),
        updates,
        inputs: updates.saturating_sub(updates / 50),
        rx_bytes: updates * 65,
        tx_bytes: updates * 19,
        errors: match second {
            200..207 if is_troubled => 3 + u64::from(second % 3) * 5,
            152 if is_troubled => 1,
            _ => 0,
        },
        connect_ms: times(1.2, 1.0, slow),
        join_ms: if second < 60 || is_spike { times(35.0, 20.0, slow) } else { Quantiles::default() },
        update_gap_ms: times(PERIOD_MS, 1.5 + 2.0 * load, slow),
        tick_age_ms: times(0.4, 0.8 + load, slow),
        input_to_state_ms: times(96.0, 14.0 + 6.0 * load, slow),
        ping_ms: times(61.0, 14.0, slow),
        lateness_ms: times(0.08, 0.1 + 0.2 * load, if is_late { 90.0 } else { 0.0 }),
        cpu_cores: 0.1 + 1.2 * load + if is_late { 2.4 } else { 0.05 * any() },
        server: Some(server_point(second, load, slow, is_stalled, any())),
    }
}

fn server_point(second: u32, load: f64, slow: f64, is_stalled: bool, any: f64) -> ServerPoint {
    let rooms = (load * 100.0).ceil() as u64;
    let is_slow = slow > 20.0;
    ServerPoint {
        ticks: if is_stalled { rooms } else { rooms * 30 },
        overruns: if is_stalled { 12 } else { u64::from(is_slow) * 3 },
        dropped: if is_stalled { rooms * 29 } else { 0 },
        lateness_p50_ms: 0.05 + 0.02 * any,
        lateness_p99_ms: 0.4 + 0.6 * any + slow * 0.7,
        work_p50_ms: 0.6 + 1.8 * load + 0.1 * any,
        work_p99_ms: 1.4 + 3.6 * load + any + slow * 0.5,
        rooms,
        players: (load * 800.0) as u64,
        away: u64::from(second % 4),
        stale_frames: if is_slow { 40 + (any * 90.0) as u64 } else { 0 },
        memory_bytes: 38_000_000 + (load * 61e6) as u64 + u64::from(second) * 20_000,
        cpu_cores: 0.05 + 0.9 * load + 0.05 * any,
    }
}

/// Times that are usually about as long, with a tail.
fn distributions(is_troubled: bool) -> BTreeMap<String, Vec<Bar>> {
    let tail = if is_troubled { 9.0 } else { 1.5 };
    let of = |usual_ms: f64, count: f64| -> Vec<Bar> {
        let bar = |at: u32| {
            let rest = 10f64.powf(-f64::from(at) / 30.0);
            let nines = f64::from(at) / 30.0;
            // What waits for the stall is so much later than what does not.
            let stalled = tail / (1.0 + (-(nines - 2.6) * 5.0).exp());
            let to_ms = usual_ms * (0.9 + 0.08 * nines + stalled * (1.0 + 0.1 * nines));
            Bar { to_ms, count: (count * rest * (1.0 - 10f64.powf(-1.0 / 30.0))).round() as u64 }
        };
        (0..180).map(bar).collect()
    };
    let all = [
        ("connect", of(1.4, 800.0)),
        ("join", of(40.0, 800.0)),
        ("update_gap", of(PERIOD_MS, 5e6)),
        ("tick_age", of(0.6, 5e6)),
        ("input_to_state", of(96.0, 5e6)),
        ("ping", of(61.0, 2e5)),
        ("lateness", of(0.1, 9e4)),
    ];
    all.map(|(name, bars)| (name.to_owned(), bars)).into()
}
