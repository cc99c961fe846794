//! Connections in the words of the log.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use http::{Extensions, Version};
use reqwest::tls::TlsInfo;
use sha2::{Digest as _, Sha256};

use crate::error::in_seconds;
use crate::settings::{ProxySettings, ServerCertificate, TransportSettings};

/// The connection that a reply came over.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    version: Version,
    /// The service, or the proxy before it.
    remote: Option<SocketAddr>,
    /// What the service has shown, in DER.
    certificate: Option<Vec<u8>>,
}

impl Wire {
    /// The certificate is known if the client keeps it (`tls_info`).
    pub(crate) fn of(reply: &reqwest::Response) -> Self {
        Self::new(reply.version(), reply.remote_addr(), reply.extensions())
    }

    /// As [`Wire::of`].
    pub(crate) fn of_blocking(reply: &reqwest::blocking::Response) -> Self {
        Self::new(reply.version(), reply.remote_addr(), reply.extensions())
    }

    fn new(version: Version, remote: Option<SocketAddr>, extensions: &Extensions) -> Self {
        let tls = extensions.get::<TlsInfo>();
        Self {
            version,
            remote,
            certificate: tls.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec),
        }
    }
}

impl Display for Wire {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.version)?;
        if let Some(remote) = &self.remote {
            write!(f, " over {remote}")?;
        }
        if let Some(certificate) = &self.certificate {
            write!(f, ", certificate SHA-256 {:x}", Sha256::digest(certificate))?;
        }
        Ok(())
    }
}

/// How connections are made. Passwords are no part of it.
pub(crate) fn describe(settings: &TransportSettings) -> String {
    let timeout = match settings.timeout {
        Some(timeout) => format!("Timeout {}", in_seconds(timeout)),
        None => "no Timeout".into(),
    };
    let proxy = match &settings.proxy {
        ProxySettings::System => system_proxy(),
        ProxySettings::Direct => "no proxy".into(),
        ProxySettings::Through { url, .. } => format!("proxy {url}"),
    };
    let trusted = match settings.server_certificate {
        ServerCertificate::System => "certificates of the system's store are trusted",
        ServerCertificate::Pem(_) => "certificates of SSLServerCert are trusted",
        ServerCertificate::Any => "any certificate is trusted",
    };
    let shown = match settings.client_certificate {
        Some(_) => "a client certificate",
        None => "no client certificate",
    };
    format!("{timeout}; {proxy}; {trusted}; {shown}")
}

/// The variables by name only: a value may hold a password.
fn system_proxy() -> String {
    const VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
    let is_set = |name: &&str| {
        [(*name).to_owned(), name.to_ascii_uppercase()]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    };
    let set: Vec<&str> = VARIABLES.into_iter().filter(is_set).collect();
    if set.is_empty() {
        "the system's proxy, which no variable names".into()
    } else {
        format!("the system's proxy by {}", set.join(", "))
    }
}
