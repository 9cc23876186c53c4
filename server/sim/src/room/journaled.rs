//! What a room writes for another process to go on from, and how that one does.

use fracas_shared::Pilot;
use fracas_shared::codec::DecodeError;
use fracas_shared::limits::CHECKPOINT_BYTES_MAX;

use super::Room;
use crate::journal::RecordCodec;
use crate::report::TickReport;
use crate::seats::Occupant;
use crate::viewers::Viewers;

impl<G: Pilot> Room<G> {
    /// Appends a checkpoint that records follow: [`Room::checkpoint`], and the next record is the first after it. Gives
    /// the sim hash. None, and nothing is appended, when the state is longer than [`CHECKPOINT_BYTES_MAX`]: the room
    /// cannot be gone on with.
    pub fn begin_records(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let records = self.records.get_or_insert_with(|| RecordCodec::new(self.seats.count()));
        records.begin(self.simulation.players().keys().copied());
        let begin = out.len();
        let hash = self.write_checkpoint(out);
        if out.len() - begin > CHECKPOINT_BYTES_MAX {
            out.truncate(begin);
            return None;
        }
        Some(hash)
    }

    /// Appends what reached the rules at the last tick. To be called after each tick from [`Room::begin_records`] on;
    /// nothing is appended before.
    pub fn write_record(&mut self, out: &mut Vec<u8>) {
        if let Some(records) = &mut self.records {
            records.write(self.simulation.tick(), &self.record, &self.seated, out);
        }
    }

    /// Makes a tick that was made before, by its record: in a room that is restored from the checkpoint that
    /// [`Room::begin_records`] gave, or after the record before this one.
    ///
    /// What the rules asked of the host in it, by [`Room::take_removals`] and [`Room::take_lock`], is to be asked for after
    /// each tick, and to be thrown away: what came of it is in later records, or is the host's to remember. Who is away, what
    /// the house's bots have in mind and their dice are as in the checkpoint.
    ///
    /// # Errors
    /// It is not the record of this tick. The room is not to be gone on with.
    pub fn replay(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError> {
        self.take_replayed(record)?;
        Ok(self.make_tick(viewers, true))
    }

    /// [`Room::replay`] without frames, which take half of the time: for a match of which no viewer is there, and that is to
    /// be where it was. [`Room::snapshot`] does not follow.
    ///
    /// # Errors
    /// As those of [`Room::replay`].
    pub fn replay_unseen(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError> {
        self.take_replayed(record)?;
        Ok(self.make_tick(viewers, false))
    }

    /// Takes a record as that of the next tick.
    fn take_replayed(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        let next = self.simulation.tick().next();
        let records = self.records.get_or_insert_with(|| {
            let mut records = RecordCodec::new(self.seats.count());
            records.begin(self.simulation.players().keys().copied());
            records
        });
        let (record, seated) = records.read(next, record)?;
        self.seats.replay(&record.leaves, &record.joins, &seated);
        let mut view_times = record.view_times.iter().copied().peekable();
        for (player, input) in &record.inputs {
            let view_time = view_times.next_if(|(seen_by, _)| seen_by == player).map(|(_, time)| time);
            let Some(seat) = self.seats.get_mut(*player) else {
                return Err(DecodeError::Malformed(format!("player {player} has no seat")));
            };
            if let Occupant::Player { inputs, messages, .. } = &mut seat.occupant {
                inputs.replay(next, input.clone(), view_time);
                // What waited is in the records.
                messages.clear();
            }
        }
        (self.record, self.seated) = (record, seated);
        Ok(())
    }
}
