//! The second port, for those who run the server: health, readiness, metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::metrics::{self, Metrics};
use crate::shutdown::Shutdown;

/// Connections to the admin port at one time. More are answered with 503.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

const LISTING: &str = "There is /healthz (does the process answer), /readyz (does it take players) \
    and /metrics (for Prometheus).\n";

/// Whether the server takes players: not until it is told to, and not once it stops. Clones are
/// the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    is_up: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Readiness {
    /// Of a server that starts.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { is_up: Arc::new(AtomicBool::new(false)), shutdown }
    }

    /// The start is over: players are welcome.
    pub fn set_up(&self) {
        self.is_up.store(true, Ordering::Release);
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        if self.shutdown.is_begun() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        } else if self.is_up.load(Ordering::Acquire) {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
        }
    }
}

/// What the admin port answers.
pub fn router(metrics: Metrics, readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || readiness.answer()))
        .route("/metrics", get(scrape).with_state(metrics))
        .fallback(async || (StatusCode::NOT_FOUND, LISTING))
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode())
}
