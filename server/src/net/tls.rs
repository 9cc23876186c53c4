//! TLS: a certificate that is read again when its files change.
//!
//! Connections that are there go on with what they began with; new ones get the newest certificate
//! that was whole.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fracas_shared::limits::CERTIFICATE_POLL_S;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tracing::{error, info};

use super::transport::Transport;

/// How connections of a port are encrypted. Clones are the same.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    files: Arc<Files>,
}

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("setting `{setting}`: cannot read {} in {}: {error}", kind, path.display())]
    Unreadable {
        /// The setting that names the file.
        setting: &'static str,
        /// What is looked for.
        kind: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: pem::Error,
    },
    /// The certificate is not one of this key, or the key is none that is known.
    #[error("settings `tls_cert` and `tls_key`: {0}; the key must be that of the first certificate")]
    Mismatch(rustls::Error),
    /// There is no certificate in the file.
    #[error("setting `tls_cert`: there is no certificate in {}; it begins with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
}

/// A certificate's files, and what was last read of them.
struct Files {
    certificates: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: Current,
    /// How the files looked when they were last read, with or without success.
    looked: Mutex<Option<[Look; 2]>>,
}

/// What shows that a file is another one, or has been written.
type Look = (u64, u64, i64, i64);

/// The certificate for new connections.
#[derive(Clone)]
struct Current(Arc<RwLock<Arc<CertifiedKey>>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificates", &self.files.certificates).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// Reads a chain of certificates and the key of the first of them, each in PEM.
    pub fn load(certificates: &str, key: &str) -> Result<Self, TlsError> {
        let (certificates, key) = (PathBuf::from(certificates), PathBuf::from(key));
        let provider = Arc::new(ring::default_provider());
        let looked = look(&certificates).zip(look(&key)).map(<[Look; 2]>::from);
        let first = read(&certificates, &key, &provider)?;
        let current = Current(Arc::new(RwLock::new(Arc::new(first))));
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Mismatch)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(current.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let files = Files { certificates, key, provider, current, looked: Mutex::new(looked) };
        Ok(Self { acceptor: Arc::new(config).into(), files: Arc::new(files) })
    }

    /// The server's half of the handshake. It takes as long as the client likes.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Transport> {
        Ok(Transport::Tls(Box::new(self.acceptor.accept(stream).await?)))
    }

    /// Reads the files again whenever they have changed, and at a SIGHUP. It never ends. What
    /// cannot be used is told once, and the certificate before it stays.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn watch(self) -> impl Future<Output = ()> + Send + 'static {
        // From now on, for the signal would end the process. Without it the files are still looked at.
        let mut hangup = signal(SignalKind::hangup()).ok();
        async move {
            loop {
                let is_asked = tokio::select! {
                    () = sleep(Duration::from_secs(CERTIFICATE_POLL_S)) => false,
                    Some(()) = async { hangup.as_mut()?.recv().await } => true,
                };
                let files = self.files.clone();
                let done = spawn_blocking(move || files.read_again(is_asked));
                if let Err(error) = done.await {
                    error!(%error, "the certificate could not be looked at");
                }
            }
        }
    }
}

impl Files {
    /// Reads the files if they have changed, or anyway if asked to; whether it did.
    fn read_again(&self, is_asked: bool) -> bool {
        let looks = look(&self.certificates).zip(look(&self.key)).map(<[Look; 2]>::from);
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if *looked == looks && !is_asked {
                return false;
            }
            // Before they are read: what changes meanwhile is seen the next time.
            *looked = looks;
        }
        match read(&self.certificates, &self.key, &self.provider) {
            Ok(new) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                info!("new connections get the new certificate");
            }
            Err(error) => error!("{error}; new connections get the certificate before it"),
        }
        true
    }
}

fn look(path: &PathBuf) -> Option<Look> {
    let of = |metadata: Metadata| (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    fs::metadata(path).ok().map(of)
}

fn read(certificates: &PathBuf, key: &PathBuf, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let no_certificate = |error| TlsError::Unreadable {
        setting: "tls_cert",
        kind: "certificates",
        path: certificates.clone(),
        error,
    };
    let chain = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(no_certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificates.clone()));
    }
    let no_key = |error| TlsError::Unreadable { setting: "tls_key", kind: "a key", path: key.clone(), error };
    let key = PrivateKeyDer::from_pem_file(key).map_err(no_key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Mismatch)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey as Pair, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    fn pair() -> (String, String) {
        let Pair { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn a_file_that_is_broken_is_read_once_and_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let paths = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let put = |certificates: &str, key: &str| {
            fs::write(&paths[0], certificates).unwrap();
            fs::write(&paths[1], key).unwrap();
        };
        let (one, two) = (pair(), pair());
        put(&one.0, &one.1);
        let [certificates, key] = paths.each_ref().map(|path| path.to_str().unwrap());
        let files = Tls::load(certificates, key).unwrap().files;
        let current = || files.current.0.read().unwrap().cert[0].clone();
        let first = current();
        assert!(!files.read_again(false), "nothing has changed");
        let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (certificates, key) in
            [(&*two.0, &*one.1), ("no PEM", &*two.1), (none, &*two.1), (&*two.0, "no PEM")]
        {
            put(certificates, key);
            assert!(files.read_again(false));
            assert!(!files.read_again(false), "an error is told once");
            assert_eq!(current(), first);
        }
        fs::remove_file(&paths[0]).unwrap();
        assert!(files.read_again(false) && !files.read_again(false));
        assert_eq!(current(), first);
        put(&two.0, &two.1);
        assert!(files.read_again(false));
        assert_ne!(current(), first);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_setting() {
        let folder = TempDir::new().unwrap();
        let problem = |certificates: &str, key: &str| {
            let put = |name, text: &str| {
                fs::write(folder.path().join(name), text).unwrap();
                folder.path().join(name).to_str().unwrap().to_owned()
            };
            Tls::load(&put("cert.pem", certificates), &put("key.pem", key)).unwrap_err().to_string()
        };
        let (one, two) = (pair(), pair());
        assert!(problem("", &one.1).contains("`tls_cert`: there is no certificate in"));
        assert!(problem(&one.0, "").contains("`tls_key`: cannot read a key in"));
        assert!(problem(&one.0, &two.1).contains("`tls_cert` and `tls_key`"));
        let missing = Tls::load("absent.pem", "absent.pem").unwrap_err().to_string();
        assert!(missing.contains("`tls_cert`: cannot read certificates in absent.pem"), "{missing}");
    }
}
