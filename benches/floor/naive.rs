//! What one writes first: tokio-tungstenite as it comes, a task and a channel for each client, a task for each room.
//!
//! It plays the same match as the skeleton, so that only the way of the bytes differs. A client's task is woken for
//! each input and for each update; a room ticks at a moment of its own; frames are cloned, not copied.

mod reel;
mod room;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use bytes::Bytes;
use fracas_benches::tape::{Place, ROOM_FILLS_TICKS, Rooms, Tape, welcome};
use fracas_shared::message::{ClientMessage, SUBPROTOCOL, ServerMessage};
use fracas_shared::packet::{ClientTag, InputHead};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use reel::Reel;
use room::{Said, Visitor};

/// Updates that may wait for a client.
const UPDATES_WAITING_MAX: usize = 64;
/// Inputs and the like that may wait for a room's tick.
const SAID_WAITING_MAX: usize = 4096;

/// Serves until stdin ends. Says where in its first line.
pub(crate) fn serve(tape: Tape) -> Result<()> {
    let hall = Arc::new(Hall { reel: Reel::of(&tape), tape, doors: Mutex::default() });
    let (ending, ended) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ending.send(());
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let hall = hall.clone();
                // A client that fails is missed by the load tester, which tells of it.
                tokio::spawn(async move { serve_client(stream, hall).await.ok() });
            }
        });
        Ok(ended.await?)
    })
}

/// What all clients share.
struct Hall {
    tape: Tape,
    reel: Reel,
    doors: Mutex<Doors>,
}

/// Rooms, and the way into each.
#[derive(Default)]
struct Doors {
    rooms: Rooms,
    senders: Vec<mpsc::Sender<Said>>,
}

impl Hall {
    /// Finds a place for one more, and opens a room if that is needed.
    fn join(self: &Arc<Self>) -> (Place, mpsc::Sender<Said>) {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        // A room counts its ticks from its opening on.
        let place = doors.rooms.join(&self.tape, 0);
        debug_assert!(place.starts_at >= ROOM_FILLS_TICKS);
        if doors.senders.len() <= place.room {
            let (sender, said) = mpsc::channel(SAID_WAITING_MAX);
            tokio::spawn(room::run(self.clone(), said));
            doors.senders.push(sender);
        }
        (place, doors.senders[place.room].clone())
    }
}

async fn serve_client(stream: TcpStream, hall: Arc<Hall>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_hdr_async(stream, accept).await?;
    let (updating, mut updates) = mpsc::channel::<Vec<Bytes>>(UPDATES_WAITING_MAX);
    let mut seat = None;
    loop {
        tokio::select! {
            update = updates.recv() => {
                for payload in update.context("this task has a sender of its own")? {
                    socket.feed(Message::Binary(payload)).await?;
                }
                socket.flush().await?;
            }
            message = socket.next() => match message {
                Some(message) => hear(message?, &mut socket, &mut seat, &hall, &updating).await?,
                None => return Ok(()),
            },
        }
    }
}

/// The answer to the request for a WebSocket.
#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "tungstenite wants it like this")]
fn accept(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

/// Where a client plays.
struct Seat {
    track: usize,
    room: mpsc::Sender<Said>,
}

async fn hear(
    message: Message,
    socket: &mut WebSocketStream<TcpStream>,
    seat: &mut Option<Seat>,
    hall: &Arc<Hall>,
    updating: &mpsc::Sender<Vec<Bytes>>,
) -> Result<()> {
    let Message::Binary(bytes) = message else { return Ok(()) };
    let (tag, message) = ClientTag::split(&bytes)?;
    if tag == ClientTag::Input {
        let stamp = InputHead::read(message)?.0.tick.0;
        if let Some(Seat { track, room }) = seat {
            room.send(Said::Input { track: *track, stamp }).await?;
        }
        return Ok(());
    }
    if tag != ClientTag::Control {
        return Ok(());
    }
    let answer = match ClientMessage::from_bytes(message)? {
        ClientMessage::Hello { .. } => welcome(),
        ClientMessage::Join { .. } => {
            let (place, room) = hall.join();
            let visitor = Visitor::new(&place, updating.clone());
            room.send(Said::Join { track: place.track, visitor }).await?;
            *seat = Some(Seat { track: place.track, room });
            hall.tape.joined(&place)?
        }
        ClientMessage::Leave => {
            if let Some(Seat { track, room }) = seat.take() {
                room.send(Said::Leave { track }).await?;
            }
            return Ok(());
        }
        ClientMessage::List { .. } => ServerMessage::Rooms { rooms: Vec::new(), total: 0 }.to_bytes(),
        _ => return Ok(()),
    };
    Ok(socket.send(Message::binary(answer)).await?)
}
