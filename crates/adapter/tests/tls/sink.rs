//! A sink that speaks TLS and remembers what was offered to it, and certificates for it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name that clients resolve to the sink.
pub(crate) const HOST: &str = "sink.example";

pub(crate) struct Identity {
    pub(crate) pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

fn params(edit: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names = [HOST, "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).unwrap();
    edit(&mut params);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let params = params(|it| {
            it.subject_alt_names.clear();
            it.distinguished_name.push(DnType::CommonName, name);
            it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn identity(&self, edit: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(edit).signed_by(&key, &self.0).unwrap();
        Identity {
            pem: certificate.pem(),
            chain: vec![certificate.der().clone()],
            key,
        }
    }
}

impl Identity {
    pub(crate) fn self_signed(edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params(edit).self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            chain: vec![certificate.der().clone()],
            key,
        }
    }

    /// A self-signed identity that signs another one, and the chain of both.
    pub(crate) fn signed_by_leaf(edit: impl FnOnce(&mut CertificateParams)) -> (String, Self) {
        let signer = params(|it| {
            it.distinguished_name.push(DnType::CommonName, "signer");
            edit(it);
        });
        let signer = CertifiedIssuer::self_signed(signer, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = params(|_| {}).signed_by(&key, &signer).unwrap();
        let chain = vec![leaf.der().clone(), signer.der().clone()];
        (
            signer.pem(),
            Self {
                pem: leaf.pem(),
                chain,
                key,
            },
        )
    }

    fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// What a sink saw of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `None`: closed without one byte.
    pub(crate) hello: Option<Hello>,
    /// How the handshake ended for the sink, the client's alert included.
    pub(crate) failure: Option<String>,
    /// First lines of the requests.
    pub(crate) requests: Vec<String>,
}

pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Sink {
    pub(crate) async fn start(identity: &Identity) -> Self {
        Self::start_with(identity, rustls::ALL_VERSIONS, "127.0.0.1:0").await
    }

    pub(crate) async fn start_with(
        identity: &Identity,
        versions: &[&'static SupportedProtocolVersion],
        address: &str,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(identity.config(versions)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut all = all.lock().unwrap();
                    all.push(Seen::default());
                    all.len() - 1
                };
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&all), index));
            }
        });
        Self { address, seen }
    }

    /// What was seen so far, oldest connection first.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// What the first connection ended with; the sink learns it after the client.
    pub(crate) async fn first_failure(&self) -> String {
        loop {
            if let Some(failure) = self.seen()[0].failure.clone() {
                return failure;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, all: Arc<Mutex<Vec<Seen>>>, index: usize) {
    let edit = |change: &dyn Fn(&mut Seen)| change(&mut all.lock().unwrap()[index]);
    let Some(hello) = Hello::peek(&stream).await else {
        return;
    };
    edit(&|seen| seen.hello = Some(hello.clone()));
    let mut stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return edit(&|seen| seen.failure = Some(error.to_string())),
    };
    let mut request = Vec::new();
    loop {
        match stream.read_buf(&mut request).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => return edit(&|seen| seen.failure = Some(error.to_string())),
        }
        if request.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8(std::mem::take(&mut request)).unwrap();
            let line = text.lines().next().unwrap();
            edit(&|seen| seen.requests.push(line.to_owned()));
            stream
                .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    }
}

/// A `ClientHello`, read from its bytes (RFC 8446 4.1.2).
#[derive(Clone, Debug)]
pub(crate) struct Hello {
    pub(crate) suites: Vec<u16>,
    extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// Waits for the first record without taking it from the stream.
    async fn peek(stream: &TcpStream) -> Option<Self> {
        let mut bytes = vec![0; 16 << 10];
        loop {
            let length = stream.peek(&mut bytes).await.ok()?;
            if length == 0 {
                return None;
            }
            if length > 5 && length >= 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]])) {
                return Some(Self::parse(&bytes[..length]));
            }
            tokio::task::yield_now().await;
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        assert_eq!(
            (bytes[0], bytes[5]),
            (22, 1),
            "a handshake record with a ClientHello"
        );
        // Record and handshake headers, version, random.
        let mut rest = &bytes[5 + 4 + 2 + 32..];
        let _session = take(&mut rest, 1);
        let suites = take(&mut rest, 2);
        let _compressions = take(&mut rest, 1);
        let mut rest = take(&mut rest, 2);
        let mut extensions = Vec::new();
        while let [high, low, tail @ ..] = rest {
            rest = tail;
            extensions.push((
                u16::from_be_bytes([*high, *low]),
                take(&mut rest, 2).to_vec(),
            ));
        }
        Self {
            suites: numbers(suites),
            extensions,
        }
    }

    fn extension(&self, number: u16) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|(it, _)| *it == number)
            .map(|(_, body)| body.as_slice())
    }

    pub(crate) fn has_server_name(&self) -> bool {
        self.extension(0).is_some()
    }

    pub(crate) fn groups(&self) -> Vec<u16> {
        numbers(&self.extension(10).unwrap()[2..])
    }

    pub(crate) fn has_alpn(&self) -> bool {
        self.extension(16).is_some()
    }

    /// Whether it tries to go on with an earlier session: a ticket, or a pre-shared key.
    pub(crate) fn resumes(&self) -> bool {
        self.extension(35).is_some() || self.extension(41).is_some()
    }

    pub(crate) fn versions(&self) -> Vec<u16> {
        numbers(&self.extension(43).unwrap()[1..])
    }
}

/// A vector with its length in front, in this many bytes.
fn take<'a>(rest: &mut &'a [u8], prefix: usize) -> &'a [u8] {
    let (length, tail) = rest.split_at(prefix);
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let (taken, tail) = tail.split_at(length);
    *rest = tail;
    taken
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}
