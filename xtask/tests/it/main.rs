//! Rules of this project that no compiler checks, and the commands of this package.

mod arrows;
mod bans;
mod limits;
mod names;
mod new_game;
mod pages;
mod sources;
/// The game that `new-game` makes, played by its own test.
#[path = "../../templates/game.rs"]
pub mod template;
