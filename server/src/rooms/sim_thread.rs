//! The threads on which matches tick.

use std::cmp::Ordering as Order;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fracas_shared::CloseCode;
use tracing::{debug, info, warn};

use super::directory::{Directory, RoomEntry};
use super::hosted_room::HostedRoom;
use super::pacer::{Pacer, Phases};
use crate::config::Config;
use crate::metrics::Metrics;

/// The simulation threads of a server.
pub(super) struct SimThreads {
    threads: Vec<Handle>,
    joins: Mutex<Vec<JoinHandle<()>>>,
}

struct Handle {
    commands: Sender<Command>,
    /// Rooms on the thread.
    load: Arc<AtomicUsize>,
}

enum Command {
    Add(Box<HostedRoom>),
    /// Someone waits in the inbox of the room of this number.
    Wake(u64),
    Stop,
}

impl SimThreads {
    pub(super) fn start(config: &Config, directory: &Arc<Directory>, metrics: &Metrics) -> Self {
        let linger = Duration::from_secs(u64::from(config.room_linger_s));
        let (threads, joins) = (0..config.sim_thread_count())
            .map(|number| {
                let (commands, arriving) = mpsc::channel();
                let load = Arc::new(AtomicUsize::new(0));
                let thread =
                    SimThread::new(arriving, linger, directory.clone(), metrics.clone(), load.clone());
                let join = thread::Builder::new()
                    .name(format!("sim-{number}"))
                    .spawn(|| thread.run())
                    .expect("a process that cannot start a thread cannot host a match");
                (Handle { commands, load }, join)
            })
            .unzip();
        Self { threads, joins: Mutex::new(joins) }
    }

    /// The thread with the fewest rooms.
    pub(super) fn least_loaded(&self) -> usize {
        let load = |thread: &usize| self.threads[*thread].load.load(Ordering::Relaxed);
        (0..self.threads.len()).min_by_key(load).unwrap_or_default()
    }

    /// Puts a room on the thread that its entry names.
    pub(super) fn add(&self, room: HostedRoom) {
        let handle = &self.threads[room.entry.thread];
        handle.load.fetch_add(1, Ordering::Relaxed);
        // A thread that has stopped has closed its rooms, and closes this one by dropping it.
        let _ = handle.commands.send(Command::Add(Box::new(room)));
    }

    /// Lets a room look into its inbox, if it is asleep.
    pub(super) fn wake(&self, entry: &RoomEntry) {
        let _ = self.threads[entry.thread].commands.send(Command::Wake(entry.number));
    }

    /// Ends all rooms and waits for the threads to end.
    pub(super) fn stop(&self) {
        for handle in &self.threads {
            let _ = handle.commands.send(Command::Stop);
        }
        for join in self.joins.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if join.join().is_err() {
                warn!("a simulation thread had panicked");
            }
        }
    }
}

/// One simulation thread.
struct SimThread {
    commands: Receiver<Command>,
    linger: Duration,
    directory: Arc<Directory>,
    metrics: Metrics,
    load: Arc<AtomicUsize>,
    phases: Phases,
    rooms: BTreeMap<u64, Paced>,
    schedule: BinaryHeap<Turn>,
}

/// A room and when it is to be looked at.
struct Paced {
    room: HostedRoom,
    phase: usize,
    pace: Pace,
}

enum Pace {
    /// It ticks.
    Ticking(Pacer),
    /// Nobody watches; it ends at that time, unless it is permanent.
    Asleep(Instant),
}

/// When a room is to be looked at.
#[derive(PartialEq, Eq)]
struct Turn {
    at: Instant,
    number: u64,
}

impl Ord for Turn {
    /// The earliest is the greatest, for the heap to give it first.
    fn cmp(&self, other: &Self) -> Order {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl SimThread {
    fn new(
        commands: Receiver<Command>,
        linger: Duration,
        directory: Arc<Directory>,
        metrics: Metrics,
        load: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            commands,
            linger,
            directory,
            metrics,
            load,
            phases: Phases::new(Instant::now()),
            rooms: BTreeMap::new(),
            schedule: BinaryHeap::new(),
        }
    }

    fn run(mut self) {
        while let Some(command) = self.wait() {
            match command {
                Command::Add(room) => self.add(*room),
                Command::Wake(number) => self.wake(number),
                Command::Stop => break,
            }
        }
        for (_, paced) in self.rooms {
            self.directory.remove(paced.room.entry.number);
            paced.room.end(CloseCode::Restart);
        }
    }

    /// Waits for a command, and gives rooms their turns meanwhile. None when the server is gone.
    fn wait(&mut self) -> Option<Command> {
        loop {
            self.take_turns();
            let result = match self.schedule.peek() {
                None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // Without time left this still takes a command that is there, so that a thread with
                // too much to do is still told to stop.
                Some(turn) => self.commands.recv_timeout(turn.at.saturating_duration_since(Instant::now())),
            };
            match result {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn add(&mut self, room: HostedRoom) {
        let number = room.entry.number;
        let phase = self.phases.enter(room.entry.tick_hz);
        let until = Instant::now() + self.linger;
        self.rooms.insert(number, Paced { room, phase, pace: Pace::Asleep(until) });
        self.schedule.push(Turn { at: until, number });
        self.wake(number);
    }

    /// Lets a sleeping room look into its inbox; if someone came, it ticks from its next phase on.
    fn wake(&mut self, number: u64) {
        let Some(paced) = self.rooms.get_mut(&number) else { return };
        if let Pace::Ticking(_) = paced.pace {
            return;
        }
        if paced.room.look_into_inbox().is_err() {
            return self.end(number, CloseCode::RoomFailed);
        }
        if paced.room.is_watched() {
            let tick_hz = paced.room.entry.tick_hz;
            let start = self.phases.next(tick_hz, paced.phase, Instant::now());
            paced.pace = Pace::Ticking(Pacer::new(tick_hz, start));
            self.schedule.push(Turn { at: start, number });
        }
    }

    /// Gives all rooms that are due by now their turn.
    fn take_turns(&mut self) {
        let now = Instant::now();
        while self.schedule.peek().is_some_and(|turn| turn.at <= now) {
            let Some(Turn { at, number }) = self.schedule.pop() else { return };
            let Some(paced) = self.rooms.get_mut(&number) else { continue };
            match &mut paced.pace {
                Pace::Ticking(ticks) if ticks.due() == at => self.tick(number),
                Pace::Asleep(until) if *until == at => self.end_if_empty(number),
                // The room fell asleep or woke up since this turn was planned.
                Pace::Ticking(_) | Pace::Asleep(_) => {}
            }
        }
    }

    fn tick(&mut self, number: u64) {
        let Some(Paced { room, pace, .. }) = self.rooms.get_mut(&number) else { return };
        let Pace::Ticking(pacer) = pace else { return };
        let (due, began) = (pacer.due(), Instant::now());
        let result = room.tick();
        let ended = Instant::now();
        room.observe(due, began, ended);
        if result.is_err() {
            return self.end(number, CloseCode::RoomFailed);
        }
        let ticks = &self.metrics.ticks;
        ticks.caught_up.inc_by(u64::from(began.saturating_duration_since(due) > pacer.period()));
        ticks.overruns.inc_by(u64::from(ended - began > pacer.period()));
        let dropped = pacer.advance(ended);
        if dropped > 0 {
            ticks.dropped.inc_by(u64::from(dropped));
            room.tell_dropped(dropped);
        }
        let at = if room.is_watched() {
            pacer.due()
        } else {
            let until = ended + self.linger;
            *pace = Pace::Asleep(until);
            until
        };
        self.schedule.push(Turn { at, number });
    }

    /// Ends a room that nobody came to, unless someone is on the way in.
    fn end_if_empty(&mut self, number: u64) {
        let Some(paced) = self.rooms.get_mut(&number) else { return };
        if paced.room.is_permanent() {
            return;
        }
        if self.directory.remove_if_empty(number) {
            info!(room = paced.room.entry.id, "room ended, nobody was there");
            self.end(number, CloseCode::RoomEnded);
        } else {
            debug!(room = paced.room.entry.id, "someone is on the way in");
            let until = Instant::now() + self.linger;
            paced.pace = Pace::Asleep(until);
            self.schedule.push(Turn { at: until, number });
        }
    }

    fn end(&mut self, number: u64, code: CloseCode) {
        let Some(Paced { room, phase, .. }) = self.rooms.remove(&number) else { return };
        self.directory.remove(number);
        self.phases.leave(room.entry.tick_hz, phase);
        self.load.fetch_sub(1, Ordering::Relaxed);
        if code == CloseCode::RoomFailed {
            self.metrics.rooms.failures.inc();
        }
        room.end(code);
    }
}
