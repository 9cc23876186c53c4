//! Lag compensation: the past as a player saw it.

use fracas_shared::codec::{StateReader, StateWriter};
use fracas_shared::game::Events;
use fracas_shared::limits::HISTORY_ENTITIES_MAX;
use fracas_shared::past::History;
use fracas_shared::{
    AsSeen, ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, Past, PlayerId, Profile, Rng,
    Row, State, Tick, ViewTime, World,
};

/// Things on a line, at one tick per second.
struct Line;

#[derive(Clone, Debug, PartialEq, State)]
struct Thing {
    at: f32,
    is_remembered: bool,
}

#[derive(Clone, Debug, PartialEq, Row)]
struct View {
    #[row(fixed(min = 0.0, step = 0.25, bits = 12))]
    at: f32,
}

#[derive(Clone, Copy, Debug, Default, Row, State)]
struct Input {}

impl Game for Line {
    const ID: &'static str = "line";
    const REVISION: u32 = 1;

    type Config = ();
    type Global = ();
    type Entity = Thing;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Never;
    type Message = Never;

    fn new(_config: &()) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn join(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _profile: &Profile) {}

    fn leave(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, _reason: LeaveReason) {}

    fn step(&self, _ctx: &mut Context<'_, Self>, _inputs: &Inputs<'_, Self>) {}

    fn view(&self, _key: EntityKey, entity: &Thing) -> Option<View> {
        Some(View { at: entity.at })
    }

    fn is_remembered(&self, entity: &Thing) -> bool {
        entity.is_remembered
    }
}

const ANN: PlayerId = PlayerId(3);

struct Scene {
    world: World<Thing>,
    history: History<View>,
    tick: Tick,
}

impl Scene {
    /// So many milliseconds can be looked back, 1,000 of which are a tick.
    fn new(rewind_ms: u16) -> Self {
        Self { world: World::new(), history: History::new(rewind_ms, 1), tick: Tick(u32::MAX - 2) }
    }

    fn spawn(&mut self, at: f32, is_remembered: bool) -> EntityKey {
        self.world.spawn(Thing { at, is_remembered }).unwrap()
    }

    fn tick(&mut self) {
        self.tick = self.tick.next();
        self.history.push(&Line, self.tick, &self.world);
    }

    /// What Ann's screen shows, so many ticks before the step that follows, in the order of slots.
    fn seen(&mut self, ticks_before: f64) -> Option<(f64, Vec<(EntityKey, f32)>)> {
        let next = self.tick.next();
        let times = [(ANN, ViewTime::after(next, -ticks_before))];
        let (mut rng, mut events) = (Rng::new(1, 1), Events::default());
        let ctx: Context<'_, Line> = Context {
            world: &mut self.world,
            global: &mut (),
            rng: &mut rng,
            tick: next,
            tick_hz: 1,
            events: &mut events,
            past: Past::new(&self.history, &times),
        };
        assert!(ctx.as_seen_by(PlayerId(1)).is_none(), "what nobody told is not known");
        let seen: AsSeen<'_, View> = ctx.as_seen_by(ANN)?;
        Some((-seen.time().since(next), seen.views().map(|(key, view)| (key, view.at)).collect()))
    }
}

#[test]
fn the_past_is_as_the_screen_showed_it() {
    let mut scene = Scene::new(1000);
    let (ball, _) = (scene.spawn(1.0, true), scene.spawn(5.0, false));
    scene.tick();
    scene.world.get_mut(ball).unwrap().at = 2.1;
    scene.tick();
    scene.world.get_mut(ball).unwrap().at = 100.0;
    // As it travels: 2.1 is 2.0.
    assert_eq!(scene.seen(1.5), Some((1.0, vec![(ball, 2.0)])), "no further back than the cap");
    assert_eq!(scene.seen(1.0), Some((1.0, vec![(ball, 2.0)])));
    assert_eq!(scene.seen(0.2), Some((1.0, vec![(ball, 2.0)])), "nobody saw what is not yet there");

    let mut scene = Scene::new(1750);
    let ball = scene.spawn(1.0, true);
    scene.tick();
    scene.world.get_mut(ball).unwrap().at = 2.0;
    scene.tick();
    assert_eq!(scene.seen(1.5), Some((1.5, vec![(ball, 1.5)])), "between two ticks");
    assert_eq!(scene.seen(9.0), Some((1.75, vec![(ball, 1.25)])));
}

#[test]
fn who_came_and_went_is_seen_as_it_was() {
    let mut scene = Scene::new(3000);
    let [a, b, c] = [1.0, 2.0, 3.0].map(|at| scene.spawn(at, true));
    scene.tick();
    scene.world.despawn(b).unwrap();
    let d = scene.spawn(9.0, true);
    scene.world.get_mut(c).unwrap().at = 4.0;
    scene.tick();
    assert_eq!(scene.seen(1.5), Some((1.5, vec![(a, 1.0), (b, 2.0), (c, 3.5)])));
    assert_eq!(scene.seen(1.0), Some((1.0, vec![(a, 1.0), (d, 9.0), (c, 4.0)])));
}

#[test]
fn without_lag_compensation_nothing_is_kept() {
    let mut scene = Scene::new(0);
    scene.spawn(1.0, true);
    scene.tick();
    assert_eq!(scene.seen(1.0), None);
}

#[test]
fn so_much_is_remembered_and_no_more() {
    let mut scene = Scene::new(u16::MAX);
    let entities = 4000;
    for _ in 0..entities {
        scene.spawn(1.0, true);
    }
    for _ in 0..30 {
        scene.tick();
    }
    let kept = HISTORY_ENTITIES_MAX / entities;
    let (oldest, seen) = scene.seen(64.0).unwrap();
    assert_eq!((oldest, seen.len()), (kept as f64, entities));
}

#[test]
fn a_history_is_restored_as_it_was() {
    let mut scene = Scene::new(3000);
    let ball = scene.spawn(1.0, true);
    for at in 0..9u8 {
        scene.world.get_mut(ball).unwrap().at = at.into();
        scene.tick();
    }
    let saved = |history: &History<View>| {
        let mut bytes = Vec::new();
        history.save(&mut StateWriter::new(&mut bytes));
        bytes
    };
    let bytes = saved(&scene.history);
    let load = |rewind_ms, bytes: &[u8]| History::<View>::load(rewind_ms, 1, &mut StateReader::new(bytes));
    scene.history = load(3000, &bytes).unwrap();
    assert_eq!(saved(&scene.history), bytes);
    assert_eq!(scene.seen(2.5), Some((2.5, vec![(ball, 6.5)])));
    assert!(load(1000, &bytes).is_err(), "longer than that room's");
    for end in 0..bytes.len() {
        assert!(load(3000, &bytes[..end]).is_err());
    }
}
