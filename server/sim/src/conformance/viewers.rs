//! Viewers of all sorts, each of whom must see what is there.

use std::collections::BTreeMap;

use fracas_shared::limits::FRAME_BYTES_MAX;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Pilot, PlayerId, Rng, Tick};

use super::memory_port::{Arrival, Lag, MemoryPort};
use super::replica::{Replica, assert_views_survive};
use super::script::Script;
use super::{SEED, open};
use crate::viewers::Viewers;

const TICKS: u32 = 1_200;
/// When the late viewers come.
const LATE_TICK: u32 = 300;

/// A viewer, as its own end knows it.
struct Watcher<G: Pilot> {
    port: MemoryPort,
    lag: Lag,
    replica: Replica<G>,
    /// The chance that it loses track at a tick and asks for a keyframe.
    loses_track: f32,
    /// The first tick that the keyframe which it asked for may be of.
    resync: Option<Tick>,
}

/// Viewers who are healthy, stall, come late or lose track all decode exactly what the room showed
/// at that tick; every row of it, private ones and events too, survives being read and written.
///
/// # Panics
/// When one does not.
pub fn viewers<G: Pilot>() {
    let script = Script::<G>::new(SEED);
    let mut room = open::<G>(G::SEATS / 2);
    let mut rng = Rng::new(SEED, 0);
    let mut shown: BTreeMap<u32, Snapshot> = BTreeMap::new();
    let (mut watchers, mut viewers) = (Vec::<Watcher<G>>::new(), Viewers::default());
    let (mut stale, mut keyframes) = (0, 0);
    for tick in 1..=TICKS {
        if tick == 1 || tick == LATE_TICK {
            for (lag, loses_track) in
                [(Lag::NONE, 0.0), (Lag::STALLS, 0.0), (Lag::OUTAGES, 0.0), (Lag::STALLS, 0.05)]
            {
                let port = MemoryPort::new();
                // Whoever has this seat: a player, at times a bot, at times nobody.
                let player = (lag == Lag::NONE).then_some(PlayerId(0));
                viewers.add(Box::new(port.clone()), player);
                watchers.push(Watcher { port, lag, replica: Replica::new(), loses_track, resync: None });
            }
        }
        script.play(&mut room);
        let report = room.tick(&mut viewers);
        assert!(
            report.frames.frame_bytes_max as usize <= FRAME_BYTES_MAX,
            "{}: tick {tick}: a frame is longer than {FRAME_BYTES_MAX} bytes",
            G::ID
        );
        stale += report.frames.stale;
        keyframes += report.frames.keyframe;
        assert_views_survive::<G>(room.snapshot());
        shown.insert(tick, room.snapshot().clone());
        for (watcher, viewer) in watchers.iter_mut().zip(viewers.iter_mut()) {
            watcher.pass(&shown, &mut rng);
            if rng.chance(watcher.loses_track) {
                watcher.replica.forget();
                watcher.resync = Some(Tick(tick).next());
                viewer.resync();
            }
        }
    }
    for watcher in &mut watchers {
        watcher.lag = Lag::NONE;
        watcher.pass(&shown, &mut rng);
    }
    assert!(stale > 100 && keyframes > 10, "viewers did not fall behind: {stale}, {keyframes}");
}

impl<G: Pilot> Watcher<G> {
    /// Lets a tick pass on its line, and looks at what came.
    fn pass(&mut self, shown: &BTreeMap<u32, Snapshot>, rng: &mut Rng) {
        for arrival in self.port.pass(self.lag, rng) {
            if self.is_of_no_use(&arrival) || !self.replica.receive(&arrival) {
                continue;
            }
            self.resync = None;
            let Some(snapshot) = self.replica.snapshot() else { continue };
            let tick = snapshot.tick();
            assert!(
                shown.get(&tick.0) == Some(snapshot),
                "{}: tick {tick}: a viewer decoded something else than the room showed",
                G::ID
            );
        }
    }

    /// Whether it is a delta for a viewer that lost track. Only those that were sent before it
    /// asked may be.
    fn is_of_no_use(&self, arrival: &Arrival) -> bool {
        let (Arrival::State(state), Some(resync)) = (arrival, self.resync) else { return false };
        if state.baseline.is_some() && self.replica.snapshot().is_none() {
            assert!(
                resync.is_after(state.tick),
                "{}: tick {}: a viewer who asked for a keyframe before {resync} got a delta",
                G::ID,
                state.tick
            );
            return true;
        }
        false
    }
}
