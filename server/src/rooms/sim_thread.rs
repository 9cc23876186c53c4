//! The threads on which matches tick.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::set_current_timer_slack;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};

use super::directory::Directory;
use super::hosted_room::HostedRoom;
use super::lane::{GivenUp, Lane};
use super::losses::Losses;
use super::room_entry::RoomEntry;
use super::urgency::Urgency;
use super::watchdog::Watchdog;
use crate::config::Config;
use crate::exchange;
use crate::journal::Journal;
use crate::metrics::Metrics;

/// How long threads may take to end their rooms, beside a step that hangs.
const STOP_TIME_MAX: Duration = Duration::from_secs(1);

/// The simulation threads of a server.
pub(super) struct SimThreads {
    handles: Vec<Handle>,
    /// Says of each lane that its rooms have ended.
    done: Mutex<Receiver<()>>,
    watchdog: Watchdog,
    step_max: Duration,
}

struct Handle {
    commands: Sender<Command>,
    /// Rooms in the lane.
    load: Arc<AtomicUsize>,
}

/// What a simulation thread is told.
pub(super) enum Command {
    Add(Box<HostedRoom>),
    /// Someone waits in the inbox of the room of this number.
    Wake(u64),
    Stop,
}

/// What works on a lane, one thread after the other.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) lane: Arc<Lane>,
    pub(super) number: usize,
    done: Sender<()>,
    wants_io_uring: bool,
    is_realtime: bool,
}

impl SimThreads {
    /// Starts them. `fallen` is told of permanent rooms whose rules failed.
    pub(super) fn start(
        config: &Config,
        directory: &Arc<Directory>,
        metrics: &Metrics,
        fallen: &UnboundedSender<&'static str>,
        losses: Losses,
        journal: Option<&Journal>,
    ) -> Self {
        let linger = Duration::from_secs(u64::from(config.room_linger_s));
        let step_max = Duration::from_millis(u64::from(config.step_time_max_ms));
        let (done, all_done) = mpsc::channel();
        let (handles, workers): (Vec<_>, Vec<_>) = (0..config.sim_thread_count())
            .map(|number| {
                let (commands, arriving) = mpsc::channel();
                let load = Arc::new(AtomicUsize::new(0));
                let lane = Lane::new(
                    arriving,
                    linger,
                    directory.clone(),
                    metrics.clone(),
                    load.clone(),
                    fallen.clone(),
                    journal.map(|journal| (journal, number)),
                );
                let worker = Worker {
                    lane: Arc::new(lane),
                    number,
                    done: done.clone(),
                    wants_io_uring: config.io_uring,
                    is_realtime: config.realtime,
                };
                worker.start(0);
                (Handle { commands, load }, worker)
            })
            .unzip();
        let watchdog = Watchdog::start(workers, step_max, losses);
        Self { handles, done: Mutex::new(all_done), watchdog, step_max }
    }

    /// The lane with the fewest rooms.
    pub(super) fn least_loaded(&self) -> usize {
        let load = |lane: &usize| self.handles[*lane].load.load(Ordering::Relaxed);
        (0..self.handles.len()).min_by_key(load).unwrap_or_default()
    }

    /// Puts a room into the lane that its entry names.
    pub(super) fn add(&self, room: HostedRoom) {
        let handle = &self.handles[room.entry.thread];
        handle.load.fetch_add(1, Ordering::Relaxed);
        // A thread that has stopped has closed its rooms, and closes this one by dropping it.
        let _ = handle.commands.send(Command::Add(Box::new(room)));
    }

    /// Lets a room look into its inbox, if it is asleep.
    pub(super) fn wake(&self, entry: &RoomEntry) {
        let _ = self.handles[entry.thread].commands.send(Command::Wake(entry.number));
    }

    /// Ends all rooms and waits for it. A step that hangs is waited for as long as it may take.
    pub(super) fn stop(&self) {
        for handle in &self.handles {
            let _ = handle.commands.send(Command::Stop);
        }
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + self.step_max + STOP_TIME_MAX;
        for _ in &self.handles {
            match done.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return warn!("a simulation thread did not end");
                }
            }
        }
        self.watchdog.stop();
    }
}

/// Lets this simulation thread run before all ordinary ones, or says once that it does not.
fn raised() -> Urgency {
    static TOLD: Once = Once::new();
    Urgency::raised().unwrap_or_else(|error| {
        TOLD.call_once(|| {
            info!(
                %error,
                "simulation threads have to share the cores with all others: give the process CAP_SYS_NICE, or a limit \
                 on real-time priorities of 1 (`ulimit -r`, LimitRTPRIO), for ticks to begin on time on a busy machine"
            );
        });
        Urgency::ordinary()
    })
}

impl Worker {
    /// Starts a thread that works on the lane. Of its number there is one.
    pub(super) fn start(&self, thread: u64) {
        let worker = self.clone();
        let started = thread::Builder::new().name(format!("sim-{}", self.number)).spawn(move || {
            worker.lane.note_thread(thread, rustix::thread::gettid());
            // Ticks are to begin when they are due: the system may put a sleep's end off by 50 us otherwise.
            let _ = set_current_timer_slack(Some(NonZeroU64::MIN));
            let mut urgency = if worker.is_realtime { raised() } else { Urgency::ordinary() };
            exchange::begin(worker.wants_io_uring);
            if let Err(GivenUp) = worker.lane.run(thread, &mut urgency) {
                return debug!("a step came back after its thread was given up");
            }
            // Nobody waits when the server is gone already.
            let _ = worker.done.send(());
        });
        started.expect("a process that cannot start a thread cannot host a match");
    }
}
