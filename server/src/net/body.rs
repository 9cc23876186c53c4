//! The body of a request, within limits.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use fracas_shared::limits::{HTTP_BODY_TIME_MAX_S, OPTIONS_BYTES_MAX};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::problem::Problem;

/// A body of at most [`OPTIONS_BYTES_MAX`] bytes of UTF-8.
pub(crate) async fn text(body: Body) -> Result<String, Problem> {
    String::from_utf8(bytes(body, OPTIONS_BYTES_MAX).await?).map_err(|_| bad("the body is not UTF-8"))
}

/// A body of at most so many bytes that is whole within [`HTTP_BODY_TIME_MAX_S`].
///
/// It is copied piece by piece: a piece keeps the whole buffer that it was read into, which is a
/// thousand times as much when it is a single byte.
pub(crate) async fn bytes(body: Body, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let too_long = || {
        let message = format!("the body has more than {bytes_max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", message).closing_connection()
    };
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    let whole = timeout(Duration::from_secs(HTTP_BODY_TIME_MAX_S), whole(body, bytes_max));
    let bytes = whole.await.map_err(|_| {
        let message = format!("the body was not whole within {HTTP_BODY_TIME_MAX_S} s");
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message).closing_connection()
    })?;
    bytes?.ok_or_else(too_long)
}

/// All of it; none when it is too long.
async fn whole(body: Body, bytes_max: usize) -> Result<Option<Vec<u8>>, Problem> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| bad(&format!("the body ended early: {error}")))?;
        if bytes.len() + piece.len() > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

fn bad(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", message)
}
