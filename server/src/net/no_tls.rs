//! What stands for TLS in a build without it: there is none of it.

use std::future::Ready;
use std::io;

use thiserror::Error;
use tokio::net::TcpStream;

use super::transport::Transport;

/// How connections of a port are encrypted: not at all.
#[derive(Clone, Debug)]
pub enum Tls {}

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// This program was built without TLS.
    #[error("setting `tls_cert`: this server was built without TLS; build it with `--features tls`")]
    NotBuilt,
}

impl Tls {
    /// # Errors
    /// Always.
    pub fn load(_certificates: &str, _key: &str) -> Result<Self, TlsError> {
        Err(TlsError::NotBuilt)
    }

    pub(super) fn accept(&self, _stream: TcpStream) -> Ready<io::Result<Transport>> {
        match *self {}
    }

    /// Nothing to be watched.
    pub fn watch(self) -> Ready<()> {
        match self {}
    }
}
