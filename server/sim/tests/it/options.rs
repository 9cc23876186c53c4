//! Options of rooms, and errors that name the field.

use fracas_shared::limits::{
    LINGER_TIME_MAX_S, PASSWORD_BYTES_MAX, REWIND_TICKS_MAX, REWIND_TIME_MAX_MS, SEATS_MAX, TICK_HZ_MAX,
};
use fracas_shared::{ConfigError, Game};
use fracas_sim::{OptionsPatch, Room, RoomOptions};

use crate::tokens::{Board, Config, Tokens};

fn patched(json: &str) -> Result<RoomOptions<Config>, ConfigError> {
    RoomOptions::of::<Tokens>().patched::<Tokens>(&OptionsPatch::from_json(json)?)
}

#[test]
fn a_patch_changes_what_it_names() {
    let options = patched(r#"{"seats": 9, "bots": 9, "config": {"board": {"width": 3}}}"#).expect("good");
    assert_eq!((options.seats, options.bots, options.tick_hz), (9, 9, Tokens::TICK_HZ));
    let board = Board { width: 3, ..Board::default() };
    assert_eq!(options.config, Config { board, ..Config::default() });
    assert_eq!(patched("").expect("good").config, Config::default());
}

#[test]
fn an_error_names_the_field() {
    let check = |json: &str, field: &str, problem: &str| {
        let error = patched(json).expect_err(json);
        assert_eq!(error.field, field, "{json}: {error}");
        assert!(error.problem.contains(problem), "{json}: {error}");
    };
    check(r#"{"seats": 0}"#, "seats", "from 1 to 1000");
    check(r#"{"seats": 70000}"#, "seats", "70000");
    check(r#"{"seats": "many"}"#, "seats", "many");
    check(r#"{"tick_hz": 241}"#, "tick_hz", "from 1 to 240");
    check(r#"{"bots": 5}"#, "bots", "from 0 to 4");
    check(r#"{"seat": 5}"#, "seat", "unknown field");
    check(r#"{"config": 5}"#, "config", "expected a map");
    check(r#"{"config": {"goal": -1}}"#, "config.goal", "-1");
    check(r#"{"config": {"goal": 5, "board": {"height": 999}}}"#, "config.board.height", "999");
    check(r#"{"config": {"gaol": 5}}"#, "config.gaol", "unknown field");
    check(r#"{"seats": 1"#, "options", "EOF");
    check(&format!(r#"{{"metadata": {{"x": "{}"}}}}"#, "x".repeat(2048)), "options", "longer than 2048");
}

#[test]
fn options_have_limits() {
    for (field, max) in [
        ("seats", SEATS_MAX.into()),
        ("tick_hz", TICK_HZ_MAX.into()),
        ("linger_s", LINGER_TIME_MAX_S.into()),
        ("rewind_ms", u32::from(REWIND_TIME_MAX_MS)),
    ] {
        patched(&format!(r#"{{"{field}": {max}}}"#)).expect(field);
        let error = patched(&format!(r#"{{"{field}": {}}}"#, max + 1)).expect_err(field);
        assert_eq!(error.field, field);
    }
    let password = |bytes: usize| patched(&format!(r#"{{"password": "{}"}}"#, "x".repeat(bytes)));
    password(PASSWORD_BYTES_MAX).expect("a long one");
    assert_eq!(password(PASSWORD_BYTES_MAX + 1).expect_err("too long").field, "password");
}

#[test]
fn a_room_looks_back_by_so_many_ticks() {
    let tick_hz = u32::from(TICK_HZ_MAX);
    let max_ms = REWIND_TICKS_MAX * 1000 / tick_hz;
    let rewind = |ms: u32| patched(&format!(r#"{{"tick_hz": {tick_hz}, "rewind_ms": {ms}}}"#));
    rewind(max_ms).expect("as many ticks");
    let error = rewind(max_ms + 1).expect_err("more ticks");
    assert_eq!(error.to_string(), format!("`rewind_ms`: must be from 0 to {max_ms}, not {}", max_ms + 1));
}

#[test]
fn the_game_itself_may_refuse() {
    let options = patched(r#"{"config": {"goal": 0}}"#).expect("only the game knows better");
    let error = Room::<Tokens>::open(options, 1).err().expect("a goal of 0");
    assert_eq!(error.to_string(), "`goal`: must be above 0");
}
