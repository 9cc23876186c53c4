//! Pilots: they fight, they find their way, and walls hold them.

use std::collections::BTreeSet;

use fracas_arena::{Arena, Config, Event, View};
use fracas_shared::{Pilot, PlayerId};

use crate::house::{House, ShipSeen};

const CROSSFIRE: &str = include_str!("../../../../assets/maps/crossfire.txt");

/// The wall cells of the default map.
fn walls() -> BTreeSet<(i32, i32)> {
    let row =
        |(y, row): (usize, &'static str)| row.match_indices('#').map(move |(x, _)| (x as i32, y as i32));
    CROSSFIRE.lines().enumerate().flat_map(row).collect()
}

/// Fails if the ship's circle reaches into a wall by more than a view's quantum.
fn assert_is_free(ship: &ShipSeen, radius: f32, walls: &BTreeSet<(i32, i32)>) {
    let free = radius - 0.04;
    let around = |at: f32| at as i32 - 1..=at as i32 + 1;
    for wall in around(ship.y).flat_map(|y| around(ship.x).map(move |x| (x, y))) {
        let (x, y) = (wall.0 as f32, wall.1 as f32);
        let (dx, dy) = (ship.x.clamp(x, x + 1.0) - ship.x, ship.y.clamp(y, y + 1.0) - ship.y);
        let is_in = walls.contains(&wall) && dx * dx + dy * dy < free * free;
        assert!(!is_in, "{ship:?} is in the wall at {wall:?}");
    }
}

fn fight(players: u16, tick_hz: u16, ticks: u32) -> House {
    let config = Config { score_limit: 1000, time_limit_s: 3600.0, ..Config::default() };
    let mut house = House::open(&config, players, tick_hz);
    let walls = walls();
    let mut points = 0;
    for _ in 0..ticks {
        house.step_pilots();
        for ship in house.ships() {
            assert_is_free(&ship, config.ship.radius_m, &walls);
        }
        for event in house.events() {
            points += (0..players).map(|player| Arena::points(&event, PlayerId(player))).sum::<u32>();
            if let Event::Kill { victim, killer, .. } = event {
                assert_ne!(victim, killer);
            }
        }
    }
    let kills: u32 = house.ships().iter().map(|ship| u32::from(ship.kills)).sum();
    let deaths: u32 = house.ships().iter().map(|ship| u32::from(ship.deaths)).sum();
    assert_eq!((kills, deaths), (points, points));
    house
}

#[test]
fn sixteen_pilots_fight_and_none_is_ever_in_a_wall() {
    for ship in fight(16, 30, 10_000).ships() {
        assert!(ship.kills >= 10 && ship.deaths >= 10, "{ship:?}");
    }
}

#[test]
fn pilots_fight_at_every_tick_rate() {
    for (tick_hz, ticks) in [(10, 600), (120, 7200)] {
        let kills: u16 = fight(4, tick_hz, ticks).ships().iter().map(|ship| ship.kills).sum();
        assert!(kills >= 5, "{kills} kills at {tick_hz} Hz");
    }
}

#[test]
fn two_pilots_find_each_other() {
    let ships = fight(2, 30, 3000).ships();
    assert!(ships[0].kills + ships[1].kills >= 5, "{ships:?}");
}

#[test]
fn two_hundred_pilots_fight() {
    let kills: u16 = fight(200, 30, 60).ships().iter().map(|ship| ship.kills).sum();
    assert!(kills > 0);
}

#[test]
fn nothing_is_taken_for_something_else_after_a_fight() {
    let mut house = House::open(&Config::default(), 3, 30);
    let before = house.views();
    for _ in 0..300 {
        house.step_pilots();
    }
    // Behind them come the rockets in flight.
    let after = &house.views()[..before.len()];
    for (id, earlier) in &before {
        for (other, later) in after {
            assert_eq!(Arena::is_same(earlier, later), id == other, "{earlier:?}, {later:?}");
        }
    }
    let rocket = |player, x| View::Rocket { player: PlayerId(player), x, y: 0.0, vx: 0.0, vy: 0.0 };
    assert!(Arena::is_same(&rocket(1, 2.0), &rocket(1, 3.0)));
    assert!(!Arena::is_same(&rocket(1, 2.0), &rocket(2, 2.0)));
    assert!(!Arena::is_same(&before[0].1, &rocket(0, 2.0)));
}
