//! Where a server is.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Where the WebSocket is when an address has no path.
const PATH: &str = "/ws";
/// The port of `ws:` and `http:` addresses that name none.
const PORT: u16 = 80;

/// The address of a server's WebSocket.
///
/// Read from `ws://host:port/path`, from `http://host:port` as a browser shows it, or from
/// `host:port`. Without a path it is `/ws`.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    path: String,
    /// What to show there. Not part of the text, which is told and logged.
    token: Option<String>,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// A scheme that needs TLS.
    #[error("'{0}' needs TLS, which is not built in: use a ws:// address, or a proxy that ends TLS")]
    Tls(String),
    /// Another scheme.
    #[error("'{url}' begins with '{scheme}://': an address begins with ws:// or http://")]
    Scheme {
        /// The address.
        url: String,
        /// How it begins.
        scheme: String,
    },
    /// Something else is wrong with it.
    #[error("'{url}' is no address: {problem}; one looks like ws://127.0.0.1:3000")]
    Malformed {
        /// The address.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl ServerUrl {
    /// The host's name or address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The same with what a server that does not let everyone in wants to see: printable ASCII.
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// What to show there, if anything.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let malformed = |problem| UrlError::Malformed { url: url.to_owned(), problem };
        if url.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(malformed("there is a space or a letter outside of ASCII in it"));
        }
        let (rest, default_port) = match url.split_once("://") {
            Some(("ws" | "http", rest)) => (rest, Some(PORT)),
            Some(("wss" | "https", _)) => return Err(UrlError::Tls(url.to_owned())),
            Some((scheme, _)) => {
                return Err(UrlError::Scheme { url: url.to_owned(), scheme: scheme.to_owned() });
            }
            None => (url, None),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(malformed("user names in addresses are not used here"));
        }
        if path.contains('#') {
            return Err(malformed("a part after '#' is not sent to a server"));
        }
        let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match authority[host_end..].find(':') {
            Some(colon) => {
                let (host, port) = authority.split_at(host_end + colon);
                (host, port[1..].parse().map_err(|_| malformed("a port is a number from 1 to 65535"))?)
            }
            None => (authority, default_port.ok_or_else(|| malformed("there is no port"))?),
        };
        if host.is_empty() {
            return Err(malformed("there is no host"));
        }
        if port == 0 {
            return Err(malformed("a port is a number from 1 to 65535"));
        }
        let path = match path {
            "" | "/" => PATH.to_owned(),
            query if query.starts_with('?') => format!("{PATH}{query}"),
            path => path.to_owned(),
        };
        Ok(Self { host: host.to_owned(), port, path, token: None })
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let check = |url: &str, expected: &str| {
            assert_eq!(url.parse::<ServerUrl>().unwrap().to_string(), expected);
        };
        check("ws://127.0.0.1:3000", "ws://127.0.0.1:3000/ws");
        check("ws://127.0.0.1:3000/ws", "ws://127.0.0.1:3000/ws");
        check("http://localhost:3000/", "ws://localhost:3000/ws");
        check("localhost:3000", "ws://localhost:3000/ws");
        check("ws://play.example/a/b?c=d", "ws://play.example:80/a/b?c=d");
        check("ws://play.example?c=d", "ws://play.example:80/ws?c=d");
        check("[::1]:3000", "ws://[::1]:3000/ws");
        check("http://[::1]", "ws://[::1]:80/ws");
        assert_eq!("[::1]:3000".parse::<ServerUrl>().unwrap().host(), "::1");
    }

    #[test]
    fn says_what_is_wrong() {
        let check = |url: &str, problem: &str| {
            let error = url.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        };
        check("wss://play.example", "needs TLS");
        check("https://play.example", "needs TLS");
        check("ftp://play.example", "ftp://");
        check("localhost", "no port");
        check("localhost:http", "a port is a number");
        check("localhost:0", "a port is a number");
        check("localhost:66000", "a port is a number");
        check(":3000", "no host");
        check("ws://", "no host");
        check("", "no port");
        check("ws://a b:3000", "a space");
        check("ws://me@host:3000", "user names");
    }
}
