//! Who makes a request: the client's address, and how it came here, as far as those in between are
//! trusted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::{HOST, HeaderMap, HeaderName};
use tracing::warn;

use crate::networks::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who makes a request, or has a connection.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The other end of the connection: the client, or the last proxy before this server.
    pub peer: SocketAddr,
    /// The client's address: the peer's, unless trusted proxies say another one.
    pub address: IpAddr,
    /// Whether the client's connection is encrypted, to this server or to a trusted proxy.
    pub is_tls: bool,
    /// The host that the client asked, with its port where that is not the usual one. A copy: the header
    /// itself would keep the whole buffer that the request was read into.
    pub host: Option<Arc<str>>,
}

impl Caller {
    /// Who is at the other end of a new connection.
    pub fn of_connection(peer: SocketAddr) -> Self {
        Self { peer, address: peer.ip().to_canonical(), is_tls: false, host: None }
    }

    /// Who makes a request on the connection. What its headers tell of others is believed if
    /// it comes from a trusted proxy.
    #[must_use]
    pub fn of_request(&self, headers: &HeaderMap, proxies: &Networks) -> Self {
        let mut caller = Self {
            host: headers.get(HOST).and_then(|host| host.to_str().ok()).map(Arc::from),
            ..self.clone()
        };
        if !proxies.contains(self.address) {
            if self.address.is_loopback() && headers.contains_key(FORWARDED_FOR) {
                tell_of_untrusted_proxy();
            }
            return caller;
        }
        for hop in from_the_right(headers, FORWARDED_FOR) {
            // What is no address hides who was before.
            let Some(address) = address_of(hop) else { break };
            caller.address = address;
            if !proxies.contains(address) {
                break;
            }
        }
        if let Some(proto) = from_the_right(headers, FORWARDED_PROTO).next() {
            caller.is_tls = proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss");
        }
        if let Some(host) = from_the_right(headers, FORWARDED_HOST).next() {
            caller.host = Some(host.into());
        }
        caller
    }

    /// The host that the client asked, as text.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

/// The words of a header that is a list, in one line or in several; the last one was added last.
fn from_the_right(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().rev().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// An address, perhaps with a port, as proxies write it.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

/// Once, for an operator who has put a proxy in front and not said so: to this server all players
/// have one address.
fn tell_of_untrusted_proxy() {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        warn!(
            "something on this machine sends X-Forwarded-For and is not believed; \
             if it is a proxy of yours, set trusted_proxies = \"127.0.0.1, ::1\""
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// The caller of a request from this peer, where 10.0.0.0/8 and the loopback address are proxies.
    fn caller(peer: &str, headers: &[(&'static str, &'static str)]) -> Caller {
        let proxies = "10.0.0.0/8, 127.0.0.1".parse().unwrap();
        let mut map = HeaderMap::new();
        map.append("host", HeaderValue::from_static("inside:3000"));
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Caller::of_connection(SocketAddr::new(peer.parse().unwrap(), 999)).of_request(&map, &proxies)
    }

    fn check(peer: &str, forwarded_for: &[&'static str], expected: &str) {
        let headers: Vec<_> = forwarded_for.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let address = caller(peer, &headers).address;
        assert_eq!(address, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded_for:?}");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_client() {
        check("127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &["198.51.100.9, 192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &["198.51.100.9, 192.0.2.1, 10.0.0.1", "10.0.0.2"], "192.0.2.1");
        check("127.0.0.1", &["192.0.2.1:4711"], "192.0.2.1");
        check("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("127.0.0.1", &["2001:db8::1"], "2001:db8::1");
        check("::ffff:127.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1");
    }

    #[test]
    fn a_chain_that_tells_nothing_ends_at_the_last_proxy() {
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["10.0.0.1"], "10.0.0.1");
        check("127.0.0.1", &["192.0.2.1, unknown, 10.0.0.1"], "10.0.0.1");
        check("127.0.0.1", &[""], "127.0.0.1");
    }

    #[test]
    fn nobody_else_is_believed() {
        check("192.0.2.9", &["198.51.100.9"], "192.0.2.9");
        let told = [("x-forwarded-proto", "https"), ("x-forwarded-host", "play.example")];
        let stranger = caller("192.0.2.9", &told);
        assert!(!stranger.is_tls);
        assert_eq!(stranger.host(), Some("inside:3000"));
        let proxied = caller("10.0.0.1", &told);
        assert!(proxied.is_tls);
        assert_eq!(proxied.host(), Some("play.example"));
    }
}
