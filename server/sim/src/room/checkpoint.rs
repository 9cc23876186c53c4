//! A room as bytes, to go on from in another process.

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::CHECKPOINT_BYTES_MAX;
use fracas_shared::{ConfigError, Pilot, Rng, State};
use thiserror::Error;

use super::Room;
use crate::options::RoomOptions;
use crate::seats::Seats;
use crate::simulation::Simulation;
use crate::strings::Strings;
use crate::wire_ids::WireIds;

/// Why a checkpoint cannot be gone on from.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The bytes are no checkpoint of this format.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It is of another game, or of other rules of it.
    #[error("the checkpoint is of {theirs}, these rules are {ours}")]
    OtherRules {
        /// Game and revision of the checkpoint.
        theirs: String,
        /// Game and revision of this build.
        ours: String,
    },
    /// The game refuses the options that are in it.
    #[error("the checkpoint's options: {0}")]
    Options(#[from] ConfigError),
}

/// Few rooms' states have more.
const STATE_BYTES_USUAL: usize = 6 * 1024;
/// The version of the checkpoint's layout.
const CHECKPOINT_VERSION: u16 = 4;

impl<G: Pilot> Room<G> {
    /// The room as bytes, all that is needed to go on from here in another process.
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.options_json.len() + STATE_BYTES_USUAL);
        self.write_checkpoint(&mut bytes);
        bytes
    }

    /// Appends the same, and gives the sim hash.
    pub(super) fn write_checkpoint(&self, bytes: &mut Vec<u8>) -> u64 {
        let mut out = StateWriter::new(bytes);
        CHECKPOINT_VERSION.save(&mut out);
        G::ID.to_owned().save(&mut out);
        G::REVISION.save(&mut out);
        self.options_json.save(&mut out);
        let begin = out.written();
        self.simulation.save(&mut out);
        let end = out.written();
        self.seats.save(&mut out);
        self.wire_ids.save(&mut out);
        self.strings.save(&mut out);
        self.pilot_rng.save(&mut out);
        Simulation::<G>::hash_of(&bytes[begin..end])
    }

    /// Goes on from a checkpoint.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        if bytes.len() > CHECKPOINT_BYTES_MAX {
            let (bytes, bytes_max) = (bytes.len(), CHECKPOINT_BYTES_MAX);
            return Err(DecodeError::TooLong { bytes, bytes_max }.into());
        }
        let mut from = StateReader::new(bytes);
        let version = u16::load(&mut from)?;
        if version != CHECKPOINT_VERSION {
            let what = format!("a checkpoint of version {version}, this is {CHECKPOINT_VERSION}");
            return Err(DecodeError::Malformed(what).into());
        }
        let (id, revision) = (String::load(&mut from)?, u32::load(&mut from)?);
        if (id.as_str(), revision) != (G::ID, G::REVISION) {
            let name = |id: &str, revision| format!("'{id}' revision {revision}");
            return Err(RestoreError::OtherRules {
                theirs: name(&id, revision),
                ours: name(G::ID, G::REVISION),
            });
        }
        let options: RoomOptions<G::Config> = serde_json::from_str(&String::load(&mut from)?)
            .map_err(|error| ConfigError::new("options", error.to_string()))?;
        options.check()?;
        let game = G::new(&options.config)?;
        let simulation = Simulation::load(game, options.tick_hz, options.rewind_ms, &mut from)?;
        let seats = Seats::load(options.seats, &mut from)?;
        if let Some(beyond) = simulation.players().keys().find(|player| player.0 >= options.seats) {
            return Err(DecodeError::Malformed(format!("player {beyond} has no seat")).into());
        }
        let names = (WireIds::load(&mut from)?, Strings::load(&mut from)?);
        let pilot_rng = Rng::load(&mut from)?;
        if !from.is_at_end() {
            return Err(DecodeError::Malformed("bytes after the checkpoint's end".into()).into());
        }
        Ok(Self::assemble(options, simulation, seats, names, pilot_rng))
    }
}
