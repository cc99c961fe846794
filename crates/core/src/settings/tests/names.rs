//! Which properties there are, and which value of several counts.

use super::*;
use crate::properties::{Kind, PROPERTIES};

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
fn log_properties_are_read() {
    let log = parse("Logfile=~/a.log;Verbosity=5;MaxLogFileSize=200 KB;MaxLogFileCount=3").log;
    assert_eq!(log.file, Some(etcetera::home_dir().unwrap().join("a.log")));
    assert_eq!((log.verbosity, log.max_file_size), (5, 200 << 10));
    assert_eq!(log.max_file_count, Some(3));
    assert_eq!(parse("MaxLogFileCount=0").log.max_file_count, None);
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
