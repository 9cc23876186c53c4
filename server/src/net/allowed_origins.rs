//! Which sites' pages may talk to this server: one answer for requests and for WebSockets.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, request};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::caller::Caller;
use super::door::Accepted;

/// Sites whose pages may talk to this server, besides its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every site.
    All,
    /// These, each as a browser names it: `https://play.example`.
    These(Arc<[String]>),
}

impl FromStr for AllowedOrigins {
    type Err = String;

    /// Of a setting such as `https://a.example, https://b.example`; `*` is every site, nothing is
    /// none but the server's own.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::All);
        }
        let origin = |text: &str| {
            let text = text.to_ascii_lowercase();
            let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '*', ' ']);
            match text.split_once("://") {
                Some((scheme @ ("http" | "https"), host)) if is_host(host) => {
                    Ok(format!("{scheme}://{}", without_usual_port(scheme, host)))
                }
                _ => Err(format!("`{text}` is no origin such as https://play.example, nor `*`")),
            }
        };
        let origins = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        origins.map(origin).collect::<Result<_, _>>().map(Self::These)
    }
}

impl AllowedOrigins {
    /// Whether pages of this origin may talk to this server: those that are named, those of the host
    /// that the caller asked, and, where the caller is on this machine, pages of this machine.
    pub fn allows(&self, origin: &HeaderValue, caller: &Caller) -> bool {
        let Self::These(named) = self else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if named.iter().any(|named| named == origin) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_own = caller
            .host()
            .is_some_and(|host| without_usual_port(scheme, host).eq_ignore_ascii_case(authority));
        is_own || caller.address.is_loopback() && is_loopback(authority)
    }

    /// The same with the cookies by which proxies keep a session's way, where pages are named.
    pub fn cors_layer_with_cookies(&self) -> CorsLayer {
        // A browser takes no cookies from who allows every site.
        self.cors_layer().allow_credentials(*self != Self::All)
    }

    /// The same for requests of browsers that ask before they show an answer to a page.
    pub fn cors_layer(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([CONTENT_TYPE, AUTHORIZATION]);
        if *self == Self::All {
            return layer.allow_origin(AllowOrigin::any());
        }
        let origins = self.clone();
        layer.allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, request: &request::Parts| {
            let accepted = request.extensions.get::<Accepted>();
            accepted.is_some_and(|accepted| origins.allows(origin, &accepted.caller))
        }))
    }
}

/// A browser leaves the port of the scheme out of an origin; a proxy may leave it in the host.
fn without_usual_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(port).unwrap_or(host)
}

/// Whether an authority names the machine that the browser runs on.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a page of the origin may talk to a server of this setting, which the caller asked by
    /// this host.
    fn allows(setting: &str, origin: &'static str, address: &str, host: &'static str) -> bool {
        let mut caller = Caller::of_connection(([127, 0, 0, 1], 999).into());
        caller.address = address.parse().unwrap();
        caller.host = Some(host.into());
        let origins: AllowedOrigins = setting.parse().unwrap();
        origins.allows(&HeaderValue::from_static(origin), &caller)
    }

    #[test]
    fn pages_of_the_host_itself_may() {
        let allows = |origin, host| allows("", origin, "192.0.2.1", host);
        assert!(allows("https://play.example", "play.example"));
        assert!(allows("https://play.example", "play.example:443"));
        assert!(allows("http://play.example", "play.example:80"));
        assert!(allows("http://play.example:3000", "PLAY.example:3000"));
        assert!(!allows("http://play.example:3000", "play.example"));
        assert!(!allows("http://play.example", "play.example:3000"));
        assert!(!allows("https://evil.example", "play.example"));
        assert!(!allows("https://play.example.evil.example", "play.example"));
        assert!(!allows("null", "play.example"));
    }

    #[test]
    fn pages_that_are_named_may() {
        let setting = "https://A.example:443, http://b.example:8000";
        let allows = |origin| allows(setting, origin, "192.0.2.1", "play.example");
        assert!(allows("https://a.example") && allows("http://b.example:8000"));
        assert!(!allows("http://a.example") && !allows("http://b.example"));
        assert!(self::allows("*", "null", "192.0.2.1", "play.example"));
        for wrong in
            ["a.example", "https://a.example/", "https://*.example", "ftp://a.example", "https://", "*, *"]
        {
            assert!(wrong.parse::<AllowedOrigins>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_of_this_machine_may_talk_to_it() {
        for origin in ["http://localhost:8000", "http://127.0.0.1:8000", "https://[::1]:8000", "http://[::1]"]
        {
            assert!(allows("", origin, "127.0.0.1", "localhost:3000"), "{origin}");
            assert!(!allows("", origin, "192.0.2.1", "play.example"), "{origin}");
        }
        for origin in ["http://localhost.evil.example", "http://192.0.2.1", "http://127.0.0.1.evil.example"] {
            assert!(!allows("", origin, "127.0.0.1", "localhost:3000"), "{origin}");
        }
    }
}
