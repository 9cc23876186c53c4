//! What the rules of a match may not call is the same list wherever rules are.

use std::fs;

use crate::sources::{read, root};

#[test]
fn the_bans_are_the_same_in_every_pure_crate() {
    let bans = read("shared/clippy.toml");
    let games = fs::read_dir(root().join("games")).expect("there are games").flatten();
    let games = games.filter(|game| game.path().is_dir() && game.file_name() != "registry");
    let games = games.map(|game| format!("games/{}", game.file_name().to_string_lossy()));
    for folder in games.chain(["server/sim".to_owned()]) {
        let same = read(&format!("{folder}/clippy.toml")) == bans;
        assert!(same, "{folder}/clippy.toml differs from shared/clippy.toml: copy it from there");
    }
}
