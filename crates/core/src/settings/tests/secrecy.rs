//! No secret shows, whatever the text.

use proptest::prelude::*;

use super::*;
use crate::properties::{PROPERTIES, Property};

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
