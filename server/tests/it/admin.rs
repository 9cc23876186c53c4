use std::io::Write;

use fracas_server::Shutdown;
use fracas_server::admin::{self, Readiness};
use fracas_server::metrics::Metrics;
use fracas_server::net::door::{Door, serve};
use tokio::net::TcpListener;

use crate::server::{Server, connect, get, read_head, status};

#[test]
fn answers_health_and_metrics() {
    let server = Server::start();
    assert_eq!(get(server.admin, "/healthz").0, 200);
    let (status, head, body) = get(server.admin, "/metrics");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    for line in [
        "# TYPE fracas_ticks counter",
        "# TYPE fracas_tick_lateness_seconds histogram",
        "fracas_connections{door=\"websocket\"} 0",
        "fracas_closes_total{reason=\"too_slow\"} 0",
        "fracas_build_info{version=",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "# EOF",
    ] {
        assert!(body.contains(line), "no {line:?} in:\n{body}");
    }
    let (status, _, body) = get(server.admin, "/");
    assert_eq!(status, 404);
    assert!(body.contains("/healthz") && body.contains("/readyz") && body.contains("/metrics"), "{body}");
}

#[test]
fn counts_connections() {
    let server = Server::start();
    get(server.public, "/rooms");
    get(server.public, "/rooms");
    let (_, _, body) = get(server.admin, "/metrics");
    assert!(body.contains("fracas_connections_accepted_total 2\n"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn is_ready_only_between_start_and_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, end) = (Shutdown::new(), Shutdown::new());
    let readiness = Readiness::new(stop.clone());
    let router = admin::router(Metrics::new(), readiness.clone());
    let serving = tokio::spawn(serve(listener, Door::new(router, 8), end.clone()));
    let ready = || tokio::task::block_in_place(|| get(address, "/readyz"));

    let (status, _, body) = ready();
    assert_eq!((status, body.as_str()), (503, "starting\n"));
    readiness.set_up();
    assert_eq!(ready().0, 200);
    stop.begin();
    let (status, _, body) = ready();
    assert_eq!((status, body.as_str()), (503, "stopping\n"));
    end.begin();
    serving.await.unwrap();
}

#[test]
fn stops_with_idle_connections() {
    let server = Server::start();
    let _silent = connect(server.public);
    let mut idle = connect(server.public);
    idle.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert_eq!(status(&read_head(&mut idle)), 200);
    server.stop();
}

#[test]
fn histograms_are_cumulative() {
    let metrics = Metrics::new();
    for micros in [10, 50, 51, 1_000_000] {
        metrics.ticks.lateness.observe(std::time::Duration::from_micros(micros));
    }
    let text = metrics.encode();
    for line in [
        "fracas_tick_lateness_seconds_bucket{le=\"0.00005\"} 2",
        "fracas_tick_lateness_seconds_bucket{le=\"0.0001\"} 3",
        "fracas_tick_lateness_seconds_bucket{le=\"0.1\"} 3",
        "fracas_tick_lateness_seconds_bucket{le=\"+Inf\"} 4",
        "fracas_tick_lateness_seconds_count 4",
        "fracas_tick_lateness_seconds_sum 1.000111",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
}
