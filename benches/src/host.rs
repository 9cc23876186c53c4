//! A server in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};

use anyhow::Result;
use fracas_games::Games;
use fracas_server::config::Switch;
use fracas_server::{Config, Listeners, Shutdown, run};

/// A server with all games on a free port of this machine; stopped when dropped.
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Host {
    /// Starts one with the default configuration, which is changed first.
    pub fn start(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config =
            Config { listen: free, admin_listen: None, journal: Switch::Off, ..Config::default() };
        change(&mut config);
        let listeners = Listeners::bind(&config)?;
        let address = listeners.public.local_addr()?;
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let thread = thread::spawn(move || {
            tokio::runtime::Runtime::new()?.block_on(run::<Games>(config, listeners, stop))
        });
        Ok(Self { address, shutdown, thread: Some(thread) })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shutdown.begin();
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Ok(Err(error))) = ended {
            eprintln!("the server ended with an error: {error:#}");
        }
    }
}
