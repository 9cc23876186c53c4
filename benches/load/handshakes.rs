//! How long new connections take to be upgraded to a WebSocket, while the server has much to do.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use fracas_benches::timing::{sharpen_sleep, sleep_until};
use fracas_benches::ws::{self, CLOSE};
use rustix::process::setpriority_process;

use crate::times::Times;

/// Before other threads of the core, where the system permits it: it has little to do, and measures.
const NICE: i32 = -10;

/// A thread that opens connections, one after the other.
pub(crate) struct Handshakes {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<(Times, u64)>>,
}

impl Handshakes {
    /// Begins to open so many in a second. One that takes longer than its time makes the next ones later.
    pub(crate) fn begin(server: SocketAddr, per_s: f64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = thread::spawn(move || open_all(server, per_s, &over));
        Self { is_over, thread }
    }

    /// How long they took, each from the first packet to the answer, and how many failed.
    pub(crate) fn end(self) -> Result<(Times, u64)> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the thread of the handshakes has panicked"))?
    }
}

fn open_all(server: SocketAddr, per_s: f64, is_over: &AtomicBool) -> Result<(Times, u64)> {
    sharpen_sleep()?;
    // On Linux it is this thread's own. Without the right to it all is well, too, but for some noise.
    let _ = setpriority_process(None, NICE);
    let (mut times, mut failed) = (Times::new(), 0);
    let (interval, mut due) = (Duration::from_secs_f64(1.0 / per_s), Instant::now());
    while !is_over.load(Ordering::Relaxed) {
        due = (due + interval).max(Instant::now());
        sleep_until(due);
        let began = Instant::now();
        match open(server) {
            Ok(mut stream) => {
                times.record(began.elapsed());
                // Who has hung up already needs no goodbye.
                let _ = stream.write_all(&ws::client_frame(CLOSE, &1000_u16.to_be_bytes()));
            }
            Err(_) => failed += 1,
        }
    }
    Ok((times, failed))
}

fn open(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    ws::upgrade(&mut stream)?;
    Ok(stream)
}
