//! The conformance suite for every game of the registry.

use fracas_games::Games;
use fracas_shared::{GameList, GameVisitor, Pilot};
use fracas_sim::conformance;

/// A test that visits all games with one check.
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {$(
        #[test]
        fn $check() {
            struct Check;

            impl GameVisitor for Check {
                fn visit<G: Pilot>(&mut self) {
                    conformance::$check::<G>();
                }
            }

            Games::visit_all(&mut Check);
        }
    )+};
}

checks!(determinism, checkpoint, records, round_trips, viewers, hostile_inputs, churn, matches);

/// A game whose rows hold texts, whose inputs name entities and whose players speak.
#[test]
fn a_game_of_all_features_conforms() {
    conformance::check::<crate::tokens::Tokens>();
}
