//! Sessions of Engine.IO: what of a client outlives its requests.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::response::Response;
use fracas_shared::limits::{HTTP_HEAD_BYTES_MAX, SOCKETIO_REQUESTS_PER_S_MAX};
use hyper::body::{Frame, SizeHint};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::inbox::Inbox;
use super::wire::Ack;
use crate::address_limits::AddressHold;
use crate::net::caller::Caller;
use crate::net::line::Progress;
use crate::net::rate::Rate;

/// One client's session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) caller: Caller,
    pub(super) progress: Arc<Progress>,
    requests: Mutex<Rate>,
    /// Of the client that is connected, or about to be.
    inbox: Mutex<Option<Arc<Inbox<Ack>>>>,
    id: OnceLock<String>,
    known: Arc<Known>,
    _permit: OwnedSemaphorePermit,
    _hold: Option<AddressHold>,
}

impl Session {
    pub(super) fn inbox(&self) -> Option<Arc<Inbox<Ack>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_inbox(&self, inbox: Arc<Inbox<Ack>>) {
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(inbox);
    }

    /// Counts a request; false when there are too many.
    pub(super) fn count_request(&self) -> bool {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).count(1, Instant::now())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            lock(&self.known).remove(id);
        }
    }
}

/// Sessions by their ids, which are secrets.
type Known = Mutex<HashMap<String, Weak<Session>>>;

fn lock(known: &Known) -> MutexGuard<'_, HashMap<String, Weak<Session>>> {
    // Nothing under the lock can leave it half done.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sessions of a server.
#[derive(Debug)]
pub(super) struct Sessions {
    places: Arc<Semaphore>,
    known: Arc<Known>,
}

impl Sessions {
    pub(super) fn new(sessions_max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(sessions_max)), known: Arc::default() }
    }

    /// A new session, unless there are as many as may be.
    pub(super) fn open(&self, caller: Caller, hold: Option<AddressHold>) -> Option<Arc<Session>> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Arc::new(Session {
            caller,
            progress: Arc::default(),
            requests: Mutex::new(Rate::new(SOCKETIO_REQUESTS_PER_S_MAX.into(), Instant::now())),
            inbox: Mutex::default(),
            id: OnceLock::new(),
            known: self.known.clone(),
            _permit: permit,
            _hold: hold,
        }))
    }

    /// Makes a session known by the id that Engine.IO gives it, in its first answer.
    pub(super) async fn know_by_answer(&self, answer: Response, session: &Arc<Session>) -> Response {
        #[derive(Deserialize)]
        struct Open {
            sid: String,
        }

        let (parts, body) = answer.into_parts();
        // It is whole already.
        let body = to_bytes(body, HTTP_HEAD_BYTES_MAX).await.unwrap_or_default();
        let open = body.strip_prefix(b"0").and_then(|open| serde_json::from_slice::<Open>(open).ok());
        if let Some(Open { sid }) = open {
            lock(&self.known).insert(sid.clone(), Arc::downgrade(session));
            let _ = session.id.set(sid);
        }
        Response::from_parts(parts, body.into())
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        // Not under the lock: it may be the last one, whose drop takes it.
        let known = lock(&self.known).get(id).cloned();
        known?.upgrade()
    }
}

/// The body of an answer to a poll, which has been written when it is dropped.
pub(super) struct PollBody {
    body: Body,
    bytes: u64,
    session: Arc<Session>,
}

impl PollBody {
    /// The answer, counted as written for its session when that is so.
    pub(super) fn counted(answer: Response, session: Arc<Session>) -> Response {
        answer.map(|body| {
            let bytes = body.size_hint().lower();
            Body::new(Self { body, bytes, session })
        })
    }
}

impl HttpBody for PollBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for PollBody {
    fn drop(&mut self) {
        self.session.progress.note_written(self.bytes);
    }
}
