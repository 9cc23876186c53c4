use std::io::{Read, Write};
use std::net::TcpListener as StdTcpListener;
use std::time::Duration;

use axum::Router;
use fracas_server::net::door::{Door, serve};
use fracas_server::{Listeners, Shutdown};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Server, connect, get, local, read_all, read_head, status};

#[test]
fn a_taken_port_is_told_with_the_flag_that_helps() {
    let taken = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let config = fracas_server::Config { listen: address, ..local() };
    let error = Listeners::bind(&config).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{address} is in use: stop the other server or choose another port with --listen 127.0.0.1:0"
        )
    );

    let config = fracas_server::Config { admin_listen: Some(address), ..local() };
    let error = Listeners::bind(&config).unwrap_err().to_string();
    assert!(error.ends_with("--admin-listen 127.0.0.1:0"), "{error}");
}

#[test]
fn one_connection_too_many_is_503() {
    let server = Server::start_with(|config| config.connections_max = 1);
    let mut first = connect(server.public);
    first.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert_eq!(status(&read_head(&mut first)), 200);

    let (status, head, body) = get(server.public, "/rooms");
    assert_eq!(status, 503);
    assert!(head.contains("connection: close") && body.contains("too_many_connections"), "{head} {body}");
    let (_, _, metrics) = get(server.admin, "/metrics");
    assert!(metrics.contains("fracas_refusals_total{reason=\"too_many_connections\"} 1\n"), "{metrics}");

    // Its place is free once it is gone, as soon as the server has noticed.
    first.shutdown(std::net::Shutdown::Write).unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    while get(server.public, "/rooms").0 != 200 {}
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let door = Door { head_time_max: Duration::from_millis(20), ..Door::new(Router::new(), 8) };
    let serving = tokio::spawn(serve(listener, door, shutdown.clone()));

    for begun in ["", "GET / HTTP/1.1\r\nHost: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.try_write(begun.as_bytes()).unwrap();
        // It ends, with or without an answer.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }
    shutdown.begin();
    serving.await.unwrap();
}

#[test]
fn a_stopped_server_takes_no_connections() {
    let server = Server::start();
    let address = server.public;
    let mut waiting = connect(address);
    waiting.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    read_head(&mut waiting);
    server.stop();
    let _ = read_all(&mut waiting);
    assert!(std::net::TcpStream::connect(address).is_err());
}
