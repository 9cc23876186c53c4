//! Lists of games, known when a program is compiled.

use crate::pilot::Pilot;

/// Something that is done for each game of a list.
pub trait GameVisitor {
    /// Called once for each game.
    fn visit<G: Pilot>(&mut self);
}

/// A list of games. Make one with [`games!`](crate::games!).
pub trait GameList {
    /// Calls the visitor with each game, in the list's order.
    fn visit_all(visitor: &mut impl GameVisitor);
}

/// Makes a type that is a [`GameList`]:
/// `games! { /// The games hosted here. pub struct Games = [Arena, Dots] }`.
#[macro_export]
macro_rules! games {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident = [$($game:ty),* $(,)?]) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $crate::GameList for $name {
            fn visit_all(visitor: &mut impl $crate::GameVisitor) {
                $($crate::GameVisitor::visit::<$game>(visitor);)*
            }
        }
    };
}
