//! Matches through nginx and `HAProxy`, by the configurations of docs/PROXIES.md.
//!
//! Where these programs are not installed, the tests say so and pass: `cargo xtask test` installs
//! them where it can.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fracas_server::{Config, Invocation};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, alike};
use crate::server::{PATIENCE, Server, local, status};
use crate::tls::Certificates;

const PAGE: &str = include_str!("../../../docs/PROXIES.md");
/// As often as somebody else may take a free port before the proxy does.
const STARTS_MAX: u32 = 5;
/// Frames that are a match.
const FRAMES: u32 = 30;

/// The block of the page that is of this kind and name.
fn block(kind: &str, name: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("\n```{kind} {name}\n")).expect("the page has this block");
    let (block, _) = rest.split_once("\n```\n").unwrap();
    format!("{block}\n")
}

/// Puts what this test has in the place of what the page names.
fn put(text: &mut String, named: &str, ours: &str) {
    assert!(text.contains(named), "the page names no {named:?}:\n{text}");
    *text = text.replace(named, ours);
}

/// A server with the page's settings, in which one address may have one ticket.
fn server(settings: &str) -> Server {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("fracas.toml");
    fs::write(&path, block("toml", settings)).unwrap();
    let loaded = Config::load::<ProbeGames>(["fracas-server".into(), "--config".into(), path]).unwrap();
    let Invocation::Serve(loaded) = loaded else { panic!("asked to serve") };
    let Config { listen, admin_listen, journal, .. } = local();
    Server::start_of::<ProbeGames>(|config| {
        *config = Config {
            listen,
            admin_listen,
            journal,
            // All addresses of this test are of this machine.
            limit_loopback: true,
            tickets_per_address_max: 1,
            ..*loaded
        };
    })
}

/// Where a program is that may not be in everyone's path; none after saying so.
fn installed(program: &str) -> Option<String> {
    let path = format!("/usr/sbin/{program}");
    if Path::new(&path).exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {path}; on Debian `apt-get install nginx-light haproxy`");
    None
}

/// A proxy that runs; killed when dropped.
struct Proxy {
    child: Child,
    plain: SocketAddr,
    encrypted: SocketAddr,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Proxy {
    /// Starts one that listens, on free ports. `command` makes it from a folder and the ports.
    async fn start(command: impl Fn(&Path, SocketAddr, SocketAddr) -> Command) -> Self {
        for _ in 0..STARTS_MAX {
            let (folder, plain, encrypted) = (TempDir::new().unwrap(), free(), free());
            let log = folder.path().join("log");
            let child = command(folder.path(), plain, encrypted)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(&log).unwrap())
                .spawn()
                .unwrap();
            let mut proxy = Self { child, plain, encrypted, folder };
            let start = Instant::now();
            loop {
                if TcpStream::connect(plain).await.is_ok() {
                    return proxy;
                }
                let log = || fs::read_to_string(&log).unwrap_or_default();
                if proxy.child.try_wait().unwrap().is_some() {
                    assert!(log().contains("in use"), "the proxy ended: {}", log());
                    break;
                }
                assert!(start.elapsed() < PATIENCE, "the proxy does not listen: {}", log());
                sleep(Duration::from_millis(10)).await;
            }
        }
        panic!("others took all free ports");
    }

    async fn nginx(program: &str, server: SocketAddr, certificates: &Certificates) -> Self {
        Self::start(|folder, plain, encrypted| {
            let mut text = block("nginx", "nginx");
            put(&mut text, "server 127.0.0.1:3000;", &format!("server {server};"));
            put(&mut text, "listen 80;", &format!("listen {plain};"));
            put(&mut text, "listen 443 ssl;", &format!("listen {encrypted} ssl;"));
            put(&mut text, "/etc/ssl/play.example.pem", &certificates.path("cert.pem"));
            put(&mut text, "/etc/ssl/play.example.key", &certificates.path("key.pem"));
            put(&mut text, "/var/log/nginx/fracas.log", "access.log");
            // What a distribution's nginx.conf has around it, in this test's own folder.
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = temporary.map(|name| format!("{name}_temp_path {name};\n")).concat();
            let whole = format!(
                "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\n\
                 http {{\n{temporary}{text}}}\n"
            );
            fs::write(folder.join("nginx.conf"), whole).unwrap();
            let mut command = Command::new(program);
            command.arg("-p").arg(folder).args(["-e", "stderr", "-c", "nginx.conf"]);
            command
        })
        .await
    }

    /// The page's configuration of this name, changed further.
    async fn haproxy(
        program: &str,
        name: &str,
        change: impl Fn(&mut String, SocketAddr, SocketAddr),
    ) -> Self {
        Self::start(|folder, plain, encrypted| {
            let mut text = block("haproxy", name);
            change(&mut text, plain, encrypted);
            let path = folder.join("haproxy.cfg");
            fs::write(&path, text).unwrap();
            let mut command = Command::new(program);
            command.arg("-db").arg("-f").arg(path);
            command
        })
        .await
    }
}

const RESERVE: &str = "POST /matchmake/joinOrCreate/probe?token=secret HTTP/1.1\r\nHost: play.example\r\n\
                       Origin: https://play.example\r\nContent-Length: 0\r\nConnection: close\r\n";

/// Reserves a seat on this connection, with this in the request's head, too.
async fn reserve_on(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), headers: &str) -> String {
    stream.write_all(format!("{RESERVE}{headers}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    // How TLS ends matters to nobody here.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// Reserves a seat from one of this machine's addresses.
async fn reserve(proxy: SocketAddr, from: [u8; 4], headers: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(from), 0).into()).unwrap();
    reserve_on(&mut socket.connect(proxy).await.unwrap(), headers).await
}

/// A match is played through the proxy, and the server knows whose requests come through it.
async fn check(server: &Server, proxy: &Proxy) {
    let mut ann = Player::<Probe>::connect_by(proxy.plain, "ann").await;
    ann.enter(alike("")).await.unwrap();
    ann.acts = |_| crate::probe::Input { steps: 1, fails: false };
    ann.frames(FRAMES).await;
    ann.leave().await;
    assert!(server.metric("fracas_inputs_total{fate=\"on_time\"}") > 0.0, "inputs come through");

    // One address has one ticket.
    assert_eq!(status(&reserve(proxy.plain, [127, 0, 0, 2], "").await), 200);
    let spoof = "X-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Host: evil.example\r\n";
    for headers in ["", spoof] {
        let answer = reserve(proxy.plain, [127, 0, 0, 2], headers).await;
        assert!(answer.contains("\"code\":\"address_tickets\""), "{answer}");
    }
    assert_eq!(status(&reserve(proxy.plain, [127, 0, 0, 3], "").await), 200);
}

/// The client's TLS ends at the proxy, and it is told to come back by TLS.
async fn check_tls(proxy: &Proxy, certificates: &Certificates) {
    let mut stream = certificates.connect_from([127, 0, 0, 4].into(), proxy.encrypted).await.unwrap();
    let answer = reserve_on(&mut stream, "").await;
    assert!(answer.contains("\"address\":\"wss://play.example/ws\""), "{answer}");
    let plain = reserve(proxy.plain, [127, 0, 0, 5], "").await;
    assert!(plain.contains("\"address\":\"ws://play.example/ws\""), "{plain}");
}

#[tokio::test]
async fn through_nginx() {
    let Some(program) = installed("nginx") else { return };
    let (server, certificates) = (server("nginx"), Certificates::new());
    let proxy = Proxy::nginx(&program, server.public, &certificates).await;
    check(&server, &proxy).await;
    check_tls(&proxy, &certificates).await;
    let log = fs::read_to_string(proxy.folder.path().join("access.log")).unwrap();
    assert!(log.contains("POST /matchmake/joinOrCreate/probe") && !log.contains("secret"), "{log}");
}

#[tokio::test]
async fn through_haproxy() {
    let Some(program) = installed("haproxy") else { return };
    let (server, certificates) = (server("haproxy"), Certificates::new());
    let both = ["cert.pem", "key.pem"].map(|name| fs::read_to_string(certificates.path(name)).unwrap());
    fs::write(certificates.path("both.pem"), both.concat()).unwrap();
    let proxy = Proxy::haproxy(&program, "haproxy", |text, plain, encrypted| {
        put(text, "127.0.0.1:3000", &server.public.to_string());
        put(text, "bind :80", &format!("bind {plain}"));
        put(text, "bind :443", &format!("bind {encrypted}"));
        put(text, "/etc/haproxy/play.example.pem", &certificates.path("both.pem"));
    })
    .await;
    check(&server, &proxy).await;
    check_tls(&proxy, &certificates).await;
}

#[tokio::test]
async fn through_haproxy_by_the_proxy_protocol() {
    let Some(program) = installed("haproxy") else { return };
    for version in ["send-proxy-v2", "send-proxy"] {
        let server = server("haproxy-tcp");
        let proxy = Proxy::haproxy(&program, "haproxy-tcp", |text, plain, _| {
            put(text, "127.0.0.1:3000", &server.public.to_string());
            put(text, "bind :443", &format!("bind {plain}"));
            put(text, "send-proxy-v2", version);
        })
        .await;
        check(&server, &proxy).await;
    }
}
