//! The process that has others run the bots.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::wire::{Reader, Writer, halves};
use super::{FromCoordinator, FromWorker, Order, VERSION};
use crate::lane::News;
use crate::swarm::Sources;

/// From the word to begin to the begin: what it takes to reach every worker.
const BEGINS_IN: Duration = Duration::from_millis(300);

/// A worker that is ready.
struct Worker {
    reader: Reader,
    writer: Writer,
    address: String,
    lanes: usize,
}

/// Waits for so many workers, lets them begin, and gives what they tell from then on.
pub(crate) async fn gather(listen: &str, order: Order, digest: u64) -> Result<Sources> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen at {listen}"))?;
    eprintln!("waiting for {} workers at {}", order.workers, listener.local_addr()?);
    let count = order.workers as usize;
    let mut workers = Vec::with_capacity(count);
    while workers.len() < count {
        let (stream, address) = listener.accept().await?;
        let order = Order { number: workers.len() as u32, ..order.clone() };
        match enlist(stream, order, digest).await {
            Ok(worker) => {
                eprintln!("worker {} of {}: {address}, {} threads", workers.len() + 1, count, worker.lanes);
                workers.push(worker);
            }
            // A stranger, or a worker of another build, does not end the run of the others.
            Err(error) => eprintln!("{address} is no worker: {error:#}"),
        }
    }
    begin(workers).await
}

/// Gives a worker its order, and waits until it is ready.
async fn enlist(stream: TcpStream, order: Order, digest: u64) -> Result<Worker> {
    stream.set_nodelay(true)?;
    let address = stream.peer_addr()?.to_string();
    let (mut reader, mut writer) = halves(stream);
    let FromWorker::Hello { version } = reader.answer().await? else { bail!("it says no hello") };
    ensure!(version == VERSION, "it is of version {version}, and this is {VERSION}");
    writer.say(&FromCoordinator::Order(Box::new(order))).await?;
    match reader.answer().await? {
        FromWorker::Ready { digest: theirs, lanes } => {
            ensure!(
                theirs == digest,
                "it makes another plan of the same scenario: use the same build everywhere"
            );
            Ok(Worker { reader, writer, address, lanes })
        }
        FromWorker::Refused { problem } => bail!("{problem}"),
        _ => bail!("it does not say whether it is ready"),
    }
}

/// Lets all begin.
async fn begin(mut workers: Vec<Worker>) -> Result<Sources> {
    for worker in &mut workers {
        let go = FromCoordinator::Go { in_ms: BEGINS_IN.as_millis() as u64 };
        worker.writer.say(&go).await.with_context(|| format!("worker {} is lost", worker.address))?;
    }
    let starts = Instant::now() + BEGINS_IN;
    let (news, told) = unbounded_channel();
    let stop = watch::Sender::new(false);
    let (processes, threads) =
        (workers.len() as u32, workers.iter().map(|worker| worker.lanes).sum::<usize>());
    let mut first_lane = 0;
    for worker in workers {
        let lanes = worker.lanes;
        tokio::spawn(hear(worker, first_lane, news.clone(), stop.subscribe()));
        first_lane += lanes;
    }
    let stop = Box::new(move || {
        stop.send_replace(true);
    });
    Ok(Sources { count: threads, told, stop, starts, processes, threads: threads as u32 })
}

/// Passes on what a worker tells, until all of its lanes are done.
async fn hear(
    mut worker: Worker,
    first_lane: usize,
    told: UnboundedSender<(usize, News)>,
    mut stop: watch::Receiver<bool>,
) {
    let mut done = 0;
    while done < worker.lanes {
        let message = tokio::select! {
            message = worker.reader.next() => message,
            Ok(()) = stop.changed() => {
                // One that is lost is told when nothing comes of it.
                let _ = worker.writer.say(&FromCoordinator::Stop).await;
                continue;
            }
        };
        let news = match message {
            Ok(Some(FromWorker::News { lane, news })) if lane < worker.lanes => (first_lane + lane, news),
            Ok(_) => (first_lane, News::Failed { message: format!("worker {} is lost", worker.address) }),
            Err(error) => (
                first_lane,
                News::Failed { message: format!("worker {} is lost: {error:#}", worker.address) },
            ),
        };
        let is_lost = matches!(news.1, News::Failed { .. });
        done += usize::from(matches!(news.1, News::Done { .. }));
        if told.send(news).is_err() || is_lost {
            return;
        }
    }
}
