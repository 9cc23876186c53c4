//! The match as its rules know it: a pure function of its records.

use std::any::Any;
use std::collections::BTreeMap;
use std::mem::{ManuallyDrop, forget, replace, take};
use std::panic::{AssertUnwindSafe, catch_unwind};

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::game::Events;
use fracas_shared::past::History;
use fracas_shared::{
    Chat, Context, Game, Inputs, Outcome, Past, PlayerId, Profile, Rng, State, Tick, ViewTime, World,
};
use xxhash_rust::xxh3::xxh3_64;

use crate::record::{PlayerMessage, TickRecord, load_profile, save_profile};

/// A match of one game: the rules, the world and who plays.
pub struct Simulation<G: Game> {
    /// There until the match is dismantled.
    rules: Option<Rules<G>>,
    tick_hz: u16,
    tick: Tick,
    world: World<G::Entity>,
    /// What lag compensation knows of the last ticks.
    history: History<G::View>,
    rng: Rng,
    players: BTreeMap<PlayerId, Profile>,
    /// When the next match begins, once this one has an outcome.
    next_match: Option<Tick>,
}

struct Rules<G: Game> {
    game: G,
    global: G::Global,
}

/// What a panic in the rules threw.
pub type Panic = Box<dyn Any + Send>;

/// What players are to be told of a tick, besides events and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchNews {
    /// It ended; the next one begins at that tick.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// The first tick of the next match.
        next_match: Tick,
    },
    /// A new match began with the same players.
    Began,
    /// A player said something.
    Said {
        /// The speaker.
        player: PlayerId,
        /// What, and to whom.
        chat: Chat,
    },
    /// The rules did not pass on what a player said.
    Vetoed {
        /// The speaker.
        player: PlayerId,
    },
}

impl<G: Game> Simulation<G> {
    /// Opens a match without players. Lag compensation goes back by `rewind_ms` at most.
    pub fn open(game: G, tick_hz: u16, rewind_ms: u16, seed: u64) -> Self {
        let mut simulation = Self {
            rules: Some(Rules { game, global: G::Global::default() }),
            tick_hz,
            tick: Tick(0),
            world: World::new(),
            history: History::new(rewind_ms, tick_hz),
            rng: Rng::new(seed, 0),
            players: BTreeMap::new(),
            next_match: None,
        };
        simulation.with_rules(&mut Events::default(), G::open);
        simulation
    }

    /// Moves the match on by one tick. Events are appended to `events`.
    pub fn advance(&mut self, record: &TickRecord<G>, events: &mut Events<G::Event>) -> Vec<MatchNews> {
        self.tick = self.tick.next();
        let mut news = Vec::new();
        let has_begun = self.next_match == Some(self.tick);
        if has_begun {
            self.begin_anew(events);
            news.push(MatchNews::Began);
        }
        for (player, reason) in &record.leaves {
            self.players.remove(player);
            self.with_rules(events, |game, ctx| game.leave(ctx, *player, *reason));
        }
        for (player, profile) in &record.joins {
            self.players.insert(*player, profile.clone());
            self.with_rules(events, |game, ctx| game.join(ctx, *player, profile));
        }
        for (player, message) in &record.messages {
            news.extend(self.pass_on(*player, message, events));
        }
        let outcome = self.with_past(&record.view_times, events, |game, ctx| {
            game.step(ctx, &Inputs::new(&record.inputs));
            game.outcome(ctx)
        });
        if let Some(Rules { game, .. }) = &self.rules {
            self.history.push(game, self.tick, &self.world);
        }
        // A match that has just begun is told to have begun before it may be told to have ended.
        if let Some(outcome) = outcome
            && self.next_match.is_none()
            && !has_begun
        {
            let next_match = self.tick + u32::from(G::INTERMISSION_S.max(1)) * u32::from(self.tick_hz);
            self.next_match = Some(next_match);
            news.push(MatchNews::Ended { outcome, next_match });
        }
        news
    }

    fn pass_on(
        &mut self,
        player: PlayerId,
        message: &PlayerMessage<G>,
        events: &mut Events<G::Event>,
    ) -> Option<MatchNews> {
        self.with_rules(events, |game, ctx| match message {
            PlayerMessage::Game(message) => {
                game.message(ctx, player, message);
                None
            }
            PlayerMessage::Chat(chat) if game.chat(ctx, player, chat) => {
                Some(MatchNews::Said { player, chat: chat.clone() })
            }
            PlayerMessage::Chat(_) => Some(MatchNews::Vetoed { player }),
        })
    }

    /// Empties the world and lets everyone join again. The world itself stays, so that its keys are
    /// not handed out twice.
    fn begin_anew(&mut self, events: &mut Events<G::Event>) {
        self.next_match = None;
        self.world.retain(|_, _| false);
        self.history.clear();
        self.rules_mut().global = G::Global::default();
        let players = self.players.clone();
        self.with_rules(events, |game, ctx| {
            game.open(ctx);
            for (player, profile) in &players {
                game.join(ctx, *player, profile);
            }
        });
    }

    fn with_rules<T>(
        &mut self,
        events: &mut Events<G::Event>,
        rules: impl FnOnce(&G, &mut Context<'_, G>) -> T,
    ) -> T {
        self.with_past(&[], events, rules)
    }

    /// Asks the rules, who may ask for the past as these players saw it.
    fn with_past<T>(
        &mut self,
        view_times: &[(PlayerId, ViewTime)],
        events: &mut Events<G::Event>,
        rules: impl FnOnce(&G, &mut Context<'_, G>) -> T,
    ) -> T {
        let Rules { game, global } = self.rules.as_mut().expect(DISMANTLED);
        let mut ctx = Context {
            world: &mut self.world,
            global,
            rng: &mut self.rng,
            tick: self.tick,
            tick_hz: self.tick_hz,
            events,
            past: Past::new(&self.history, view_times),
        };
        rules(game, &mut ctx)
    }

    fn rules(&self) -> &Rules<G> {
        self.rules.as_ref().expect(DISMANTLED)
    }

    fn rules_mut(&mut self) -> &mut Rules<G> {
        self.rules.as_mut().expect(DISMANTLED)
    }

    /// Drops what the rules made, as [`Room::dismantle`](crate::Room::dismantle) does.
    pub(crate) fn dismantle(&mut self) -> Result<(), Panic> {
        contain(|| {
            self.world.retain(|_, _| false);
            self.history.clear();
            if let Some(Rules { game, global }) = self.rules.take() {
                // When the one panics the other is not to be dropped on the way out.
                let global = ManuallyDrop::new(global);
                drop(game);
                drop(ManuallyDrop::into_inner(global));
            }
        })
        .inspect_err(|_| self.forget())
    }

    /// Leaves what the rules made where it is, for good.
    fn forget(&mut self) {
        forget(take(&mut self.world));
        forget(replace(&mut self.history, History::new(0, 1)));
        forget(self.rules.take());
    }

    /// What the player alone sees.
    pub fn own(&mut self, player: PlayerId) -> Option<G::Own> {
        self.with_rules(&mut Events::default(), |game, ctx| game.own(ctx, player))
    }

    /// The rules.
    pub fn game(&self) -> &G {
        &self.rules().game
    }

    /// The entities.
    pub fn world(&self) -> &World<G::Entity> {
        &self.world
    }

    /// The last tick made; 0 before the first.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// Ticks per second.
    pub fn tick_hz(&self) -> u16 {
        self.tick_hz
    }

    /// Who plays, by seat.
    pub fn players(&self) -> &BTreeMap<PlayerId, Profile> {
        &self.players
    }

    /// The sim hash: 64 bits over the full state (xxh3 of its saved bytes).
    pub fn hash(&self) -> u64 {
        let mut bytes = Vec::with_capacity(4096);
        self.save(&mut StateWriter::new(&mut bytes));
        Self::hash_of(&bytes)
    }

    /// The sim hash of a match whose saved bytes these are.
    pub(crate) fn hash_of(saved: &[u8]) -> u64 {
        xxh3_64(saved)
    }

    /// Appends the full state.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        self.tick.save(out);
        self.world.save(out);
        self.history.save(out);
        self.rules().global.save(out);
        self.rng.save(out);
        (self.players.len() as u32).save(out);
        for (player, profile) in &self.players {
            player.save(out);
            save_profile(profile, out);
        }
        self.next_match.save(out);
    }

    /// The match whose state was saved, under the same rules, tick rate and lag compensation.
    pub fn load(
        game: G,
        tick_hz: u16,
        rewind_ms: u16,
        from: &mut StateReader<'_>,
    ) -> Result<Self, DecodeError> {
        let (tick, world) = (Tick::load(from)?, World::load(from)?);
        let history = History::load(rewind_ms, tick_hz, from)?;
        let (global, rng) = (G::Global::load(from)?, Rng::load(from)?);
        let mut players = BTreeMap::new();
        for _ in 0..u32::load(from)? {
            players.insert(PlayerId::load(from)?, load_profile(from)?);
        }
        let next_match = Option::load(from)?;
        let rules = Some(Rules { game, global });
        Ok(Self { rules, tick_hz, tick, world, history, rng, players, next_match })
    }
}

impl<G: Game> Drop for Simulation<G> {
    fn drop(&mut self) {
        // Whoever wants to know has dismantled it before. What was thrown may panic when it is dropped.
        let _ = self.dismantle().map_err(forget);
    }
}

const DISMANTLED: &str = "nobody plays a match that is dismantled";

/// Does what drops values that rules made, until one of them panics.
pub(crate) fn contain(work: impl FnOnce()) -> Result<(), Panic> {
    catch_unwind(AssertUnwindSafe(work))
}
