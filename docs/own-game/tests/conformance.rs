//! What the house asks of every game.

use tag::Tag;

#[test]
fn it_keeps_what_every_game_must_keep() {
    fracas_sim::conformance::check::<Tag>();
}
