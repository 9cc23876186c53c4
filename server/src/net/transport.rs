//! What a connection's bytes go over: TCP, or TLS on it.

mod unwatched;

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

pub use self::unwatched::Unwatched;

/// What a connection's bytes go over.
#[derive(Debug)]
pub enum Transport {
    /// As they are.
    Tcp(TcpStream),
    /// Encrypted. Boxed, for it is large, and most connections are not.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
    /// As they are, away from the reactor.
    Unwatched(Unwatched),
}

impl Transport {
    /// The socket below.
    pub fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
            Self::Unwatched(stream) => SockRef::from(stream.get_ref()),
        }
    }

    /// Takes the socket from the reactor: nobody is woken for it any more. False, and nothing done, where what is
    /// on TCP needs the reactor.
    pub fn leave_reactor(&mut self) -> bool {
        let Self::Tcp(stream) = self else { return false };
        // A second handle on the same socket stays where it is when the first one cannot be taken away.
        let Ok(copy) = stream.as_fd().try_clone_to_owned() else { return false };
        *self = Self::Unwatched(Unwatched::new(copy.into()));
        true
    }

    /// Gives the socket back to the reactor of the runtime in which this is called.
    pub fn come_back(&mut self) -> io::Result<()> {
        if let Self::Unwatched(stream) = self {
            *self = Self::Tcp(TcpStream::from_std(stream.get_ref().try_clone()?)?);
        }
        Ok(())
    }
}

/// The same call of whichever it is.
macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Transport::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
            Transport::Unwatched(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unwatched(_) => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(cx))
    }
}
