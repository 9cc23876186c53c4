//! Every metric's name and meaning, as Prometheus sees them.

use std::fmt::Debug;

use fracas_shared::CloseCode;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{
    FrameMetrics, Histogram, InputMetrics, JournalMetrics, Labelled, NetMetrics, Refusals, RoomMetrics,
    TickMetrics,
};

/// Ten for each decade up to 10 ms, as the preferred numbers of ISO 3 are: how late a thread wakes is a matter of
/// tens of microseconds, and its high percentiles are to be told from those of another.
const LATENESS_BUCKETS: &[f64] = &[
    0.000_002,
    0.000_005,
    0.000_01,
    0.000_012_5,
    0.000_016,
    0.000_02,
    0.000_025,
    0.000_031_5,
    0.000_04,
    0.000_05,
    0.000_063,
    0.000_08,
    0.000_1,
    0.000_125,
    0.000_16,
    0.000_2,
    0.000_25,
    0.000_315,
    0.000_4,
    0.000_5,
    0.000_63,
    0.000_8,
    0.001,
    0.001_25,
    0.001_6,
    0.002,
    0.002_5,
    0.003_15,
    0.004,
    0.005,
    0.006_3,
    0.008,
    0.01,
    0.02,
    0.05,
    0.1,
];

const WORK_BUCKETS: &[f64] =
    &[0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05];

const MISSING_BUCKETS: &[f64] = &[0.0, 0.001, 0.005, 0.02, 0.1, 0.3, 0.999];

pub(super) fn net(registry: &mut Registry) -> NetMetrics {
    let connections = labelled(registry, "connections", "Open connections by door", "door");
    let received = labelled(registry, "received_messages", "Messages received by kind", "kind");
    let refusals = labelled(registry, "refusals", "Requests and connections refused by reason", "reason");
    // There from the start, so that it can be watched.
    refusals.of("too_many_connections");
    let closes = labelled(registry, "closes", "Connections closed by the server by reason", "reason");
    NetMetrics {
        websockets: connections.of("websocket"),
        ticked: register(
            registry,
            "ticked_connections",
            "Connections that the ticks of their rooms read and write",
            Gauge::default(),
        ),
        socketio_clients: connections.of("socketio"),
        connections: counter(registry, "connections_accepted", "Connections accepted, refused ones too"),
        received_bytes: counter(registry, "received_bytes", "Bytes received of players"),
        sent_bytes: counter(registry, "sent_bytes", "Bytes sent to players"),
        received_controls: received.of("control"),
        received_inputs: received.of("input"),
        received_messages: received.of("message"),
        refusals: Refusals(refusals),
        closes: CloseCode::ALL.iter().map(|code| closes.of(code.label())).collect(),
    }
}

pub(super) fn ticks(registry: &mut Registry) -> TickMetrics {
    let lateness = Histogram::new(LATENESS_BUCKETS);
    let work = Histogram::new(WORK_BUCKETS);
    TickMetrics {
        made: counter(registry, "ticks", "Ticks made"),
        lateness: register(
            registry,
            "tick_lateness_seconds",
            "From a tick's deadline to its begin",
            lateness,
        ),
        work: register(registry, "tick_work_seconds", "From a tick's begin to its end", work),
        overruns: counter(registry, "tick_overruns", "Ticks whose work took longer than the period"),
        dropped: counter(registry, "ticks_dropped", "Ticks whose time was dropped"),
        caught_up: counter(registry, "ticks_caught_up", "Ticks made at once to catch up"),
    }
}

pub(super) fn frames(registry: &mut Registry) -> FrameMetrics {
    let frames = labelled(registry, "frames", "Frames handed to viewers by kind", "kind");
    FrameMetrics {
        deltas: frames.of("delta"),
        keyframes: frames.of("keyframe"),
        stale: frames.of("stale"),
        bytes: counter(registry, "frame_bytes", "Bytes of frames handed to viewers"),
    }
}

pub(super) fn inputs(registry: &mut Registry) -> InputMetrics {
    let inputs = labelled(registry, "inputs", "What became of players' inputs", "fate");
    let missing = "Of each player and ten seconds, the share of ticks that had no input meant for them";
    let missing = register(registry, "player_inputs_missing", missing, Histogram::new(MISSING_BUCKETS));
    InputMetrics {
        on_time: inputs.of("on_time"),
        late: inputs.of("late"),
        late_used: inputs.of("late_used"),
        repeated: inputs.of("repeated"),
        neutral: inputs.of("neutral"),
        early_dropped: inputs.of("early_dropped"),
        duplicate: inputs.of("duplicate"),
        missing,
    }
}

pub(super) fn journal(registry: &mut Registry) -> JournalMetrics {
    let failing =
        "Simulation threads whose journal cannot be written: their matches would be lost with the server";
    JournalMetrics {
        bytes: counter(registry, "journal_bytes", "Bytes written to the journal"),
        failures: counter(registry, "journal_failures", "Times that the journal could not be written"),
        failing: register(registry, "journal_failing", failing, Gauge::default()),
    }
}

pub(super) fn rooms(registry: &mut Registry) -> RoomMetrics {
    RoomMetrics {
        inbox_overflows: counter(registry, "inbox_overflows", "Requests dropped at a full room's inbox"),
        events_dropped: counter(registry, "events_dropped", "Events beyond what one tick may emit"),
        failures: counter(registry, "room_failures", "Rooms ended because their rules failed"),
        resumes: counter(registry, "resumes", "Seats taken up again by their players"),
        open: labelled(registry, "rooms", "Open rooms by game", "game"),
        players: labelled(registry, "players", "Seats of players by game", "game"),
        overruns: labelled(
            registry,
            "room_overruns",
            "Ticks that took longer than their period, by game",
            "game",
        ),
        hangs: counter(registry, "room_hangs", "Rooms given up because their rules did not come back"),
        threads_lost: counter(registry, "sim_threads_lost", "Simulation threads given up with hung rooms"),
        away: labelled(registry, "players_away", "Seats of players who are away, by game", "game"),
        bots: labelled(registry, "bots", "Seats of bots by game", "game"),
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    register(registry, name, help, Counter::default())
}

fn register<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: Clone + Debug + EncodeMetric + Send + Sync + 'static,
{
    registry.register(name, help, metric.clone());
    metric
}

fn labelled<M>(registry: &mut Registry, name: &str, help: &str, label: &'static str) -> Labelled<M>
where
    M: Clone + Default + Debug + EncodeMetric + TypedMetric + Send + Sync + 'static,
{
    let family = register(registry, name, help, Family::default());
    Labelled { family, label }
}
