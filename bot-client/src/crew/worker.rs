//! A process that runs a part of another one's run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::wire::{Reader, Writer, halves};
use super::{FromCoordinator, FromWorker, Order, VERSION};
use crate::lane::News;
use crate::plan::Plan;
use crate::screen::Screen;
use crate::swarm::{Outcome, Sources, Swarm, runtime, start_lanes};

/// How long a worker tries to reach its coordinator, which may be started after it.
const REACH_TIME_MAX: Duration = Duration::from_secs(30);
const REACH_INTERVAL: Duration = Duration::from_millis(200);

/// Makes what the bots of an order's groups are made by, or says why it cannot.
pub(crate) type Equip<'a> = &'a dyn Fn(&Order) -> Result<Vec<Arc<dyn crate::target::Target>>, String>;

/// Does what a coordinator orders, and gives the order, its plan and what came of the own part.
pub(crate) fn work(
    coordinator: &str,
    url: &str,
    threads: u32,
    equip: Equip<'_>,
    screen: &mut Screen,
) -> Result<(Order, Plan, Outcome)> {
    let runtime = runtime()?;
    let (mut reader, mut writer) = runtime.block_on(reach(coordinator))?;
    let order = runtime.block_on(ask(&mut reader, &mut writer))?;
    let (plan, targets) = match prepare(&order, equip) {
        Ok(prepared) => prepared,
        Err(problem) => {
            runtime.block_on(writer.say(&FromWorker::Refused { problem: problem.clone() }))?;
            bail!("what the coordinator wants cannot be done: {problem}");
        }
    };
    let sessions: Vec<_> = plan.shard(order.number, order.workers).cloned().collect();
    let swarm = Swarm {
        name: &order.scenario.name,
        url,
        seed: order.scenario.seed,
        plan: &plan,
        targets,
        threads,
        metrics: None,
        restarts: order.scenario.restarts,
    };
    let lanes = swarm.lanes(sessions.len());
    let ready = FromWorker::Ready { digest: plan.digest(), lanes };
    let starts = runtime.block_on(async {
        writer.say(&ready).await?;
        match reader.next().await? {
            Some(FromCoordinator::Go { in_ms }) => Ok(Instant::now() + Duration::from_millis(in_ms)),
            _ => bail!("the coordinator did not let it begin"),
        }
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    let (news, heard) = unbounded_channel();
    start_lanes(&swarm, sessions, starts, &stop, runtime.handle(), &news)?;
    drop(news);
    let (pass, told) = unbounded_channel();
    let telling = runtime.spawn(tell(writer, heard, pass));
    runtime.spawn(obey(reader, stop.clone()));
    let ask_to_stop = move || stop.store(true, Ordering::Relaxed);
    let stop = Box::new(ask_to_stop);
    let sources = Sources { count: lanes, told, stop, starts, processes: 1, threads: lanes as u32 };
    let outcome = swarm.collect(sources, &runtime, screen)?;
    runtime.block_on(telling).context("the coordinator was not told")??;
    Ok((order, plan, outcome))
}

fn prepare(order: &Order, equip: Equip<'_>) -> Result<(Plan, Vec<Arc<dyn crate::target::Target>>), String> {
    let plan = Plan::new(&order.scenario)?;
    let targets = equip(order)?;
    Ok((plan, targets))
}

async fn reach(coordinator: &str) -> Result<(Reader, Writer)> {
    let began = Instant::now();
    loop {
        match TcpStream::connect(coordinator).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(halves(stream));
            }
            Err(_) if began.elapsed() < REACH_TIME_MAX => sleep(REACH_INTERVAL).await,
            Err(error) => bail!("no coordinator answers at {coordinator}: {error}"),
        }
    }
}

async fn ask(reader: &mut Reader, writer: &mut Writer) -> Result<Order> {
    writer.say(&FromWorker::Hello { version: VERSION.into() }).await?;
    match reader.answer().await? {
        FromCoordinator::Order(order) => Ok(*order),
        _ => bail!("the coordinator gave no order"),
    }
}

/// Tells the coordinator what lanes tell, and passes it on.
async fn tell(
    mut writer: Writer,
    mut heard: UnboundedReceiver<(usize, News)>,
    pass: UnboundedSender<(usize, News)>,
) -> Result<()> {
    while let Some((lane, news)) = heard.recv().await {
        let message = FromWorker::News { lane, news };
        let said = writer.say(&message).await;
        let FromWorker::News { news, .. } = message else { unreachable!("it was made here") };
        if let Err(error) = said {
            let _ =
                pass.send((lane, News::Failed { message: format!("the coordinator is lost: {error:#}") }));
            return Err(error);
        }
        // Who does not listen any more has what it wanted.
        let _ = pass.send((lane, news));
    }
    Ok(())
}

/// Lets the bots leave when the coordinator says so, or is gone.
async fn obey(mut reader: Reader, stop: Arc<AtomicBool>) {
    // Whatever comes now, or that nothing comes any more, is the end.
    let _ = reader.next::<FromCoordinator>().await;
    stop.store(true, Ordering::Relaxed);
}
