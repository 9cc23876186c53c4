//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use fracas_client::{LineProfile, RoomWanted, ServerUrl};
use fracas_shared::limits::{CONNECTIONS_MAX, OPTIONS_BYTES_MAX, PLAYER_NAME_BYTES_MAX};

use crate::expect::Expectation;
use crate::units::{parse_duration, parse_rate};

/// Headless bots that play a game, and measure what they get.
///
/// Exit code: 0 when every bot joined and left as it should and all was as expected, 1 when a bot failed
/// to join or was disconnected, 2 when the arguments make no sense, 99 when something was not as --expect has it.
#[derive(Clone, Debug, Parser)]
#[command(name = "fracas-bots", version)]
pub(crate) struct Options {
    /// The server: ws://host:port, http://host:port or host:port.
    #[arg(long, default_value = "ws://127.0.0.1:3000", env = "FRACAS_URL")]
    pub(crate) url: ServerUrl,

    /// What a server that does not let everyone in wants to see.
    #[arg(long, env = "FRACAS_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// The game to play.
    #[arg(long, default_value = "arena")]
    pub(crate) game: String,

    /// How many bots play at once.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX as i64))]
    pub(crate) clients: u32,

    /// How long they play once all have joined: 500ms, 20s, 2m, 1h.
    #[arg(long, default_value = "20s", value_parser = parse_duration)]
    pub(crate) duration: Duration,

    /// How many bots connect in a second, at most.
    #[arg(long, default_value = "100/s", value_parser = parse_rate)]
    pub(crate) ramp: f64,

    /// What the bots' decisions are drawn from. The same seed gives the same bots; what they get to
    /// see depends on the network all the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Make each bot's line worse, both ways: none, lan, broadband, wifi, 4g, 3g, satellite, or some of
    /// `latency=100,jitter=20,stall=200,stall_every=10000,rate=1000`, in ms and kbit/s.
    #[arg(long, value_name = "LINE", default_value = "none", hide_default_value = true)]
    pub(crate) line: LineProfile,

    /// The bots' names are this and a number.
    #[arg(long, default_value = "bot", value_parser = parse_prefix)]
    pub(crate) name_prefix: String,

    /// Write the report to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// What the run is to show, else the exit code is 99; may be given several times. A figure, <, <=, > or >=, and
    /// a time or a number: `input_to_state.p99<60ms`, `update_gap.max<=0.1s`, `updates_received_share_min>=99.9%`,
    /// `failed<=3`. Times have .p and any percentile, .mean and .max; the other figures are those of the report.
    #[arg(long, value_name = "EXPECTATION")]
    pub(crate) expect: Vec<Expectation>,

    /// Play in this room only. Otherwise the bots fill rooms, and create what they need.
    #[arg(long, value_name = "ID")]
    pub(crate) room: Option<String>,

    /// Options of the rooms that the bots create, as a JSON object.
    #[arg(long = "create-options", value_name = "JSON", conflicts_with = "room", value_parser = parse_room_json)]
    pub(crate) room_json: Option<String>,
}

impl Options {
    /// The room that a bot asks for.
    pub(crate) fn room_wanted(&self) -> RoomWanted {
        match &self.room {
            Some(room) => RoomWanted::ById { room: room.clone(), password: String::new() },
            None => RoomWanted::JoinOrCreate {
                game: self.game.clone(),
                options: self.room_json.clone().unwrap_or_default(),
            },
        }
    }
}

fn parse_prefix(text: &str) -> Result<String, String> {
    let digits = CONNECTIONS_MAX.to_string().len();
    let bytes_max = PLAYER_NAME_BYTES_MAX - digits;
    if text.len() > bytes_max {
        return Err(format!("a name has at most {PLAYER_NAME_BYTES_MAX} bytes, so its prefix {bytes_max}"));
    }
    if text.chars().any(char::is_control) {
        return Err("a name has no control characters".into());
    }
    Ok(text.to_owned())
}

fn parse_room_json(text: &str) -> Result<String, String> {
    if text.len() > OPTIONS_BYTES_MAX {
        return Err(format!("a server takes at most {OPTIONS_BYTES_MAX} bytes of options"));
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() => Ok(text.to_owned()),
        Ok(_) => Err(r#"options are a JSON object, as in {"seats": 4}"#.into()),
        Err(error) => Err(format!("no JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn what_the_server_would_refuse_is_said_at_once() {
        let check = |arguments: &[&str], problem: &str| {
            let all = std::iter::once(&"fracas-bots").chain(arguments);
            let error = Options::try_parse_from(all).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        };
        check(&["--create-options", "[1]"], "a JSON object");
        check(&["--create-options", "{"], "no JSON");
        check(&["--create-options", "{}", "--room", "x"], "cannot be used with");
        check(&["--name-prefix", &"x".repeat(28)], "at most 32 bytes");
        check(&["--clients", "0"], "0 is not in 1..");
        check(&["--url", "https://x"], "needs TLS");
        check(&["--duration", "soon"], "no duration");
        check(&["--line", "5g"], "'5g' is no line: give one of none, lan, broadband");
        check(&["--line", "latency=9999"], "`latency_ms`: 9999 is not from 0 to 5000");
    }
}
