//! TLS: rustls with ring, given to each client explicitly, so that a host process with another
//! TLS library, or another default provider, is left alone.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::ExposeSecret;

use crate::error::{Diagnostic, Result, SqlState};
use crate::process::PerProcess;
use crate::settings::{ServerCertificate, TransportSettings};

/// Reading the system's certificate store takes milliseconds, so it is done once.
static SYSTEM_VERIFIER: PerProcess<OnceCell<Arc<dyn ServerCertVerifier>>> =
    PerProcess::new(OnceCell::new);

/// The TLS configuration that `settings` ask for.
pub(crate) fn client_config(settings: &TransportSettings) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match &settings.server_certificate {
        ServerCertificate::System => system_verifier(&provider)?,
        ServerCertificate::Pem(pem) => Arc::new(PinnedVerifier::new(pem, &provider)?),
        ServerCertificate::Any => Arc::new(AnyVerifier(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_problem(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let (chain, key) = client_identity(pem.expose_secret())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                Diagnostic::invalid_value(format!(
                    "SSLClientCert cannot be used: {error}. It must hold a certificate chain and \
                     the private key of its first certificate, in PEM."
                ))
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn tls_problem(error: &rustls::Error) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("TLS cannot be set up: {error}."),
    )
}

fn system_verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    SYSTEM_VERIFIER
        .get()
        .get_or_try_init(|| {
            rustls_platform_verifier::Verifier::new(Arc::clone(provider))
                .map(|verifier| Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
                .map_err(|error| {
                    Diagnostic::new(
                        SqlState::CANNOT_CONNECT,
                        format!(
                            "The system's certificate store cannot be used: {error}. Install the \
                             system's CA certificates (ca-certificates on Debian), or name a PEM \
                             file in SSLServerCert."
                        ),
                    )
                })
        })
        .cloned()
}

fn client_identity(pem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates("SSLClientCert", pem)?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        Diagnostic::invalid_value(
            "SSLClientCert holds no private key in PEM. Add it to the certificate.",
        )
    })?;
    Ok((chain, key))
}

fn certificates(property: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let list: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match list {
        Ok(list) if !list.is_empty() => Ok(list),
        _ => Err(Diagnostic::invalid_value(format!(
            "{property} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)."
        ))),
    }
}

/// Trusts the named certificates and nothing else: as authorities, or as the server's own.
#[derive(Debug)]
struct PinnedVerifier {
    pinned: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl PinnedVerifier {
    fn new(pem: &str, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let pinned = certificates("SSLServerCert", pem)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(pinned.iter().cloned());
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| {
                    Diagnostic::invalid_value(format!("SSLServerCert cannot be used: {error}."))
                })?;
        Ok(Self {
            pinned,
            authorities,
        })
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        // A self-signed server certificate is no authority to webpki, but it is the one asked for.
        if self
            .pinned
            .iter()
            .any(|certificate| certificate == end_entity)
        {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Trusts any certificate, because `SSLServerCert=*` says so (connecting warns of it). Signatures
/// are still checked, so the peer does own the certificate that it shows.
#[derive(Debug)]
struct AnyVerifier(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyVerifier {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
