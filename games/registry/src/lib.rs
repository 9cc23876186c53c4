//! The one list of games, which the server and the load tester both visit.
//!
//! A game is added with its folder beside this one, its line in this crate's `Cargo.toml` and its
//! line here.

fracas_shared::games! {
    /// The games of this build, in the order in which they are listed.
    pub struct Games = [
        fracas_arena::Arena,
        fracas_dots::Dots,
        fracas_canvas::Canvas,
    ]
}
