//! The body of a request, within limits.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use fracas_shared::limits::{HTTP_BODY_TIME_MAX_S, OPTIONS_BYTES_MAX};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::problem::Problem;

/// A body of at most [`OPTIONS_BYTES_MAX`] bytes of UTF-8 that is whole within [`HTTP_BODY_TIME_MAX_S`].
///
/// It is copied piece by piece: a piece keeps the whole buffer that it was read into, which is a
/// thousand times as much when it is a single byte.
pub(crate) async fn text(body: Body) -> Result<String, Problem> {
    let too_long = || {
        let message = format!("the body has more than {OPTIONS_BYTES_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", message).closing_connection()
    };
    if body.size_hint().lower() > OPTIONS_BYTES_MAX as u64 {
        return Err(too_long());
    }
    let bytes = timeout(Duration::from_secs(HTTP_BODY_TIME_MAX_S), whole(body)).await.map_err(|_| {
        let message = format!("the body was not whole within {HTTP_BODY_TIME_MAX_S} s");
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message).closing_connection()
    })?;
    String::from_utf8(bytes?.ok_or_else(too_long)?).map_err(|_| bad("the body is not UTF-8"))
}

/// All of it; none when it is too long.
async fn whole(body: Body) -> Result<Option<Vec<u8>>, Problem> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| bad(&format!("the body ended early: {error}")))?;
        if bytes.len() + piece.len() > OPTIONS_BYTES_MAX {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

fn bad(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", message)
}
