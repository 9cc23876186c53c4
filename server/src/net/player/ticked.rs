//! A player whose connection is driven by the ticks of its room.

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use super::{Event, Player};
use crate::metrics::Counted;
use crate::net::driver::TickDriven;
use crate::net::wire::{Inbound, Wire};

impl<W: Wire> Player<W> {
    /// Leaves its task, for the ticks of its room to go on. Given back when it may not, or not yet.
    pub(super) fn hand_over(mut self: Box<Self>) -> Result<(), Box<Self>> {
        if !self.wire.leave_reactor() {
            self.may_be_ticked = false;
            return Err(self);
        }
        self.ticked = Some(Counted::new(&self.players.metrics.net.ticked));
        let mailbox = self.mailbox.clone();
        mailbox.hand_over(self).map_err(|mut player| {
            player.come_back();
            player.may_be_ticked = mailbox.has_port();
            player
        })
    }

    fn come_back(&mut self) {
        self.ticked = None;
        let _entered = self.runtime.enter();
        if let Err(broken) = self.wire.come_back() {
            self.pending.get_or_insert(Event::Gone(broken));
        }
    }

    /// Takes what has come.
    fn hear_all(&mut self, input: &mut dyn FnMut(&[u8])) -> Result<(), Event> {
        let now = Instant::now();
        let (connection, mut inputs) = (&mut self.connection, 0);
        let hear = &mut |message: &[u8]| {
            if connection.take_input(message, now) {
                inputs += 1;
                input(&message[1..]);
                return true;
            }
            connection.handle_binary(&Bytes::copy_from_slice(message), now);
            !connection.is_waiting_for_room()
        };
        let has_more = self.wire.hear(now, hear).map_err(Event::Gone)?;
        self.players.metrics.net.received_inputs.inc_by(inputs);
        self.count_received();
        self.carry_out_actions();
        if has_more {
            self.hear_rest()?;
        }
        if self.connection.deadline() <= now {
            self.connection.handle_timeout(now);
            self.carry_out_actions();
        }
        Ok(())
    }

    /// Sends what waits in the mailbox, if all before has left: so what is sent is as new as can be.
    fn send_newest(&mut self) -> Result<(), Event> {
        match self.wire.poll_flush(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(broken)) => Err(Event::Gone(broken)),
            Poll::Ready(Ok(())) => {
                // With what is to be the end the mailbox gives the connection back to the reactor.
                self.mailbox.take(&mut self.batch);
                self.send_batch()
            }
        }
    }

    /// Whether the ticks go on with it; else what came of this is the task's to handle.
    fn goes_on(&mut self, done: Result<(), Event>) -> bool {
        done.map_err(|event| self.pending = Some(event)).is_ok()
    }

    /// Takes what is not of every day.
    fn hear_rest(&mut self) -> Result<(), Event> {
        let mut nobody = Context::from_waker(Waker::noop());
        while !self.connection.is_waiting_for_room()
            && let Poll::Ready(heard) = self.wire.poll_message(&mut nobody)
        {
            match heard.map_err(Event::Gone)? {
                message @ Inbound::Close(_) => return Err(Event::Message(message)),
                message => self.handle_message(message),
            }
            self.carry_out_actions();
        }
        Ok(())
    }
}

impl<W: Wire> TickDriven for Player<W> {
    fn prepare(&mut self) {
        self.wire.begin_turn();
    }

    fn receive(&mut self, input: &mut dyn FnMut(&[u8])) -> bool {
        let heard = self.hear_all(input);
        // What the room is to answer is awaited by a task.
        self.goes_on(heard) && self.room_answer.is_none() && !self.players.shutdown.is_begun()
    }

    fn flush(&mut self) -> bool {
        let sent = self.send_newest();
        self.goes_on(sent)
    }

    fn settle(&mut self) -> bool {
        let settled = self.wire.settle().map_err(Event::Gone);
        self.goes_on(settled)
    }

    fn go_back(mut self: Box<Self>) {
        self.may_be_ticked = false;
        self.come_back();
        self.runtime.clone().spawn(self.run());
    }
}
