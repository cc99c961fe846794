//! Proxy, firewall and TLS properties.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::given::Given;
use super::path::file_path;
use super::{ProxySettings, ServerCertificate, TransportSettings};
use crate::error::{Diagnostic, Result, SqlState};

/// A larger file is not a certificate.
const MAX_PEM_SIZE: u64 = 1 << 20;

pub(super) fn read(given: &Given, warnings: &mut Vec<Diagnostic>) -> Result<TransportSettings> {
    Ok(TransportSettings {
        timeout: given
            .unsigned("Timeout")
            .filter(|s| *s > 0)
            .map(Duration::from_secs),
        proxy: proxy(given, warnings)?,
        server_certificate: server_certificate(given, warnings)?,
        client_certificate: client_certificate(given)?,
    })
}

fn proxy(given: &Given, warnings: &mut Vec<Diagnostic>) -> Result<ProxySettings> {
    let server = given.get("ProxyServer");
    let auto_detect = given
        .get("ProxyAutoDetect")
        .map(|_| given.boolean("ProxyAutoDetect"));
    match (given.word("FirewallType"), server, auto_detect) {
        ("NONE", ..) if given.get("FirewallType").is_none() => refuse_untyped_firewall(given)?,
        ("NONE", ..) => {}
        (_, Some(_), _) => {
            return Err(Diagnostic::invalid_value(
                "ProxyServer and FirewallType are both given, and only one can be used. Remove \
                 ProxyServer, or the firewall's properties.",
            ));
        }
        (_, None, Some(true)) => {
            return Err(Diagnostic::invalid_value(
                "ProxyAutoDetect=true and FirewallType are both given, and only one can be used. \
                 Remove ProxyAutoDetect, or the firewall's properties.",
            ));
        }
        (kind, ..) => return firewall(given, kind),
    }
    match (server, auto_detect) {
        (Some(_), Some(true)) => {
            warnings.push(Diagnostic::new(
                SqlState::GENERAL_WARNING,
                "ProxyServer is not used, because ProxyAutoDetect=true asks for the system's \
                 proxy. Remove one of the two.",
            ));
            Ok(ProxySettings::System)
        }
        (Some(server), _) => http_proxy(given, server),
        (None, Some(false)) => Ok(ProxySettings::Direct),
        (None, _) => Ok(ProxySettings::System),
    }
}

/// A firewall that is named and not used would be a connection by a way nobody asked for.
fn refuse_untyped_firewall(given: &Given) -> Result<()> {
    if given.get("FirewallServer").is_none() {
        return Ok(());
    }
    Err(Diagnostic::invalid_value(
        "FirewallServer is given without FirewallType. Add FirewallType=SOCKS5 or \
         FirewallType=TUNNEL, or FirewallType=NONE to go without it.",
    ))
}

fn http_proxy(given: &Given, server: &str) -> Result<ProxySettings> {
    let credentials = match given.word("ProxyAuthScheme") {
        "NONE" => None,
        _ => credentials(given, "ProxyUser", "ProxyPassword")?,
    };
    let port = given.unsigned("ProxyPort").unwrap_or(80);
    let scheme = match given.word("ProxySSLType") {
        "ALWAYS" => "https",
        _ => "http",
    };
    Ok(ProxySettings::Through {
        url: proxy_url(scheme, "ProxyServer", server, port)?,
        credentials,
        exceptions: exceptions(given.get("ProxyExceptions").unwrap_or_default())?,
    })
}

/// The hosts of `ProxyExceptions`.
fn exceptions(list: &str) -> Result<Vec<String>> {
    let entries = list.split([';', ',']).map(str::trim);
    entries
        .enumerate()
        .filter(|(_, host)| !host.is_empty())
        .map(|(index, host)| exception(host).ok_or_else(|| names_no_hosts(index + 1)))
        .collect()
}

/// The entry itself may be a secret that a missing `;` has put here.
fn names_no_hosts(entry: usize) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "ProxyExceptions: entry {entry} names no hosts. Allowed: a host name, which stands for the \
         names below it too (firm.example, .firm.example or *.firm.example), an address (10.0.0.1, \
         ::1) and a network (10.0.0.0/8). To reach every host without the proxy, leave ProxyServer \
         out."
    ))
}

/// An exception in the form that the HTTP client takes.
fn exception(text: &str) -> Option<String> {
    if text.parse::<IpAddr>().is_ok() || is_network(text) {
        return Some(text.to_owned());
    }
    // A name stands for those below it anyway.
    let name = text.strip_prefix('*').unwrap_or(text);
    if name.len() < text.len() && !name.starts_with('.') {
        return None;
    }
    let name = name.strip_prefix('.').unwrap_or(name);
    let labels = || name.split('.');
    let is_label = |label: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        !label.is_empty() && label.chars().all(is_allowed)
    };
    // Such a name would be an address.
    let ends_in_number = labels()
        .next_back()
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    (labels().all(is_label) && !ends_in_number).then(|| name.to_owned())
}

/// An address and how many of its first bits count.
fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn firewall(given: &Given, kind: &str) -> Result<ProxySettings> {
    let Some(server) = given.get("FirewallServer") else {
        let message = format!("FirewallServer is missing: FirewallType={kind} needs it.");
        return Err(Diagnostic::invalid_value(message));
    };
    let (scheme, default_port) = match kind {
        "SOCKS5" => ("socks5h", 1080),
        _ => ("http", 80),
    };
    let port = given
        .unsigned("FirewallPort")
        .filter(|port| *port != 0)
        .unwrap_or(default_port);
    let credentials = credentials(given, "FirewallUser", "FirewallPassword")?;
    if let Some((user, password)) = credentials.as_ref().filter(|_| kind == "SOCKS5") {
        fits_socks(user, password.expose_secret())?;
    }
    Ok(ProxySettings::Through {
        url: proxy_url(scheme, "FirewallServer", server, port)?,
        credentials,
        exceptions: Vec::new(),
    })
}

/// RFC 1929 allows 255 bytes each. The HTTP client has one buffer of 262 for all that it says to the
/// proxy, 13 of which are the protocol's; the rest is left to the names of hosts.
fn fits_socks(user: &str, password: &str) -> Result<()> {
    const LONGEST: usize = 200;
    if user.len() + password.len() <= LONGEST {
        return Ok(());
    }
    Err(Diagnostic::invalid_value(format!(
        "FirewallUser and FirewallPassword are longer than {LONGEST} bytes together, which are not \
         supported for FirewallType=SOCKS5."
    )))
}

fn credentials(
    given: &Given,
    user: &str,
    password: &str,
) -> Result<Option<(String, SecretString)>> {
    match (given.get(user), given.secret(password)) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Diagnostic::invalid_value(format!(
            "{user} is missing: {password} is given and needs it."
        ))),
        (Some(name), password) => Ok(Some((name.to_owned(), password.unwrap_or_default()))),
    }
}

fn proxy_url(scheme: &str, property: &str, server: &str, port: u64) -> Result<Url> {
    host(server)
        .and_then(|host| Url::parse(&format!("{scheme}://{host}:{port}")).ok())
        .ok_or_else(|| {
            Diagnostic::invalid_value(format!(
                "{property}: the value is not a host name or an address. Give it alone, without \
                 http:// and path; the port goes to {}, user and password to properties of their \
                 own.",
                property.replace("Server", "Port")
            ))
        })
}

/// A host as URLs have it. Only characters of host names pass, so that a URL made from it means
/// what it says.
fn host(server: &str) -> Option<String> {
    let bare = server
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(server);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{bare}]"));
    }
    let is_name = server
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    (is_name && !server.is_empty()).then(|| server.to_owned())
}

fn server_certificate(given: &Given, warnings: &mut Vec<Diagnostic>) -> Result<ServerCertificate> {
    const PROPERTY: &str = "SSLServerCert";
    let Some(value) = given.get(PROPERTY) else {
        return Ok(ServerCertificate::System);
    };
    if value == "*" {
        warnings.push(Diagnostic::new(
            SqlState::GENERAL_WARNING,
            "SSLServerCert=* accepts any certificate: whoever can redirect the connection can read \
             the tokens and the data. Name the PEM file of your authority in its place.",
        ));
        return Ok(ServerCertificate::Any);
    }
    if is_thumbprint(value) {
        return Err(Diagnostic::new(
            SqlState::NOT_IMPLEMENTED,
            "SSLServerCert: the value looks like a thumbprint, and thumbprints are not supported. \
             Give the certificate as a PEM file or PEM text.",
        ));
    }
    let pem = pem_text(PROPERTY, value)?;
    check_certificates(PROPERTY, pem.expose_secret())?;
    Ok(ServerCertificate::Pem(pem.expose_secret().to_owned()))
}

fn client_certificate(given: &Given) -> Result<Option<SecretString>> {
    const PROPERTY: &str = "SSLClientCert";
    let Some(value) = given.get(PROPERTY) else {
        return Ok(None);
    };
    let pem = pem_text(PROPERTY, value)?;
    let text = pem.expose_secret();
    check_certificates(PROPERTY, text)?;
    if text.contains("ENCRYPTED") {
        return Err(not_pem(
            PROPERTY,
            "its private key is encrypted, which is not supported",
        ));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| not_pem(PROPERTY, "it has no private key that can be read"))?;
    check_version(PROPERTY, text)?;
    Ok(Some(pem))
}

/// The first certificate is the one that is shown. TLS takes version 3 alone (RFC 8446 section
/// 4.4.2.1).
fn check_version(property: &str, pem: &str) -> Result<()> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| not_pem(property, "its PEM text is damaged"))?;
    match ParsedCertificate::try_from(&certificate) {
        Ok(_) => Ok(()),
        Err(error) if format!("{error:?}").contains("UnsupportedCertVersion") => {
            Err(Diagnostic::invalid_value(format!(
                "{property}: the certificate is of an old version of X.509, and version 3 is \
                 needed. Make it anew with an extension: openssl req -x509 -addext …, or openssl \
                 x509 -req -extfile …."
            )))
        }
        Err(error) => Err(Diagnostic::invalid_value(format!(
            "{property}: the certificate cannot be used: {error}."
        ))),
    }
}

/// MD5, SHA-1 or SHA-256 in hexadecimal, perhaps with separators.
fn is_thumbprint(value: &str) -> bool {
    let digits: String = value
        .chars()
        .filter(|c| !matches!(c, ':' | ' ' | '-'))
        .collect();
    matches!(digits.len(), 32 | 40 | 64) && digits.chars().all(|c| c.is_ascii_hexdigit())
}

/// The PEM text that a value is, or that the file it names holds.
fn pem_text(property: &str, value: &str) -> Result<SecretString> {
    if value.contains("-----BEGIN") {
        return Ok(SecretString::from(unfold(value)));
    }
    let path = file_path(property, value)?;
    match read_file(&path) {
        Ok(text) => Ok(SecretString::from(text)),
        // Not the path: the value of SSLClientCert is a secret if it is mangled PEM.
        Err(error) => Err(Diagnostic::invalid_value(format!(
            "{property}: the value is not PEM text, and the file of that name could not be read: \
             {error}. Give a PEM file or PEM text."
        ))),
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    // A pipe or a device could keep the caller waiting for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_PEM_SIZE)
        .read_to_end(&mut bytes)?;
    // Binary forms are refused later, as text without a PEM section.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// Gives PEM text its lines back where a connection string was written on one line.
fn unfold(pem: &str) -> String {
    if pem.contains('\n') {
        return pem.to_owned();
    }
    let parts = pem.split("-----").enumerate();
    let lines = parts.map(|(index, part)| match index % 2 {
        1 => format!("-----{part}-----"),
        _ => format!(
            "\n{}\n",
            part.split_whitespace().collect::<Vec<_>>().join("\n")
        ),
    });
    lines.collect::<String>().trim_start().to_owned()
}

fn check_certificates(property: &str, pem: &str) -> Result<()> {
    let certificates: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(()),
        Ok(_) => Err(not_pem(property, "it holds no PEM certificate")),
        Err(_) => Err(not_pem(property, "its PEM text is damaged")),
    }
}

fn not_pem(property: &str, problem: &str) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "{property}: {problem}. Give a PEM file or PEM text; other forms can be converted with \
         openssl x509, openssl pkey or openssl pkcs12."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_text_on_one_line_gets_its_lines_back() {
        let folded = "-----BEGIN CERTIFICATE----- AAAA BBBB -----END CERTIFICATE-----";
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
        let squeeze = |text: &str| text.replace("\n\n", "\n");
        assert_eq!(squeeze(&unfold(folded)), text);
        assert_eq!(unfold(text), text);
        let two = unfold(&format!("{folded} {folded}"));
        assert_eq!(CertificateDer::pem_slice_iter(two.as_bytes()).count(), 2);
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(
            host("proxy.firm.example").as_deref(),
            Some("proxy.firm.example")
        );
        assert_eq!(host("10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(host("::1").as_deref(), Some("[::1]"));
        assert_eq!(host("[::1]").as_deref(), Some("[::1]"));
        for bad in [
            "",
            "http://proxy",
            "proxy:3128",
            "user@proxy",
            "proxy/",
            "a b",
            "[x]",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (text, taken) in [
            ("localhost", "localhost"),
            (".firm.example", "firm.example"),
            ("*.firm.example", "firm.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fe80::/10", "fe80::/10"),
        ] {
            assert_eq!(exception(text).as_deref(), Some(taken), "{text}");
        }
        for text in [
            "*",
            "127.*",
            "*host",
            "host:8080",
            "10.0.0",
            "10.0.0.0/33",
            "http://host",
            "<local>",
            ".",
            "a..b",
            "[::1]",
        ] {
            let error = exceptions(&format!("ok.example;{text}")).unwrap_err();
            assert!(error.message.contains("entry 2"), "{error}");
            assert!(error.message.contains("*.firm.example"), "{error}");
        }
    }

    #[test]
    fn user_and_password_for_socks_are_bounded() {
        assert!(fits_socks(&"u".repeat(150), &"p".repeat(50)).is_ok());
        let error = fits_socks(&"u".repeat(150), &"p".repeat(51)).unwrap_err();
        assert_eq!(error.sqlstate, SqlState::INVALID_VALUE);
        assert!(error.message.contains("FirewallUser"), "{error}");
        assert!(!error.message.contains("uuu"), "{error}");
    }

    #[test]
    fn a_certificate_of_the_first_version_is_refused() {
        let first = include_str!("x509-version-1.pem");
        let error = check_version("SSLClientCert", first).unwrap_err();
        assert!(error.message.contains("version 3"), "{error}");
        let key = rcgen::generate_simple_self_signed(["client.example".into()]).unwrap();
        assert!(check_version("SSLClientCert", &key.cert.pem()).is_ok());
    }

    #[test]
    fn thumbprints_are_recognised() {
        assert!(is_thumbprint("d41d8cd98f00b204e9800998ecf8427e"));
        assert!(is_thumbprint(&"AB:".repeat(20)));
        assert!(!is_thumbprint("authority.pem"));
    }
}
