//! Servers on loopback that remember what they were sent: over TLS in the clear, else byte by byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::Server;
use super::authority::Chain;
use crate::relay::{Manner, Relay};

/// What every server answers to every request.
pub(super) const BODY: &str = "{\"value\":[]}";
const ANSWER: &[&str] =
    &["HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"value\":[]}"];

pub(super) struct Host {
    relay: Relay,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
pub(super) struct Heard {
    /// Over TLS without TLS; else as it came.
    pub(super) bytes: Vec<u8>,
    /// Of each handshake that got so far, the name that the client asked for.
    pub(super) names: Vec<Option<String>>,
    pub(super) kinds: Vec<HandshakeKind>,
}

impl Host {
    /// Over TLS.
    pub(super) fn tls(config: ServerConfig) -> Self {
        Self::answering(ANSWER, config)
    }

    /// Over TLS, and with this answer, each piece in a record of its own.
    pub(super) fn answering(answer: &'static [&'static str], config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::changing(answer, move || Arc::clone(&config))
    }

    /// The same, each connection with the settings of that moment.
    pub(super) fn changing(
        answer: &'static [&'static str],
        config: impl Fn() -> Arc<ServerConfig> + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |stream, heard| serve_tls(stream, config(), answer, heard))
    }

    /// Over TLS: answers as soon as something of a request has come, and hangs up with the rest unread.
    pub(super) fn hasty(answer: &'static str, config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::start(move |stream, _| {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            if tls.read(&mut [0; 4096])? == 0 {
                return Ok(());
            }
            tls.write_all(answer.as_bytes())?;
            tls.flush()
        })
    }

    /// With whatever this does to a connection.
    pub(super) fn raw(serve: impl Fn(&mut Listening<'_>) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start(move |stream, heard| {
            serve(&mut Listening { stream, heard })?;
            stream.shutdown(Shutdown::Write)?;
            // Closed with something unread in it, a socket would take back what was written.
            io::copy(&mut Listening { stream, heard }, &mut io::sink()).map(|_| ())
        })
    }

    fn start(serve: impl Fn(&TcpStream, &Mutex<Heard>) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let heard = Arc::<Mutex<Heard>>::default();
        let relay = Relay::start(Manner::Serve(Arc::new({
            let heard = Arc::clone(&heard);
            move |stream| {
                let served = serve(stream, &heard);
                // The relay holds the socket too, so that dropping it would not close it.
                let _ = stream.shutdown(Shutdown::Both);
                served
            }
        })));
        Self { relay, heard }
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }
}

impl Server for Host {
    fn address(&self) -> SocketAddr {
        self.relay.address()
    }

    fn accepted(&self) -> usize {
        self.relay.accepted()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard().bytes).into_owned()
    }
}

/// A socket of which everything that is read is remembered.
pub(super) struct Listening<'a> {
    stream: &'a TcpStream,
    heard: &'a Mutex<Heard>,
}

impl Read for Listening<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(piece)?;
        lock(self.heard).bytes.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}

impl Write for Listening<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The settings of a server that shows this chain, right or wrong.
pub(super) fn config(chain: &Chain, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    config_of(ring::default_provider(), chain, versions)
}

pub(super) fn config_of(
    provider: CryptoProvider,
    chain: &Chain,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider.into()).with_protocol_versions(versions).unwrap();
    builder.with_no_client_auth().with_cert_resolver(shown(chain))
}

/// The same, and it wants a certificate itself.
pub(super) fn config_that_asks(
    chain: &Chain,
    versions: &[&'static SupportedProtocolVersion],
    clients: Arc<dyn ClientCertVerifier>,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(ring::default_provider().into());
    let builder = builder.with_protocol_versions(versions).unwrap().with_client_cert_verifier(clients);
    builder.with_cert_resolver(shown(chain))
}

/// Without the checks that keep a server from showing what is wrong.
fn shown(chain: &Chain) -> Arc<SingleCertAndKey> {
    let key = ring::sign::any_supported_type(&PrivatePkcs8KeyDer::from(chain.key.clone()).into()).unwrap();
    Arc::new(CertifiedKey::new(chain.shown.clone(), key).into())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve_tls(stream: &TcpStream, config: Arc<ServerConfig>, answer: &[&str], heard: &Mutex<Heard>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    while tls.conn.is_handshaking() {
        if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
            stream.shutdown(Shutdown::Write)?;
            io::copy(&mut tls.sock, &mut io::sink())?;
            return Err(error);
        }
    }
    {
        let mut heard = lock(heard);
        heard.names.push(tls.conn.server_name().map(str::to_owned));
        heard.kinds.extend(tls.conn.handshake_kind());
    }
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = tls.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        lock(heard).bytes.extend_from_slice(&piece[..count]);
        head.extend_from_slice(&piece[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            for piece in answer {
                tls.write_all(piece.as_bytes())?;
                tls.flush()?;
            }
        }
    }
}
