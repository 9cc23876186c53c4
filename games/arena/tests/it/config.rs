//! Configs: defaults, what is laid over them, and refusals that name the field.

use fracas_arena::{Arena, Config};
use fracas_shared::Game;

use crate::house::on_map;

#[test]
fn what_is_not_given_is_the_default() {
    let config: Config = serde_json::from_str(r#"{"beam": {"damage": 40}, "score_limit": 3}"#).unwrap();
    let mut expected = Config { score_limit: 3, ..Config::default() };
    expected.beam.damage = 40;
    assert_eq!(config, expected);
}

#[test]
fn a_config_is_written_with_its_map() {
    let json = serde_json::to_string(&Config::default()).unwrap();
    assert!(json.contains("####################"), "{json}");
    let read: Config = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    assert!(Arena::new(&read).is_ok());
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let check = |json: &str, word: &str| {
        let error = serde_json::from_str::<Config>(json).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    check(r#"{"gravity": 1}"#, "gravity");
    check(r#"{"ship": {"wings": 2}}"#, "wings");
    check(r#"{"ship": {"speed_mps": "fast"}}"#, "expected f32 in `ship.speed_mps`");
    check(r#"{"map": 5}"#, "a map's name or the list of its rows");
}

#[test]
fn a_number_out_of_range_is_refused_by_its_path() {
    let check = |json: &str, expected: &str| {
        let config: Config = serde_json::from_str(json).unwrap();
        assert_eq!(Arena::new(&config).err().unwrap().to_string(), expected);
    };
    check(r#"{"score_limit": 0}"#, "`score_limit`: 0 is not from 1 to 1000");
    check(r#"{"ship": {"radius_m": 0.6}}"#, "`ship.radius_m`: 0.6 is not from 0.2 to 0.45");
    check(r#"{"rocket": {"speed_mps": 1e9}}"#, "`rocket.speed_mps`: 1000000000 is not from 2 to 60");
    check(r#"{"beam": {"damage": 0}}"#, "`beam.damage`: 0 is not from 1 to 127");
    check(
        r#"{"map": "nowhere"}"#,
        "`map`: no map 'nowhere'; there are crossfire, duel, or give the map's rows",
    );
}

#[test]
fn every_built_in_map_can_be_played() {
    for name in ["crossfire", "duel"] {
        let config: Config = serde_json::from_str(&format!(r#"{{"map": "{name}"}}"#)).unwrap();
        assert!(Arena::new(&config).is_ok());
    }
}

#[test]
fn a_map_that_cannot_be_played_is_refused() {
    let check = |rows: &[&str], problem: &str| {
        let error = Arena::new(&on_map(rows)).err().unwrap().to_string();
        assert_eq!(error, format!("`map`: {problem}"));
    };
    check(&[], "a side of 0 cells is not from 5 to 128");
    check(&[".....", ".....", "....", ".....", "....."], "row 2 has 4 cells and the first has 5");
    check(
        &[".....", "..?..", ".....", ".....", "....."],
        "row 1, column 2: not one of the letters # . S H A",
    );
    check(&["....."; 5], "no spawn point `S`");
    check(&["S#...", "##...", ".....", "...H.", "....."], "row 3, column 3: cut off from the first `S`");
    check(&["S.é.", ".....", ".....", ".....", "....."], "row 0, column 2: not one of the letters # . S H A");
}
