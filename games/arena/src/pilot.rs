//! How bots play: they hunt whom they can reach first, shoot whom they see, dodge while they do, and
//! go for what they lack.
//!
//! They are not perfect, so that people like to play against them: they need a moment to react, and
//! they aim a little beside.

use fracas_shared::glam::{IVec2, Vec2};
use fracas_shared::{Pilot, PlayerId, Rng, Row, Seen, State, Tick, math};

use crate::Arena;
use crate::map::{cell_of, middle_of};
use crate::pickup::Item;
use crate::rows::{Event, Input, Own, View};

/// Seconds from one decision to the next, at least and at most.
const DECIDE_S: (f32, f32) = (0.25, 0.45);
/// Seconds from seeing somebody to the first shot.
const REACTION_S: f32 = 0.2;
/// How far beside a pilot aims at most, in radians.
const AIM_ERROR: f32 = 0.07;
/// The share of full health below which a pilot looks for more.
const HURT: f32 = 0.4;
/// How far a pilot goes for ammunition, in metres.
const AMMO_WAY_M: f32 = 12.0;
/// The distances between which a pilot stays while it shoots, in metres.
const FIGHT_M: (f32, f32) = (4.0, 9.0);
/// Between these distances rockets are fired, in metres.
const ROCKET_M: (f32, f32) = (2.5, 18.0);
/// The nearest enemies among which a pilot looks for one that it sees.
const CANDIDATES: usize = 4;
/// How far ahead a pilot looks for walls while it dodges, in metres.
const LOOK_AHEAD_M: f32 = 1.2;

/// What a pilot remembers.
#[derive(Clone, Debug, Default, State)]
pub struct Mind {
    /// When it decides again; none before the first time.
    decides_at: Option<Tick>,
    /// Whom it hunts.
    prey: Option<PlayerId>,
    /// Since when it has seen its prey.
    sees_since: Option<Tick>,
    /// The cells that it goes through, the next one last; none while it fights where it is.
    path: Vec<(u8, u8)>,
    /// Whether it dodges to the right of its prey, or to the left.
    dodges_right: bool,
    /// How far beside it aims now, in radians.
    aim_error: f32,
}

/// A ship, as a pilot sees it.
#[derive(Clone, Copy)]
struct Sighting {
    player: PlayerId,
    position: Vec2,
    velocity: Vec2,
    health: u8,
}

impl Pilot for Arena {
    type Mind = Mind;

    fn pilot(&self, mind: &mut Mind, seen: &Seen<'_, Self>, rng: &mut Rng) -> Input {
        let (Some(me), Some(own)) = (living(seen).find(|ship| ship.player == seen.me), seen.own) else {
            // The next life is another one.
            *mind = Mind::default();
            return Input::default();
        };
        if mind.decides_at.is_none_or(|at| !at.is_after(seen.tick)) {
            self.decide(mind, me, own, seen, rng);
        }
        let prey = living(seen).find(|ship| Some(ship.player) == mind.prey);
        let in_sight = prey.filter(|prey| self.map.sees(me.position, prey.position));
        mind.sees_since = in_sight.and(mind.sees_since.or(Some(seen.tick)));
        let way = match (self.next_on_path(mind, me.position), in_sight) {
            (Some(next), _) => (next - me.position).normalize_or_zero(),
            (None, Some(prey)) => self.dodge(mind, me.position, prey.position),
            (None, None) => Vec2::ZERO,
        };
        let input = Input { x: (way.x * 127.0) as i8, y: (way.y * 127.0) as i8, ..Input::default() };
        match in_sight {
            Some(prey) => self.shoot(mind, me, own, prey, seen, input),
            None => Input { aim: math::angle(way), ..input },
        }
    }

    fn points(event: &Event, player: PlayerId) -> u32 {
        u32::from(matches!(event, Event::Kill { killer, .. } if *killer == player))
    }

    fn score(seen: &Seen<'_, Self>) -> Option<i32> {
        seen.views.iter().find_map(|(_, view)| match view {
            View::Ship { player, kills, .. } if *player == seen.me => Some(i32::from(*kills)),
            _ => None,
        })
    }

    /// A ship stays its player's, a rocket that of who fired it, and what lies somewhere stays there.
    fn is_same(earlier: &View, later: &View) -> bool {
        match (earlier, later) {
            (View::Ship { player: old, .. }, View::Ship { player: new, .. })
            | (View::Rocket { player: old, .. }, View::Rocket { player: new, .. }) => old == new,
            (
                View::Pickup { item: old_item, x: old_x, y: old_y, .. },
                View::Pickup { item: new_item, x: new_x, y: new_y, .. },
            ) => (old_item, old_x, old_y) == (new_item, new_x, new_y),
            _ => earlier.kind() == later.kind(),
        }
    }
}

impl Arena {
    /// Chooses whom to hunt and where to go for the next moment.
    fn decide(&self, mind: &mut Mind, me: Sighting, own: &Own, seen: &Seen<'_, Self>, rng: &mut Rng) {
        let pause_s = rng.range(DECIDE_S.0, DECIDE_S.1);
        mind.decides_at = Some(seen.tick + (pause_s * f32::from(seen.tick_hz)) as u32 + 1);
        mind.aim_error = rng.range(-AIM_ERROR, AIM_ERROR);
        mind.dodges_right ^= rng.chance(0.4);

        let distance = |ship: &Sighting| ship.position.distance_squared(me.position);
        let mut enemies: Vec<_> = living(seen).filter(|ship| ship.player != seen.me).collect();
        enemies.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let mut nearest = enemies.iter().take(CANDIDATES);
        let in_sight = nearest.find(|ship| self.map.sees(me.position, ship.position));
        let prey = in_sight.or(enemies.first());
        if mind.prey != prey.map(|prey| prey.player) {
            mind.prey = prey.map(|prey| prey.player);
            mind.sees_since = None;
        }

        // With nobody to hunt, there is time to take what is not urgent.
        let (health_wanted, ammo_wanted) = match prey {
            Some(_) => (f32::from(self.config.ship.health) * HURT, 1),
            None => (f32::from(self.config.ship.health), self.config.rocket.ammo_max),
        };
        let health =
            nearest_pickup(seen, me.position, Item::Health).filter(|_| f32::from(me.health) < health_wanted);
        let ammo = nearest_pickup(seen, me.position, Item::Ammo)
            .filter(|place| own.ammo < ammo_wanted && place.distance(me.position) < AMMO_WAY_M);
        let wanted = health.or(ammo);
        let hunted = prey.filter(|_| in_sight.is_none()).map(|prey| prey.position);
        mind.path.clear();
        if let Some(goal) = wanted.or(hunted) {
            let path = self.map.path(cell_of(me.position), cell_of(goal));
            mind.path.extend(path.into_iter().map(|cell| (cell.x as u8, cell.y as u8)));
        }
    }

    /// The middle of the next cell on the path, once those that were reached are crossed off.
    fn next_on_path(&self, mind: &mut Mind, position: Vec2) -> Option<Vec2> {
        loop {
            let &(x, y) = mind.path.last()?;
            let next = middle_of(IVec2::new(i32::from(x), i32::from(y)));
            if next.distance(position) > self.config.ship.radius_m {
                return Some(next);
            }
            mind.path.pop();
        }
    }

    /// The way around the prey, closer when it is far and away when it is near. Turns at walls.
    fn dodge(&self, mind: &mut Mind, from: Vec2, prey: Vec2) -> Vec2 {
        let ahead = (prey - from).normalize_or(Vec2::X);
        let closer = match from.distance(prey) {
            distance if distance > FIGHT_M.1 => 1.0,
            distance if distance < FIGHT_M.0 => -0.7,
            _ => 0.0,
        };
        let way = |is_right: bool| {
            let side = if is_right { ahead.perp() } else { -ahead.perp() };
            (side + ahead * closer).normalize_or_zero()
        };
        if self.map.reach(from, way(mind.dodges_right), LOOK_AHEAD_M) < LOOK_AHEAD_M {
            mind.dodges_right = !mind.dodges_right;
        }
        way(mind.dodges_right)
    }

    /// Aims at a prey in sight and fires what is ready: a rocket to where the prey will be, or else
    /// the beam to where it is.
    fn shoot(
        &self,
        mind: &Mind,
        me: Sighting,
        own: &Own,
        prey: Sighting,
        seen: &Seen<'_, Self>,
        input: Input,
    ) -> Input {
        let distance = prey.position.distance(me.position);
        let seen_s =
            mind.sees_since.map_or(0.0, |since| seen.tick.since(since) as f32 / f32::from(seen.tick_hz));
        let has_reacted = seen_s >= REACTION_S;
        let is_rocket_way = (ROCKET_M.0..=ROCKET_M.1).contains(&distance);
        let rocket = has_reacted && own.ammo > 0 && own.rocket_wait == 0 && is_rocket_way;
        let beam = has_reacted && !rocket && own.beam_wait == 0 && distance <= self.config.beam.range_m;
        let flight_s = if rocket { distance / self.config.rocket.speed_mps } else { 0.0 };
        let goal = prey.position + prey.velocity * flight_s;
        let aim = math::angle(goal - me.position) + mind.aim_error;
        Input { aim, beam, rocket, ..input }
    }
}

fn living(seen: &Seen<'_, Arena>) -> impl Iterator<Item = Sighting> {
    seen.views.iter().filter_map(|(_, view)| match *view {
        View::Ship { player, x, y, vx, vy, health, alive: true, .. } => {
            Some(Sighting { player, position: Vec2::new(x, y), velocity: Vec2::new(vx, vy), health })
        }
        _ => None,
    })
}

fn nearest_pickup(seen: &Seen<'_, Arena>, from: Vec2, wanted: Item) -> Option<Vec2> {
    let places = seen.views.iter().filter_map(|(_, view)| match *view {
        View::Pickup { item, x, y, present: true } if item == wanted => Some(Vec2::new(x, y)),
        _ => None,
    });
    places.min_by(|a, b| a.distance_squared(from).total_cmp(&b.distance_squared(from)))
}
