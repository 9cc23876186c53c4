//! Who reads and writes a connection: a task on the reactor, or its room's tick.
//!
//! An input waits for its tick anyway. So a seated player's socket leaves the reactor, and nobody is woken
//! for what comes: the tick reads each socket once before it, and writes it once after it, by the
//! [exchange](crate::exchange), together with all others whose turn it is. Whatever is not of
//! every day, such as an end, a leave or a worse line, sends the connection back to the reactor.

/// A connection that a tick can drive.
pub trait TickDriven: Send {
    /// Asks the exchange for what has come.
    fn prepare(&mut self);

    /// Takes what has come, and passes it on: inputs, without their tags, to `input`. False when the connection is to
    /// go back to the reactor.
    fn receive(&mut self, input: &mut dyn FnMut(&[u8])) -> bool;

    /// Hands the exchange what waits in its mailbox, if the line takes more. False as above.
    fn flush(&mut self) -> bool;

    /// Takes note of what the line took. False as above.
    fn settle(&mut self) -> bool;

    /// Goes back to the reactor, from any thread.
    fn go_back(self: Box<Self>);
}

/// Who drives a connection.
#[derive(Default)]
pub enum Driver {
    /// A task on the reactor, which is woken.
    #[default]
    Reactor,
    /// The tick of the room that it has a port of.
    Tick(Box<dyn TickDriven>),
    /// The same, whose port has it in hand.
    Busy,
}
