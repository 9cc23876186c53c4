//! Players of simulated matches.

use fracas_arena::{Input, Mind, View};
use fracas_shared::glam::Vec2;
use fracas_shared::{EntityId, Pilot, PlayerId, Rng, Seen, Tick, math};

use super::simulated::{Brain, Screen};

/// Plays as the house's own bots do, by what the screen shows.
pub(super) struct PilotBrain {
    mind: Mind,
    rng: Rng,
    thought_at: Option<Tick>,
    input: Input,
    holds_fire: bool,
}

impl PilotBrain {
    /// A pilot of this seed; one that holds its fire only flies.
    pub(super) fn new(seed: u64, holds_fire: bool) -> Self {
        Self {
            mind: Mind::default(),
            rng: Rng::new(seed, 9),
            thought_at: None,
            input: Input::default(),
            holds_fire,
        }
    }
}

impl Brain for PilotBrain {
    fn decide(&mut self, screen: &Screen<'_>) -> Input {
        // As often as there are ticks.
        if self.thought_at == Some(screen.tick) {
            return self.input;
        }
        self.thought_at = Some(screen.tick);
        let mut views: Vec<_> = screen.others.to_vec();
        let (play, me) = (screen.play, screen.me);
        if let Some(mut own) = own_view(play.replica().views(), me) {
            if let (Some(at), View::Ship { x, y, .. }) = (screen.ship, &mut own.1) {
                (*x, *y) = (at.x, at.y);
            }
            views.retain(|(id, _)| *id != own.0);
            views.push(own);
            views.sort_by_key(|(id, _)| *id);
        }
        let tick_hz = play.replica().joined().tick_hz;
        let seen = Seen { tick: screen.tick, tick_hz, me, own: play.replica().own(), views: &views };
        self.input = play.rules().pilot(&mut self.mind, &seen, &mut self.rng);
        if self.holds_fire {
            (self.input.beam, self.input.rocket) = (false, false);
        }
        self.input
    }
}

fn own_view(views: &[(EntityId, View)], me: PlayerId) -> Option<(EntityId, View)> {
    let is_mine = |view: &View| matches!(view, View::Ship { player, .. } if *player == me);
    views.iter().find(|(_, view)| is_mine(view)).cloned()
}

/// Flies one way for a while, then another one, and never fires: people who explore.
pub(super) struct Wanderer {
    rng: Rng,
    until: Option<Tick>,
    input: Input,
    hold_ticks: (u32, u32),
}

impl Wanderer {
    /// A wanderer of this seed who holds each direction for so many ticks at least and at most.
    pub(super) fn new(seed: u64, hold_ticks: (u32, u32)) -> Self {
        Self { rng: Rng::new(seed, 8), until: None, input: Input::default(), hold_ticks }
    }
}

impl Brain for Wanderer {
    fn decide(&mut self, screen: &Screen<'_>) -> Input {
        if self.until.is_none_or(|until| !until.is_after(screen.tick)) {
            let (least, most) = self.hold_ticks;
            self.until = Some(screen.tick + least + self.rng.below(most - least + 1));
            let way = if self.rng.chance(0.15) { Vec2::ZERO } else { self.rng.direction() };
            self.input = Input {
                x: (way.x * 127.0) as i8,
                y: (way.y * 127.0) as i8,
                aim: math::angle(way),
                ..Input::default()
            };
        }
        self.input
    }
}

/// Hunts one player with the beam: aims at where the screen shows it, and fires when it is ready.
pub(super) struct Duellist {
    prey: PlayerId,
    wander: Wanderer,
    rng: Rng,
    /// By how much it aims beside at most, in radians: not every shot is to hit.
    spread: f32,
}

impl Duellist {
    /// A duellist of this seed.
    pub(super) fn new(seed: u64, prey: PlayerId, spread: f32) -> Self {
        Self { prey, wander: Wanderer::new(seed, (5, 20)), rng: Rng::new(seed, 7), spread }
    }
}

impl Brain for Duellist {
    fn decide(&mut self, screen: &Screen<'_>) -> Input {
        let mut input = self.wander.decide(screen);
        let prey = screen.others.iter().find_map(|(_, view)| match *view {
            View::Ship { player, x, y, alive: true, .. } if player == self.prey => Some(Vec2::new(x, y)),
            _ => None,
        });
        if let (Some(ship), Some(prey)) = (screen.ship, prey) {
            input.aim = math::angle(prey - ship) + self.rng.range(-self.spread, self.spread);
            input.beam = true;
        }
        input
    }
}

/// Runs to and fro between two places.
pub(super) struct Shuttle {
    places: [Vec2; 2],
    goal: usize,
}

impl Shuttle {
    /// Between these places, which are in sight of each other.
    pub(super) fn new(places: [Vec2; 2]) -> Self {
        Self { places, goal: 0 }
    }
}

impl Brain for Shuttle {
    fn decide(&mut self, screen: &Screen<'_>) -> Input {
        let Some(ship) = screen.ship else { return Input::default() };
        if ship.distance(self.places[self.goal]) < 0.5 {
            self.goal = 1 - self.goal;
        }
        let way = (self.places[self.goal] - ship).normalize_or_zero() * 127.0;
        Input { x: way.x as i8, y: way.y as i8, ..Input::default() }
    }
}

/// Goes to its post, and fires at whom it sees from there, as soon as it can.
pub(super) struct Sentry {
    prey: PlayerId,
    post: Vec2,
}

impl Sentry {
    /// Who fires at this player from this place.
    pub(super) fn new(prey: PlayerId, post: Vec2) -> Self {
        Self { prey, post }
    }
}

impl Brain for Sentry {
    fn decide(&mut self, screen: &Screen<'_>) -> Input {
        let Some(ship) = screen.ship else { return Input::default() };
        if ship.distance(self.post) > 0.3 {
            let way = (self.post - ship).normalize_or_zero() * 127.0;
            return Input { x: way.x as i8, y: way.y as i8, ..Input::default() };
        }
        let prey = screen.others.iter().find_map(|(_, view)| match *view {
            View::Ship { player, x, y, alive: true, .. } if player == self.prey => Some(Vec2::new(x, y)),
            _ => None,
        });
        let Some(prey) = prey else { return Input::default() };
        // Any part of it that is to be seen.
        let across = (prey - ship).normalize_or_zero().perp() * 0.38;
        let parts = [prey, prey + across, prey - across];
        match parts.into_iter().find(|part| screen.play.rules().sees(ship, *part)) {
            Some(part) => Input { aim: math::angle(part - ship), beam: true, ..Input::default() },
            None => Input::default(),
        }
    }
}
