//! Requests that fail, and how they are answered.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fracas_shared::Refusal;
use serde::Serialize;

use crate::address_limits::AddressRefusal;

/// When one who is refused for lack of room may come back, in seconds.
const RETRY_AFTER_S: &str = "1";

/// A request that failed: the status, and a JSON object with a `code` for programs and a
/// `message` for people.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
    closes: bool,
}

#[derive(Clone, Debug, Serialize)]
struct ProblemBody {
    code: Cow<'static, str>,
    message: String,
}

/// The code of a [`Problem`], in the extensions of its answer: for whoever counts refusals.
#[derive(Clone, Debug)]
pub struct Reason(pub Cow<'static, str>);

impl Problem {
    /// The connection goes on.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, body: ProblemBody { code: code.into(), message: message.into() }, closes: false }
    }

    /// The same as the last answer of its connection.
    #[must_use]
    pub fn closing_connection(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The whole answer as bytes, for a connection on which no HTTP was spoken yet.
    pub(super) fn to_http1(&self) -> String {
        let (status, body) = (self.status, serde_json::to_string(&self.body).unwrap_or_default());
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
    }

    /// The code, for programs.
    pub fn code(&self) -> &str {
        &self.body.code
    }

    /// The sentence, for people.
    pub fn message(&self) -> &str {
        &self.body.message
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let reason = Reason(self.body.code.clone());
        let mut response = (self.status, Json(self.body)).into_response();
        response.extensions_mut().insert(reason);
        let headers = response.headers_mut();
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<AddressRefusal> for Problem {
    fn from(refusal: AddressRefusal) -> Self {
        let status = match refusal {
            AddressRefusal::TooMany(_) | AddressRefusal::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            AddressRefusal::TooManyAddresses => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.code(), refusal.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NoSuchGame(_) | Refusal::NoSuchRoom(_) => StatusCode::NOT_FOUND,
            Refusal::RoomFull(_) | Refusal::SpectatorsFull(_) | Refusal::AlreadyInRoom => {
                StatusCode::CONFLICT
            }
            Refusal::RoomLocked(_)
            | Refusal::WrongPassword(_)
            | Refusal::BannedFrom(_)
            | Refusal::Spectating
            | Refusal::ChatVetoed => StatusCode::FORBIDDEN,
            Refusal::SeatLost => StatusCode::GONE,
            Refusal::TooManyFromAddress(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::BadOption(_)
            | Refusal::BadName
            | Refusal::BadTicket
            | Refusal::BadChat
            | Refusal::BadRoomCode(_) => StatusCode::BAD_REQUEST,
            Refusal::TooManyRooms | Refusal::Stopping | Refusal::Busy | Refusal::Elsewhere => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, refusal.label(), refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_status_of_each_refusal() {
        let page = include_str!("../../../docs/PROTOCOL.md");
        let text = String::new;
        for refusal in [
            Refusal::NoSuchGame(text()),
            Refusal::NoSuchRoom(text()),
            Refusal::RoomFull(text()),
            Refusal::BadOption(text()),
            Refusal::BadName,
            Refusal::AlreadyInRoom,
            Refusal::TooManyRooms,
            Refusal::Stopping,
            Refusal::RoomLocked(text()),
            Refusal::BadTicket,
            Refusal::BadChat,
            Refusal::ChatVetoed,
            Refusal::Busy,
            Refusal::SeatLost,
            Refusal::WrongPassword(text()),
            Refusal::BannedFrom(text()),
            Refusal::SpectatorsFull(text()),
            Refusal::Spectating,
            Refusal::TooManyFromAddress(text()),
            Refusal::BadRoomCode(text()),
            Refusal::Elsewhere,
        ] {
            let name = format!("{refusal:?}");
            let name = format!("| `{}` |", name.split('(').next().unwrap_or_default());
            let row = page.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("no {name}"));
            let status = Problem::from(refusal).status.as_u16().to_string();
            assert_eq!(row.split('|').nth(4).map(str::trim), Some(status.as_str()), "{row}");
        }
    }
}
