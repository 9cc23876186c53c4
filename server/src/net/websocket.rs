//! Players on WebSockets.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use fracas_shared::CloseCode;
use tokio::sync::mpsc;

use super::connection::Connection;
use super::player::{Kept, Player, Players};
use super::socket::{self, Outbound, Socket, SocketLimits, framed_bytes};
use super::upgrade::Upgraded;
use super::wire::{Broken, Inbound, Wire};
use crate::metrics::Counted;

/// Serves one WebSocket to its end. `open` is held until then.
pub fn serve(
    upgraded: Upgraded,
    players: Players,
    open: mpsc::Sender<()>,
) -> impl Future<Output = ()> + use<> {
    let Upgraded { stream, leftover, caller, claims, is_our_version, place } = upgraded;
    let socket = Socket::open(stream, &leftover, SocketLimits::default());
    let counted = Counted::new(&players.metrics.net.websockets);
    let mut connection = Connection::new(Instant::now());
    if !is_our_version {
        // Before a hello is read, which may look different there.
        connection.close(CloseCode::WrongVersion);
    }
    let kept = Kept { _open: open, _while_there: Box::new((place, counted)) };
    Player::new(socket, connection, &caller, &claims, players, kept).run()
}

impl Wire for Socket {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Broken>> {
        self.poll_message(cx).map_ok(|message| match message {
            socket::Inbound::Binary(message) => Inbound::Binary(message),
            socket::Inbound::Text(_) => Inbound::Text,
            socket::Inbound::Control => Inbound::Control,
            socket::Inbound::Close(code) => Inbound::Close(code),
        })
    }

    fn start_send(&mut self, message: Bytes) -> Result<(), Broken> {
        self.start_send(Outbound::Binary(message))
    }

    fn bytes_of(&self, message: &Bytes) -> u64 {
        framed_bytes(message.len()) as u64
    }

    fn ping(&mut self) {
        // A failure shows at the next read.
        let _ = self.start_send(Outbound::Ping);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.poll_flush(cx)
    }

    fn leave_reactor(&mut self) -> bool {
        self.leave_reactor()
    }

    fn begin_turn(&mut self) {
        self.begin_turn();
    }

    fn hear(&mut self, now: Instant, hear: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, Broken> {
        self.hear(now, hear)
    }

    fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), Broken> {
        if !self.is_unwatched() {
            return messages.drain(..).try_for_each(|message| Wire::start_send(self, message));
        }
        let written = self.write(messages);
        messages.clear();
        written
    }

    fn settle(&mut self) -> Result<(), Broken> {
        self.settle()
    }

    fn come_back(&mut self) -> Result<(), Broken> {
        self.come_back()
    }

    fn take_received_bytes(&mut self) -> u64 {
        self.take_received_bytes()
    }

    async fn finish(self, last: Vec<Bytes>, code: Option<CloseCode>) {
        self.finish(last, code).await;
    }
}
