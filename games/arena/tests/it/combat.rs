//! Beams, rockets, deaths and pickups.

use fracas_arena::{Config, Event, Input, Item, View, Weapon};
use fracas_shared::{PlayerId, ViewTime};

use crate::house::{House, on_map};

const OPEN: &[&str] = &["###########", "#S.......S#", "#.........#", "#.........#", "###########"];
const WALLED: &[&str] = &["###########", "#S...#...S#", "#....#....#", "#.........#", "###########"];

fn duel(config: &Config) -> House {
    House::open(config, 2, 30)
}

/// The input by which player 0 aims at player 1.
fn aimed(house: &House) -> Input {
    Input { aim: house.aim(0, 1), ..Input::default() }
}

#[test]
fn a_beam_hurts_who_is_in_line() {
    let mut house = duel(&on_map(OPEN));
    house.step(&[Input { beam: true, ..aimed(&house) }]);
    let hit = Event::Hit { victim: PlayerId(1), by: PlayerId(0), weapon: Weapon::Beam, damage: 18 };
    assert!(house.events().contains(&hit), "{:?}", house.events());
    assert_eq!(house.ships()[1].health, 82);
    assert!(house.own(0).unwrap().beam_wait > 0);
    house.step(&[Input { beam: true, ..aimed(&house) }]);
    assert_eq!(house.ships()[1].health, 82, "the beam was not ready");
}

#[test]
fn a_wall_stops_a_beam() {
    let mut house = duel(&on_map(WALLED));
    house.step(&[Input { beam: true, ..aimed(&house) }]);
    let events = house.events();
    let [Event::Beam { to_x, .. }] = events[..] else { panic!("{events:?}") };
    assert!((5.0..=6.0).contains(&to_x), "{to_x}");
    assert_eq!(house.ships()[1].health, 100);
}

#[test]
fn a_beam_misses_who_is_beside_it() {
    let mut house = duel(&on_map(OPEN));
    house.step(&[Input { aim: house.aim(0, 1) + 0.2, beam: true, ..Input::default() }]);
    assert_eq!(house.ships()[1].health, 100);
}

#[test]
fn a_rocket_flies_and_explodes_at_a_ship() {
    let mut house = duel(&on_map(OPEN));
    house.step(&[Input { rocket: true, ..aimed(&house) }]);
    assert_eq!(house.own(0).unwrap().ammo, 2);
    assert_eq!(house.ships()[1].health, 100);
    for _ in 0..30 {
        house.step(&[]);
    }
    assert_eq!(house.ships()[1].health, 30);
    assert_eq!(house.ships()[0].health, 100, "a rocket does not hurt who fired it");
    assert!(!house.views().iter().any(|(_, view)| matches!(view, View::Rocket { .. })));
}

#[test]
fn a_wall_shields_from_an_explosion() {
    let mut house = duel(&on_map(&["#######", "#S.#.S#", "#..#..#", "#.....#", "#######"]));
    let mut exploded = false;
    for tick in 0..30 {
        house.step(&[Input { rocket: tick == 0, ..aimed(&house) }]);
        exploded |= house.events().iter().any(|event| matches!(event, Event::Explosion { .. }));
    }
    assert!(exploded);
    assert_eq!(house.ships()[1].health, 100);
}

#[test]
fn who_dies_waits_and_lives_again() {
    let mut house = duel(&on_map(OPEN));
    let mut killed_after = 0;
    while house.ships()[1].alive {
        house.step(&[Input { beam: true, ..aimed(&house) }]);
        killed_after += 1;
        assert!(killed_after < 100);
    }
    let kill = Event::Kill { victim: PlayerId(1), killer: PlayerId(0), weapon: Weapon::Beam };
    assert!(house.events().contains(&kill));
    assert_eq!((house.ships()[0].kills, house.ships()[1].deaths), (1, 1));
    let wait = house.own(1).unwrap().respawn_wait;
    assert_eq!(wait, 75);
    for _ in 1..wait {
        house.step(&[]);
        assert!(!house.ships()[1].alive);
    }
    house.step(&[]);
    assert!(matches!(house.events()[..], [Event::Respawn { player: PlayerId(1), .. }]));
    let ships = house.ships();
    assert_eq!((ships[1].alive, ships[1].health), (true, 100));
    assert!((ships[0].x - ships[1].x).abs() > 4.0, "far from the enemy: {ships:?}");
}

#[test]
fn a_shot_at_a_life_that_is_over_does_not_hurt_the_next_one() {
    let mut config = on_map(OPEN);
    config.beam.damage = 127;
    config.beam.cooldown_s = 0.05;
    config.respawn_s = 0.0;
    let mut house = duel(&config);
    house.step(&[]);
    let there = Input { beam: true, ..aimed(&house) };
    let seen = ViewTime::at(house.now());
    house.view_times = vec![(PlayerId(0), seen)];
    house.step(&[there]);
    assert_eq!(house.ships()[1].deaths, 1);
    house.step(&[]);
    assert!(house.ships()[1].alive, "at once");
    house.step(&[]);
    house.step(&[there]);
    assert_eq!(house.ships()[1].deaths, 1, "its screen shows the life before");
    let shot = |event: &Event| matches!(event, Event::Beam { player: PlayerId(0), .. });
    assert!(house.events().iter().any(shot));
}

#[test]
fn two_ships_can_kill_each_other() {
    let mut config = on_map(OPEN);
    config.beam.damage = 127;
    let mut house = duel(&config);
    let there = Input { beam: true, ..aimed(&house) };
    let back = Input { aim: house.aim(1, 0), ..there };
    house.step(&[there, back]);
    assert!(house.ships().iter().all(|ship| !ship.alive && ship.kills == 1 && ship.deaths == 1));
}

#[test]
fn a_pickup_is_taken_by_who_needs_it_and_comes_back() {
    let mut config = on_map(&["#####", "#S..#", "#H..#", "#...#", "#####"]);
    config.pickup.return_s = 1.0;
    let mut house = House::open(&config, 1, 30);
    let is_present = |house: &House| {
        house
            .views()
            .iter()
            .any(|(_, view)| matches!(view, View::Pickup { item: Item::Health, present: true, .. }))
    };
    let down = [Input { y: 127, ..Input::default() }];
    for _ in 0..30 {
        house.step(&down);
    }
    assert!(is_present(&house), "a whole ship leaves it");

    let mut config = on_map(&["#####", "#S..#", "#A..#", "#...#", "#####"]);
    config.pickup.return_s = 1.0;
    let mut house = House::open(&config, 1, 30);
    let mut taken = 0;
    for _ in 0..30 {
        house.step(&down);
        let event = Event::Taken { player: PlayerId(0), item: Item::Ammo };
        taken += house.events().iter().filter(|&happened| *happened == event).count();
    }
    assert_eq!((taken, house.own(0).unwrap().ammo), (1, 6));
    for _ in 0..60 {
        house.step(&[]);
    }
    assert!(house.views().iter().any(|(_, view)| matches!(view, View::Pickup { present: true, .. })));
}
