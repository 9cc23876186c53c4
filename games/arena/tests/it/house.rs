//! A match without a server: the hooks in their order, and views as clients decode them.

use fracas_arena::{Arena, Config, Entity, Event, Global, Input, MapSource, Mind, Own, View};
use fracas_shared::game::Events;
use fracas_shared::glam::Vec2;
use fracas_shared::past::History;
use fracas_shared::row::{Names, Refs, RowReader, RowWriter};
use fracas_shared::state::to_bytes;
use fracas_shared::{
    Context, EntityId, EntityKey, Game, Inputs, Outcome, Past, Pilot, PlayerId, Profile, Rng, Row, Seen,
    Tick, ViewTime, World, math,
};

/// One room.
pub(crate) struct House {
    pub(crate) rules: Arena,
    world: World<Entity>,
    global: Global,
    rng: Rng,
    tick: Tick,
    tick_hz: u16,
    events: Events<Event>,
    history: History<View>,
    /// What the players' screens show.
    pub(crate) view_times: Vec<(PlayerId, ViewTime)>,
    minds: Vec<(Mind, Rng)>,
}

/// A ship's view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShipSeen {
    pub(crate) player: u16,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) health: u8,
    pub(crate) alive: bool,
    pub(crate) kills: u16,
    pub(crate) deaths: u16,
}

impl House {
    /// A match in which this many players have a seat.
    pub(crate) fn open(config: &Config, players: u16, tick_hz: u16) -> Self {
        let mut house = Self {
            rules: Arena::new(config).unwrap(),
            world: World::new(),
            global: Global::default(),
            rng: Rng::new(7, 1),
            tick: Tick(u32::MAX - 100),
            tick_hz,
            events: Events::default(),
            history: History::new(250, tick_hz),
            view_times: Vec::new(),
            minds: (0..players).map(|player| (Mind::default(), Rng::new(u64::from(player), 2))).collect(),
        };
        house.begin();
        house
    }

    /// Begins a match in an empty world with all players.
    pub(crate) fn begin(&mut self) {
        self.world = World::new();
        self.with(Arena::open);
        for player in 0..self.minds.len() as u16 {
            let profile = Profile::bot("ship");
            self.with(|rules, ctx| rules.join(ctx, PlayerId(player), &profile));
        }
    }

    pub(crate) fn with<T>(&mut self, hook: impl FnOnce(&Arena, &mut Context<'_, Arena>) -> T) -> T {
        let mut ctx = Context {
            world: &mut self.world,
            global: &mut self.global,
            rng: &mut self.rng,
            tick: self.tick,
            tick_hz: self.tick_hz,
            events: &mut self.events,
            past: Past::new(&self.history, &self.view_times),
        };
        hook(&self.rules, &mut ctx)
    }

    /// The last tick that was made.
    pub(crate) fn now(&self) -> Tick {
        self.tick
    }

    /// Makes one tick with these inputs, by seat; who has none gives the neutral one.
    pub(crate) fn step(&mut self, inputs: &[Input]) {
        let input = |player: u16| inputs.get(usize::from(player)).copied().unwrap_or_default();
        let inputs: Vec<_> = (0..self.minds.len() as u16).map(|p| (PlayerId(p), input(p))).collect();
        self.tick += 1;
        self.events.clear();
        self.with(|rules, ctx| rules.step(ctx, &Inputs::new(&inputs)));
        self.history.push(&self.rules, self.tick, &self.world);
    }

    /// Makes one tick in which pilots play all seats.
    pub(crate) fn step_pilots(&mut self) {
        let views = self.views();
        let mut minds = std::mem::take(&mut self.minds);
        let mut inputs = Vec::new();
        for (player, (mind, rng)) in minds.iter_mut().enumerate() {
            let me = PlayerId(player as u16);
            let own = self.own(me.0);
            let seen = Seen { tick: self.tick, tick_hz: self.tick_hz, me, own: own.as_ref(), views: &views };
            inputs.push(decoded(&self.rules.pilot(mind, &seen, rng)));
        }
        self.minds = minds;
        self.step(&inputs);
    }

    /// Everything as a client sees it.
    pub(crate) fn views(&self) -> Vec<(EntityId, View)> {
        let views = self.world.iter().filter_map(|(key, entity)| self.rules.view(key, entity));
        (1..).map(|id| EntityId::new(id).unwrap()).zip(views.map(|view| decoded(&view))).collect()
    }

    pub(crate) fn ships(&self) -> Vec<ShipSeen> {
        let mut ships: Vec<_> = self
            .views()
            .into_iter()
            .filter_map(|(_, view)| match view {
                View::Ship { player, x, y, health, alive, kills, deaths, .. } => {
                    Some(ShipSeen { player: player.0, x, y, health, alive, kills, deaths })
                }
                _ => None,
            })
            .collect();
        ships.sort_by_key(|ship| ship.player);
        ships
    }

    pub(crate) fn own(&mut self, player: u16) -> Option<Own> {
        self.with(|rules, ctx| rules.own(ctx, PlayerId(player))).map(|own| decoded(&own))
    }

    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        self.with(|rules, ctx| rules.outcome(ctx))
    }

    /// What happened in the last tick.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.iter().map(|(_, event)| event.clone()).collect()
    }

    /// The aim from one player's ship to another's.
    pub(crate) fn aim(&self, from: u16, to: u16) -> f32 {
        let ships = self.ships();
        let (from, to) = (ships[usize::from(from)], ships[usize::from(to)]);
        math::angle(Vec2::new(to.x - from.x, to.y - from.y))
    }

    /// All state, as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [to_bytes(&self.world), to_bytes(&self.global), to_bytes(&self.rng)].concat()
    }
}

/// A config with this map.
pub(crate) fn on_map(rows: &[&str]) -> Config {
    Config { map: MapSource::Rows(rows.iter().map(ToString::to_string).collect()), ..Config::default() }
}

/// A value as it is on the other side of the wire.
fn decoded<T: Row>(value: &T) -> T {
    struct Nothing;
    impl Refs for Nothing {
        fn id_of(&mut self, _key: EntityKey) -> Option<EntityId> {
            None
        }
        fn place_of(&mut self, _string: &[u8]) -> u32 {
            0
        }
    }
    impl Names for Nothing {
        fn string_at(&self, _place: u32) -> Option<&[u8]> {
            None
        }
    }
    let mut codes = Vec::new();
    value.write(&mut RowWriter::new(&mut codes, &mut Nothing));
    T::read(value.kind(), &mut RowReader::new(&codes, &Nothing)).unwrap()
}
