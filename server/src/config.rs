//! What an operator may set, and where the values come from.
//!
//! One table declares every setting of the server once: its meaning, its type, its default, its
//! flag and its environment variable. Flags beat environment variables, those beat the file, the
//! file beats the defaults. What a game's rooms are like is a table of its own for each game:
//! [`GameConfig`].

mod game;
mod load;
mod print;
mod secret;
mod word;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use fracas_shared::LineProfile;
use fracas_shared::limits::{
    CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, JOINS_PER_ADDRESS_MAX, REQUESTS_PER_ADDRESS_MAX, ROOMS_MAX,
    ROOMS_PER_ADDRESS_MAX, SEATS_PER_ADDRESS_MAX, SECRET_BYTES_MIN, SIGNING_SECRET_BYTES_MIN,
    STEP_TIME_MAX_MS, TICKETS_MAX, TICKETS_PER_ADDRESS_MAX,
};
#[cfg(feature = "planted-faults")]
use fracas_sim::PlantedFault;
use serde::{Deserialize, Serialize};

pub use game::GameConfig;
pub use load::{Invocation, LoadError};
pub use secret::Secret;
use word::{Auto, Off, OrWord, Random, Unchanged};

/// More threads than this are a slip of the keyboard.
pub(crate) const SIM_THREADS_MAX: usize = 256;
/// For how long a server may be drained: a day is longer than matches.
pub(crate) const DRAIN_DEADLINE_S: RangeInclusive<u32> = 1..=86_400;

/// The type that a setting is given as: its own, unless the table names one.
macro_rules! given {
    ($type:ty) => {
        $type
    };
    ($type:ty, $given:ty) => {
        $given
    };
}

macro_rules! settings {
    ($($heading:literal {
        $($(#[doc = $doc:literal])+
        $(#[cfg($cfg:meta)])?
        $name:ident: $type:ty $(as $given:ty)? = $default:expr, $env:literal, $value:literal;)+
    })+) => {
        /// The configuration of a server.
        ///
        /// The default is what a server without flags, environment and file has.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($($(#[doc = $doc])+ $(#[cfg($cfg)])? pub $name: $type,)+)+
            /// What the rooms of each game are like, by the game's id. A game that is not in it
            /// has the default; [`Config::game`] answers for both.
            pub games: BTreeMap<String, GameConfig>,
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($($(#[cfg($cfg)])? $name: $default,)+)+ games: BTreeMap::new() }
            }
        }

        impl Config {
            /// Takes over what is given, and keeps the rest.
            fn apply(&mut self, given: Overrides) {
                $($($(#[cfg($cfg)])? if let Some(value) = given.$name {
                    self.$name = <$type>::from(value);
                })+)+
                self.games.extend(given.games);
            }

            /// Every setting's name and its value as a file has it, in the order of the table.
            fn values(&self) -> Vec<(&'static str, Result<toml::Value, toml::ser::Error>)> {
                // Not `vec!`, which does not know of settings that are not built.
                Vec::from([$($($(#[cfg($cfg)])? (
                    stringify!($name),
                    toml::Value::try_from(<given!($type $(, $given)?)>::from(self.$name.clone())),
                ),)+)+])
            }
        }

        /// What a file, or flags and environment together, give.
        #[derive(Args, Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Overrides {
            $($($(#[doc = $doc])+
            $(#[cfg($cfg)])?
            #[arg(long, env = $env, hide_env_values = true, value_name = $value, help_heading = $heading)]
            $name: Option<given!($type $(, $given)?)>,)+)+
            #[arg(skip)]
            games: BTreeMap<String, GameConfig>,
        }
    };
}

settings! {
    "Network" {
        /// Where players connect: pages, room listing and WebSockets on one port; port 0 takes a free one.
        listen: SocketAddr = (Ipv4Addr::LOCALHOST, 3000).into(), "FRACAS_LISTEN", "ADDRESS";
        /// Where health and metrics are served; keep it from the public; `off` serves none.
        admin_listen: Option<SocketAddr> as OrWord<Off, SocketAddr> =
            Some((Ipv4Addr::LOCALHOST, 3001).into()), "FRACAS_ADMIN_LISTEN", "ADDRESS|off";
        /// Secret that requests for more than health and metrics bear there: `Authorization: Bearer TOKEN`; at
        /// least 16 letters; none, and they are refused.
        admin_token: Secret = Secret::default(), "FRACAS_ADMIN_TOKEN", "TOKEN";
        /// File with the certificate for TLS, in PEM: the server's own and those up to the authority's; read again
        /// when it changes. Empty serves without TLS.
        tls_cert: String = String::new(), "FRACAS_TLS_CERT", "FILE";
        /// File with the certificate's private key, in PEM.
        tls_key: String = String::new(), "FRACAS_TLS_KEY", "FILE";
        /// Other sites whose pages may play, list and reserve: origins with commas between, or `*` for every
        /// site; pages of this machine's localhost may always, when their visitor is on this machine.
        allowed_origins: String = String::new(), "FRACAS_ALLOWED_ORIGINS", "ORIGINS";
        /// Proxies whose word on who a client is is believed: addresses and networks with commas between.
        trusted_proxies: String = String::new(), "FRACAS_TRUSTED_PROXIES", "ADDRESSES";
        /// Whether connections from trusted proxies begin with a header of the PROXY protocol, 1 or 2.
        proxy_protocol: bool = false, "FRACAS_PROXY_PROTOCOL", "BOOL";
        /// Makes every player's line worse, to try a game as those far away know it: lan, broadband, wifi, 4g, 3g,
        /// satellite, or some of `latency=100,jitter=20,stall=200,stall_every=10000,rate=1000`, in ms and kbit/s.
        line: Option<LineProfile> as OrWord<Unchanged, LineProfile> = None, "FRACAS_LINE", "LINE|none";
    }
    "Socket.IO" {
        /// Whether clients of Socket.IO may play, at /socket.io/ on the same port.
        socketio: bool = true, "FRACAS_SOCKETIO", "BOOL";
        /// Seconds after which such a client is asked for a sign of life, 1 to 60.
        socketio_ping_interval_s: u16 = 5, "FRACAS_SOCKETIO_PING_INTERVAL_S", "SECONDS";
        /// Seconds that it has for one, 1 to 120; longer, and its session is closed.
        socketio_ping_timeout_s: u16 = 15, "FRACAS_SOCKETIO_PING_TIMEOUT_S", "SECONDS";
    }
    "Joining" {
        /// Who may join: everyone, who shows a shared secret, or who shows a token that another service has signed.
        auth: Auth = Auth::Open, "FRACAS_AUTH", "WAY";
        /// Secret of `auth = "secret"`, at least 16 letters; or key of HS256 of `auth = "jwt"`, at least 32.
        auth_secret: Secret = Secret::default(), "FRACAS_AUTH_SECRET", "SECRET";
        /// File with the public key of `auth = "jwt"`, in PEM: of Ed25519, or of RSA for RS256.
        auth_public_key: String = String::new(), "FRACAS_AUTH_PUBLIC_KEY", "FILE";
        /// For whom a token of `auth = "jwt"` must be, its claim `aud`; empty does not ask.
        auth_audience: String = String::new(), "FRACAS_AUTH_AUDIENCE", "NAME";
        /// Of whom a token of `auth = "jwt"` must be, its claim `iss`; empty does not ask.
        auth_issuer: String = String::new(), "FRACAS_AUTH_ISSUER", "NAME";
    }
    "Limits" {
        /// Connections at one time, 1 to 20000; more are answered with 503.
        connections_max: usize = CONNECTIONS_MAX, "FRACAS_CONNECTIONS_MAX", "COUNT";
        /// Connections of one address at one time, 1 to 20000; more are answered with 429.
        connections_per_address_max: usize =
            CONNECTIONS_PER_ADDRESS_MAX, "FRACAS_CONNECTIONS_PER_ADDRESS_MAX", "COUNT";
        /// Connections and requests of one address in a second, 1 to 1000000; more are answered with 429.
        requests_per_address_max: u32 =
            REQUESTS_PER_ADDRESS_MAX, "FRACAS_REQUESTS_PER_ADDRESS_MAX", "COUNT";
        /// WebSockets opened and seats reserved by one address in a second, 1 to 1000000; more are answered with 429.
        joins_per_address_max: u32 = JOINS_PER_ADDRESS_MAX, "FRACAS_JOINS_PER_ADDRESS_MAX", "COUNT";
        /// Seats that one address has reserved and not taken, 1 to 10000; more are answered with 429.
        tickets_per_address_max: usize = TICKETS_PER_ADDRESS_MAX, "FRACAS_TICKETS_PER_ADDRESS_MAX", "COUNT";
        /// Seats of one address at one time, 1 to 20000; a join beyond is refused.
        seats_per_address_max: usize = SEATS_PER_ADDRESS_MAX, "FRACAS_SEATS_PER_ADDRESS_MAX", "COUNT";
        /// Rooms that one address has created at one time, 1 to 10000; a create beyond is refused.
        rooms_per_address_max: usize = ROOMS_PER_ADDRESS_MAX, "FRACAS_ROOMS_PER_ADDRESS_MAX", "COUNT";
        /// Whether limits of an address hold for this machine's own addresses, too.
        limit_loopback: bool = false, "FRACAS_LIMIT_LOOPBACK", "BOOL";
    }
    "Rooms" {
        /// Rooms at one time, 1 to 10000; a request for another one is refused.
        rooms_max: usize = ROOMS_MAX, "FRACAS_ROOMS_MAX", "COUNT";
        /// Seconds after which a room without players ends, unless it is permanent.
        room_linger_s: u32 = 20, "FRACAS_ROOM_LINGER_S", "SECONDS";
        /// Milliseconds that a tick's rules may take, 100 to 60000; a room beyond is given up, with its thread.
        step_time_max_ms: u32 = STEP_TIME_MAX_MS, "FRACAS_STEP_TIME_MAX_MS", "MILLISECONDS";
        /// Threads that rooms tick on, 1 to 256; `auto` is one less than the cores.
        sim_threads: Option<usize> as OrWord<Auto, usize> = None, "FRACAS_SIM_THREADS", "COUNT|auto";
        /// Whether simulation threads run before all ordinary ones (`SCHED_FIFO`), where the system permits it.
        realtime: bool = true, "FRACAS_REALTIME", "BOOL";
        /// Whether ticks read and write sockets by `io_uring`, where the system permits it: many by one call.
        io_uring: bool = true, "FRACAS_IO_URING", "BOOL";
        /// Seed of the first rooms, to see the same matches again; `random` is another at each start.
        seed: Option<u64> as OrWord<Random, u64> = None, "FRACAS_SEED", "NUMBER|random";
        /// What rooms do wrong on purpose, for testers to be tried on: skipped-update, swapped-id, wrong-hash,
        /// lost-input or leaked-seat.
        #[cfg(feature = "planted-faults")]
        planted_fault: Option<PlantedFault> as OrWord<Unchanged, PlantedFault> =
            None, "FRACAS_PLANTED_FAULT", "FAULT|none";
    }
    "Journal" {
        /// Whether all that a match is made of is written into a journal, for another process to go on with it.
        journal: Switch = Switch::On, "FRACAS_JOURNAL", "SWITCH";
        /// Folder of the journal; no two servers have the same one.
        data_dir: String = "fracas-data".to_owned(), "FRACAS_DATA_DIR", "FOLDER";
        /// When what was written is brought to the disk itself, so that it outlives a power loss, too: `off` leaves it to
        /// the system, `100ms` may lose as much, `each-tick` loses nothing that anybody has seen, and ticks wait for it.
        journal_sync: JournalSync = JournalSync::Off, "FRACAS_JOURNAL_SYNC", "WHEN";
        /// Megabytes of the journal that are kept, at least 16: the oldest go first, but for what it takes to go on with
        /// rooms.
        journal_mb_max: u32 = 1024, "FRACAS_JOURNAL_MB_MAX", "MEGABYTES";
        /// Hours that it is kept, 1 to 8760.
        journal_hours_max: u32 = 72, "FRACAS_JOURNAL_HOURS_MAX", "HOURS";
    }
    "Process" {
        /// What is logged: error, warn, info, debug or trace, also by module: `info,fracas_server::net=debug`.
        log: String = "info".to_owned(), "FRACAS_LOG", "FILTER";
        /// How a line of the log looks.
        log_format: LogFormat = LogFormat::Text, "FRACAS_LOG_FORMAT", "FORMAT";
        /// Seconds that players and rooms have to end when the server stops; then it is cut short. With a journal it is a
        /// quarter of a second at most: matches go on.
        shutdown_deadline_s: u32 = 5, "FRACAS_SHUTDOWN_DEADLINE_S", "SECONDS";
        /// Seconds that those who play may play on, at most, when the server is to be drained, by `fracas-server drain` or
        /// SIGUSR1; then it stops, 1 to 86400.
        drain_deadline_s: u32 = 600, "FRACAS_DRAIN_DEADLINE_S", "SECONDS";
    }
}

const _: () = assert!(
    CONNECTIONS_MAX == 20_000 && ROOMS_MAX == 10_000 && TICKETS_MAX == 10_000,
    "the settings' help says so"
);
const _: () = assert!(SECRET_BYTES_MIN == 16 && SIGNING_SECRET_BYTES_MIN == 32, "the settings' help says so");

/// Who may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Everyone.
    Open,
    /// Who shows the shared secret.
    Secret,
    /// Who shows a JSON Web Token; in a build with the feature `jwt`.
    Jwt,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// When a journal is brought to the disk itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalSync {
    /// When the system likes: what a process has written outlives it, but not a power loss.
    Off,
    /// Ten times a second.
    #[value(name = "100ms")]
    #[serde(rename = "100ms")]
    Often,
    /// Before anybody sees the tick.
    EachTick,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: with colours on a terminal.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Config {
    /// What the rooms of the game of this id are like.
    pub fn game(&self, id: &str) -> GameConfig {
        self.games.get(id).cloned().unwrap_or_default()
    }

    /// The secrets that are set, by name: they are not to be printed.
    fn secrets(&self) -> impl Iterator<Item = &'static str> {
        let all = [("admin_token", &self.admin_token), ("auth_secret", &self.auth_secret)];
        all.into_iter().filter(|(_, secret)| secret.is_set()).map(|(name, _)| name)
    }

    /// How many threads rooms tick on: as set, or one less than the cores; at least 1.
    pub fn sim_thread_count(&self) -> usize {
        let cores = available_parallelism().map_or(1, usize::from);
        self.sim_threads.unwrap_or(cores.saturating_sub(1)).max(1)
    }
}
