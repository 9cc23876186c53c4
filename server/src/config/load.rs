//! From the command line, the environment and the file to a [`Config`].

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use fracas_shared::limits::{
    CONNECTIONS_MAX, ROOMS_MAX, SECRET_BYTES_MIN, SIGNING_SECRET_BYTES_MIN, TICKETS_MAX,
};
use fracas_shared::{GameList, GameVisitor, Pilot};
use thiserror::Error;
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use super::game::merge;
use super::{Auth, Config, DRAIN_DEADLINE_S, Overrides, SIM_THREADS_MAX};
use crate::drain::DrainOptions;
use crate::net::allowed_origins::AllowedOrigins;
use crate::networks::Networks;
use crate::rooms::ReplayOptions;

/// The file that is read if none is named and it exists.
const FILE_DEFAULT: &str = "fracas.toml";
const PING_INTERVAL_MAX_S: usize = 60;
const PING_TIMEOUT_MAX_S: usize = 120;
/// More than this in a second is no limit.
const ACTS_PER_S_MAX: usize = 1_000_000;
/// Less than two of its files is no journal; more hours are longer than anybody keeps one.
const JOURNAL_MB: RangeInclusive<u32> = 16..=1_000_000;
const JOURNAL_HOURS: RangeInclusive<u32> = 1..=8760;
const GAMES_ENV: &str = "FRACAS_GAMES";

const EXAMPLES: &str = "\
Flags beat environment variables, these beat the file, the file beats the defaults.

Examples:
  fracas-server                               serve this machine, on port 3000
  fracas-server --listen 0.0.0.0:3000         serve others, too
  fracas-server --game arena.bots=3           only three bots in the rooms of arena
  fracas-server --print-config > fracas.toml  begin a file of your own
  fracas-server --supervise                   be started again if it ever ends, and go on with all matches
  fracas-server replay fracas-data            make the matches of a journal again
  fracas-server drain --within 300            let the running server end when nobody plays, in 5 minutes at most";

/// The authoritative server of realtime matches.
#[derive(Parser, Debug)]
#[command(name = "fracas-server", version, after_help = EXAMPLES, max_term_width = 110, args_override_self = true)]
pub(super) struct Arguments {
    /// The file of settings, in TOML; without it, ./fracas.toml if there is one.
    #[arg(long, env = "FRACAS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints all settings as a file with comments, and ends.
    #[arg(long)]
    print_config: bool,
    /// Runs the server in another process, and starts it again when it ends before it is asked to.
    #[arg(long)]
    supervise: bool,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    overrides: Overrides,
    /// One setting of a game, as in its table of the file; may be repeated; `FRACAS_GAMES` takes several, with commas.
    #[arg(long, value_name = "GAME.KEY=VALUE", help_heading = "Rooms")]
    game: Vec<String>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Makes the matches of a journal again, and tells whether each comes out as it was.
    Replay(ReplayOptions),
    /// Lets nobody new into a running server, which ends when nobody plays any more.
    Drain(DrainOptions),
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    /// To serve with this configuration.
    Serve(Box<Config>),
    /// The same in another process, which is started again when it ends.
    Supervise(Box<Config>),
    /// To print this file of settings.
    PrintConfig(String),
    /// To make matches of a journal again.
    Replay(ReplayOptions),
    /// To drain the running server of this configuration.
    Drain(DrainOptions, Box<Config>),
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The command line or an environment variable is wrong, or help was asked for: let clap tell.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is not TOML, has an unknown key, or a value of the wrong type.
    #[error("the configuration file {} is wrong: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What and where.
        error: Box<toml::de::Error>,
    },
    /// A `--game` flag or its environment variable is wrong.
    #[error("{given}: {problem}")]
    Game {
        /// What was given.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value is not allowed, wherever it came from.
    #[error("setting `{name}`: {problem}")]
    Value {
        /// The setting, as its path in the file.
        name: String,
        /// What is wrong with it, and what is allowed.
        problem: String,
    },
}

impl Config {
    /// Reads the command line (the program's name first), the environment and the file.
    pub fn load<G: GameList>(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Invocation, LoadError> {
        let arguments = Arguments::try_parse_from(arguments)?;
        if let Some(Command::Replay(options)) = arguments.command {
            return Ok(Invocation::Replay(options));
        }
        let mut config = Self::default();
        if let Some(overrides) = read_file(arguments.config.as_deref())? {
            config.apply(overrides);
        }
        config.apply(arguments.overrides);
        if let Ok(text) = std::env::var(GAMES_ENV) {
            config.apply_games(&text, |given| format!("{GAMES_ENV}={given}"))?;
        }
        for text in &arguments.game {
            config.apply_games(text, |given| format!("--game {given}"))?;
        }
        config.check::<G>()?;
        if let Some(Command::Drain(options)) = arguments.command {
            return Ok(Invocation::Drain(options, Box::new(config)));
        }
        Ok(if arguments.print_config {
            Invocation::PrintConfig(config.to_commented_toml::<G>())
        } else if arguments.supervise {
            Invocation::Supervise(Box::new(config))
        } else {
            Invocation::Serve(Box::new(config))
        })
    }

    /// Puts the inside of an inline table, `arena.bots = 3, dots.seats = 4`, over the games.
    fn apply_games(&mut self, text: &str, given: impl Fn(&str) -> String) -> Result<(), LoadError> {
        let wrong = |problem: &dyn fmt::Display| LoadError::Game {
            given: given(text),
            problem: problem.to_string().trim_end().to_owned(),
        };
        let read = |text: &str| toml::from_str::<Table>(&format!("games = {{ {text} }}"));
        // A word needs no quotes, for the shell would eat them.
        let quoted = || {
            let (key, value) = text.split_once('=')?;
            read(&format!("{key} = {}", Value::from(value.trim()))).ok()
        };
        let Some(over) = read(text).ok().or_else(quoted) else {
            return Err(wrong(&"not of the form GAME.KEY=VALUE, with a value as in TOML"));
        };
        let mut all = Table::new();
        all.insert("games".into(), Value::try_from(&self.games).map_err(|error| wrong(&error))?);
        merge(&mut all, over);
        let all: Overrides = all.try_into().map_err(|error| wrong(&error))?;
        self.games = all.games;
        Ok(())
    }

    fn check<G: GameList>(&self) -> Result<(), LoadError> {
        let value = |name: &str, problem: String| LoadError::Value { name: name.into(), problem };
        for (name, count, max) in [
            ("connections_max", self.connections_max, CONNECTIONS_MAX),
            ("connections_per_address_max", self.connections_per_address_max, CONNECTIONS_MAX),
            ("requests_per_address_max", self.requests_per_address_max as usize, ACTS_PER_S_MAX),
            ("joins_per_address_max", self.joins_per_address_max as usize, ACTS_PER_S_MAX),
            ("tickets_per_address_max", self.tickets_per_address_max, TICKETS_MAX),
            ("seats_per_address_max", self.seats_per_address_max, CONNECTIONS_MAX),
            ("rooms_per_address_max", self.rooms_per_address_max, ROOMS_MAX),
            ("rooms_max", self.rooms_max, ROOMS_MAX),
            ("sim_threads", self.sim_threads.unwrap_or(1), SIM_THREADS_MAX),
            ("socketio_ping_interval_s", self.socketio_ping_interval_s.into(), PING_INTERVAL_MAX_S),
            ("socketio_ping_timeout_s", self.socketio_ping_timeout_s.into(), PING_TIMEOUT_MAX_S),
        ] {
            if !(1..=max).contains(&count) {
                return Err(value(name, format!("{count} is out of range; 1 to {max} are allowed")));
            }
        }
        for (name, number, range) in [
            ("journal_mb_max", self.journal_mb_max, JOURNAL_MB),
            ("journal_hours_max", self.journal_hours_max, JOURNAL_HOURS),
            ("drain_deadline_s", self.drain_deadline_s, DRAIN_DEADLINE_S),
        ] {
            if !range.contains(&number) {
                let (least, most) = range.into_inner();
                return Err(value(name, format!("{number} is out of range; {least} to {most} are allowed")));
            }
        }
        EnvFilter::try_new(&self.log).map_err(|error| {
            value("log", format!("{error}; try `info` or `info,fracas_server::net=debug`"))
        })?;
        self.admin_token.check(SECRET_BYTES_MIN).map_err(|problem| value("admin_token", problem))?;
        self.allowed_origins
            .parse::<AllowedOrigins>()
            .map_err(|problem| value("allowed_origins", problem))?;
        let proxies: Networks =
            self.trusted_proxies.parse().map_err(|problem| value("trusted_proxies", format!("{problem}")))?;
        if self.proxy_protocol && proxies.is_empty() {
            let problem = "nobody is believed: say by `trusted_proxies` whose connections begin with it";
            return Err(value("proxy_protocol", problem.to_owned()));
        }
        if self.tls_cert.is_empty() != self.tls_key.is_empty() {
            let (missing, there) =
                if self.tls_key.is_empty() { ("tls_key", "tls_cert") } else { ("tls_cert", "tls_key") };
            return Err(value(missing, format!("`{there}` is of no use without it")));
        }
        self.check_auth().map_err(|(name, problem)| value(name, problem))?;
        for (id, game) in &self.games {
            game.check().map_err(|(name, problem)| value(&format!("games.{id}.{name}"), problem))?;
        }
        let mut check = CheckGames { config: self, ids: Vec::new(), error: None };
        G::visit_all(&mut check);
        if let Some(id) = self.games.keys().find(|id| !check.ids.contains(&id.as_str())) {
            let problem = format!("no such game is hosted; there are: {}", check.ids.join(", "));
            return Err(value(&format!("games.{id}"), problem));
        }
        check.error.map_or(Ok(()), Err)
    }
}

impl Config {
    /// The first setting of who may join that does not go with the others: its name, and the problem.
    fn check_auth(&self) -> Result<(), (&'static str, String)> {
        let has_secret = self.auth_secret.is_set();
        let of_jwt = [
            ("auth_public_key", &self.auth_public_key),
            ("auth_audience", &self.auth_audience),
            ("auth_issuer", &self.auth_issuer),
        ];
        let in_vain = of_jwt.iter().find(|(_, text)| !text.is_empty());
        match self.auth {
            Auth::Open if has_secret => Err((
                "auth_secret",
                "nobody is asked for it: set `auth` to `secret` or `jwt`, too".to_owned(),
            )),
            Auth::Secret if !has_secret => Err(("auth", "`secret` needs `auth_secret`, too".to_owned())),
            Auth::Jwt if has_secret != self.auth_public_key.is_empty() => {
                Err(("auth", "`jwt` needs one of `auth_secret` and `auth_public_key`".to_owned()))
            }
            Auth::Jwt if !cfg!(feature = "jwt") => {
                Err(("auth", "this server was built without JWT; build it with `--features jwt`".to_owned()))
            }
            Auth::Jwt => {
                self.auth_secret.check(SIGNING_SECRET_BYTES_MIN).map_err(|error| ("auth_secret", error))
            }
            _ => match in_vain {
                Some((name, _)) => Err((name, "it is of `auth = \"jwt\"`, which is not set".to_owned())),
                None => self.auth_secret.check(SECRET_BYTES_MIN).map_err(|error| ("auth_secret", error)),
            },
        }
    }
}

struct CheckGames<'a> {
    config: &'a Config,
    ids: Vec<&'static str>,
    error: Option<LoadError>,
}

impl GameVisitor for CheckGames<'_> {
    fn visit<G: Pilot>(&mut self) {
        self.ids.push(G::ID);
        let error = match self.config.game(G::ID).rules::<G>() {
            Err(error) => Some((error.field, error.problem)),
            // The rules' own judgement, before anyone is told that the server is there.
            Ok(config) => G::new(&config)
                .err()
                .map(|error| (format!("games.{}.config.{}", G::ID, error.field), error.problem)),
        };
        if let Some((name, problem)) = error {
            self.error = Some(LoadError::Value { name, problem });
        }
    }
}

fn read_file(named: Option<&Path>) -> Result<Option<Overrides>, LoadError> {
    let path = named.unwrap_or(Path::new(FILE_DEFAULT));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LoadError::Unreadable { path: path.into(), error }),
    };
    let wrong = |error| LoadError::File { path: path.into(), error: Box::new(error) };
    toml::from_str(&text).map(Some).map_err(wrong)
}
