//! All bots together: the plan is carried out by lanes, and what they measure is put together.

mod collector;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::collector::Collector;
use crate::cli::MetricsUrl;
use crate::lane::{self, News, Orders};
use crate::plan::{Plan, Session};
use crate::record::Record;
use crate::report::Tester;
use crate::screen::Screen;
use crate::target::Target;
use crate::timeline::{Point, ServerPoint};

/// The shortest window, and how many windows there are at most.
const WINDOW_MIN: Duration = Duration::from_secs(1);
const WINDOWS_MAX: u32 = 1800;
/// From the begin of a process to the first session.
const HEAD_START: Duration = Duration::from_millis(20);
/// What a swarm does.
pub(crate) struct Swarm<'a> {
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) seed: u64,
    pub(crate) plan: &'a Plan,
    /// By group.
    pub(crate) targets: Vec<Arc<dyn Target>>,
    pub(crate) threads: u32,
    pub(crate) metrics: Option<MetricsUrl>,
    /// The server is restarted meanwhile.
    pub(crate) restarts: bool,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) record: Record,
    pub(crate) timeline: Vec<Point>,
    pub(crate) server: Option<ServerPoint>,
    pub(crate) tester: Tester,
    pub(crate) began_unix_s: u64,
    /// Somebody has stopped it before its end.
    pub(crate) was_stopped: bool,
}

/// How long a window of this plan is.
pub(crate) fn window_of(plan: &Plan) -> Duration {
    let whole = plan.lasts.as_secs_f64() / f64::from(WINDOWS_MAX);
    WINDOW_MIN.max(Duration::from_secs(whole.ceil() as u64))
}

/// The sessions of one lane, among those that this process runs.
pub(crate) fn deal(sessions: Vec<Session>, lanes: usize) -> Vec<Vec<Session>> {
    let mut dealt: Vec<Vec<Session>> = (0..lanes).map(|_| Vec::new()).collect();
    for (place, session) in sessions.into_iter().enumerate() {
        dealt[place % lanes].push(session);
    }
    dealt
}

/// Starts lanes for these sessions.
pub(crate) fn start_lanes(
    swarm: &Swarm<'_>,
    sessions: Vec<Session>,
    starts: Instant,
    stop: &Arc<AtomicBool>,
    runtime: &Handle,
    news: &UnboundedSender<(usize, News)>,
) -> Result<usize> {
    let lanes = swarm.lanes(sessions.len());
    for (number, sessions) in deal(sessions, lanes).into_iter().enumerate() {
        let orders = Orders {
            starts,
            sessions,
            window: window_of(swarm.plan),
            seed: swarm.seed,
            targets: swarm.targets.clone(),
            runtime: runtime.clone(),
            restarts: swarm.restarts,
        };
        let (news, stop) = (news.clone(), stop.clone());
        let tell = move |told| drop(news.send((number, told)));
        std::thread::Builder::new()
            .name(format!("lane-{number}"))
            .spawn(move || {
                // A bot that panics takes its lane with it, and that must be told.
                let run = std::panic::AssertUnwindSafe(|| lane::run(orders, &tell, &stop));
                let message = match std::panic::catch_unwind(run) {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => format!("{error:#}"),
                    Err(_) => "a thread of bots panicked: see above".into(),
                };
                tell(News::Failed { message });
            })
            .context("a thread does not start")?;
    }
    Ok(lanes)
}

impl Swarm<'_> {
    /// Runs the whole plan in this process.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<Outcome> {
        let runtime = runtime()?;
        let (news, told) = unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let starts = Instant::now() + HEAD_START;
        let sessions = self.plan.sessions.clone();
        let lanes = start_lanes(&self, sessions, starts, &stop, runtime.handle(), &news)?;
        drop(news);
        let ask_to_stop = move || stop.store(true, Ordering::Relaxed);
        let sources = Sources {
            count: lanes,
            told,
            stop: Box::new(ask_to_stop),
            starts,
            processes: 1,
            threads: lanes as u32,
        };
        self.collect(sources, &runtime, screen)
    }

    /// Puts together what sources tell, until all are done.
    pub(crate) fn collect(self, sources: Sources, runtime: &Runtime, screen: &mut Screen) -> Result<Outcome> {
        runtime.block_on(Collector::new(self, sources).run(screen))
    }

    /// How many threads are good for so many sessions.
    pub(crate) fn lanes(&self, sessions: usize) -> usize {
        (self.threads as usize).clamp(1, sessions.max(1))
    }
}

/// A runtime for connections, reports and whoever watches; bots do without.
pub(crate) fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().context("the async runtime does not start")
}

/// Who runs the bots.
pub(crate) struct Sources {
    pub(crate) count: usize,
    pub(crate) told: UnboundedReceiver<(usize, News)>,
    /// Asks all bots to leave.
    pub(crate) stop: Box<dyn Fn() + Send>,
    pub(crate) starts: Instant,
    pub(crate) processes: u32,
    pub(crate) threads: u32,
}
