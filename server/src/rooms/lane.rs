//! What a simulation thread works on: rooms, and when each is to be looked at.
//!
//! A lane outlives its thread. A room is taken out of the lane while the rules have it, so that no
//! lock is held meanwhile: if they never give it back, another thread goes on with all the others.
//!
//! Rooms that are due together have their turn together: first the sockets of all of them are read,
//! then each makes its tick, then the sockets of all of them are written. The kernel's code and that
//! of the rules do not drive each other out of the processor's caches room by room that way.

use std::cmp::Ordering as Order;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fracas_shared::CloseCode;
use fracas_sim::journal::{Entry, What};
use rustix::process::Pid;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, error, info};

use super::directory::Directory;
use super::hosted_room::{HostedRoom, RoomFailure};
use super::pacer::{Pacer, Phases};
use super::room_entry::RoomEntry;
use super::sim_thread::Command;
use super::urgency::Urgency;
use crate::exchange;
use crate::journal::{AtWork, Journal, LaneJournal};
use crate::metrics::Metrics;

/// The rooms of one simulation thread at a time.
pub(super) struct Lane {
    commands: Mutex<Receiver<Command>>,
    linger: Duration,
    directory: Arc<Directory>,
    metrics: Metrics,
    /// Rooms in the lane, for the choice of one for a new room.
    load: Arc<AtomicUsize>,
    /// Permanent rooms whose rules failed, by their games, to be opened anew.
    fallen: UnboundedSender<&'static str>,
    /// What is written of its rooms. The rules are never called under its lock.
    journal: Option<Mutex<LaneJournal>>,
    /// Where it is noted which room the rules have, and under which number.
    at_work: Option<(Arc<AtWork>, usize)>,
    state: Mutex<State>,
}

struct State {
    /// The number of the thread that works on the lane. One of another number has been given up.
    thread: u64,
    phases: Phases,
    rooms: BTreeMap<u64, Paced>,
    schedule: BinaryHeap<Turn>,
    /// Rooms whose turn it is, in order; and those that have made their tick and are to be flushed.
    due: VecDeque<u64>,
    ticked: Vec<u64>,
    /// How the system knows that thread.
    system_thread: Option<Pid>,
    /// The room that the rules have, and since when.
    step: Option<Step>,
}

/// A room that is in the rules' hands.
struct Step {
    since: Instant,
    /// How often it was looked at. Time alone would tell of a step that the system did not let run,
    /// such as in a process that was stopped, that it hangs.
    looks: u32,
    entry: Arc<RoomEntry>,
    phase: usize,
    /// Whether it is to be opened anew when it does not come back.
    is_missed: bool,
}

/// A room and when it is to be looked at.
struct Paced {
    room: Box<HostedRoom>,
    phase: usize,
    pace: Pace,
    /// The moment of the turn that counts; others in the schedule are out of date.
    turn: Instant,
}

enum Pace {
    /// It ticks.
    Ticking(Pacer, Spent),
    /// Nobody watches; it ends at its turn, unless it is permanent.
    Asleep,
}

/// What the tick that is being made took so far.
#[derive(Clone, Copy, Default)]
struct Spent {
    /// From the tick's deadline to its begin.
    late: Duration,
    work: Duration,
}

/// When a room is to be looked at.
#[derive(PartialEq, Eq)]
struct Turn {
    at: Instant,
    number: u64,
}

impl Step {
    fn of(paced: &Paced, is_missed: bool) -> Self {
        let (entry, phase) = (paced.room.entry.clone(), paced.phase);
        Self { since: Instant::now(), looks: 0, entry, phase, is_missed }
    }
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

/// A lane without a thread.
pub(super) struct Taken {
    /// The number of the thread that is to work on it.
    pub(super) thread: u64,
    /// The thread that does not any more.
    pub(super) lost: Option<Pid>,
}

/// The thread was given up while it was in the rules' hands: it is to end and touch nothing.
pub(super) struct GivenUp;

impl Lane {
    pub(super) fn new(
        commands: Receiver<Command>,
        linger: Duration,
        directory: Arc<Directory>,
        metrics: Metrics,
        load: Arc<AtomicUsize>,
        fallen: UnboundedSender<&'static str>,
        journal: Option<(&Journal, usize)>,
    ) -> Self {
        let state = State {
            thread: 0,
            phases: Phases::new(Instant::now()),
            rooms: BTreeMap::new(),
            schedule: BinaryHeap::new(),
            due: VecDeque::new(),
            ticked: Vec::new(),
            system_thread: None,
            step: None,
        };
        Self {
            commands: Mutex::new(commands),
            linger,
            directory,
            metrics,
            load,
            fallen,
            journal: journal.map(|(journal, number)| Mutex::new(journal.of_lane(number))),
            at_work: journal.and_then(|(journal, number)| Some((journal.at_work()?.clone(), number))),
            state: Mutex::new(state),
        }
    }

    /// Takes note of which thread works on the lane.
    pub(super) fn note_thread(&self, thread: u64, system_thread: Pid) {
        let mut state = self.lock();
        if state.thread == thread {
            state.system_thread = Some(system_thread);
        }
    }

    /// Works on the lane until the server stops, or until this thread is given up.
    pub(super) fn run(&self, thread: u64, urgency: &mut Urgency) -> Result<(), GivenUp> {
        while let Some(command) = self.wait(thread, urgency)? {
            match command {
                Command::Add(room) => self.add(thread, room)?,
                Command::Wake(number) => self.wake(thread, number)?,
                Command::Stop => break,
            }
        }
        let mut rooms = std::mem::take(&mut self.lock().rooms);
        for paced in rooms.values_mut() {
            self.directory.remove(paced.room.entry.number);
            paced.room.close(CloseCode::Restart);
        }
        // All are closed before the first calls its rules, which may not come back.
        for paced in rooms.values_mut() {
            paced.room.dismantle();
        }
        Ok(())
    }

    /// Waits for a command, and gives rooms their turns meanwhile. None when the server is gone.
    fn wait(&self, thread: u64, urgency: &mut Urgency) -> Result<Option<Command>, GivenUp> {
        loop {
            self.take_turns(thread)?;
            let next = self.lock().schedule.peek().map(|turn| turn.at);
            let now = Instant::now();
            urgency.look(now);
            let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
            let result = match next {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // Without time left this still takes a command that is there, so that a thread with
                // too much to do is still told to stop.
                Some(at) => commands.recv_timeout(at.saturating_duration_since(now)),
            };
            if next.is_none_or(|at| at > now) {
                urgency.woke(Instant::now());
            }
            match result {
                Ok(command) => return Ok(Some(command)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    fn add(&self, thread: u64, room: Box<HostedRoom>) -> Result<(), GivenUp> {
        let number = room.entry.number;
        let turn = Instant::now() + self.linger;
        {
            let mut state = self.lock();
            let phase = state.phases.enter(room.entry.tick_hz);
            state.insert(number, Paced { room, phase, pace: Pace::Asleep, turn });
        }
        self.wake(thread, number)
    }

    /// Lets a sleeping room look into its inbox; if someone came, it ticks from its next phase on.
    fn wake(&self, thread: u64, number: u64) -> Result<(), GivenUp> {
        let is_asleep = |paced: &Paced| matches!(paced.pace, Pace::Asleep);
        let Some(mut paced) = self.take_out(number, is_asleep) else { return Ok(()) };
        let looked = paced.room.look_into_inbox();
        let (mut state, mut paced) = self.take_back(thread, paced)?;
        if looked.is_err() {
            return self.fail(thread, state, paced);
        }
        if paced.room.is_watched() {
            let tick_hz = paced.room.entry.tick_hz;
            let next = state.phases.next(tick_hz, paced.phase, Instant::now());
            let mut ticks = Pacer::new(tick_hz, next);
            // Its players have waited for long: a tick at once, and then as all others.
            let before = next.checked_sub(ticks.period());
            if let Some(before) = before.filter(|_| paced.room.is_overdue()) {
                ticks = Pacer::new(tick_hz, before);
            }
            paced.turn = ticks.due();
            paced.pace = Pace::Ticking(ticks, Spent::default());
        }
        state.insert(number, paced);
        Ok(())
    }

    /// Gives all rooms that are due by now their turn, and those that another thread left in theirs.
    fn take_turns(&self, thread: u64) -> Result<(), GivenUp> {
        self.receive();
        while let Some(number) = self.next_due() {
            let is_ticking = |paced: &Paced| matches!(paced.pace, Pace::Ticking(..));
            match self.take_out(number, is_ticking) {
                Some(paced) => self.tick(thread, paced)?,
                None => self.end_if_empty(thread, number)?,
            }
        }
        // Whoever sees a tick can have it again.
        if let Some(mut journal) = self.lock_journal() {
            journal.write();
        }
        self.flush();
        Ok(())
    }

    /// Finds the rooms that are due, and reads their sockets.
    fn receive(&self) {
        let began = Instant::now();
        let mut state = self.lock();
        let state = &mut *state;
        while state.schedule.peek().is_some_and(|turn| turn.at <= began)
            && let Some(Turn { at, number }) = state.schedule.pop()
        {
            // Else the room fell asleep or woke up since this turn was planned.
            if state.rooms.get(&number).is_some_and(|paced| paced.turn == at) {
                state.due.push_back(number);
            }
        }
        // All of them began with the first one's sockets.
        let rooms = &mut state.rooms;
        for_each(rooms, &state.due, |room, ticks, spent| {
            *spent = Spent { late: began.saturating_duration_since(ticks.due()), work: Duration::ZERO };
            room.prepare();
        });
        exchange::carry_out();
        let mut began = share(rooms, &state.due, began);
        for_each(rooms, &state.due, |room, _, spent| {
            room.receive();
            let ended = Instant::now();
            spent.work += ended - mem::replace(&mut began, ended);
        });
    }

    /// The room whose turn is the next one.
    fn next_due(&self) -> Option<u64> {
        self.lock().due.pop_front()
    }

    /// Writes the sockets of the rooms that have made their ticks.
    fn flush(&self) {
        let mut state = self.lock();
        let state = &mut *state;
        let (rooms, began) = (&mut state.rooms, Instant::now());
        for_each(rooms, &state.ticked, |room, _, _| room.flush());
        exchange::carry_out();
        for_each(rooms, &state.ticked, |room, _, _| room.settle());
        share(rooms, &state.ticked, began);
        for_each(rooms, &state.ticked, |room, ticks, spent| {
            room.observe(spent.late, spent.work, ticks.period());
        });
        state.ticked.clear();
    }

    fn tick(&self, thread: u64, mut paced: Paced) -> Result<(), GivenUp> {
        let Pace::Ticking(ticks, spent) = &mut paced.pace else { return Ok(()) };
        let began = Instant::now();
        self.note_work(paced.room.origin());
        let result = self.log_begin(&mut paced.room).and_then(|()| paced.room.tick());
        let result = result.and_then(|()| self.log_tick(&mut paced.room));
        self.note_work(0);
        let ended = Instant::now();
        spent.work += ended - began;
        let (spent, period) = (*spent, ticks.period());
        let dropped = ticks.advance(ended);
        // A room that is behind catches up when those have had their turn that were due meanwhile.
        let next = ticks.due().max(ended);
        let (mut state, mut paced) = self.take_back(thread, paced)?;
        if result.is_err() {
            return self.fail(thread, state, paced);
        }
        if let Some(is_locked) = paced.room.take_lock() {
            self.directory.set_locked(paced.room.entry.number, is_locked);
        }
        if dropped > 0 {
            self.metrics.ticks.dropped.inc_by(u64::from(dropped));
            paced.room.tell_dropped(dropped);
        }
        if paced.room.is_watched() {
            paced.turn = next;
            state.ticked.push(paced.room.entry.number);
        } else {
            paced.room.observe(spent.late, spent.work, period);
            // Nobody misses it until somebody comes.
            self.log_end(paced.room.entry.number);
            paced.room.rest();
            paced.pace = Pace::Asleep;
            paced.turn = ended + self.linger;
        }
        state.insert(paced.room.entry.number, paced);
        Ok(())
    }

    /// Takes a room out for the rules to work on, from now on under watch.
    fn take_out(&self, number: u64, is_right: impl Fn(&Paced) -> bool) -> Option<Paced> {
        let mut state = self.lock();
        state.rooms.get(&number).filter(|paced| is_right(paced))?;
        let paced = state.rooms.remove(&number)?;
        state.step = Some(Step::of(&paced, paced.room.is_permanent()));
        Some(paced)
    }

    /// The lane, when the rules are done. A thread that was given up meanwhile has lost its room.
    fn take_back(&self, thread: u64, paced: Paced) -> Result<(MutexGuard<'_, State>, Paced), GivenUp> {
        let mut state = self.lock();
        if state.thread != thread {
            // All that it had was given up in its name, and is not to be given up again.
            std::mem::forget(paced);
            return Err(GivenUp);
        }
        state.step = None;
        Ok((state, paced))
    }

    /// Looks at the step that is being made. When it was looked at `looks_max` times before, takes the
    /// lane from its thread, for another one to go on.
    pub(super) fn look(&self, looks_max: u32) -> Option<Taken> {
        let mut state = self.lock();
        let hung = state.step.take_if(|step| {
            step.looks += 1;
            step.looks > looks_max
        })?;
        let Step { entry, phase, is_missed, since, looks: _ } = hung;
        state.thread += 1;
        let taken = Taken { thread: state.thread, lost: state.system_thread.take() };
        state.phases.leave(entry.tick_hz, phase);
        drop(state);
        error!(
            room = entry.id,
            game = entry.game,
            after_ms = since.elapsed().as_millis() as u64,
            "the game's rules do not come back: its room is given up, and its simulation thread with it"
        );
        self.directory.remove(entry.number);
        self.log_end(entry.number);
        self.load.fetch_sub(1, Ordering::Relaxed);
        entry.give_up(&self.metrics);
        if is_missed {
            // Nobody waits for it when the server is about to stop.
            let _ = self.fallen.send(entry.game);
        }
        Some(taken)
    }

    /// Ends a room that nobody came to, unless someone is on the way in.
    fn end_if_empty(&self, thread: u64, number: u64) -> Result<(), GivenUp> {
        let mut state = self.lock();
        let turn = Instant::now() + self.linger;
        let Some(mut paced) = state.rooms.remove(&number) else { return Ok(()) };
        if paced.room.is_permanent() {
            state.rooms.insert(number, paced);
        } else if self.directory.remove_if_empty(number) {
            info!(room = paced.room.entry.id, "room ended, nobody was there");
            self.log_end(number);
            return self.end(thread, state, paced, CloseCode::RoomEnded);
        } else {
            debug!(room = paced.room.entry.id, "someone is on the way in");
            paced.turn = turn;
            state.insert(number, paced);
        }
        Ok(())
    }

    /// Ends a room whose rules failed.
    fn fail(&self, thread: u64, state: MutexGuard<'_, State>, mut paced: Paced) -> Result<(), GivenUp> {
        self.metrics.rooms.failures.inc();
        self.log_failure(&mut paced.room);
        if paced.room.is_permanent() {
            let _ = self.fallen.send(paced.room.entry.game);
        }
        self.end(thread, state, paced, CloseCode::RoomFailed)
    }

    /// Ends a room, under watch: the match is dropped by code of the rules.
    fn end(
        &self,
        thread: u64,
        mut state: MutexGuard<'_, State>,
        mut paced: Paced,
        code: CloseCode,
    ) -> Result<(), GivenUp> {
        // If it is to be opened anew, that is on its way already.
        state.step = Some(Step::of(&paced, false));
        drop(state);
        self.directory.remove(paced.room.entry.number);
        paced.room.close(code);
        paced.room.dismantle();
        let (mut state, paced) = self.take_back(thread, paced)?;
        state.phases.leave(paced.room.entry.tick_hz, paced.phase);
        self.load.fetch_sub(1, Ordering::Relaxed);
        // The room is dropped when the lane is free again.
        drop(state);
        Ok(())
    }

    /// Adds a checkpoint of a room that is about to tick to what is written next, unless the journal has one.
    fn log_begin(&self, room: &mut HostedRoom) -> Result<(), RoomFailure> {
        let Some(mut journal) = self.lock_journal() else { return Ok(()) };
        let Some(generation) = journal.generation() else {
            room.rest();
            return Ok(());
        };
        if !room.is_log_to_begin(generation) {
            return Ok(());
        }
        let mut buffers = journal.take_buffers();
        drop(journal);
        let is_begun = room.begin_log(generation, &mut buffers)?;
        let Some(mut journal) = self.lock_journal() else { return Ok(()) };
        if is_begun {
            journal.put(room.entry.number, &buffers.entries, true);
            if let Some(part) = room.take_unfinished() {
                journal.settle(part);
            }
        }
        journal.put_back(buffers);
        Ok(())
    }

    /// Adds the tick that a room has made.
    fn log_tick(&self, room: &mut HostedRoom) -> Result<(), RoomFailure> {
        let Some(mut journal) = self.lock_journal() else { return Ok(()) };
        let Some(generation) = journal.generation() else { return Ok(()) };
        if !room.is_log_to_go_on(generation) {
            return Ok(());
        }
        let mut buffers = journal.take_buffers();
        drop(journal);
        let has_checkpoint = room.write_log(generation, &mut buffers)?;
        if let Some(mut journal) = self.lock_journal() {
            journal.put(room.entry.number, &buffers.entries, has_checkpoint);
            journal.put_back(buffers);
        }
        Ok(())
    }

    /// Says in the journal that a room is not to be gone on with.
    fn log_end(&self, number: u64) {
        if let Some(mut journal) = self.lock_journal() {
            let mut entry = Vec::new();
            Entry { room: number, what: What::Ended }.put(&mut entry);
            journal.put(number, &entry, false);
            journal.forget(number);
        }
    }

    /// Writes what shows how a room failed, and says how it is seen again.
    fn log_failure(&self, room: &mut HostedRoom) {
        let Some(entries) = room.last_entries() else { return };
        let Some(mut journal) = self.lock_journal() else { return };
        let number = room.entry.number;
        journal.put(number, &entries, false);
        if let Some(part) = room.take_unfinished() {
            journal.settle(part);
        }
        journal.forget(number);
        if let Some(path) = journal.path() {
            let id = &room.entry.id;
            error!("to see it again: fracas-server replay {} --room {id} --until-panic", path.display());
        }
    }

    fn note_work(&self, room: u64) {
        if let Some((at_work, number)) = &self.at_work {
            at_work.set(*number, room);
        }
    }

    fn lock_journal(&self) -> Option<MutexGuard<'_, LaneJournal>> {
        Some(self.journal.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The rules are never called under the lock, so nothing under it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does this for each of the rooms that ticks.
fn for_each<'a>(
    rooms: &mut BTreeMap<u64, Paced>,
    numbers: impl IntoIterator<Item = &'a u64>,
    mut work: impl FnMut(&mut HostedRoom, &Pacer, &mut Spent),
) {
    for number in numbers {
        if let Some(Paced { room, pace: Pace::Ticking(ticks, spent), .. }) = rooms.get_mut(number) {
            work(room, ticks, spent);
        }
    }
}

/// Counts the time since then as these rooms' work, each as much as the other. Gives the time.
fn share<'a>(
    rooms: &mut BTreeMap<u64, Paced>,
    numbers: impl IntoIterator<Item = &'a u64, IntoIter: ExactSizeIterator>,
    since: Instant,
) -> Instant {
    let (now, numbers) = (Instant::now(), numbers.into_iter());
    let each = (now - since) / numbers.len().max(1) as u32;
    for_each(rooms, numbers, |_, _, spent| spent.work += each);
    now
}

impl State {
    /// Puts a room into the lane, and its turn into the schedule.
    fn insert(&mut self, number: u64, paced: Paced) {
        self.schedule.push(Turn { at: paced.turn, number });
        self.rooms.insert(number, paced);
    }
}
