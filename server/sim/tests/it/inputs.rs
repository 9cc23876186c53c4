//! Inputs and messages on their way through a room.

use fracas_shared::limits::{
    INPUT_AHEAD_TICKS_MAX, INPUT_REPEAT_TICKS_MAX, MESSAGES_PER_TICK_MAX, MESSAGES_WAITING_MAX,
};
use fracas_shared::{EntityId, EntityRef, PlayerId};
use fracas_sim::MessageRefused;

use crate::table::Table;
use crate::tokens::{Input, Message};

#[test]
fn the_rules_get_one_input_of_each_seat_in_each_tick() {
    let mut table = Table::new(6, 6);
    let (eager, lazy, doubled) = (table.join("eager"), table.join("lazy"), table.join("doubled"));
    for _ in 0..100 {
        let next = table.now().next();
        for ahead in 0..3 {
            table.steps(eager, next + ahead, 1);
        }
        table.steps(doubled, next, 9);
        table.steps(doubled, next, 1);
        table.tick();
        let players: Vec<_> = table.room.last_record().inputs.iter().map(|(player, _)| player.0).collect();
        assert_eq!(players, [0, 1, 2, 3, 4, 5]);
    }
    assert_eq!((table.at(eager), table.at(lazy), table.at(doubled)), (100, 0, 100));
}

#[test]
fn a_hoard_of_inputs_moves_nobody_faster() {
    let mut table = Table::new(1, 0);
    let player = table.join("hoarder");
    let next = table.now().next();
    for ahead in 0..1_000 {
        table.steps(player, next + ahead, 1);
    }
    for tick in 1..=100 {
        table.tick();
        assert_eq!(table.at(player), tick.min(INPUT_AHEAD_TICKS_MAX + INPUT_REPEAT_TICKS_MAX));
    }
}

#[test]
fn a_player_hears_which_input_was_used_and_how_early_it_came() {
    let mut table = Table::new(1, 0);
    let player = table.join("player");
    let viewer = table.watch(Some(player));
    let check = |table: &mut Table, input_tick, margin| {
        table.tick();
        table.flush(viewer);
        let (head, _) = table.lines[viewer].1.own().expect("a player gets an own message");
        assert_eq!((head.input_tick.0, head.input_margin), (input_tick, margin));
    };
    check(&mut table, 0, None);
    table.steps(player, table.now() + 4, 1);
    check(&mut table, 0, Some(3));
    table.steps(player, table.now() + 1, 1);
    check(&mut table, 3, Some(0));
    check(&mut table, 3, None);
    check(&mut table, 5, None);
    table.steps(player, table.now(), 1);
    check(&mut table, 5, Some(-1));
}

#[test]
fn inputs_name_entities_by_their_ids() {
    let mut table = Table::new(2, 0);
    let player = table.join("player");
    let viewer = table.watch(Some(player));
    table.tick();
    let known = table.room.snapshot().rows().next().expect("a still token").id;
    let unknown = EntityId::new(60_000).expect("not 0");
    for (named, resolves) in [(known, true), (unknown, false)] {
        table.input(player, table.now().next(), &Input { steps: 0, target: EntityRef::Id(named) });
        table.tick();
        table.flush(viewer);
        let used = table.room.last_record().inputs[0].1.target;
        assert_eq!(used.key().is_some(), resolves);
        // On the way back it is an id again.
        let own = table.lines[viewer].1.own().and_then(|(_, own)| own.cloned());
        assert_eq!(own.expect("an own row").target, EntityRef::Id(named));
    }
}

#[test]
fn inputs_for_seats_of_bots_and_of_nobody_are_not_used() {
    let mut table = Table::new(3, 1);
    table.tick();
    for player in [0, 1, 999].map(PlayerId) {
        table.steps(player, table.now().next(), 200);
    }
    table.tick();
    let inputs = &table.room.last_record().inputs;
    assert_eq!(inputs.len(), 1);
    assert_ne!(inputs[0].1.steps, 200);
}

#[test]
fn a_few_messages_are_taken_in_each_tick_and_the_rest_wait() {
    let mut table = Table::new(1, 0);
    let player = table.join("player");
    let shout = Message::Shout { text: "hey".into() };
    for _ in 0..MESSAGES_WAITING_MAX {
        assert_eq!(table.message(player, &shout), Ok(()));
    }
    assert_eq!(table.message(player, &shout), Err(MessageRefused::TooMany));
    let ticks = MESSAGES_WAITING_MAX.div_ceil(MESSAGES_PER_TICK_MAX);
    for _ in 0..ticks {
        table.tick();
        assert_eq!(table.room.last_record().messages.len(), MESSAGES_PER_TICK_MAX);
    }
    table.tick();
    assert!(table.room.last_record().messages.is_empty());
}

#[test]
fn what_is_no_input_is_refused() {
    let mut table = Table::new(1, 0);
    let player = table.join("player");
    for packet in [&[][..], &[0; 7], &[0; 8], &[0; 200]] {
        assert!(table.room.input(player, packet).is_err(), "{packet:?}");
    }
    assert!(matches!(table.room.message(player, &[0xff; 3]), Err(MessageRefused::Malformed(_))));
}
