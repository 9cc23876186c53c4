//! Pages of which sites may play.

use fracas_server::Config;
use tokio_tungstenite::tungstenite::Error;

use crate::raw::Raw;
use crate::server::Server;

/// Opens a WebSocket for a page of this origin: 101, or the status of the refusal.
async fn opened(change: impl FnOnce(&mut Config), headers: &[(&str, &str)]) -> u16 {
    let server = Server::start_with(change);
    match Raw::connect_with(server.public, headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => {
            let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
            assert!(body.contains("\"code\":\"origin_not_allowed\""), "{body}");
            assert_eq!(server.metric("fracas_refusals_total{reason=\"origin_not_allowed\"}"), 1.0);
            response.status().as_u16()
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn pages_of_other_sites_may_not_play() {
    let origin = [("Origin", "https://evil.example")];
    assert_eq!(opened(|_| {}, &origin).await, 403);
    assert_eq!(opened(|config| "*".clone_into(&mut config.allowed_origins), &origin).await, 101);
    let named = |config: &mut Config| "https://evil.example".clone_into(&mut config.allowed_origins);
    assert_eq!(opened(named, &origin).await, 101);
}

#[tokio::test]
async fn a_page_that_lies_on_this_machine_may_play() {
    for origin in ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"] {
        assert_eq!(opened(|_| {}, &[("Origin", origin)]).await, 101, "{origin}");
    }
}

#[tokio::test]
async fn behind_a_proxy_the_site_is_the_one_that_the_visitor_asked() {
    let proxied = |config: &mut Config| "127.0.0.1".clone_into(&mut config.trusted_proxies);
    let headers =
        |origin| [("Origin", origin), ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Host", "play.example")];
    assert_eq!(opened(proxied, &headers("https://play.example")).await, 101);
    assert_eq!(opened(proxied, &headers("https://evil.example")).await, 403);
    assert_eq!(opened(proxied, &headers("http://localhost:8000")).await, 403, "the visitor is elsewhere");
    assert_eq!(opened(|_| {}, &headers("https://play.example")).await, 403, "not a trusted proxy");
}
