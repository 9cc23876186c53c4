//! A match over simulated lines in virtual time: a real room, real client sessions, no clock.

use std::collections::VecDeque;
use std::time::Duration;

use fracas_arena::{Arena, Config, Input, View};
use fracas_client::{Codecs, Event, Play, Replica, RoomWanted, Session, Update};
use fracas_shared::game::Events;
use fracas_shared::glam::Vec2;
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::{ClientTag, InputHead};
use fracas_shared::{EntityId, Game, Line, LineProfile, PlayerId, Predict, PredictStep, Profile, Seen, Tick};
use fracas_sim::conformance::{Arrival, MemoryPort};
use fracas_sim::{InputCounts, Room, RoomOptions, SeatToken, Viewers};

/// How many ticks of the truth are remembered.
const TRUTH_TICKS: usize = 256;

/// A match and those who play it.
pub(super) struct SimulatedMatch {
    /// The match on the server.
    pub(super) room: Room<Arena>,
    /// The time since its beginning, by the server's clock.
    pub(super) now: Duration,
    /// Those who play.
    pub(super) players: Vec<SimulatedPlayer>,
    viewers: Viewers,
    period: Duration,
    ticks: u32,
    truth: VecDeque<Vec<ShipTruth>>,
}

/// Where a ship is on the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShipTruth {
    /// Whose it is.
    pub(super) player: PlayerId,
    /// Where, in metres.
    pub(super) position: Vec2,
    /// How fast, in metres per second.
    pub(super) velocity: Vec2,
    /// Whether it lives.
    pub(super) alive: bool,
}

/// What a player does, drawn frame by drawn frame.
pub(super) trait Brain {
    /// What the player holds now, given what the screen shows.
    fn decide(&mut self, screen: &Screen<'_>) -> Input;
}

/// What a player's screen shows.
pub(super) struct Screen<'a> {
    /// The player.
    pub(super) me: PlayerId,
    /// The tick that the own player is at.
    pub(super) tick: Tick,
    /// The own ship as drawn; none while it does not live.
    pub(super) ship: Option<Vec2>,
    /// All others as drawn, by id.
    pub(super) others: &'a [(EntityId, View)],
    /// The match, for what is not drawn: rules, own row, server's word.
    pub(super) play: &'a Play<Arena>,
}

/// A client at the end of a simulated line.
pub(super) struct SimulatedPlayer {
    /// The seat.
    pub(super) player: PlayerId,
    /// What the client library made of it.
    pub(super) play: Play<Arena>,
    /// What the player holds.
    pub(super) input: Input,
    /// Who decides what the player does.
    pub(super) brain: Box<dyn Brain>,
    /// By how much the player's clock is fast: 0.01 for 1 %.
    pub(super) drift: f64,
    /// Until when, by the server's clock, the program does not run.
    pub(super) suspended_until: Duration,
    /// What happened at the client since this was last emptied.
    pub(super) happened: Vec<Happened>,
    session: Session,
    port: MemoryPort,
    down: Line,
    up: Line,
    arriving: VecDeque<(Duration, Vec<u8>)>,
    leaving: VecDeque<(Duration, Vec<u8>)>,
    draws_at: Duration,
    frame_time: Duration,
    /// What inputs waited for their steps, in ticks: sum and count.
    pub(super) buffered: (f64, u64),
}

/// Something that a measurement wants to know.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    /// A frame of the server was taken in.
    Frame {
        /// Its tick.
        tick: Tick,
        /// Whether the tick had no input of this player that was meant for it.
        was_missing: bool,
        /// How wrong the prediction was, in metres; none when there was none.
        correction: Option<f32>,
    },
    /// A frame was drawn.
    Drawn {
        /// Whether there was no snapshot after the shown moment.
        is_starved: bool,
        /// How far the shown moment was behind the frames that arrive, in ticks.
        delay_ticks: f64,
        /// By how much the others were drawn elsewhere than they were at that moment, and whether they
        /// moved straight, in metres.
        errors: Vec<(f32, bool)>,
        /// When the input changed: by how much the own ship is drawn elsewhere because of it.
        answer: Option<f32>,
    },
    /// An input was sent.
    Sent {
        /// For this tick.
        tick: Tick,
        /// Whom its beam would hit on the screen, if it fires.
        aims_at: Option<PlayerId>,
        /// Whether it fires a beam by the client's own reckoning.
        fires: bool,
        /// How old what the screen showed was at that tick, in ticks.
        lag_ticks: f64,
    },
}

impl SimulatedMatch {
    /// A match without players.
    pub(super) fn new(config: Config, tick_hz: u16, rewind_ms: u16, seed: u64) -> anyhow::Result<Self> {
        let options = RoomOptions { tick_hz, rewind_ms, config, seats: 16, ..RoomOptions::of::<Arena>() };
        Ok(Self {
            room: Room::open(options, seed)?,
            now: Duration::ZERO,
            players: Vec::new(),
            viewers: Viewers::default(),
            period: Duration::from_secs(1) / u32::from(tick_hz),
            ticks: 0,
            truth: VecDeque::new(),
        })
    }

    /// Seats a player at the end of such a line, whose screen shows `fps` frames a second.
    pub(super) fn join(
        &mut self,
        profile: LineProfile,
        fps: u32,
        seed: u64,
        brain: Box<dyn Brain>,
    ) -> anyhow::Result<PlayerId> {
        let name = format!("player {seed}");
        let player = self.room.join(Profile::player(name.as_str()), SeatToken(seed.into()))?;
        let mut session = Session::new(name, "simulated");
        let welcome = ServerMessage::Welcome {
            protocol: fracas_shared::message::PROTOCOL_VERSION,
            server: "simulated".into(),
        };
        session.handle_message(self.now, &welcome.to_bytes())?;
        let game = Arena::ID.to_owned();
        let codecs = Codecs::of::<Arena>();
        let joined = self.room.joined(Some(player), codecs.hash());
        session.join_typed(RoomWanted::Join { game }, codecs)?;
        session.handle_message(self.now, &ServerMessage::Joined(joined).to_bytes())?;
        let mut replica = None;
        while let Some(event) = session.poll_event() {
            if let Event::Joined(joined) = event {
                replica = Some(Replica::<Arena>::new(joined));
            }
        }
        let replica = replica.ok_or_else(|| anyhow::anyhow!("nobody was seated"))?;
        let port = MemoryPort::new();
        self.viewers.add(Box::new(port.clone()), Some(player));
        let frame_time = Duration::from_secs(1) / fps;
        self.players.push(SimulatedPlayer {
            player,
            play: Play::new(replica)?,
            input: Input::default(),
            brain,
            drift: 0.0,
            suspended_until: Duration::ZERO,
            happened: Vec::new(),
            session,
            port,
            down: Line::new(profile, seed * 2),
            up: Line::new(profile, seed * 2 + 1),
            arriving: VecDeque::new(),
            leaving: VecDeque::new(),
            // Screens are not in step with anything.
            draws_at: self.now + frame_time.mul_f64((seed as f64 * 0.377).fract()),
            frame_time,
            buffered: (0.0, 0),
        });
        Ok(player)
    }

    /// Makes all lines other ones.
    pub(super) fn set_lines(&mut self, profile: LineProfile) {
        for player in &mut self.players {
            player.down.set_profile(profile);
            player.up.set_profile(profile);
        }
    }

    /// Lets time pass until the server has made its next tick.
    pub(super) fn tick(&mut self) -> anyhow::Result<()> {
        let tick_at = self.period * (self.ticks + 1);
        for place in 0..self.players.len() {
            self.run_player(place, tick_at)?;
        }
        self.now = tick_at;
        self.ticks += 1;
        self.room_tick();
        self.note_truth();
        for player in &mut self.players {
            for arrival in player.port.flush() {
                let messages = match arrival {
                    Arrival::Message(message) => vec![message],
                    Arrival::State(state) => state.own.into_iter().chain([state.frame]).collect(),
                };
                let bytes = messages.iter().map(|message| message.len() + 4).sum();
                let at = player.down.send(tick_at, bytes);
                player.arriving.extend(messages.into_iter().map(|message| (at, message.to_vec())));
            }
        }
        Ok(())
    }

    /// Lets so much time pass.
    pub(super) fn run(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = self.now + time;
        while self.now < until {
            self.tick()?;
        }
        Ok(())
    }

    /// What became of a player's inputs.
    pub(super) fn input_counts(&self, player: PlayerId) -> InputCounts {
        self.room.input_counts(player).unwrap_or_default()
    }

    /// The player of this seat.
    pub(super) fn player(&mut self, player: PlayerId) -> Option<&mut SimulatedPlayer> {
        self.players.iter_mut().find(|other| other.player == player)
    }

    /// Where the ships were after a tick.
    pub(super) fn truth(&self, tick: Tick) -> Option<&[ShipTruth]> {
        let age = usize::try_from(self.room.simulation().tick().since(tick)).ok()?;
        let place = self.truth.len().checked_sub(age + 1)?;
        Some(&self.truth[place])
    }

    fn note_truth(&mut self) {
        let simulation = self.room.simulation();
        let ships = simulation.world().iter().filter_map(|(key, entity)| {
            match simulation.game().view(key, entity)? {
                View::Ship { player, x, y, vx, vy, alive, .. } => {
                    Some(ShipTruth { player, position: Vec2::new(x, y), velocity: Vec2::new(vx, vy), alive })
                }
                _ => None,
            }
        });
        let ships = ships.collect();
        if self.truth.len() == TRUTH_TICKS {
            self.truth.pop_front();
        }
        self.truth.push_back(ships);
    }

    /// The server's part of a tick.
    // Never inlined: callgrind counts by functions.
    #[inline(never)]
    fn room_tick(&mut self) {
        self.room.tick(&mut self.viewers);
    }

    /// The server's part of an input.
    #[inline(never)]
    fn room_input(&mut self, player: PlayerId, packet: &[u8]) -> anyhow::Result<()> {
        self.room.input(player, packet)?;
        Ok(())
    }

    /// Lets a player draw, send and receive until the server's next tick.
    fn run_player(&mut self, place: usize, until: Duration) -> anyhow::Result<()> {
        loop {
            let player = &mut self.players[place];
            // A program that is suspended does nothing; what has come meanwhile it finds at its end.
            let runs_at = |at: Duration| at.max(player.suspended_until);
            let draws_at = runs_at(player.draws_at);
            let arrives_at = player.arriving.front().map(|(at, _)| runs_at(*at));
            let next = arrives_at.map_or(draws_at, |at| at.min(draws_at));
            if next >= until {
                break;
            }
            if arrives_at.is_some_and(|at| at <= draws_at) {
                let Some((_, message)) = player.arriving.pop_front() else { break };
                player.receive(next, &message)?;
            } else {
                player.draws_at = next + player.frame_time;
                self.draw(place, next)?;
            }
        }
        let next_tick = self.room.simulation().tick().next();
        loop {
            let player = &mut self.players[place];
            let Some((_, message)) = player.leaving.pop_front_if(|(at, _)| *at < until) else { break };
            let Ok((ClientTag::Input, packet)) = ClientTag::split(&message) else { continue };
            let (head, _) = InputHead::read(packet)?;
            player.buffered.0 += f64::from(head.tick.since(next_tick).max(0));
            player.buffered.1 += 1;
            let id = player.player;
            self.room_input(id, packet)?;
        }
        Ok(())
    }

    fn draw(&mut self, place: usize, now: Duration) -> anyhow::Result<()> {
        let player = &mut self.players[place];
        let local = player.local(now);
        let before = player.input;
        let (me, tick) = (player.player, player.play.clock().time().unwrap_or_default().tick());
        // What was drawn last is what the player reacts to.
        let own = player.play.show(local, &before)?;
        let ship = own.own.first().and_then(|(_, view)| place_of(view));
        let others: Vec<_> = own.others.iter().map(|(id, view)| (*id, view.clone())).collect();
        let screen = Screen { me, tick, ship, others: &others, play: &player.play };
        let input = player.brain.decide(&screen);
        player.input = input;
        let stamps = player.play.advance(local, &input);
        for stamp in stamps {
            let head = player.play.prediction().head();
            let from = head.map(fracas_arena::Ahead::position);
            let fires = player
                .play
                .prediction()
                .foretold()
                .any(|event| matches!(event, fracas_arena::Event::Beam { .. }));
            let aims_at = from
                .filter(|_| fires)
                .and_then(|from| player.play.rules().aims_at(&others, me, from, quantised_aim(input.aim)));
            let lag_ticks = stamp.view_time.map_or(0.0, |time| -time.since(stamp.tick));
            player.happened.push(Happened::Sent { tick: stamp.tick, aims_at, fires, lag_ticks });
            player.session.send_stamped(local, stamp, &input)?;
        }
        while let Some(message) = player.session.poll_send() {
            let at = player.up.send(now, message.len() + 8);
            player.leaving.push_back((at, message));
        }
        let ship = player.play.show(local, &input)?.own.first().and_then(|(_, view)| place_of(view));
        let moves =
            (before.x, before.y) != (input.x, input.y) && flies_elsewhere(&player.play, before, input);
        let answer = if moves {
            let without = player.play.show(local, &before)?.own.first().and_then(|(_, view)| place_of(view));
            ship.zip(without).map(|(with, without)| with.distance(without))
        } else {
            None
        };
        let interpolation = player.play.interpolation();
        let (time, is_starved) = (interpolation.time(), interpolation.is_starved());
        let server = player.play.clock().server();
        let delay_ticks = match (time, server.epoch()) {
            (Some(time), Some(epoch)) => server.arriving(local) - time.since(epoch),
            _ => 0.0,
        };
        let errors = time.map_or_else(Vec::new, |time| self.errors(&others, time));
        let drawn = Happened::Drawn { is_starved, delay_ticks, errors, answer };
        self.players[place].happened.push(drawn);
        Ok(())
    }

    /// By how much ships are drawn elsewhere than they were at that moment.
    fn errors(&self, others: &[(EntityId, View)], time: fracas_shared::ViewTime) -> Vec<(f32, bool)> {
        let at = |tick| self.truth(tick);
        let (Some(from), Some(to)) = (at(time.tick()), at(time.tick().next())) else { return Vec::new() };
        let before = at(Tick(time.tick().0.wrapping_sub(1)));
        let of = |ships: &[ShipTruth], player| ships.iter().find(|ship| ship.player == player).copied();
        let errors = others.iter().filter_map(|(_, view)| {
            let View::Ship { player, x, y, alive: true, .. } = *view else { return None };
            let (from, to, before) = (of(from, player)?, of(to, player)?, of(before?, player)?);
            if !(from.alive && to.alive && before.alive) {
                return None;
            }
            let truth = from.position.lerp(to.position, time.part());
            let is_straight = from.velocity == to.velocity && before.velocity == from.velocity;
            Some((truth.distance(Vec2::new(x, y)), is_straight))
        });
        errors.collect()
    }
}

impl SimulatedPlayer {
    /// The player's own clock.
    pub(super) fn local(&self, now: Duration) -> Duration {
        now.mul_f64(1.0 + self.drift)
    }

    fn receive(&mut self, now: Duration, message: &[u8]) -> anyhow::Result<()> {
        let local = self.local(now);
        self.session.handle_message(local, message)?;
        while let Some(event) = self.session.poll_event() {
            let was_missing = matches!(&event, Event::Frame(frame) if frame.input_was_missing());
            if let Update::Frame { tick, .. } = self.play.handle(local, event)? {
                let correction = self.play.prediction().correction().filter(|made| made.tick == tick);
                self.happened.push(Happened::Frame {
                    tick,
                    was_missing,
                    correction: correction.map(|made| made.distance),
                });
            }
        }
        Ok(())
    }
}

/// Whether a ship is elsewhere after the next tick with one input than with the other. One that a wall
/// stops may not be.
fn flies_elsewhere(play: &Play<Arena>, one: Input, other: Input) -> bool {
    let place = |input: Input| {
        let (mut ahead, mut events) = (play.prediction().head()?.clone(), Events::default());
        let tick_hz = play.replica().joined().tick_hz;
        let seen = Seen {
            tick: play.replica().tick(),
            tick_hz,
            me: play.replica().player()?,
            own: None,
            views: &[],
        };
        play.rules().advance(&mut ahead, &input, &mut PredictStep::new(&seen, seen.tick, &mut events));
        Some(ahead.position())
    };
    place(one) != place(other)
}

fn place_of(view: &View) -> Option<Vec2> {
    match *view {
        View::Ship { x, y, .. } => Some(Vec2::new(x, y)),
        _ => None,
    }
}

/// An angle as an input can say it.
fn quantised_aim(aim: f32) -> f32 {
    fracas_shared::quant::angle_value(fracas_shared::quant::angle_code(aim, 10), 10)
}
