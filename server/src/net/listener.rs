//! Ports: where a server listens.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdTcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::tls::{Tls, TlsError};
use crate::config::Config;

/// Connections that wait for the server to accept them; the kernel has a bound of its own.
const BACKLOG: i32 = 4096;

/// The ports of a server. They take connections from the moment they are bound; these wait until
/// the server runs.
#[derive(Debug)]
pub struct Listeners {
    /// Where players connect.
    pub public: StdTcpListener,
    /// Where health and metrics are served, if anywhere.
    pub admin: Option<StdTcpListener>,
    /// How what players say is encrypted, if it is.
    pub tls: Option<Tls>,
}

/// Why a port cannot be listened on.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process has the port.
    #[error("{address} is in use: stop the other server or choose another port with {flag} {}", free(*address))]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
    },
    /// Nothing can be encrypted as the configuration has it.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Anything else.
    #[error("cannot listen on {address}: {error}; choose another address with {flag}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

fn free(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), 0)
}

impl Listeners {
    /// Binds the ports that the configuration names, and reads the certificate.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let has_tls = !config.tls_cert.is_empty();
        let tls = has_tls.then(|| Tls::load(&config.tls_cert, &config.tls_key)).transpose()?;
        let public = bind(config.listen, "--listen")?;
        let admin = config.admin_listen.map(|address| bind(address, "--admin-listen")).transpose()?;
        Ok(Self { public, admin, tls })
    }

    /// The line that tells people where the server is, with the ports that it really has.
    ///
    /// # Errors
    /// A listener is not bound.
    pub fn greeting(&self) -> io::Result<String> {
        let public = self.public.local_addr()?;
        let metrics = match &self.admin {
            Some(admin) => format!("metrics on http://{}/metrics, ", admin.local_addr()?),
            None => String::new(),
        };
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("Fracas is listening on {scheme}://{public}  ({metrics}Ctrl-C stops)"))
    }
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<StdTcpListener, BindError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Lets a server restart while connections of its predecessor are still in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => BindError::InUse { address, flag },
        _ => BindError::Other { address, flag, error },
    })
}
