//! A bot that plays on a server of ours.

mod behaviour;
mod continuity;
mod playing;
mod seeing;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fracas_client::limits::CONNECT_TIME_MAX;
use fracas_client::{ClientError, Event, RequestError, Session};
use fracas_shared::limits::IDLE_TIME_MAX_S;
use fracas_shared::message::Joined;
use fracas_shared::{Pilot, PlayerId, Rng, Tick};

use self::behaviour::Mischief;
use self::continuity::LastSeen;
use super::Lane;
use super::acks::Acks;
use super::gallery::{Gallery, Scene};
use crate::plan;
use crate::player::{Failure, Message, Next, Outgoing, Player, SEAT_LOST, Turn};
use crate::scenario::Behaviour;
use crate::times::Time;

/// What the server's log calls the bots.
const PROGRAM: &str = concat!("fracas-bots/", env!("CARGO_PKG_VERSION"));
/// Time for the server to answer a leave.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a bot whose time is up stays for the last of its inputs.
const LAST_INPUTS_TIME_MAX: Duration = Duration::from_secs(1);
/// How often a bot asks for the time to the server and back.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Silence after which a server is given up.
const SILENCE_MAX: Duration = Duration::from_secs(IDLE_TIME_MAX_S);

pub(crate) struct Bot<G: Pilot> {
    lane: Rc<Lane<G>>,
    number: u32,
    name: String,
    session: Session,
    /// When its first connection was begun: the session counts from here.
    began: Instant,
    /// How long it is to stay.
    lasts: Duration,
    mind: G::Mind,
    rng: Rng,
    mischief: Option<Mischief>,
    stay: Option<Stay<G>>,
    /// From the last stay, when it is to come back.
    last_seen: Option<LastSeen>,
    has_played: bool,
    /// When it asked for a seat, until the first state.
    asked_at: Option<Instant>,
    heard_at: Instant,
    ping: Option<(u32, Instant)>,
    ping_at: Instant,
    leaving: Leaving,
    inputs_sent: u64,
    last_stamp: Option<Tick>,
}

/// From one taking of a seat to its giving back, or to the loss of the connection.
struct Stay<G: Pilot> {
    gallery: Rc<Gallery<G>>,
    rules: Rc<G>,
    joined: Arc<Joined>,
    /// Of those, what is asked for with every update: the tick and the ticks in a second.
    joined_tick: Tick,
    hz: f64,
    player: Option<PlayerId>,
    own: Option<G::Own>,
    scene: Option<Scene<G>>,
    acks: Acks,
    began: Instant,
    /// From one tick to the next.
    period: Duration,
    /// The newest tick; before the first state, that of joining.
    newest: Tick,
    last_update: Option<Instant>,
    received: u64,
    /// A frame could not be used, and those behind it were not either.
    has_lost_frames: bool,
    /// Ticks from one input to the next.
    stride: f64,
    /// When the next input is to be sent, in ticks since the stay began.
    next_input: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// When the planned inputs are sent, or at this moment.
    Soon(Instant),
    /// The server was told, and is to answer until then.
    Asked(Instant),
}

impl<G: Pilot> Bot<G> {
    pub(super) fn new(lane: Rc<Lane<G>>, session: &plan::Session, now: Instant) -> Self {
        let common = &lane.common;
        let (number, seed) = (session.number, common.seed);
        let name = format!("{}{number}", common.name_prefix);
        let behaviour = common.group.behaviour;
        Self {
            number,
            session: Session::new(name.clone(), PROGRAM),
            name,
            began: now,
            lasts: session.ends.saturating_sub(session.starts),
            mind: G::Mind::default(),
            rng: Rng::new(seed, u64::from(number)),
            mischief: Mischief::of(behaviour, Rng::new(seed, u64::from(number) | 3 << 32)),
            stay: None,
            last_seen: None,
            has_played: false,
            asked_at: None,
            heard_at: now,
            ping: None,
            // Not all at once.
            ping_at: now + PING_INTERVAL.mul_f64(f64::from(number % 64) / 64.0),
            leaving: Leaving::No,
            inputs_sent: 0,
            last_stamp: None,
            lane,
        }
    }

    fn behaviour(&self) -> Behaviour {
        self.lane.common.group.behaviour
    }

    fn take_event(&mut self, event: Event, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        match event {
            Event::Welcome { .. } if !self.has_played => {
                turn.record.note(Time::Connect, turn.now - self.began);
                let room = self.lane.common.group.room_wanted();
                self.session.join_typed(room, self.lane.codecs.clone()).map_err(request)?;
                self.asked_at = Some(turn.now);
            }
            Event::Joined(joined) => self.enter(joined, turn)?,
            Event::Refused(refusal) if self.has_played => {
                return Err(Failure::new(
                    SEAT_LOST,
                    format!("the seat could not be taken up again: {refusal}"),
                ));
            }
            Event::Refused(refusal) => return Err(ClientError::Refused(refusal).into()),
            Event::Frame(frame) => self.take_frame(&frame, turn)?,
            Event::GameEvents(events) => self.take_game_events(&events, turn)?,
            Event::FrameLost(error) => self.take_lost_frame(&error, turn),
            Event::Left { tick } => {
                self.end_stay(Some(tick), turn);
                return Ok(Next::Over);
            }
            event @ (Event::Outcome { .. } | Event::MatchBegan { .. }) => {
                self.note_match(&event);
                if let Some(stay) = &mut self.stay {
                    stay.acks.interrupt(stay.newest.next());
                }
            }
            Event::TimeDropped { tick, ticks } => {
                if let Some(stay) = &mut self.stay {
                    stay.gallery.clock.borrow_mut().dropped(tick, ticks);
                }
            }
            Event::Pong { nonce } => {
                if let Some((_, sent_at)) = self.ping.take_if(|(number, _)| *number == nonce) {
                    turn.record.note(Time::Ping, turn.now - sent_at);
                }
            }
            _ => {}
        }
        Ok(Next::GoOn)
    }

    fn enter(&mut self, joined: Arc<Joined>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let gallery = self.lane.gallery(&joined, turn.now);
        let rules = self.lane.rules(&joined)?;
        if let Some(room) = self.session.room_mut() {
            room.share_frames(gallery.frames.clone());
            room.defer_own();
        }
        turn.record.in_room(&joined.room);
        let hz = f64::from(joined.tick_hz);
        let stride = self.lane.common.group.inputs_per_s.map_or(1.0, |rate| (hz / rate).max(1.0));
        self.stay = Some(Stay {
            gallery,
            rules,
            joined_tick: Tick(joined.tick),
            hz,
            player: joined.player.map(PlayerId),
            own: None,
            scene: None,
            acks: Acks::new(self.last_stamp),
            began: turn.now,
            period: Duration::from_secs_f64(1.0 / hz),
            newest: Tick(joined.tick),
            last_update: None,
            received: 0,
            has_lost_frames: false,
            stride,
            // Players do not all act in the same tick.
            next_input: f64::from(self.number) % stride,
            joined,
        });
        if std::mem::replace(&mut self.has_played, true) {
            turn.record.counts.resumed += 1;
            self.check_seat(turn);
        } else {
            turn.record.counts.joined += 1;
            turn.record.counts.inputs_planned += self.inputs_planned().unwrap_or(0);
        }
        Ok(())
    }

    /// Adds up what it got. When the seat was not given back, that is until the newest tick it knows.
    fn end_stay(&mut self, left: Option<Tick>, turn: &mut Turn<'_>) {
        self.note_last_seen();
        let Some(stay) = self.stay.take() else { return };
        let expected = left.unwrap_or(stay.newest).since(stay.joined_tick).max(0) as u64;
        let is_judged = self.lane.common.is_judged();
        turn.record.stay(expected, stay.received, turn.now - stay.began, is_judged);
    }

    /// Gives the seat back.
    fn ask_to_leave(&mut self, turn: &Turn<'_>) -> Result<Next, Failure> {
        self.leaving = Leaving::Asked(turn.now + LEAVE_TIME_MAX);
        match self.session.leave() {
            Ok(()) => Ok(Next::GoOn),
            // It has none yet, or is not here.
            Err(RequestError::NotInRoom) => Ok(Next::Over),
            Err(error) => Err(request(error)),
        }
    }

    fn is_waiting_for_seat(&self) -> bool {
        self.stay.is_none()
    }
}

impl<G: Pilot> Player for Bot<G> {
    fn connected(&mut self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        self.heard_at = turn.now;
        if self.has_played {
            // The hello and the request for the seat.
            self.session.resume().map_err(request)?;
        }
        Ok(())
    }

    fn hear(&mut self, message: Message<'_>, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        self.heard_at = turn.now;
        turn.record.counts.rx_bytes += message.line_bytes as u64;
        if message.is_text {
            return Err(Failure::new("bad_server", "the server sent a text message"));
        }
        self.lane.remember(self.number, turn.now, message.payload);
        self.session
            .handle_message(turn.now - self.began, message.payload)
            .map_err(|error| Failure::from(ClientError::Session(error)))?;
        let mut next = Next::GoOn;
        while let Some(event) = self.session.poll_event() {
            match self.take_event(event, turn)? {
                Next::GoOn => {}
                other => next = other,
            }
        }
        Ok(next)
    }

    fn wake(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        let now = turn.now;
        if now - self.heard_at >= SILENCE_MAX {
            return Err(ClientError::Silent.into());
        }
        if self.is_waiting_for_seat() && now - self.heard_at >= CONNECT_TIME_MAX {
            return Err(Failure::new("join_timeout", "the server did not answer the request for a seat"));
        }
        match self.leaving {
            Leaving::Asked(until) if until <= now => {
                let message = format!("no answer to a leave within {} s", LEAVE_TIME_MAX.as_secs());
                return Err(Failure::new("leave_timeout", message));
            }
            Leaving::Soon(at) if at <= now || self.has_sent_all() => return self.ask_to_leave(turn),
            _ => {}
        }
        self.session.handle_timeout(now - self.began);
        if self.ping_at <= now && self.stay.is_some() {
            self.ping_at = now + PING_INTERVAL;
            let nonce = self.ping.map_or(0, |(nonce, _)| nonce + 1);
            if self.session.ping(nonce).is_ok() {
                self.ping = Some((nonce, now));
            }
        }
        Ok(self.misbehave(now))
    }

    fn wake_at(&self) -> Option<Instant> {
        let ack_at = self.session.poll_timeout().map(|due| self.began + due);
        let silent_at =
            self.heard_at + if self.is_waiting_for_seat() { CONNECT_TIME_MAX } else { SILENCE_MAX };
        let leave_at = match self.leaving {
            Leaving::No => None,
            Leaving::Soon(at) | Leaving::Asked(at) => Some(at),
        };
        let ping_at = self.stay.is_some().then_some(self.ping_at);
        let mischief_at = self.mischief.as_ref().filter(|_| self.is_free()).map(Mischief::at);
        [ack_at, Some(silent_at), leave_at, ping_at, mischief_at].into_iter().flatten().min()
    }

    fn poll_send(&mut self) -> Option<Outgoing> {
        self.session.poll_send().map(|payload| Outgoing { is_text: false, payload })
    }

    fn dropped(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(None, turn);
        self.ping = None;
    }

    fn leave(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        if self.has_sent_all() {
            return self.ask_to_leave(turn);
        }
        self.leaving = Leaving::Soon(turn.now + LAST_INPUTS_TIME_MAX);
        Ok(Next::GoOn)
    }

    fn ended(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(None, turn);
    }

    fn has_played(&self) -> bool {
        self.has_played
    }
}

impl<G: Pilot> Bot<G> {
    /// Whether it has a seat, and is not about to give it back.
    fn is_free(&self) -> bool {
        self.stay.is_some() && self.leaving == Leaving::No
    }

    fn misbehave(&mut self, now: Instant) -> Next {
        let is_free = self.is_free();
        match &mut self.mischief {
            Some(mischief) if is_free => mischief.next(now, &mut self.session),
            _ => Next::GoOn,
        }
    }
}

fn request(error: RequestError) -> Failure {
    ClientError::Request(error).into()
}
