//! Matches: how they end and begin again, who comes and goes, and how many there may be.

use fracas_arena::{Config, Event, Input};
use fracas_shared::{Game, LeaveReason, PlayerId};

use crate::house::House;

fn short() -> Config {
    Config { score_limit: 2, ..Config::default() }
}

/// Plays until the match ends; how many ticks that took.
fn play(house: &mut House, ticks_max: u32) -> u32 {
    for tick in 0..ticks_max {
        house.step_pilots();
        if house.outcome().is_some() {
            return tick;
        }
    }
    panic!("no outcome after {ticks_max} ticks");
}

#[test]
fn a_match_ends_by_score_and_the_next_begins() {
    let mut house = House::open(&short(), 8, 30);
    play(&mut house, 30 * 120);
    let standings = house.outcome().unwrap().standings;
    assert_eq!(standings.len(), 8);
    assert_eq!(standings[0].1, 2);
    assert!(standings.is_sorted_by(|a, b| a.1 >= b.1));

    let health: u32 = house.ships().iter().map(|ship| u32::from(ship.health)).sum();
    for _ in 0..100 {
        house.step_pilots();
        let hurts = |event: &Event| matches!(event, Event::Hit { .. } | Event::Beam { .. });
        assert!(!house.events().iter().any(hurts), "nobody is hurt between matches");
    }
    assert_eq!(house.outcome().unwrap().standings, standings);
    assert!(house.ships().iter().map(|ship| u32::from(ship.health)).sum::<u32>() >= health);

    house.begin();
    assert_eq!(house.outcome(), None);
    assert!(house.ships().iter().all(|ship| ship.alive && ship.kills == 0 && ship.deaths == 0));
    play(&mut house, 30 * 120);
}

#[test]
fn a_match_ends_by_time() {
    let mut house = House::open(&Config { time_limit_s: 10.0, ..Config::default() }, 2, 30);
    for _ in 0..299 {
        house.step(&[]);
        assert_eq!(house.outcome(), None);
    }
    house.step(&[]);
    assert_eq!(house.outcome().unwrap().standings, [(PlayerId(0), 0), (PlayerId(1), 0)]);
}

#[test]
fn a_seat_can_change_hands() {
    let mut house = House::open(&Config::default(), 3, 30);
    house.step(&[Input { rocket: true, ..Input::default() }]);
    house.with(|rules, ctx| rules.leave(ctx, PlayerId(0), LeaveReason::Lost));
    house.with(|rules, ctx| rules.leave(ctx, PlayerId(0), LeaveReason::Lost));
    assert_eq!(house.ships().iter().map(|ship| ship.player).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(house.own(0), None);
    house.step(&[]);
    let profile = fracas_shared::Profile::player("next");
    house.with(|rules, ctx| rules.join(ctx, PlayerId(0), &profile));
    house.step(&[]);
    assert_eq!(house.ships().len(), 3);
}

#[test]
fn a_thousand_ships_fit() {
    let mut house = House::open(&Config::default(), 1000, 30);
    let input = |tick: u32, player: u16| Input {
        x: if player.is_multiple_of(2) { 127 } else { -127 },
        y: (player % 255) as i8,
        aim: tick as f32 + f32::from(player),
        beam: true,
        rocket: true,
    };
    for tick in 0..20 {
        let inputs: Vec<_> = (0..1000).map(|player| input(tick, player)).collect();
        house.step(&inputs);
    }
    assert_eq!(house.ships().len(), 1000);
}

#[test]
fn the_same_match_is_the_same() {
    let play = || {
        let mut house = House::open(&Config::default(), 8, 30);
        for _ in 0..300 {
            house.step_pilots();
        }
        house.bytes()
    };
    assert!(play() == play());
}
