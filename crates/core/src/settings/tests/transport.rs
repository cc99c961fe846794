//! Proxies, certificates, headers and query parameters.

use std::fs;

use tempfile::TempDir;

use super::*;

fn through(text: &str) -> (String, Option<(String, String)>, Vec<String>) {
    match parse(text).transport.proxy {
        ProxySettings::Through {
            url,
            credentials,
            exceptions,
        } => {
            let credentials =
                credentials.map(|(user, password)| (user, password.expose_secret().to_owned()));
            (url.to_string(), credentials, exceptions)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn proxies_and_firewalls_are_read() {
    let user = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
    assert_eq!(
        through(
            "ProxyServer=proxy.example;ProxyPort=3128;ProxyUser=u;ProxyPassword=p;\
             ProxyExceptions='localhost; *.firm.example,10.0.0.1;'"
        ),
        (
            "http://proxy.example:3128/".to_owned(),
            user("u", "p"),
            ["localhost", "firm.example", "10.0.0.1"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    assert_eq!(
        through("ProxyServer=p;ProxyUser=u;ProxyAuthScheme=none").1,
        None
    );
    assert_eq!(through("ProxyServer=p;ProxyUser=u").1, user("u", ""));
    assert_eq!(
        through("FirewallType=SOCKS5;FirewallServer=fw;FirewallUser=u;FirewallPassword=p"),
        ("socks5h://fw:1080".to_owned(), user("u", "p"), Vec::new())
    );
    assert_eq!(
        through("FirewallType=TUNNEL;FirewallServer=::1").0,
        "http://[::1]/"
    );
    assert_eq!(
        through("FirewallType=tunnel;FirewallServer=fw;FirewallPort=8080;ProxyAutoDetect=no").0,
        "http://fw:8080/"
    );
    assert!(matches!(
        parse("ProxyAutoDetect=false").transport.proxy,
        ProxySettings::Direct
    ));
    assert!(matches!(
        parse("FirewallType=NONE;FirewallServer=fw").transport.proxy,
        ProxySettings::System
    ));
}

#[test]
fn contradictory_proxies_are_errors() {
    for (text, expected) in [
        (
            "ProxyServer=p;FirewallType=SOCKS5;FirewallServer=f",
            "Remove ProxyServer",
        ),
        (
            "ProxyAutoDetect=true;FirewallType=SOCKS5;FirewallServer=f",
            "Remove ProxyAutoDetect",
        ),
        (
            "FirewallServer=f",
            "FirewallServer is given without FirewallType",
        ),
        ("FirewallType=SOCKS5", "FirewallServer is missing"),
        ("ProxyServer=p;ProxyPassword=canary", "ProxyUser is missing"),
        (
            "ProxyServer=http://user:canary@p",
            "the port goes to ProxyPort",
        ),
        (
            "FirewallServer=f:80;FirewallType=TUNNEL",
            "the port goes to FirewallPort",
        ),
    ] {
        let message = error(text);
        assert!(
            message.contains(expected) && !message.contains("canary"),
            "{message}"
        );
    }
    let warnings = warnings("ProxyServer=p;ProxyAutoDetect=true");
    assert!(warnings[0].message.starts_with("ProxyServer is not used"));
}

#[test]
fn server_certificates_are_read() {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let certificate = |text: &str| match parse(text).transport.server_certificate {
        ServerCertificate::Pem(pem) => pem,
        other => panic!("{other:?}"),
    };
    let path = write("ca.pem", CERTIFICATE.as_bytes());
    assert_eq!(certificate(&format!("SSLServerCert={path}")), CERTIFICATE);
    assert_eq!(
        certificate(&format!("SSLServerCert={}", quoted(CERTIFICATE))),
        CERTIFICATE
    );
    let one_line = CERTIFICATE.replace('\n', " ");
    let unfolded = certificate(&format!("SSLServerCert={one_line}"));
    assert_eq!(unfolded.replace("\n\n", "\n"), CERTIFICATE);
    let (settings, warnings) = Settings::parse("SSLServerCert=*").unwrap();
    assert!(matches!(
        settings.transport.server_certificate,
        ServerCertificate::Any
    ));
    assert_eq!(warnings[0].sqlstate, SqlState::GENERAL_WARNING);
    for (value, expected) in [
        (
            directory.path().join("none.pem").display().to_string(),
            "could not be read",
        ),
        (directory.path().display().to_string(), "not a regular file"),
        (
            write("der.cer", b"\x30\x82\x01\x00\xff"),
            "holds no PEM certificate",
        ),
        (write("key.pem", KEY.as_bytes()), "holds no PEM certificate"),
        (
            write(
                "cut.pem",
                CERTIFICATE.trim_end().strip_suffix("-").unwrap().as_bytes(),
            ),
            "PEM",
        ),
        (
            "-----BEGIN CERTIFICATE----- !! -----END CERTIFICATE-----".to_owned(),
            "damaged",
        ),
        (
            "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e".to_owned(),
            "thumbprint",
        ),
    ] {
        let message = error(&format!("SSLServerCert={}", quoted(&value)));
        assert!(
            message.starts_with("SSLServerCert") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn client_certificates_need_an_open_key() {
    let both = format!("{CERTIFICATE}{KEY}");
    let settings = parse(&format!("SSLClientCert={}", quoted(&both)));
    assert_eq!(
        exposed(settings.transport.client_certificate.as_ref()),
        Some(both.as_str())
    );
    let encrypted = both.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (pem, expected) in [
        (CERTIFICATE, "no private key"),
        (KEY, "no PEM certificate"),
        (encrypted.as_str(), "encrypted"),
    ] {
        let message = error(&format!("SSLClientCert={}", quoted(pem)));
        assert!(
            message.starts_with("SSLClientCert") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn custom_headers_are_read_line_by_line() {
    let settings = parse("CustomHeaders='X-Trace: 1\r\n\r\nAccept-Language:  de-CH ';Timeout=0");
    let headers: Vec<_> = settings
        .custom_headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(headers, [("x-trace", "1"), ("accept-language", "de-CH")]);
    assert!(
        settings
            .custom_headers
            .iter()
            .all(|(_, value)| value.is_sensitive())
    );
    assert_eq!(settings.transport.timeout, None);
    for name in [
        "Authorization",
        "HOST",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "X Y",
        "",
    ] {
        let message = error(&format!("CustomHeaders='X-A: 1\n{name}: canary'"));
        assert!(message.starts_with("CustomHeaders: line 2"), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    assert!(error("CustomHeaders='X-A: can\u{1}ary'").contains("a header cannot hold"));
    assert!(error("CustomHeaders='X-A: 1\ncanary'").contains("line 2 holds no colon"));
}

#[test]
fn custom_url_parameters_are_a_query_string() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        parse("CustomUrlParams=?a=1&b=%C3%A4+c&d").custom_url_params,
        [pair("a", "1"), pair("b", "ä c"), pair("d", "")]
    );
}
