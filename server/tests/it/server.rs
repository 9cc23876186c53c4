//! A server in this process, and a client that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fracas_games::Games;
use fracas_server::auth::Authenticate;
use fracas_server::config::Switch;
use fracas_server::{Config, Listeners, Shutdown, run, run_with_auth};
use fracas_shared::GameList;
use tokio::time::sleep;

/// Long enough for any machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on free ports; stopped when dropped.
pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one with the default configuration.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Starts one with a configuration that is changed first.
    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_of::<Games>(change)
    }

    /// Starts one of other games.
    pub(crate) fn start_of<G: GameList>(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_by(change, async |config, listeners, stop| run::<G>(config, listeners, stop).await)
    }

    /// Starts one that decides in its own way who may join.
    pub(crate) fn start_with_auth<G: GameList>(authenticate: Arc<dyn Authenticate>) -> Self {
        Self::start_by(
            |_| {},
            async |config, listeners, stop| run_with_auth::<G>(config, listeners, stop, authenticate).await,
        )
    }

    fn start_by(
        change: impl FnOnce(&mut Config),
        run: impl AsyncFnOnce(Config, Listeners, Shutdown) -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        let mut config = local();
        change(&mut config);
        let listeners = Listeners::bind(&config).unwrap();
        let public = listeners.public.local_addr().unwrap();
        let admin = listeners.admin.as_ref().unwrap().local_addr().unwrap();
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(run(config, listeners, stop)).unwrap();
        });
        Self { public, admin, shutdown, thread: Some(thread) }
    }

    /// A metric's value, its labels written as Prometheus does; 0 when there is none.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, _, body) = get(self.admin, "/metrics");
        let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has a value for which the condition holds.
    pub(crate) async fn metric_until(&self, name: &str, holds: impl Fn(f64) -> bool) {
        let start = Instant::now();
        while !holds(self.metric(name)) {
            assert!(start.elapsed() < PATIENCE, "{name} is {}", self.metric(name));
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops it, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.join();
    }

    /// Waits until it has stopped by itself.
    pub(crate) fn ended(mut self) {
        self.wait();
    }

    fn join(&mut self) {
        self.shutdown.begin();
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.join();
    }
}

/// The default configuration on free local ports.
pub(crate) fn local() -> Config {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Config { listen: free, admin_listen: Some(free), journal: Switch::Off, ..Config::default() }
}

/// A connection that gives up reading after [`PATIENCE`].
pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and reads until the server closes.
pub(crate) fn exchange(to: SocketAddr, request: &str) -> String {
    String::from_utf8(exchange_bytes(to, request)).unwrap()
}

/// [`exchange`] with an answer that need not be text.
pub(crate) fn exchange_bytes(to: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = connect(to);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// Reads until the server closes.
pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Reads the head of an answer, and not a byte more.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The status, the head in lower case, and the body of a GET.
pub(crate) fn get(to: SocketAddr, path: &str) -> (u16, String, String) {
    let answer = exchange(to, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status(head), head.to_lowercase(), body.to_owned())
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_else(|_| panic!("no status: {answer:?}"))
}
