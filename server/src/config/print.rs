//! A [`Config`] as a file with comments.

use std::fmt::Write;

use clap::CommandFactory;
use fracas_shared::limits::{
    LINGER_TIME_MAX_S, REWIND_TICKS_MAX, REWIND_TIME_MAX_MS, SEATS_MAX, TICK_HZ_MAX,
};
use fracas_shared::{GameList, GameVisitor, Pilot};
use toml::{Table, Value};

use super::Config;
use super::load::Arguments;

impl Config {
    /// The whole configuration as TOML: each setting with its meaning, its flag and its
    /// environment variable as comments, each hosted game with a table. It can be read again.
    pub(super) fn to_commented_toml<G: GameList>(&self) -> String {
        let mut text = String::from(
            "# The configuration of a Fracas server.\n\
             # Flags beat environment variables, these beat this file, this file beats the defaults.\n",
        );
        let command = Arguments::command();
        let mut heading = None;
        for (name, value) in self.values() {
            let argument = command.get_arguments().find(|argument| argument.get_id() == name);
            let argument = argument.expect("each setting is a flag");
            if heading != argument.get_help_heading() {
                heading = argument.get_help_heading();
                put(&mut text, format_args!("\n# {}\n", heading.unwrap_or_default()));
            }
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let flag = argument.get_long().unwrap_or_default();
            let env = argument.get_env().unwrap_or_default().display();
            let one_of: Vec<_> = argument.get_possible_values();
            let one_of: Vec<_> = one_of.iter().map(clap::builder::PossibleValue::get_name).collect();
            put(&mut text, format_args!("\n# {help}\n"));
            if !one_of.is_empty() {
                put(&mut text, format_args!("# One of: {}\n", one_of.join(", ")));
            }
            let value = value.expect("each setting has a form in TOML");
            if self.secrets().any(|secret| secret == name) {
                put(
                    &mut text,
                    format_args!("# --{flag}, {env}; it is set, and not shown\n# {name} = \"\"\n"),
                );
                continue;
            }
            put(&mut text, format_args!("# --{flag}, {env}\n{name} = {value}\n"));
        }
        G::visit_all(&mut PrintGames { config: self, text: &mut text });
        text
    }
}

struct PrintGames<'a> {
    config: &'a Config,
    text: &'a mut String,
}

impl GameVisitor for PrintGames<'_> {
    fn visit<G: Pilot>(&mut self) {
        let game = self.config.game(G::ID);
        let (id, seats, tick_hz) =
            (G::ID, game.seats.unwrap_or(G::SEATS), game.tick_hz.unwrap_or(G::TICK_HZ));
        let linger_s = game.linger_s.unwrap_or(G::LINGER_S);
        let rewind_ms = game.rewind_ms.unwrap_or(G::REWIND_MS);
        let (bots, permanent) = (game.bots.unwrap_or(G::BOTS), game.permanent);
        put(
            self.text,
            format_args!(
                "\n# Rooms of the game {id}. On the command line: --game {id}.bots={bots}\n\
                 [games.{id}]\n\
                 # Seats of a room, 1 to {SEATS_MAX}\n\
                 seats = {seats}\n\
                 # Seconds for which a seat is kept after its connection was lost, 0 to {LINGER_TIME_MAX_S}\n\
                 linger_s = {linger_s}\n\
                 # How far back lag compensation goes at most, in milliseconds, 0 to {REWIND_TIME_MAX_MS}\n\
                 # and not more than {REWIND_TICKS_MAX} ticks\n\
                 rewind_ms = {rewind_ms}\n\
                 # Ticks per second, 1 to {TICK_HZ_MAX}\n\
                 tick_hz = {tick_hz}\n\
                 # Seats that bots fill as long as no player wants them; one is always left to a player\n\
                 bots = {bots}\n\
                 # Whether a room is opened at the start and never ends\n\
                 permanent = {permanent}\n"
            ),
        );
        let rules = game.rules_table::<G>();
        if !rules.is_empty() {
            let nested = nest(["games", id, "config"], rules);
            let nested = toml::to_string_pretty(&nested).expect("what was read can be written");
            put(self.text, format_args!("\n# The game's own config\n{nested}"));
        }
    }
}

/// The table under this path, so that it prints with whole headings.
fn nest(path: [&str; 3], table: Table) -> Table {
    path.into_iter().rev().fold(table, |inner, key| Table::from_iter([(key.into(), Value::Table(inner))]))
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes everything");
}
