//! A server that is to be emptied before it ends.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::bad_body;
use crate::config::DRAIN_DEADLINE_S;
use crate::drain::Drain;
use crate::net::body;
use crate::net::problem::Problem;

/// How far the server is with being drained.
pub(super) async fn status(State(drain): State<Drain>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], Json(drain.status()))
}

/// How the server is to be drained.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainWish {
    /// Seconds that those who play may play on; as the configuration says if it is not there.
    within_s: Option<u32>,
}

/// Lets nobody new in, and ends the server when nobody plays any more, or at the deadline.
pub(super) async fn begin(State(drain): State<Drain>, body: Body) -> Result<impl IntoResponse, Problem> {
    let text = body::text(body).await?;
    let wish: DrainWish = if text.trim().is_empty() {
        DrainWish::default()
    } else {
        serde_json::from_str(&text).map_err(|error| {
            bad_body(format!("the body must be empty, or such as {{\"within_s\": 600}}: {error}"))
        })?
    };
    let within = wish.within_s.map(|seconds| {
        let is_allowed = DRAIN_DEADLINE_S.contains(&seconds);
        let (least, most) = (DRAIN_DEADLINE_S.start(), DRAIN_DEADLINE_S.end());
        is_allowed.then(|| Duration::from_secs(seconds.into())).ok_or_else(|| {
            bad_body(format!("`within_s`: {seconds} is out of range; {least} to {most} are allowed"))
        })
    });
    drain.begin(within.transpose()?);
    Ok((StatusCode::ACCEPTED, Json(drain.status())))
}
