//! What a server counts, for Prometheus to scrape.
//!
//! There is no global: whoever counts is given [`Metrics`]. What can happen every tick is a plain
//! atomic in a field; labels are looked up once, when the field is made. Every name begins with
//! `fracas_`, but for the `process_` ones, which have the names that dashboards expect.

mod histogram;
mod process;
mod register;

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

use fracas_shared::message::PROTOCOL_VERSION;
use fracas_shared::{CloseCode, Refusal};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use histogram::Histogram;
use process::ProcessCollector;

/// The content type of what [`Metrics::encode`] makes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one server. Clones are the same metrics.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Table>);

/// The metrics by topic.
#[derive(Debug)]
pub struct Table {
    registry: Registry,
    /// Connections and bytes.
    pub net: NetMetrics,
    /// Ticks and how well they keep time.
    pub ticks: TickMetrics,
    /// Frames made and handed to viewers.
    pub frames: FrameMetrics,
    /// What became of players' inputs.
    pub inputs: InputMetrics,
    /// What rooms lost or broke.
    pub rooms: RoomMetrics,
    /// What is written for another process to go on with matches.
    pub journal: JournalMetrics,
}

/// Connections and bytes.
#[derive(Clone, Debug)]
pub struct NetMetrics {
    /// Open WebSockets.
    pub websockets: Gauge,
    /// Those among them that the ticks of their rooms drive, and not the reactor.
    pub ticked: Gauge,
    /// Connected clients of Socket.IO.
    pub socketio_clients: Gauge,
    /// Connections accepted, refused ones too.
    pub connections: Counter,
    /// Connections and requests refused, by reason.
    pub refusals: Refusals,
    /// Bytes received on WebSockets, headers included.
    pub received_bytes: Counter,
    /// Bytes sent on WebSockets, headers included.
    pub sent_bytes: Counter,
    /// Control messages received.
    pub received_controls: Counter,
    /// Inputs received.
    pub received_inputs: Counter,
    /// Messages to games received.
    pub received_messages: Counter,
    closes: Vec<Counter>,
}

/// Ticks and how well they keep time.
#[derive(Clone, Debug)]
pub struct TickMetrics {
    /// Ticks made.
    pub made: Counter,
    /// From a tick's deadline to its begin.
    pub lateness: Histogram,
    /// From a tick's begin to its end.
    pub work: Histogram,
    /// Ticks whose work took longer than the period.
    pub overruns: Counter,
    /// Ticks whose time was dropped.
    pub dropped: Counter,
    /// Ticks made at once, to catch up.
    pub caught_up: Counter,
}

/// Frames made and handed to viewers.
#[derive(Clone, Debug)]
pub struct FrameMetrics {
    /// Frames from the newest baseline.
    pub deltas: Counter,
    /// Frames that need no baseline.
    pub keyframes: Counter,
    /// Frames from an older baseline, for a viewer that missed some.
    pub stale: Counter,
    /// Bytes of the frames handed to viewers, each viewer counted.
    pub bytes: Counter,
}

/// What became of players' inputs.
#[derive(Clone, Debug)]
pub struct InputMetrics {
    /// Came in time for its tick.
    pub on_time: Counter,
    /// Came after its tick.
    pub late: Counter,
    /// Was missing: one that came late was taken.
    pub late_used: Counter,
    /// Was missing: the last one was taken again.
    pub repeated: Counter,
    /// Was missing for long: the neutral one was taken.
    pub neutral: Counter,
    /// Came too far ahead.
    pub early_dropped: Counter,
    /// Came twice.
    pub duplicate: Counter,
    /// Of each player, again and again: the share of the last ticks whose input was missing.
    pub missing: Histogram,
}

/// What is written for another process to go on with matches.
#[derive(Clone, Debug)]
pub struct JournalMetrics {
    /// Bytes written.
    pub bytes: Counter,
    /// How often something could not be written.
    pub failures: Counter,
    /// Simulation threads that cannot write theirs.
    pub failing: Gauge,
}

/// What rooms lost or broke.
#[derive(Clone, Debug)]
pub struct RoomMetrics {
    /// Requests dropped because a room's inbox was full.
    pub inbox_overflows: Counter,
    /// Events beyond what one tick may emit.
    pub events_dropped: Counter,
    /// Rooms that ended because their game's rules failed.
    pub failures: Counter,
    /// Seats that were taken up again after their connection was lost or left behind.
    pub resumes: Counter,
    open: Labelled<Gauge>,
    players: Labelled<Gauge>,
    away: Labelled<Gauge>,
    bots: Labelled<Gauge>,
    overruns: Labelled<Counter>,
    /// Rooms that were given up because their game's rules did not come back.
    pub hangs: Counter,
    /// Simulation threads that were given up with them.
    pub threads_lost: Counter,
}

/// The gauges of one game, to be held by who counts.
#[derive(Clone, Debug)]
pub struct GameMetrics {
    /// Open rooms.
    pub rooms: Gauge,
    /// Seats of players, those who are away too.
    pub players: Gauge,
    /// Seats of players whose connection was lost and who may come back.
    pub away: Gauge,
    /// Seats of bots.
    pub bots: Gauge,
    /// Ticks whose work took longer than the period.
    pub overruns: Counter,
}

/// One more in a gauge for as long as it lives.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    /// Counts one in.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl NetMetrics {
    /// The count of connections closed with this code.
    pub fn closes(&self, code: CloseCode) -> &Counter {
        &self.closes[place_of(code)]
    }

    /// Counts a refused request.
    pub fn refused(&self, refusal: &Refusal) {
        self.refusals.count(&refusal.label());
    }
}

/// Counts connections and requests that are refused, by reason. The default is seen by nobody.
#[derive(Clone, Debug)]
pub struct Refusals(Labelled<Counter>);

impl Refusals {
    /// Counts one more. The reason is one of this program's own words, of which there are few.
    pub fn count(&self, reason: &str) {
        self.0.of(reason).inc();
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self(Labelled { family: Family::default(), label: "reason" })
    }
}

fn place_of(code: CloseCode) -> usize {
    CloseCode::ALL.iter().position(|other| *other == code).expect("ALL has every code")
}

impl RoomMetrics {
    /// The gauges of a game.
    pub fn of_game(&self, id: &str) -> GameMetrics {
        GameMetrics {
            rooms: self.open.of(id),
            players: self.players.of(id),
            away: self.away.of(id),
            bots: self.bots.of(id),
            overruns: self.overruns.of(id),
        }
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector::new()));
        let house = registry.sub_registry_with_prefix("fracas");
        let build =
            [("version", env!("CARGO_PKG_VERSION").to_owned()), ("protocol", PROTOCOL_VERSION.to_string())];
        house.register("build", "The program that runs", Info::new(build.to_vec()));
        let net = register::net(house);
        let ticks = register::ticks(house);
        let frames = register::frames(house);
        let inputs = register::inputs(house);
        let rooms = register::rooms(house);
        let journal = register::journal(house);
        Self(Arc::new(Table { registry, net, ticks, frames, inputs, rooms, journal }))
    }

    /// All metrics as text of [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // It cannot fail: a String takes everything, and so does every metric's encoder.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Metrics {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}

/// The same metric for each value of one label.
#[derive(Clone, Debug)]
struct Labelled<M> {
    family: Family<[(&'static str, String); 1], M>,
    label: &'static str,
}

impl<M: Clone + Default> Labelled<M> {
    /// The metric with this value of the label.
    fn of(&self, value: impl Into<String>) -> M {
        self.family.get_or_create_owned(&[(self.label, value.into())])
    }
}
