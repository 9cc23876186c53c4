//! One who is shown a match and reads nothing of it but the heads: which tick, and on what it builds.
//!
//! Bytes in, what they say out; it has no socket.

use anyhow::{Result, bail, ensure};
use fracas_benches::ws::{self, BINARY, CLOSE, PING};
use fracas_shared::Tick;
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{Joined, ServerMessage};
use fracas_shared::packet::{OwnHead, ServerTag};

/// A client's side of a match.
#[derive(Debug, Default)]
pub(crate) struct Viewer {
    /// The beginning of a WebSocket frame whose end is still to come.
    torn: Vec<u8>,
    newest: Option<Tick>,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The server knows this protocol.
    Welcome,
    /// A seat.
    Joined(Box<Joined>),
    /// A join was refused, for this reason.
    Refused(String),
    /// The seat was given back.
    Left,
    /// The stamp of the newest input that the next update has used.
    Own(Tick),
    /// What everyone sees after a tick.
    Update(Update),
    /// To be answered with the same payload.
    Ping(Vec<u8>),
    /// The server ends the connection.
    Close,
}

/// An update, by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) tick: Tick,
    pub(crate) is_keyframe: bool,
    /// Whether it is the seat's first.
    pub(crate) is_first: bool,
    /// Ticks between the last update and this one that were not shown.
    pub(crate) missed: u32,
}

impl Viewer {
    /// The tick of the last update.
    pub(crate) fn newest(&self) -> Option<Tick> {
        self.newest
    }

    /// Takes what came, and tells each thing of it.
    ///
    /// # Errors
    /// The server said what it must not say, such as an update that builds on another one than the last.
    pub(crate) fn hear(&mut self, bytes: &[u8], mut tell: impl FnMut(Heard) -> Result<()>) -> Result<()> {
        let mut torn = std::mem::take(&mut self.torn);
        if torn.is_empty() {
            let rest = self.take_frames(bytes, &mut tell)?;
            torn.extend_from_slice(&bytes[bytes.len() - rest..]);
        } else {
            torn.extend_from_slice(bytes);
            let rest = self.take_frames(&torn, &mut tell)?;
            torn.drain(..torn.len() - rest);
        }
        // Thousands of these are to be small.
        if torn.is_empty() && torn.capacity() > 0 {
            torn = Vec::new();
        }
        self.torn = torn;
        Ok(())
    }

    /// Takes whole frames, and gives how many bytes are left.
    fn take_frames(&mut self, mut bytes: &[u8], tell: &mut impl FnMut(Heard) -> Result<()>) -> Result<usize> {
        while let Some((frame, length)) = ws::split(bytes) {
            let Some(payload) = frame.unmasked() else { bail!("a server that masks what it sends") };
            match frame.opcode {
                BINARY => {
                    if let Some(heard) = self.take(payload)? {
                        tell(heard)?;
                    }
                }
                PING => tell(Heard::Ping(payload.to_vec()))?,
                CLOSE => tell(Heard::Close)?,
                _ => {}
            }
            bytes = &bytes[length..];
        }
        Ok(bytes.len())
    }

    fn take(&mut self, payload: &[u8]) -> Result<Option<Heard>> {
        let (tag, rest) = ServerTag::split(payload)?;
        Ok(match tag {
            ServerTag::Frame => Some(Heard::Update(self.update(rest)?)),
            ServerTag::Own => Some(Heard::Own(OwnHead::read(rest)?.0.input_tick)),
            ServerTag::Events => None,
            ServerTag::Control => match ServerMessage::from_bytes(rest)? {
                ServerMessage::Welcome { .. } => Some(Heard::Welcome),
                ServerMessage::Joined(joined) => Some(Heard::Joined(Box::new(joined))),
                ServerMessage::Left { .. } => {
                    self.newest = None;
                    Some(Heard::Left)
                }
                ServerMessage::Refused(refusal) => Some(Heard::Refused(format!("{refusal:?}"))),
                _ => None,
            },
        })
    }

    fn update(&mut self, frame: &[u8]) -> Result<Update> {
        let last = self.newest;
        let head = FrameCodec::peek(frame, last.unwrap_or_default())?;
        if let Some(baseline) = head.baseline {
            ensure!(
                last == Some(baseline),
                "tick {:?} builds on {baseline:?}, and {last:?} is here",
                head.tick
            );
        }
        let on = last.map_or(1, |last| head.tick.since(last));
        ensure!(on > 0, "tick {:?} came after {last:?}", head.tick);
        self.newest = Some(head.tick);
        Ok(Update {
            tick: head.tick,
            is_keyframe: head.baseline.is_none(),
            is_first: last.is_none(),
            missed: on as u32 - 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use fracas_benches::ws::put_server_frame;

    use super::*;

    /// Server's frames, one after the other.
    fn bytes(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            put_server_frame(BINARY, payload, &mut bytes);
        }
        bytes
    }

    fn updates(viewer: &mut Viewer, bytes: &[u8]) -> Result<Vec<Update>> {
        let mut updates = Vec::new();
        viewer.hear(bytes, |heard| {
            if let Heard::Update(update) = heard {
                updates.push(update);
            }
            Ok(())
        })?;
        Ok(updates)
    }

    /// Keyframe of tick 255, delta of age 1, delta of age 3, keyframe of tick 300: heads as docs/PROTOCOL.md has them.
    const HEADS: [&[u8]; 4] = [&[2, 1, 255, 0, 0, 0], &[2, 0, 0], &[2, 32, 3, 3], &[2, 1, 44, 1, 0, 0]];

    #[test]
    fn what_was_not_shown_is_noticed() {
        let found = updates(&mut Viewer::default(), &bytes(&HEADS)).expect("all is well");
        let found: Vec<_> =
            found.iter().map(|at| (at.tick.0, at.is_keyframe, at.is_first, at.missed)).collect();
        let wanted =
            [(255, true, true, 0), (256, false, false, 0), (259, false, false, 2), (300, true, false, 40)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn frames_may_come_in_pieces() {
        let (mut viewer, mut count) = (Viewer::default(), 0);
        for byte in bytes(&HEADS) {
            count += updates(&mut viewer, &[byte]).expect("all is well").len();
        }
        assert_eq!((count, viewer.newest(), viewer.torn.capacity()), (4, Some(Tick(300)), 0));
    }

    #[test]
    fn a_delta_on_what_is_not_there_is_an_error() {
        let wrong = [HEADS[0], &[2, 0, 1]];
        assert!(updates(&mut Viewer::default(), &bytes(&wrong)).is_err());
        assert!(updates(&mut Viewer::default(), &bytes(&HEADS[1..])).is_err(), "no keyframe came before");
    }
}
