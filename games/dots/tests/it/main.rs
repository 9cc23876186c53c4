//! Dots, played by hand and by its pilots.

use fracas_dots::{Config, Dot, Dots, Event, Global, Input, View};
use fracas_shared::game::Events;
use fracas_shared::{
    Context, EntityId, Game, Inputs, LeaveReason, Outcome, Past, Pilot, PlayerId, Profile, Rng, Seen, Tick,
    World,
};

/// A match without a house around it.
struct Match {
    rules: Dots,
    world: World<Dot>,
    global: Global,
    rng: Rng,
    tick: Tick,
    events: Events<Event>,
}

impl Match {
    fn open(config: &Config, players: u16) -> Self {
        let mut this = Self {
            rules: Dots::new(config).unwrap(),
            world: World::new(),
            global: Global::default(),
            rng: Rng::new(1, 1),
            tick: Tick(0),
            events: Events::default(),
        };
        this.with(Dots::open);
        for player in 0..players {
            let profile = Profile::bot("dot");
            this.with(|rules, ctx| rules.join(ctx, PlayerId(player), &profile));
        }
        this
    }

    fn with<T>(&mut self, hook: impl FnOnce(&Dots, &mut Context<'_, Dots>) -> T) -> T {
        let mut ctx = Context {
            world: &mut self.world,
            global: &mut self.global,
            rng: &mut self.rng,
            tick: self.tick,
            tick_hz: Dots::TICK_HZ,
            events: &mut self.events,
            past: Past::default(),
        };
        hook(&self.rules, &mut ctx)
    }

    fn step(&mut self, inputs: &[(PlayerId, Input)]) {
        self.tick += 1;
        self.events.clear();
        self.with(|rules, ctx| rules.step(ctx, &Inputs::new(inputs)));
    }

    fn views(&self) -> Vec<(EntityId, View)> {
        let views = self.world.iter().filter_map(|(key, dot)| self.rules.view(key, dot));
        (1..).map(|number| EntityId::new(number).unwrap()).zip(views).collect()
    }

    fn pilots(&self, players: u16) -> Vec<(PlayerId, Input)> {
        let views = self.views();
        let input = |me| {
            let seen = Seen { tick: self.tick, tick_hz: Dots::TICK_HZ, me, own: None, views: &views };
            (me, self.rules.pilot(&mut (), &seen, &mut Rng::new(1, 1)))
        };
        (0..players).map(PlayerId).map(input).collect()
    }

    fn outcome(&mut self) -> Option<Outcome> {
        self.with(|rules, ctx| rules.outcome(ctx))
    }
}

#[test]
fn pilots_eat_each_other_until_one_wins() {
    let mut game = Match::open(&Config::default(), 8);
    let mut eaten = 0;
    for _ in 0..20 * 600 {
        let inputs = game.pilots(8);
        game.step(&inputs);
        eaten += game
            .events
            .iter()
            .map(|(_, event)| (0..8).map(|p| Dots::points(event, PlayerId(p))).sum::<u32>())
            .sum::<u32>();
        if let Some(outcome) = game.outcome() {
            assert_eq!(outcome.standings.len(), 8);
            assert!(outcome.standings[0].1 >= Config::default().goal_mass as i32);
            assert!(eaten > 0, "nobody was eaten");
            return;
        }
    }
    panic!("nobody won in ten minutes");
}

#[test]
fn a_dot_stays_on_the_field() {
    let mut game = Match::open(&Config::default(), 1);
    for _ in 0..200 {
        game.step(&[(PlayerId(0), Input { x: 127, y: -127 })]);
    }
    let views = game.views();
    let me = views.iter().find(|(_, view)| view.player.is_some()).unwrap();
    assert_eq!((me.1.x, me.1.y), (40.0, 0.0));
}

#[test]
fn who_leaves_is_gone() {
    let mut game = Match::open(&Config::default(), 2);
    game.with(|rules, ctx| rules.leave(ctx, PlayerId(0), LeaveReason::Left));
    assert_eq!(game.views().iter().filter(|(_, view)| view.player.is_some()).count(), 1);
}

#[test]
fn a_config_error_names_the_field() {
    let error = Dots::new(&Config { pellets: 0, ..Config::default() }).err().unwrap();
    assert_eq!(error.to_string(), "`pellets`: 0 is not from 1 to 1000");
}
