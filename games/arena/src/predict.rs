//! What a client runs ahead: its own ship and the rockets that it fired.
//!
//! The ship does what it does on the server, by the same code on the same numbers: [`Own`] tells them
//! exactly. Only what others do is unknown. Of rockets, hits are the server's to tell; walls stop them
//! here, too.

use fracas_shared::glam::{Vec2, Vec3};
use fracas_shared::{EntityId, PlayerId, Predict, PredictStep, Seen, Tick, math};

use crate::Arena;
use crate::rows::{Event, Input, Own, View};
use crate::ship::Ship;
use crate::targets::Targets;
use crate::weapons::{Rocket, other_ship};

/// How far apart an explosion may be from the one that was foretold, in metres.
const EXPLOSION_SLIP_M: f32 = 1.0;

/// The own ship and its rockets.
#[derive(Clone, Debug)]
pub struct Ahead {
    id: EntityId,
    ship: Ship,
    /// Without an id until the server shows them.
    rockets: Vec<(Option<EntityId>, Rocket)>,
}

impl Ahead {
    /// How fast the ship is, in metres per second.
    pub fn velocity(&self) -> Vec2 {
        self.ship.velocity
    }

    /// Where the ship is.
    pub fn position(&self) -> Vec2 {
        self.ship.position
    }

    /// When the beam can fire again.
    pub fn beam_ready(&self) -> Tick {
        self.ship.beam_ready
    }

    /// When a rocket can be fired again, if there is one.
    pub fn rocket_ready(&self) -> Tick {
        self.ship.rocket_ready
    }

    /// Rockets left.
    pub fn ammo(&self) -> u8 {
        self.ship.ammo
    }
}

impl Predict for Arena {
    type Ahead = Ahead;

    fn ahead(&self, seen: &Seen<'_, Self>) -> Option<Ahead> {
        let own = seen.own?;
        let ship = seen.views.iter().find_map(|(id, view)| Some((*id, own_ship(view, own, seen)?)));
        let (id, ship) = ship?;
        let rockets = seen.views.iter().filter_map(|(id, view)| match *view {
            View::Rocket { player, x, y, vx, vy } if player == seen.me => {
                let (position, velocity) = (Vec2::new(x, y), Vec2::new(vx, vy));
                // How long it flies on is not seen: until the server says that it does no more.
                Some((Some(*id), Rocket { player, position, velocity, ends_at: seen.tick + u32::MAX / 4 }))
            }
            _ => None,
        });
        Some(Ahead { id, ship, rockets: rockets.collect() })
    }

    fn advance(&self, ahead: &mut Ahead, input: &Input, step: &mut PredictStep<'_, Self>) {
        let Ahead { ship, rockets, .. } = ahead;
        let (now, dt, player) = (step.tick, step.dt(), step.me);
        ship.obey(*input, dt, &self.config.ship, &self.map);
        if self.config.ship.solid {
            // A screen shows the own ship as one of the others for a moment, when a life begins.
            for other in step.others.iter().filter_map(|(_, view)| other_ship(view, player)) {
                ship.give_way(other, &self.config.ship, &self.map);
            }
        }
        let shots = ship.fire(*input, now, self.cooldowns(step.tick_hz), true);
        let (from, direction) = (ship.position, math::direction(ship.aim));
        if shots.beam {
            let to = from + direction * self.beam_length(step.others, player, from, direction).0;
            step.foretell(Event::Beam { player, x: from.x, y: from.y, to_x: to.x, to_y: to.y });
        }
        if shots.rocket {
            rockets.push((None, self.launch(player, from, direction, now, step.tick_hz)));
        }
        let nobody = Targets::seen(std::iter::empty());
        rockets.retain_mut(|(_, rocket)| {
            let flies = self.fly_rocket(rocket, &nobody, now, dt);
            if !flies {
                step.foretell(Event::Explosion { player, x: rocket.position.x, y: rocket.position.y });
            }
            flies
        });
    }

    fn show(&self, ahead: &Ahead) -> Vec<(Option<EntityId>, View)> {
        let ship = (Some(ahead.id), ahead.ship.view());
        let rockets = ahead.rockets.iter().map(|(id, rocket)| (*id, rocket.view()));
        std::iter::once(ship).chain(rockets).collect()
    }

    fn is_ahead(&self, view: &View, me: PlayerId) -> bool {
        match *view {
            View::Ship { player, alive, .. } => alive && player == me,
            View::Rocket { player, .. } => player == me,
            View::Pickup { .. } | View::Clock { .. } => false,
        }
    }

    fn place(&self, ahead: &Ahead) -> Vec3 {
        ahead.ship.position.extend(0.0)
    }

    fn displace(&self, ahead: &mut Ahead, by: Vec3) {
        ahead.ship.position += by.truncate();
    }

    fn is_same_event(predicted: &Event, event: &Event) -> bool {
        match (predicted, event) {
            (Event::Beam { player, .. }, Event::Beam { player: by, .. }) => player == by,
            (Event::Explosion { player, x, y }, Event::Explosion { player: by, x: to_x, y: to_y }) => {
                player == by && Vec2::new(*x, *y).distance(Vec2::new(*to_x, *to_y)) < EXPLOSION_SLIP_M
            }
            _ => false,
        }
    }
}

impl Arena {
    /// Whom a beam would hit of what a screen shows: the player's seat, where it begins and its angle.
    pub fn aims_at(
        &self,
        views: &[(EntityId, View)],
        player: PlayerId,
        from: Vec2,
        aim: f32,
    ) -> Option<PlayerId> {
        self.beam_length(views, player, from, math::direction(aim)).1
    }

    /// How far a beam goes among what a screen shows, and whom it hits.
    fn beam_length(
        &self,
        views: &[(EntityId, View)],
        player: PlayerId,
        from: Vec2,
        direction: Vec2,
    ) -> (f32, Option<PlayerId>) {
        let range = self.map.reach(from, direction, self.config.beam.range_m);
        let targets = Targets::seen(views.iter().map(|(_, view)| view.clone()));
        match targets.first_hit(player, from, direction, range, self.config.ship.radius_m) {
            Some((distance, target)) => (distance, Some(target.player)),
            None => (range, None),
        }
    }

    /// Whether no wall is between two places.
    pub fn sees(&self, from: Vec2, to: Vec2) -> bool {
        self.map.sees(from, to)
    }
}

/// The player's own living ship, if this is it.
fn own_ship(view: &View, own: &Own, seen: &Seen<'_, Arena>) -> Option<Ship> {
    match *view {
        View::Ship { player, aim, health, alive: true, kills, deaths, .. } if player == seen.me => {
            Some(Ship {
                player,
                position: Vec2::new(own.x, own.y),
                velocity: Vec2::new(own.vx, own.vy),
                aim,
                health,
                ammo: own.ammo,
                beam_ready: seen.tick + u32::from(own.beam_wait),
                rocket_ready: seen.tick + u32::from(own.rocket_wait),
                lives_since: seen.tick,
                respawn_at: seen.tick,
                kills,
                deaths,
            })
        }
        _ => None,
    }
}
