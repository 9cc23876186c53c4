//! The games of this server, each with the options that its rooms begin with.

use std::collections::BTreeMap;

use fracas_shared::{ConfigError, Game, GameList, GameVisitor, Pilot, Refusal};
#[cfg(feature = "planted-faults")]
use fracas_sim::PlantedFault;
use fracas_sim::{Match, OptionsPatch, RestoreError, Room, RoomOptions};
use thiserror::Error;

use super::guard::guarded;
use crate::config::Config;

/// The hosted games by id.
pub(super) struct Catalog(BTreeMap<&'static str, Entry>);

struct Entry {
    is_permanent: bool,
    host: Box<dyn Host>,
}

/// A room that has just been opened, not yet on a thread.
pub(super) struct Opened {
    pub(super) game: Box<dyn Match>,
    pub(super) seats: u16,
    pub(super) tick_hz: u16,
    pub(super) linger_s: u16,
}

/// A configuration that cannot be hosted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CatalogError {
    /// A game's table is not as the game needs it.
    #[error("[games.{game}] {error}")]
    Game {
        /// The game's id.
        game: &'static str,
        /// The field and its problem.
        error: ConfigError,
    },
    /// A table for a game that this server does not have.
    #[error("[games.{named}]: no such game; this server has: {known}")]
    UnknownGame {
        /// The table's name.
        named: String,
        /// The ids of the games there are.
        known: String,
    },
    /// A permanent room could not be opened.
    #[error("the permanent room of '{game}': {refusal}")]
    Permanent {
        /// The game's id.
        game: &'static str,
        /// Why not.
        refusal: Refusal,
    },
}

impl Catalog {
    pub(super) fn new<L: GameList>(config: &Config) -> Result<Self, CatalogError> {
        struct Collect<'a> {
            config: &'a Config,
            catalog: Result<Catalog, CatalogError>,
        }

        impl GameVisitor for Collect<'_> {
            fn visit<G: Pilot>(&mut self) {
                let Ok(catalog) = &mut self.catalog else { return };
                match host::<G>(self.config) {
                    Ok(entry) => drop(catalog.0.insert(G::ID, entry)),
                    Err(error) => self.catalog = Err(CatalogError::Game { game: G::ID, error }),
                }
            }
        }

        let mut collect = Collect { config, catalog: Ok(Self(BTreeMap::new())) };
        L::visit_all(&mut collect);
        let catalog = collect.catalog?;
        match config.games.keys().find(|named| !catalog.0.contains_key(named.as_str())) {
            None => Ok(catalog),
            Some(named) => Err(CatalogError::UnknownGame {
                named: named.clone(),
                known: catalog.games().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Opens a room of a game, its options changed by the patch.
    pub(super) fn open(
        &self,
        game: &'static str,
        patch: &OptionsPatch,
        seed: u64,
    ) -> Result<Opened, Refusal> {
        let entry = self.0.get(game).ok_or_else(|| Refusal::NoSuchGame(game.to_owned()))?;
        entry.host.open(patch, seed).map_err(|error| Refusal::BadOption(error.to_string()))
    }

    /// The match whose checkpoint this is.
    pub(super) fn restore(&self, game: &str, state: &[u8]) -> Result<Box<dyn Match>, RestoreError> {
        let entry = self.0.get(game).ok_or_else(|| RestoreError::OtherRules {
            theirs: format!("'{game}'"),
            ours: self.games().collect::<Vec<_>>().join(", "),
        })?;
        entry.host.restore(state)
    }

    /// The game of this id.
    pub(super) fn id_of(&self, game: &str) -> Result<&'static str, Refusal> {
        let known = self.0.get_key_value(game);
        known.map(|(id, _)| *id).ok_or_else(|| Refusal::NoSuchGame(game.chars().take(32).collect()))
    }

    pub(super) fn games(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The games that have a room from the server's start to its end.
    pub(super) fn permanent(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, entry)| entry.is_permanent).map(|(id, _)| *id)
    }
}

/// One game, its type forgotten.
trait Host: Send + Sync {
    fn open(&self, patch: &OptionsPatch, seed: u64) -> Result<Opened, ConfigError>;
    fn restore(&self, state: &[u8]) -> Result<Box<dyn Match>, RestoreError>;
}

/// A game with the options of its rooms.
struct HostOf<G: Game> {
    options: RoomOptions<G::Config>,
    #[cfg(feature = "planted-faults")]
    planted_fault: Option<PlantedFault>,
}

impl<G: Pilot> Host for HostOf<G> {
    fn open(&self, patch: &OptionsPatch, seed: u64) -> Result<Opened, ConfigError> {
        let options = self.options.patched::<G>(patch)?;
        let (seats, tick_hz, linger_s) = (options.seats, options.tick_hz, options.linger_s);
        let game = Room::<G>::open(options, seed)?;
        #[cfg(feature = "planted-faults")]
        let game = game.with_planted_fault(self.planted_fault);
        Ok(Opened { game: Box::new(game), seats, tick_hz, linger_s })
    }

    fn restore(&self, state: &[u8]) -> Result<Box<dyn Match>, RestoreError> {
        let game = Room::<G>::restore(state)?;
        #[cfg(feature = "planted-faults")]
        let game = game.with_planted_fault(self.planted_fault);
        Ok(Box::new(game))
    }
}

/// The game as the operator configured it. Building its rules once finds a bad config at the start.
fn host<G: Pilot>(config: &Config) -> Result<Entry, ConfigError> {
    let game = config.game(G::ID);
    let seats = game.seats.unwrap_or(G::SEATS);
    let options = RoomOptions {
        seats,
        tick_hz: game.tick_hz.unwrap_or(G::TICK_HZ),
        bots: game.bots_of::<G>(seats),
        linger_s: game.linger_s.unwrap_or(G::LINGER_S),
        rewind_ms: game.rewind_ms.unwrap_or(G::REWIND_MS),
        config: game.rules::<G>()?,
    };
    let options = options.patched::<G>(&OptionsPatch::default())?;
    let built = guarded(|| G::new(&options.config).map(drop));
    built.unwrap_or_else(|said| Err(ConfigError::new("config", format!("the rules panicked: {said}"))))?;
    let host = HostOf::<G> {
        options,
        #[cfg(feature = "planted-faults")]
        planted_fault: config.planted_fault,
    };
    Ok(Entry { is_permanent: game.permanent, host: Box::new(host) })
}
