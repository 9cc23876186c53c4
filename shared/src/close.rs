//! Why a connection ends, and why a request is refused.

use core::fmt;

use thiserror::Error;

use crate::codec::{Decode, Encode};

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $reason:literal;)+) => {
        /// Why the server closes a WebSocket: its close code. docs/PROTOCOL.md tells what a client
        /// does about each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum CloseCode {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl CloseCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The sentence sent with the code; at most 123 bytes.
            pub fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)+
                }
            }
        }
    };
}

close_codes! {
    /// The client closed first.
    Normal = 1000, "goodbye";
    /// What came is no WebSocket.
    NotWebSocket = 1002, "what came from you is not as a WebSocket has it";
    /// What was to be text is not UTF-8.
    NotUtf8 = 1007, "a text of yours is not UTF-8";
    /// A message is longer than the limit.
    MessageTooLong = 1009, "a message of yours is longer than allowed";
    /// The server restarts: come back soon.
    Restart = 1012, "the server restarts, come back soon";
    /// A message that is none of the protocol, or came at the wrong time.
    BadMessage = 4000, "a message of yours is not of the protocol";
    /// The client speaks another version of the protocol. Both ends' versions are for the client to
    /// say, which knows its own: what it says begins with this.
    WrongVersion = 4001, "the server speaks version 3 of the protocol";
    /// No hello within the time for it.
    HelloTimeout = 4002, "no hello came in time";
    /// Nothing came for too long, not even an answer to a ping.
    IdleTimeout = 4003, "nothing came from you for too long";
    /// Messages came faster than the limits allow.
    TooFast = 4004, "messages came faster than the limits allow";
    /// The client reads too slowly: what must reach it has piled up.
    TooSlow = 4005, "messages to you piled up: the line or the client is too slow";
    /// The room ended.
    RoomEnded = 4006, "the room has ended";
    /// The rules of the game failed. The room is gone, the server lives.
    RoomFailed = 4007, "the game failed and its room is gone";
    /// The rules of the game did not come back. The room is gone, the server lives.
    RoomHung = 4008, "the game stopped answering and its room is gone";
    /// Another connection took the seat up.
    Replaced = 4009, "another connection of yours has taken the seat";
    /// The rules or an operator removed the player.
    Kicked = 4010, "you were removed from the room";
    /// The rules or an operator removed the player for good.
    Banned = 4011, "you were removed from the room and may not come back";
}

impl CloseCode {
    /// The code of this number, if it is one of ours.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The name in metrics and logs.
    pub fn label(self) -> String {
        label_of(&self)
    }

    /// Whether the seat may be there for a client that comes back with its resume token.
    pub fn comes_back(self) -> bool {
        match self {
            Self::Restart | Self::HelloTimeout | Self::IdleTimeout | Self::TooSlow => true,
            Self::Normal
            | Self::NotWebSocket
            | Self::NotUtf8
            | Self::MessageTooLong
            | Self::BadMessage
            | Self::WrongVersion
            | Self::TooFast
            | Self::RoomEnded
            | Self::RoomFailed
            | Self::RoomHung
            | Self::Replaced
            | Self::Kicked
            | Self::Banned => false,
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason(), self.number())
    }
}

/// Why a request is refused. The connection stays; another request may be made.
#[derive(Clone, Debug, PartialEq, Eq, Error, Encode, Decode)]
pub enum Refusal {
    /// No game of this id is hosted.
    #[error("no game '{0}' is hosted here")]
    NoSuchGame(String),
    /// No room of this id.
    #[error("no room '{0}'; it may have ended")]
    NoSuchRoom(String),
    /// All seats are taken.
    #[error("all seats of room '{0}' are taken")]
    RoomFull(String),
    /// An option is not as the game needs it.
    #[error("option {0}")]
    BadOption(String),
    /// A name that is empty, too long or has control characters.
    #[error("a name has 1 to 32 bytes and no control characters")]
    BadName,
    /// The client is in a room already.
    #[error("already in a room; leave it first")]
    AlreadyInRoom,
    /// The server holds as many rooms as it may.
    #[error("the server has no place for another room")]
    TooManyRooms,
    /// The server is about to stop.
    #[error("the server is stopping")]
    Stopping,
    /// The room takes nobody who was not in it from the start.
    #[error("room '{0}' is locked")]
    RoomLocked(String),
    /// A ticket that was used, has expired, or never was one.
    #[error("this seat reservation is no longer good; ask for another")]
    BadTicket,
    /// What was said is empty, too long or has control characters.
    #[error("a chat message has 1 to 300 bytes and no control characters")]
    BadChat,
    /// The rules of the game do not pass on what was said.
    #[error("the game did not let your message through")]
    ChatVetoed,
    /// The server cannot do this now.
    #[error("the server has too much to do; try again soon")]
    Busy,
    /// The seat that a resume token was of is no longer kept.
    #[error("the seat was not kept any longer; join again")]
    SeatLost,
    /// The room has another password, or has one at all.
    #[error("room '{0}' needs its password")]
    WrongPassword(String),
    /// The player was banned from the room.
    #[error("you may not come back to room '{0}'")]
    BannedFrom(String),
    /// As many watch the room as may.
    #[error("as many watch room '{0}' as may")]
    SpectatorsFull(String),
    /// Who only watches has no say.
    #[error("who watches has no say; take a seat")]
    Spectating,
    /// As many players, rooms or tickets of this address as may be.
    #[error("too many {0} from your address")]
    TooManyFromAddress(String),
    /// What was given for a room's id is none.
    #[error("'{0}' is no room code; one has 6 letters and digits, such as K3V9QX, without I, L, O, 0 and 1")]
    BadRoomCode(String),
    /// The server is about to be replaced: who plays there plays on, others go to another one.
    #[error("this server takes nobody new; join elsewhere")]
    Elsewhere,
}

impl Refusal {
    /// The name in metrics and logs.
    pub fn label(&self) -> String {
        label_of(self)
    }
}

/// `RoomFull("x")` to `room_full`.
fn label_of(value: &impl fmt::Debug) -> String {
    let name = format!("{value:?}");
    let mut label = String::new();
    for letter in name.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_uppercase() && !label.is_empty() {
            label.push('_');
        }
        label.push(letter.to_ascii_lowercase());
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::PROTOCOL_VERSION;

    #[test]
    fn reasons_fit_a_close_frame() {
        for code in CloseCode::ALL {
            assert!(code.reason().len() <= 123, "{code:?}");
            assert_eq!(CloseCode::from_number(code.number()), Some(*code));
        }
        let version = format!("the server speaks version {PROTOCOL_VERSION} of the protocol");
        assert_eq!(CloseCode::WrongVersion.reason(), version);
        assert_eq!(CloseCode::HelloTimeout.label(), "hello_timeout");
        assert_eq!(Refusal::RoomFull("x".into()).label(), "room_full");
    }
}
