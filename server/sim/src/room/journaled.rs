//! What a room writes for another process to go on from, and how that one does.

use fracas_shared::Pilot;
use fracas_shared::codec::DecodeError;

use super::Room;
use crate::report::TickReport;
use crate::seats::Occupant;
use crate::viewers::Viewers;

impl<G: Pilot> Room<G> {
    /// A checkpoint that records follow: [`Room::checkpoint`], and the next record is the first after it. With it
    /// comes the sim hash.
    pub fn begin_records(&mut self) -> (Vec<u8>, u64) {
        self.records.begin(self.simulation.players().keys().copied());
        self.checkpoint_and_hash()
    }

    /// Appends what reached the rules at the last tick. To be called after each tick from [`Room::begin_records`] on,
    /// or not at all.
    pub fn write_record(&mut self, out: &mut Vec<u8>) {
        let Self { records, record, seats, simulation, .. } = self;
        let token_of = |player| match seats.get(player)?.occupant {
            Occupant::Player { token, .. } => Some(token),
            Occupant::Bot { .. } => None,
        };
        records.write(simulation.tick(), record, token_of, out);
    }

    /// Makes a tick that was made before, by its record: in a room that is restored from the checkpoint that
    /// [`Room::begin_records`] gave, or after the record before this one.
    ///
    /// # Errors
    /// It is not the record of this tick. The room is not to be gone on with.
    pub fn replay(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError> {
        let next = self.simulation.tick().next();
        let (record, seated) = self.records.read(next, record)?;
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
        self.record = record;
        Ok(self.make_tick(viewers))
    }
}
