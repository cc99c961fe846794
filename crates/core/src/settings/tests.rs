#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::properties::{Kind, PROPERTIES, Property};

const CONTRACT: &str = r"Profile=C:\profiles\Clio.apip;ProfileSettings='Region=your_region';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;OAuthClientId=your_client_id;OAuthClientSecret=your_client_secret;CallbackUrl=your_callback_url;";

/// A self-signed certificate for `test.example` and its key, made for these tests alone.
const CERTIFICATE: &str = include_str!("test_certificate.pem");
const KEY: &str = include_str!("test_key.pem");

fn parse(text: &str) -> Settings {
    Settings::parse(text).unwrap().0
}

fn warnings(text: &str) -> Vec<Diagnostic> {
    Settings::parse(text).unwrap().1
}

fn error(text: &str) -> String {
    Settings::parse(text).unwrap_err().message
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// The value as it is written between single quotes.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[test]
fn the_contract_string_works_once_its_placeholders_are_filled_in() {
    let text = CONTRACT
        .replace("your_region", "Canada")
        .replace("your_client_id", "an-id")
        .replace("your_client_secret", "a-secret")
        .replace("your_callback_url", "http://127.0.0.1:8123/callback");
    let (settings, warnings) = Settings::parse(&text).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.profile.name, "Clio");
    assert_eq!(settings.region.name, "CA");
    assert_eq!(
        settings.region.origin.to_string(),
        "https://ca.app.clio.com"
    );
    assert_eq!(settings.auth_scheme, AuthScheme::OAuth);
    assert_eq!(settings.initiate_oauth, InitiateOAuth::GetAndRefresh);
    assert_eq!(settings.client_id, "an-id");
    assert_eq!(exposed(settings.client_secret.as_ref()), Some("a-secret"));
    assert_eq!(settings.callback_url, "http://127.0.0.1:8123/callback");
    let endpoints = &settings.endpoints;
    assert_eq!(
        endpoints.authorization.as_str(),
        "https://ca.app.clio.com/oauth/authorize"
    );
    assert_eq!(
        endpoints.token.as_str(),
        "https://ca.app.clio.com/oauth/token"
    );
    assert_eq!(endpoints.refresh, endpoints.token);
    let revocation = endpoints.revocation.as_ref().unwrap();
    assert_eq!(
        revocation.as_str(),
        "https://ca.app.clio.com/oauth/deauthorize"
    );
    settings.check_for_connect().unwrap();
}

#[test]
fn placeholders_that_are_left_are_named() {
    let message = error(CONTRACT);
    assert!(
        message.starts_with("Region, OAuthClientId, OAuthClientSecret, CallbackURL still hold"),
        "{message}"
    );
    for (text, name) in [
        ("ProfileSettings='Region=Your_Region'", "Region"),
        ("OAuthClientId=<client id>", "OAuthClientId"),
        ("OAuthClientId=...", "OAuthClientId"),
        ("OAuthClientId=\u{2026}", "OAuthClientId"),
        ("OAuthClientSecret=YOUR_CLIENT_SECRET", "OAuthClientSecret"),
        ("CallbackURL='your callback url'", "CallbackURL"),
    ] {
        let message = error(text);
        assert!(
            message.starts_with(&format!("{name} still holds a placeholder")),
            "{message}"
        );
    }
    assert_eq!(parse("OAuthClientId=yourself").client_id, "yourself");
}

#[test]
fn defaults_are_those_documented() {
    let settings = parse("");
    assert_eq!(settings.profile.name, "Clio");
    assert_eq!(settings.region.name, "US");
    assert_eq!(settings.auth_scheme, AuthScheme::OAuth);
    assert_eq!(settings.initiate_oauth, InitiateOAuth::Off);
    assert_eq!(settings.callback_url, "http://localhost:33333");
    assert_eq!(settings.token_location, TokenLocation::Default);
    assert_eq!(settings.login_timeout, Duration::from_secs(300));
    assert_eq!(settings.transport.timeout, Some(Duration::from_secs(60)));
    assert!(matches!(settings.transport.proxy, ProxySettings::System));
    assert!(matches!(
        settings.transport.server_certificate,
        ServerCertificate::System
    ));
    assert!(settings.transport.client_certificate.is_none());
    assert_eq!(settings.log.verbosity, 1);
    assert_eq!(settings.log.max_file_size, 100 << 20);
    assert_eq!(settings.log.max_file_count, None);
    assert!(settings.log.file.is_none() && !settings.connect_on_open && !settings.readonly);
}

#[test]
fn every_name_of_the_table_is_accepted_with_its_default_or_an_allowed_value() {
    for property in PROPERTIES {
        let value = match property.kind {
            Kind::Boolean => "true",
            Kind::Integer(1, _) => "2",
            Kind::Integer(..) => "0",
            Kind::Size(_) => "1MB",
            Kind::OneOf(words) => words.last().unwrap(),
            Kind::Url => "https://login.example/x",
            Kind::Path => "~/x",
            Kind::Nested => "Region=US",
            Kind::Text => "x",
        };
        let text = match property.name {
            "Profile" => "Profile=Clio".to_owned(),
            "Region" => "Region=EU".to_owned(),
            "CustomHeaders" => "CustomHeaders='X-A: b'".to_owned(),
            "SSLServerCert" => format!("SSLServerCert={}", quoted(CERTIFICATE)),
            "SSLClientCert" => format!("SSLClientCert={}", quoted(&format!("{CERTIFICATE}{KEY}"))),
            "FirewallType" => "FirewallType=NONE".to_owned(),
            "FirewallServer" => "FirewallServer=x;FirewallType=SOCKS5".to_owned(),
            "ProxyPassword" => "ProxyPassword=x;ProxyUser=y".to_owned(),
            "PKCEVerifier" => format!("PKCEVerifier={}", "x".repeat(43)),
            name => format!("{name}={value}"),
        };
        for name in std::iter::once(&property.name).chain(property.aliases) {
            let text = text.replacen(property.name, name, 1);
            let settings = parse(&text);
            let listed = settings
                .without_effect
                .iter()
                .any(|given| given == property.name);
            assert_eq!(listed, !property.works, "{text}");
            if property.name != "ProfileSettings" {
                Settings::parse(&format!("ProfileSettings={}", quoted(&text))).unwrap();
            }
        }
    }
}

#[test]
fn unknown_properties_are_errors_with_a_suggestion() {
    let message = error("Profile=Clio;OAuthCleintId=canary");
    assert_eq!(
        message,
        "Byte 14 of the connection string: \"OAuthCleintId\" is not a property. Did you mean \
         OAuthClientId?"
    );
    let message = error("ProfileSettings='Regoin=canary'");
    assert!(
        message.starts_with("Byte 1 of the value of ProfileSettings: \"Regoin\""),
        "{message}"
    );
    assert!(error("nosuchproperty=canary").contains("docs/connection-string.md"));
    // The end of a secret that holds a `;` is not taken for a name.
    let message = error("OAuthClientSecret=abc;d$canary/x==");
    assert!(
        message.starts_with("Byte 23 of the connection string: this is not"),
        "{message}"
    );
}

#[test]
fn values_that_are_not_allowed_name_the_allowed_ones() {
    for (text, allowed) in [
        ("AuthScheme=BASIC", "OAuth, None"),
        ("InitiateOAuth=ALWAYS", "OFF, REFRESH, GETANDREFRESH"),
        ("ProxyAuthScheme=NTLM", "BASIC, NONE"),
        ("ProxySSLType=SOMETIMES", "AUTO, ALWAYS, NEVER, TUNNEL"),
        ("FirewallType=SOCKS4", "NONE, SOCKS5, TUNNEL"),
        ("Readonly=maybe", "true, false"),
        ("Timeout=-1", "a whole number from 0 to 2147483647"),
        ("Timeout=1.5", "a whole number from 0 to 2147483647"),
        ("LoginTimeout=0", "a whole number from 1 to 2147483647"),
        ("Timeout=2147483648", "from 0 to 2147483647"),
        ("MaxLogFileCount=9223372036854775808", "64 bits"),
        ("MaxLogFileSize=99999999999GB", "to 17179869183GB"),
        ("Verbosity=6", "a whole number from 1 to 5"),
        ("ProxyPort=65536", "a whole number from 1 to 65535"),
        ("MaxLogFileSize=64KB", "from 100KB to"),
        ("MaxLogFileCount=1", "2 or more"),
        ("OAuthExpiresIn=soon", "a whole number"),
    ] {
        let message = error(text);
        let (name, value) = text.split_once('=').unwrap();
        assert!(
            message.starts_with(name) && message.contains(allowed),
            "{message}"
        );
        // Not quoted where it could be more than a value.
        let is_named = message.contains(&format!("\"{value}\""));
        let may_be_named = !value.contains('-') && name != "MaxLogFileCount";
        assert!(is_named || !may_be_named, "{message}");
    }
}

#[test]
fn the_first_of_repeated_properties_wins_with_a_warning() {
    let (settings, warnings) = Settings::parse(
        "OAuthClientId=first;Oauth Client Id=second;clientid=third;ProfileSettings='Region=EU;region=CA'",
    )
    .unwrap();
    assert_eq!(settings.client_id, "first");
    assert_eq!(settings.region.name, "EU");
    assert_eq!(warnings.len(), 3);
    assert!(
        warnings
            .iter()
            .all(|warning| warning.sqlstate == SqlState::INVALID_ATTRIBUTE)
    );
    assert!(
        warnings[0]
            .message
            .contains("byte 21 of the connection string"),
        "{}",
        warnings[0]
    );
    assert!(
        warnings[2]
            .message
            .contains("byte 11 of the value of ProfileSettings")
    );
}

#[test]
fn the_top_level_wins_over_profile_settings() {
    let (settings, warnings) = Settings::parse(
        "ProfileSettings='OAuthClientId=inner;OAuthClientSecret=inner;Timeout=5;Region=EU;';\
         OAuthClientId=outer;Timeout=;region=au",
    )
    .unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.client_id, "outer");
    assert_eq!(exposed(settings.client_secret.as_ref()), Some("inner"));
    assert_eq!(settings.transport.timeout, Some(Duration::from_secs(5)));
    assert_eq!(settings.region.name, "AU");
    assert!(error("ProfileSettings='ProfileSettings={Region=US}'").contains("another"));
    assert!(error("ProfileSettings='Region'").contains("value of ProfileSettings: there is no ="));
}

#[test]
fn values_of_blanks_are_refused_and_empty_ones_are_not_given() {
    assert!(error("OAuthAccessToken=' '").contains("nothing but blanks"));
    assert!(error("OAuthAccessToken='a b'").contains("holds a blank"));
    assert!(error("OAuthAccessToken='ab\n'").contains("line break"));
    assert!(
        parse("OAuthAccessToken='';Region=")
            .given
            .access_token
            .is_none()
    );
}

#[test]
fn what_a_connection_needs_is_named() {
    let needs = |text: &str| parse(text).check_for_connect().unwrap_err().message;
    assert!(needs("").starts_with("OAuthAccessToken is missing"));
    assert!(
        needs("InitiateOAuth=GETANDREFRESH")
            .starts_with("OAuthClientId and OAuthClientSecret are missing")
    );
    assert!(
        needs("InitiateOAuth=GETANDREFRESH;OAuthClientId=a")
            .starts_with("OAuthClientSecret is missing")
    );
    assert!(
        needs("InitiateOAuth=GETANDREFRESH;OAuthClientSecret=a")
            .starts_with("OAuthClientId is missing")
    );
    let client = "OAuthClientId=a;OAuthClientSecret=b;OAuthVerifier=c";
    assert!(needs(client).contains("InitiateOAuth=OFF"));
    assert!(
        needs(&format!("InitiateOAuth=REFRESH;{client}"))
            .starts_with("OAuthSettingsLocation is missing")
    );
    let location = "InitiateOAuth=REFRESH;OAuthVerifier=c;OAuthSettingsLocation=memory://x";
    assert!(needs(location).starts_with("OAuthClientId and OAuthClientSecret"));
    for text in [
        "OAuthAccessToken=a",
        "AuthScheme=None",
        "InitiateOAuth=REFRESH",
        "InitiateOAuth=REFRESH;OAuthSettingsLocation=memory://x;OAuthClientId=a;\
         OAuthClientSecret=b;OAuthVerifier=c",
    ] {
        parse(text).check_for_connect().unwrap();
    }
    assert!(parse("").check_for_login().is_err());
    assert!(parse("OAuthClientId=a").check_for_login().is_ok());
    assert!(parse("OAuthClientId=a").check_for_token_request().is_err());
}

#[test]
fn a_profile_with_pkce_needs_no_secret() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.apip");
    let text = include_str!("../../../../profiles/clio/profile.json");
    fs::write(
        &path,
        text.replace("\"pkce\": \"off\"", "\"pkce\": \"S256\""),
    )
    .unwrap();
    let text = format!(
        "Profile={};InitiateOAuth=GETANDREFRESH;OAuthClientId=a",
        path.display()
    );
    parse(&text).check_for_connect().unwrap();
}

/// RFC 7636 section 4.1.
#[test]
fn a_pkce_verifier_is_43_to_128_unreserved_characters() {
    for good in ["a".repeat(43), "-._~".repeat(32)] {
        parse(&format!("PKCEVerifier={good}"));
    }
    for bad in [
        "a".repeat(42),
        "a".repeat(129),
        format!("{}+", "a".repeat(43)),
        format!("{}é", "a".repeat(43)),
        format!("{} b", "a".repeat(43)),
    ] {
        let message = error(&format!("PKCEVerifier={bad}"));
        assert!(message.contains("PKCEVerifier"), "{message}");
        assert!(message.contains("43 to 128"), "{message}");
        assert!(!message.contains("aaa"), "{message}");
    }
}

#[test]
fn a_foreign_profile_is_replaced_with_a_warning() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("Clio.apip");
    fs::write(&path, b"PK\x03\x04").unwrap();
    let warnings = warnings(&format!("Profile={}", path.display()));
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].sqlstate, SqlState::GENERAL_WARNING);
}

#[test]
fn oauth_endpoints_can_be_replaced() {
    let settings = parse(
        "OAuthAuthorizationURL=https://login.example/authorize;\
         OAuthAccessTokenURL=http://127.0.0.1:9/token",
    );
    assert_eq!(
        settings.endpoints.authorization.as_str(),
        "https://login.example/authorize"
    );
    assert_eq!(
        settings.endpoints.refresh.as_str(),
        "http://127.0.0.1:9/token"
    );
    let settings = parse("OAuthRefreshTokenURL=https://login.example/refresh");
    assert_eq!(
        settings.endpoints.token.as_str(),
        "https://app.clio.com/oauth/token"
    );
    assert_eq!(
        settings.endpoints.refresh.as_str(),
        "https://login.example/refresh"
    );
    for name in [
        "OAuthAuthorizationURL",
        "OAuthAccessTokenURL",
        "OAuthRefreshTokenURL",
    ] {
        assert!(error(&format!("{name}=http://login.example/x")).starts_with(name));
    }
}

#[test]
fn callback_urls_are_kept_as_written() {
    for text in [
        "http://localhost:33333",
        "http://127.0.0.1:8080/a?b=c",
        "https://app.firm.example/callback",
        "https://eu.app.clio.com/oauth/approval",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert_eq!(parse(&format!("CallbackURL={text}")).callback_url, text);
    }
    for text in [
        "localhost/callback",
        "http://",
        "http://localhost/#x",
        "'http://local host'",
    ] {
        assert!(
            error(&format!("CallbackURL={text}")).starts_with("CallbackURL"),
            "{text}"
        );
    }
}

#[test]
fn given_tokens_are_read() {
    let given = parse(
        "OAuthAccessToken=at;OAuthRefreshToken=rt;OAuthExpiresIn=3600;\
         OAuthTokenTimestamp=1700000000123",
    )
    .given;
    assert_eq!(exposed(given.access_token.as_ref()), Some("at"));
    assert_eq!(exposed(given.refresh_token.as_ref()), Some("rt"));
    assert_eq!(given.expires_in, Some(Duration::from_secs(3600)));
    let since = given
        .issued_at
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(since.as_millis(), 1_700_000_000_123);
    let given = parse("OAuthExpiresIn=0;OAuthTokenTimestamp=0").given;
    assert_eq!(given.expires_in, Some(Duration::ZERO));
    assert_eq!(given.issued_at, Some(SystemTime::UNIX_EPOCH));
}

#[test]
fn token_locations_are_read() {
    let location = |value: &str| parse(&format!("OAuthSettingsLocation={value}")).token_location;
    let file = |path: PathBuf| TokenLocation::File(path);
    assert_eq!(
        location("MEMORY://One"),
        TokenLocation::Memory("One".to_owned())
    );
    let home = etcetera::home_dir().unwrap();
    let config = etcetera::choose_base_strategy().unwrap().config_dir();
    assert_eq!(
        location("~/tokens/a.txt"),
        file(home.join("tokens").join("a.txt"))
    );
    assert_eq!(
        location(r"%AppData%\CData\Clio Data Provider\OAuthSettings.txt"),
        file(
            config
                .join("CData")
                .join("Clio Data Provider")
                .join("OAuthSettings.txt")
        )
    );
    assert_eq!(
        location("tokens.txt"),
        file(std::path::absolute("tokens.txt").unwrap())
    );
    assert_eq!(
        location("~user"),
        file(std::path::absolute("~user").unwrap())
    );
    let refused = Settings::parse("OAuthSettingsLocation=register://DSN").unwrap_err();
    assert_eq!(refused.sqlstate, SqlState::NOT_IMPLEMENTED);
    assert!(refused.message.contains("Name a file"));
    assert!(error("OAuthSettingsLocation=vault://x").contains("memory://ID"));
}

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

#[test]
fn log_properties_are_read() {
    let log = parse("Logfile=~/a.log;Verbosity=5;MaxLogFileSize=200 KB;MaxLogFileCount=3").log;
    assert_eq!(log.file, Some(etcetera::home_dir().unwrap().join("a.log")));
    assert_eq!((log.verbosity, log.max_file_size), (5, 200 << 10));
    assert_eq!(log.max_file_count, Some(3));
    assert_eq!(parse("MaxLogFileCount=0").log.max_file_count, None);
}

#[test]
fn effective_properties_are_described_with_secrets_masked() {
    let settings =
        parse("OAuthClientSecret=canary;Region=EU;ProxyServer=p;Scope='a\nb';LoginTimeout=5");
    let value = |name: &str| {
        let found = settings.describe().iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("OAuthClientSecret"), Some("*****"));
    assert_eq!(value("OAuthAccessToken"), Some(""));
    assert_eq!(value("Region"), Some("https://eu.app.clio.com"));
    assert_eq!(value("Timeout"), Some("60"));
    assert_eq!(value("LoginTimeout"), Some("5"));
    assert_eq!(value("ProxyAutoDetect"), Some("false"));
    assert_eq!(value("Scope"), Some("a b"));
    assert_eq!(value("MaxRows"), Some("-1"));
    assert_eq!(value("RowScanDepth"), None);
}

#[test]
fn bounds_of_results_are_read() {
    let bounds = |text: &str| {
        let settings = parse(text);
        (settings.max_rows, settings.page_size)
    };
    assert_eq!(bounds(""), (None, None));
    assert_eq!(bounds("MaxRows=-1;Page Size=0"), (None, None));
    assert_eq!(bounds("MaxRows=7;Pagesize=1000"), (Some(7), Some(1000)));
    let (largest, huge) = (i64::MAX, Some(u32::MAX));
    assert_eq!(bounds(&format!("Pagesize={largest}")), (None, huge));
    assert!(error("MaxRows=many").contains("MaxRows"));
}

/// Text around a canary that leads properties down their different paths.
const DISGUISES: [&str; 12] = [
    "canary",
    " canary ",
    "can ary canary",
    "canary\n",
    "canary: canary",
    "memory://canary",
    "https://canary@canary.example/#canary",
    "http://canary",
    "-----BEGIN CERTIFICATE----- canary -----END CERTIFICATE-----",
    "=canary;canary",
    "canary=canary;canary=canary",
    "<canary",
];

#[test]
fn secrets_appear_in_no_message_and_no_debug_output() {
    for property in PROPERTIES {
        for disguise in DISGUISES {
            // Within ProfileSettings this is the name of a property, which is shown.
            if property.name == "ProfileSettings" && disguise.starts_with("canary=") {
                continue;
            }
            let pair = format!("{}={}", property.name, quoted(disguise));
            let companions = "ProxyServer=p;ProxyUser=u;OAuthSettingsLocation=memory://x;";
            let nested = format!("ProfileSettings={}", quoted(&pair));
            for text in [
                pair.clone(),
                nested,
                format!("{companions}{pair}"),
                format!("{pair};FirewallType=SOCKS5;FirewallServer=f;FirewallUser=u"),
                format!("{pair};{pair};OAuthClientSecret=canary;OAuthAccessToken=canary"),
                format!("{pair};nosuchproperty=canary"),
                format!("{pair};canary of a secret with a semicolon"),
                format!("{pair};OAuthClientSecret='canary"),
            ] {
                check_secrecy(property, disguise, &text);
            }
        }
    }
}

fn check_secrecy(property: &Property, disguise: &str, text: &str) {
    let mut messages = Vec::new();
    match Settings::parse(text) {
        Err(error) => messages.push(error),
        Ok((settings, warnings)) => {
            messages.extend(warnings);
            messages.extend(settings.check_for_connect().err());
            messages.extend(settings.check_for_login().err());
            messages.extend(settings.check_for_token_request().err());
            if property.secret {
                let headers = settings.custom_headers.iter().map(|(_, value)| value);
                for shown in [
                    format!("{settings:?}{settings:#?}"),
                    format!("{:?}", settings.describe()),
                    format!("{:?}{:?}", settings.given, settings.transport),
                    format!("{:?}{:?}", headers.collect::<Vec<_>>(), settings.verifier),
                    format!("{:?}", settings.without_effect),
                ] {
                    assert!(!shown.contains("canary"), "{}: {shown}", property.name);
                }
            }
        }
    }
    for message in messages {
        // A short and plain value of a public property is named, and nothing beside it.
        let named = format!("{}: \"{disguise}\"", property.name);
        let rest = match message.message.strip_prefix(&named) {
            Some(rest) if !property.secret => rest,
            _ => &message.message,
        };
        let shows = rest.contains("canary");
        // Of the paths, only that of a profile is shown.
        assert!(
            !shows || property.name == "Profile",
            "{}: {message}",
            property.name
        );
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(
        name in prop::sample::select(PROPERTIES),
        value in prop_oneof![any::<String>(), "[-+0-9a-z:/%~\\\\;='\"{}@#?* \n]{0,40}"],
    ) {
        // Paths of arbitrary text would have the test read arbitrary files.
        prop_assume!(!matches!(name.name, "Profile" | "SSLServerCert" | "SSLClientCert"));
        let parsed = Settings::parse(&format!("{}={}", name.name, quoted(&value)));
        if let Ok((settings, _)) = parsed {
            drop(settings.check_for_connect());
            prop_assert!(!settings.describe().is_empty());
        }
        drop(Settings::parse(&value));
    }
}
