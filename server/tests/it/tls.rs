//! TLS, and certificates that change.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use fracas_server::net::door::{Door, serve};
use fracas_server::net::tls::Tls;
use fracas_server::{Config, Shutdown};
use fracas_shared::limits::CERTIFICATE_POLL_S;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::probe::{ProbeGames, alike};
use crate::process::Process;
use crate::raw::{Raw, hello};
use crate::server::{PATIENCE, Server, connect, exchange, read_all, status};

/// Players who are there while certificates change.
const PLAYERS: usize = 8;
/// Between two pings of a player: fewer than the server allows.
const PING_INTERVAL: Duration = Duration::from_millis(25);

/// Two certificates of one name, and the files that a server reads.
pub(crate) struct Certificates {
    folder: TempDir,
    pairs: [CertifiedKey<rcgen::KeyPair>; 2],
}

impl Certificates {
    /// The first one is in the files.
    pub(crate) fn new() -> Self {
        let pair = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificates = Self { folder: TempDir::new().unwrap(), pairs: [pair(), pair()] };
        certificates.put(0);
        certificates
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Puts one of them into the files.
    fn put(&self, which: usize) {
        fs::write(self.path("key.pem"), self.pairs[which].signing_key.serialize_pem()).unwrap();
        fs::write(self.path("cert.pem"), self.pairs[which].cert.pem()).unwrap();
    }

    fn server(&self, change: impl FnOnce(&mut Config)) -> Server {
        Server::start_of::<ProbeGames>(|config| {
            config.tls_cert = self.path("cert.pem");
            config.tls_key = self.path("key.pem");
            change(config);
        })
    }

    /// Connects as one who trusts both, and nothing else.
    async fn connect(&self, to: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        self.connect_from(Ipv4Addr::LOCALHOST, to).await
    }

    /// The same from another of this machine's addresses.
    pub(crate) async fn connect_from(
        &self,
        from: Ipv4Addr,
        to: SocketAddr,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut trusted = RootCertStore::empty();
        for pair in &self.pairs {
            trusted.add(pair.cert.der().clone()).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = socket.connect(to).await?;
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
    }

    /// Which of them a server shows to a new client.
    async fn shown(&self, to: SocketAddr) -> usize {
        let stream = self.connect(to).await.expect("no connection fails");
        let shown: &CertificateDer<'_> = &stream.get_ref().1.peer_certificates().unwrap()[0];
        self.pairs.iter().position(|pair| pair.cert.der() == shown).expect("one of them")
    }

    async fn until_shown(&self, to: SocketAddr, which: usize) {
        let start = Instant::now();
        while self.shown(to).await != which {
            assert!(start.elapsed() < PATIENCE, "the certificate does not change");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// A WebSocket that has said hello.
    async fn greet(&self, to: SocketAddr) -> Raw<TlsStream<TcpStream>> {
        let stream = self.connect(to).await.unwrap();
        let mut raw = Raw::open(&format!("wss://localhost:{}/ws", to.port()), &[], stream).await.unwrap();
        raw.say(&hello(PROTOCOL_VERSION, "raw")).await;
        assert!(matches!(raw.answer().await, ServerMessage::Welcome { .. }));
        raw
    }
}

#[tokio::test]
async fn one_port_speaks_tls() {
    let certificates = Certificates::new();
    let server = certificates.server(|_| {});
    let mut raw = certificates.greet(server.public).await;
    raw.say(&ClientMessage::Join { room: alike(""), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
    for _ in 0..3 {
        raw.next().await;
    }

    let mut stream = certificates.connect(server.public).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = "POST /matchmake/join/probe HTTP/1.1\r\nHost: play.example\r\nContent-Length: 0\r\n\
                   Connection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("\"address\":\"wss://play.example/ws\""), "{answer}");
}

#[tokio::test]
async fn what_speaks_plainly_is_told_so() {
    let certificates = Certificates::new();
    let server = certificates.server(|_| {});
    let answer = exchange(server.public, "GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("\"code\":\"tls_expected\"") && answer.contains("https://"), "{answer}");
    server.metric_until("fracas_refusals_total{reason=\"tls_expected\"}", |count| count == 1.0).await;
    // It begins like TLS, and is none.
    let mut stream = connect(server.public);
    stream.write_all(&[22; 64]).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    server.metric_until("fracas_refusals_total{reason=\"tls_handshake\"}", |count| count == 1.0).await;
}

#[test]
fn the_proxy_protocol_comes_before_tls() {
    let certificates = Certificates::new();
    let server = certificates.server(|config| {
        config.proxy_protocol = true;
        "127.0.0.1".clone_into(&mut config.trusted_proxies);
    });
    let mut stream = connect(server.public);
    stream.write_all(b"PROXY TCP4 192.0.2.1 127.0.0.1 4096 8192\r\nGET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(read_all(&mut stream).contains("tls_expected"), "the header comes before TLS");
}

#[tokio::test]
async fn a_slow_handshake_is_cut_off() {
    let certificates = Certificates::new();
    let tls = Tls::load(&certificates.path("cert.pem"), &certificates.path("key.pem")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let handshake_time_max = Duration::from_millis(20);
    let door = Door { tls: Some(tls), handshake_time_max, ..Door::new(Router::new(), 8) };
    let serving = tokio::spawn(serve(listener, door, shutdown.clone()));
    for begun in [&b""[..], &[22, 3, 1]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.try_write(begun).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{answer:?}");
    }
    shutdown.begin();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_certificate_changes_while_players_are_there() {
    const _: () = assert!(2 * CERTIFICATE_POLL_S < PATIENCE.as_secs(), "each change is waited for");
    let certificates = Certificates::new();
    let server = certificates.server(|_| {});
    let is_over = Arc::new(AtomicBool::new(false));
    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        let mut raw = certificates.greet(server.public).await;
        let pongs = Arc::new(AtomicU32::new(0));
        let (is_over, counted) = (is_over.clone(), pongs.clone());
        let playing = tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let nonce = counted.load(Ordering::Relaxed);
                raw.say(&ClientMessage::Ping { nonce }).await;
                assert_eq!(raw.answer().await, ServerMessage::Pong { nonce });
                counted.fetch_add(1, Ordering::Relaxed);
                sleep(PING_INTERVAL).await;
            }
        });
        players.push((playing, pongs));
    }
    for which in [1, 0] {
        certificates.put(which);
        certificates.until_shown(server.public, which).await;
        for (playing, pongs) in &players {
            let enough = pongs.load(Ordering::Relaxed) + 3;
            while pongs.load(Ordering::Relaxed) < enough {
                assert!(!playing.is_finished(), "a player is gone");
                sleep(PING_INTERVAL).await;
            }
        }
        let mut late = certificates.greet(server.public).await;
        late.say(&ClientMessage::Ping { nonce: 7 }).await;
        assert_eq!(late.answer().await, ServerMessage::Pong { nonce: 7 });
    }
    assert!(server.metric("fracas_connections{door=\"websocket\"}") >= PLAYERS as f64);
    is_over.store(true, Ordering::Relaxed);
    for (playing, _) in players {
        playing.await.unwrap();
    }
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let certificates = Certificates::new();
    let files = [certificates.path("cert.pem"), certificates.path("key.pem")];
    let mut process = Process::start(&["--tls-cert", &files[0], "--tls-key", &files[1]]);
    let public = process.address("listening");
    assert_eq!(certificates.shown(public).await, 0);
    certificates.put(1);
    process.send(&["HUP"]);
    certificates.until_shown(public, 1).await;
    process.send(&["TERM"]);
    assert!(process.log().contains("new connections get the new certificate"));
}
