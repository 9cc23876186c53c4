//! Packets of Engine.IO 4 and Socket.IO 5, as the text frames of a WebSocket carry them.
//!
//! What is read is as much as the bots need: of an event or an answer its first argument, of the default
//! namespace, and how many binary frames follow.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Deserializer, Value};

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// The session is open. A server that is silent for longer than this is gone.
    Open {
        silence_max: Duration,
    },
    Ping,
    /// The client is in the namespace.
    Connected,
    /// It is not.
    Refused {
        message: String,
    },
    /// The server ends it.
    Disconnected,
    Event {
        name: String,
        args: Args<'a>,
        binaries: u32,
    },
    Answer {
        id: u64,
        args: Args<'a>,
        binaries: u32,
    },
    /// Nothing for a bot.
    Other,
}

/// What is behind an event's name, or all of an answer: JSON that is read when somebody wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Args<'a>(&'a str);

impl<'a> Args<'a> {
    /// The first one, if it is of this type.
    pub(super) fn first<T: Deserialize<'a>>(self) -> Option<T> {
        let argument = self.0.strip_prefix(['[', ','])?;
        T::deserialize(&mut Deserializer::from_str(argument)).ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

/// Reads the packet of a text frame.
pub(super) fn read(text: &str) -> Result<Packet<'_>, &'static str> {
    let broken = "a packet of Engine.IO that is none";
    match (text.as_bytes().first().ok_or(broken)?, text.get(1..).ok_or(broken)?) {
        (b'0', handshake) => {
            let Handshake { ping_interval, ping_timeout } =
                serde_json::from_str(handshake).map_err(|_| "a handshake of Engine.IO that is none")?;
            let silence_max = Duration::from_millis(ping_interval.saturating_add(ping_timeout));
            Ok(Packet::Open { silence_max })
        }
        (b'1', _) => Ok(Packet::Disconnected),
        (b'2', _) => Ok(Packet::Ping),
        (b'4', message) => read_message(message).ok_or("a packet of Socket.IO that is none"),
        _ => Ok(Packet::Other),
    }
}

fn read_message(message: &str) -> Option<Packet<'_>> {
    let (kind, rest) = message.split_at_checked(1)?;
    let (binaries, rest) = if matches!(kind, "5" | "6") { rest.split_once('-')? } else { ("0", rest) };
    let binaries = binaries.parse().ok()?;
    if rest.starts_with('/') {
        // Of another namespace.
        return Some(Packet::Other);
    }
    let (id, args) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len()));
    Some(match kind {
        "0" => Packet::Connected,
        "1" => Packet::Disconnected,
        "2" | "5" => {
            let mut names = Deserializer::from_str(args.strip_prefix('[')?).into_iter();
            let name = names.next()?.ok()?;
            Packet::Event { name, args: Args(&args[1 + names.byte_offset()..]), binaries }
        }
        "3" | "6" => Packet::Answer { id: id.parse().ok()?, args: Args(args), binaries },
        "4" => Packet::Refused { message: refusal(args) },
        _ => return None,
    })
}

/// What a server says when it does not let a client in.
fn refusal(args: &str) -> String {
    let said: Value = serde_json::from_str(args).unwrap_or_default();
    let message = said.get("message").and_then(Value::as_str).unwrap_or("without a word");
    // It may end up on a terminal.
    message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The answer to a ping.
pub(super) const PONG: &str = "3";

/// Asks to be let into the default namespace.
pub(super) fn connect(auth: &Value) -> String {
    format!("40{auth}")
}

/// An event, with the number of its answer when one is wanted.
pub(super) fn event(answer: Option<u64>, name: &str, argument: &Value) -> String {
    let answer = answer.map(|id| id.to_string()).unwrap_or_default();
    format!("42{answer}[{},{argument}]", Value::from(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event_of(text: &str) -> (String, Option<Value>, u32) {
        match read(text) {
            Ok(Packet::Event { name, args, binaries }) => (name, args.first(), binaries),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_servers_say_is_read() {
        let silence_max = Duration::from_secs(45);
        let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
        assert_eq!(read(open), Ok(Packet::Open { silence_max }));
        assert_eq!(read("2"), Ok(Packet::Ping));
        assert_eq!(read("6"), Ok(Packet::Other));
        assert_eq!(read(r#"40{"sid":"b"}"#), Ok(Packet::Connected));
        assert_eq!(read("40"), Ok(Packet::Connected));
        assert_eq!(read(r#"44{"message":"no\n"}"#), Ok(Packet::Refused { message: "no ".into() }));
        assert_eq!(read("41"), Ok(Packet::Disconnected));
        assert_eq!(read(r#"42/admin,["hello"]"#), Ok(Packet::Other));
    }

    #[test]
    fn events_have_names_and_arguments() {
        let hello = |first, binaries| ("hello".to_owned(), first, binaries);
        assert_eq!(event_of(r#"42["hello"]"#), hello(None, 0));
        assert_eq!(event_of(r#"42["hello",{"a":1},2]"#), hello(Some(json!({"a": 1})), 0));
        assert_eq!(event_of(r#"4213["hello",3]"#), hello(Some(json!(3)), 0));
        assert_eq!(event_of(r#"42["a \"b\"" , 3]"#).0, r#"a "b""#);
        let binary = json!({"_placeholder": true, "num": 0});
        assert_eq!(event_of(&format!(r#"451-["hello",{binary}]"#)), hello(Some(binary), 1));
    }

    #[test]
    fn answers_have_the_numbers_of_what_they_answer() {
        for (text, expected, count) in
            [("4312[]", None, 0), ("4312[7]", Some(7), 0), ("462-12[7,8]", Some(7), 2)]
        {
            match read(text) {
                Ok(Packet::Answer { id: 12, args, binaries }) => {
                    assert_eq!((args.first(), binaries), (expected, count));
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        for wrong in ["", "é", "0", "4", "4é", "42", "42{}", "42[", "42[1]", "43[]", "45[]", "48"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_bots_say_is_as_it_is_written() {
        assert_eq!(connect(&json!({"name": "a"})), r#"40{"name":"a"}"#);
        assert_eq!(event(None, "input", &json!({"x": 1})), r#"42["input",{"x":1}]"#);
        assert_eq!(event(Some(9), "join", &json!({})), r#"429["join",{}]"#);
    }
}
