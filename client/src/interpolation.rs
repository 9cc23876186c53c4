//! Others, a little in the past and between two snapshots, so that they glide.

use std::time::Duration;

use fracas_shared::row::{Row, RowError, RowReader};
use fracas_shared::{EntityId, ViewTime};

use crate::event::Frame;
use crate::glide::Glide;
use crate::limits::EXTRAPOLATION_MAX;
use crate::server_clock::ServerClock;
use crate::snapshot_buffer::SnapshotBuffer;

/// How much faster or slower than time the shown moment moves at most.
const SLEW_MAX: f64 = 0.04;
/// An error that is no longer glided away, in seconds.
const JUMP_S: f64 = 0.5;
/// What is kept in hand beyond the usual jitter, in ticks.
const SPARE_TICKS: f64 = 0.15;

/// What others look like at the moment that is shown.
///
/// That moment is one tick and the line's usual jitter behind the frames that arrive: so there is
/// nearly always a snapshot before and one after it. It glides when the jitter changes. When nothing
/// newer has come, things move on by their own velocity, for [`EXTRAPOLATION_MAX`] at most.
#[derive(Clone, Debug)]
pub struct Interpolation {
    tick_s: f64,
    buffer: SnapshotBuffer,
    /// The shown moment, from the server clock's epoch.
    shown: Glide,
    time: Option<ViewTime>,
    is_starved: bool,
}

impl Interpolation {
    /// For a room of this many ticks per second.
    pub fn new(tick_hz: u16) -> Self {
        Self {
            tick_s: 1.0 / f64::from(tick_hz),
            buffer: SnapshotBuffer::new(),
            shown: Glide::new(tick_hz, SLEW_MAX, JUMP_S),
            time: None,
            is_starved: false,
        }
    }

    /// Takes a frame.
    pub fn hear(&mut self, frame: &Frame) {
        self.buffer.push(frame);
    }

    /// How far the shown moment is to be behind the arriving frames, in ticks.
    pub fn delay_ticks(server: &ServerClock) -> f64 {
        1.0 + server.jitter_ticks() + SPARE_TICKS
    }

    /// Moves on to the moment to show now; none before the first frame.
    pub fn advance(&mut self, now: Duration, server: &ServerClock) -> Option<ViewTime> {
        let epoch = server.epoch()?;
        let target = server.arriving(now) - Self::delay_ticks(server);
        let ticks = self.shown.advance(now, target, server.drift());
        let time = ViewTime::after(epoch, ticks);
        self.is_starved =
            self.buffer.newest().is_some_and(|newest| time.is_after(ViewTime::at(newest.tick())));
        self.time = Some(time);
        self.time
    }

    /// The shown moment.
    pub fn time(&self) -> Option<ViewTime> {
        self.time
    }

    /// Whether there was no snapshot after the shown moment.
    pub fn is_starved(&self) -> bool {
        self.is_starved
    }

    /// Everything at the shown moment, by id.
    ///
    /// # Errors
    /// The server sent a row that it should not have.
    pub fn views<V: Row>(&self) -> Result<Vec<(EntityId, V)>, RowError> {
        let mut views = Vec::new();
        let Some(time) = self.time else { return Ok(views) };
        let Some(between) = self.buffer.around(time.tick(), time.part()) else { return Ok(views) };
        let (from, to) = (between.from, between.to);
        from.read_views(&mut views)?;
        let gap_s = f64::from(to.tick().since(from.tick())) * self.tick_s;
        let ahead_s = (time.since(from.tick()) * self.tick_s).max(0.0);
        let coast_s = ahead_s.min(EXTRAPOLATION_MAX.as_secs_f64()) as f32;
        for (id, view) in &mut views {
            let next = to.get(*id).filter(|row| gap_s > 0.0 && row.kind == view.kind());
            match next {
                Some(row) => {
                    let next = V::read(row.kind, &mut RowReader::new(row.codes, to.as_ref()))?;
                    view.blend(&next, between.part, gap_s as f32);
                }
                // It leaves before the next snapshot, or there is none.
                None => view.coast(coast_s),
            }
        }
        Ok(views)
    }
}
